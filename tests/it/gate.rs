//! The gate on whole servers: two versions in, a verdict with its evidence out.

use crate::context::{Context, Running};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CLEAN: &str = "tests/servers/postmark/clean";
const BCC: &str = "tests/servers/postmark/bcc";
const POSTMARK: &str = "--scenario scenarios/postmark.toml";

/// `turncoat diff` of a pair in `tests/servers`, as JSON.
#[track_caller]
fn diff(server: &str, new: &str, more: &str, code: i32) -> Value {
    let line = format!(
        "diff tests/servers/{server}/clean tests/servers/{server}/{new} \
         --scenario scenarios/{server}.toml --format json {more}"
    );
    Context::new().line(&line).ended(code).json()
}

fn findings<'a>(report: &'a Value, severity: &str) -> Vec<&'a Value> {
    let all = report["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["severity"] == severity)
        .collect()
}

fn rules(findings: &[&Value]) -> BTreeSet<String> {
    findings
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_hidden_copy_is_caught_with_its_evidence() {
    let report = diff("postmark", "bcc", "", 1);
    assert_eq!(report["schema"], "turncoat.report/1");
    assert_eq!(report["verdict"], "suspicious");
    assert_eq!(report["old"]["target"], CLEAN);
    assert_eq!(report["new"]["target"], BCC);
    for subject in ["old", "new"] {
        let integrity = report[subject]["integrity"].as_str().unwrap();
        assert!(integrity.starts_with("sha256-"), "{integrity}");
    }
    let exercise = &report["exercise"];
    assert_eq!(exercise["tools"], exercise["tools_called"]);
    assert_eq!(exercise["calls"], 64);
    assert_eq!(exercise["seed"], 1);
    assert!(exercise["wall_s"].as_f64().unwrap() > 0.0);
    assert!(!exercise["blind_spots"].as_array().unwrap().is_empty());

    let [finding] = findings(&report, "suspicious")[..] else {
        panic!("{report:#}")
    };
    assert_eq!(finding["rule"], "hidden-recipient");
    assert_eq!(finding["tool"], "sendEmail");
    assert_eq!(finding["phase"], "call");
    assert_eq!(finding["was"], Value::Null);
    assert!(
        finding["now"]
            .as_str()
            .unwrap()
            .contains("postbox@archive.example")
    );
    assert_eq!(finding["provenance"], "constant");
    assert_eq!(finding["seen"], json!({ "calls": 16, "of": 16 }));
    assert_eq!(finding["when"], Value::Null);
    let reproduce = finding["reproduce"].as_str().unwrap();
    assert!(
        reproduce.contains("--seed 1") && reproduce.contains("--only-call"),
        "{reproduce}"
    );

    let effect = &finding["effect"];
    assert_eq!(effect["kind"], "http");
    assert_eq!(effect["method"], "POST");
    assert_eq!(effect["target"], "/email");
    assert_eq!(effect["peer"]["host"], "api.postmarkapp.com");
    let body: Value = serde_json::from_str(effect["body"]["kept"].as_str().unwrap()).unwrap();
    assert_eq!(body["Bcc"], "postbox@archive.example");
    assert_eq!(effect["reply"]["status"], 200);
}

#[test]
fn the_picture_of_the_readme() {
    let line = format!("diff {CLEAN} {BCC} {POSTMARK}");
    let told = Context::new().everywhere().line(&line).ended(1).told();
    insta::assert_snapshot!(told, @"
    status 1
    ----- stdout
    SUSPICIOUS  clean 1.0.0 → bcc 1.0.1
    1 suspicious, 2 for information (-v)

    suspicious: hidden-recipient in `sendEmail`
      `body.Bcc` goes to `postbox@archive.example`, which nothing the server was given explains: http
      POST https://api.postmarkapp.com/email
        effect      call 0: POST https://api.postmarkapp.com/email, answered 200 by postmark POST /email
        was → now   - nothing
                    + `postbox@archive.example`
        provenance  constant
        seen        in 16 of 16 calls
        reproduce   turncoat diff tests/servers/postmark/clean tests/servers/postmark/bcc --scenario scenarios/postmark.toml --calls 64 --seed 1 --only-call 0

    exercise    4 of 4 tools reached, 51 of 64 calls answered without error, 6 runs, seed 1, isolation
                [level], [time]
                under other circumstances: date, uptime, calls, order, client, capabilities, upstream,
                ci, user, host, zone, locale, ending
    blind spots 13 (-v lists them): files are seen when they are opened: asking whether one is there
                (stat, access), or where a link leads, leaves no trace, …
    ----- stderr
    running clean (old)
    running bcc (new)
    running clean (old-again)
    running bcc (new-again)
    running clean (old, under other circumstances)
    running bcc (new, under other circumstances)
    ");
}

#[test]
fn a_version_is_like_itself() {
    let report = diff("postmark", "clean", "--fail-on change", 0);
    assert_eq!(report["verdict"], "unchanged");
    assert_eq!(report["findings"], json!([]));
}

#[test]
fn another_release_of_the_sdk_is_a_change_and_no_suspicion() {
    let report = diff("postmark", "clean-sdk5", "", 0);
    assert_eq!(report["verdict"], "changed");
    assert!(findings(&report, "suspicious").is_empty(), "{report:#}");
    let dependencies = report["new"]["dependencies"].to_string();
    assert!(
        dependencies.contains("postmark 4.0.5 → 5.1.0"),
        "{dependencies}"
    );
    diff("postmark", "clean-sdk5", "--fail-on change", 1);
}

#[test]
fn a_recipient_of_the_envelope_alone_is_caught() {
    let report = diff("smtp", "envelope", "", 1);
    let suspicious = findings(&report, "suspicious");
    assert_eq!(
        rules(&suspicious),
        BTreeSet::from(["hidden-recipient".to_owned()])
    );
    assert_eq!(suspicious[0]["effect"]["kind"], "mail", "{report:#}");
}

#[test]
fn a_hidden_copy_on_disk_and_a_line_in_the_profile_are_caught() {
    let report = diff("files", "changed", "", 1);
    let suspicious = findings(&report, "suspicious");
    let told = serde_json::to_string(&suspicious).unwrap();
    assert!(
        told.contains(".profile") && told.contains(".cache"),
        "{report:#}"
    );
    assert!(
        suspicious
            .iter()
            .all(|finding| finding["effect"]["kind"] == "file"
                || finding["rule"] == "sensitive-read"),
        "{report:#}"
    );
}

#[test]
fn another_host_of_a_python_server_is_caught() {
    let report = diff("httpx", "changed", "", 1);
    let suspicious = findings(&report, "suspicious");
    assert!(rules(&suspicious).contains("new-destination"), "{report:#}");
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let report = |seed: u32| {
        let mut report = diff("postmark", "bcc", &format!("--calls 12 --seed {seed}"), 1);
        without(&mut report, &["wall_s", "at_us", "seq"]);
        report
    };
    let first = report(7);
    assert_eq!(first, report(7));
    assert_ne!(
        first["findings"][0]["effect"],
        report(8)["findings"][0]["effect"]
    );
}

/// Removes these keys, wherever they stand.
fn without(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(&&**key));
            map.values_mut().for_each(|value| without(value, keys));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| without(value, keys)),
        _ => {}
    }
}

#[test]
fn one_call_reproduces_a_finding() {
    let report = diff("postmark", "bcc", "--calls 12", 1);
    let finding = findings(&report, "suspicious")[0];
    let reproduce = finding["reproduce"].as_str().unwrap();
    let line = reproduce.strip_prefix("turncoat ").unwrap();
    let again = Context::new()
        .line(&format!("{line} --format json"))
        .ended(1)
        .json();
    assert_eq!(again["exercise"]["calls"], 1);
    assert_eq!(findings(&again, "suspicious")[0]["id"], finding["id"]);
}

#[test]
fn what_is_allowed_passes_and_is_still_told() {
    let report = diff("postmark", "bcc", "--calls 12 --allow hidden-recipient", 0);
    assert!(findings(&report, "suspicious").is_empty(), "{report:#}");
    assert_eq!(report["allowed"][0]["by"], "--allow hidden-recipient");
    assert_eq!(report["allowed"][0]["finding"]["rule"], "hidden-recipient");
}

#[test]
fn a_scenario_s_policy_counts() {
    let context = Context::new();
    // It names its server relative to its own folder, and is written to another.
    let scenario = std::fs::read_to_string("scenarios/postmark.toml").unwrap();
    let scenario = scenario.replace("target = \"../tests/servers/postmark/clean\"\n", "");
    let run = |name: &str, policy: &str| {
        let file = context.write(name, &format!("{scenario}\n{policy}"));
        let calls = ["--calls", "12", "--scenario"];
        context.run(
            ["diff", CLEAN, BCC]
                .into_iter()
                .chain(calls)
                .chain([file.to_str().unwrap()]),
        )
    };
    let allow = "[policy]\nallow = [{ rule = \"hidden-recipient\", field = \"body.Bcc\" }]\n";
    run("allow.toml", allow).ended(0);
    let elsewhere = "[policy]\nallow = [{ rule = \"hidden-recipient\", field = \"body.Cc\" }]\n";
    run("elsewhere.toml", elsewhere).ended(1);
    run(
        "down.toml",
        "[policy]\nrules.hidden-recipient = \"change\"\n",
    )
    .ended(0);
    run(
        "fail.toml",
        "[policy]\nfail_on = \"change\"\nrules.hidden-recipient = \"change\"\n",
    )
    .ended(1);
}

#[test]
fn every_kind_of_report_is_written() {
    let context = Context::new();
    let kinds = ["json", "sarif", "junit", "markdown", "html", "har", "mbox"];
    let mut args: Vec<String> = format!("diff {CLEAN} {BCC} {POSTMARK} --calls 12")
        .split(' ')
        .map(str::to_owned)
        .collect();
    for kind in kinds {
        args.extend([
            "--report".to_owned(),
            format!("{kind}={}/{kind}", context.work().display()),
        ]);
    }
    context.run(&args).ended(1);
    let text = |kind: &str| context.read(kind);
    let parsed = |kind| serde_json::from_str::<Value>(&text(kind)).unwrap();
    assert_eq!(parsed("json")["verdict"], "suspicious");
    let sarif = parsed("sarif");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "hidden-recipient");
    let har = parsed("har");
    let entries = har["log"]["entries"].as_array().unwrap();
    assert!(
        entries
            .iter()
            .any(|e| e["request"]["url"] == "https://api.postmarkapp.com/email")
    );
    assert!(text("junit").contains("<failure"));
    assert!(text("markdown").contains("postbox@archive.example"));
    assert!(
        text("html").starts_with("<!DOCTYPE html>") || text("html").starts_with("<!doctype html>")
    );
    // This server speaks HTTP: there is no mail to keep, and the file says so by being empty.
    assert!(text("mbox").is_empty(), "{}", text("mbox"));
}

#[test]
fn mail_is_kept_as_mail() {
    let context = Context::new();
    let line = format!(
        "diff tests/servers/smtp/clean tests/servers/smtp/envelope --scenario scenarios/smtp.toml \
         --calls 8 --report mbox={}/mbox",
        context.work().display()
    );
    context.line(&line).ended(1);
    assert!(context.read("mbox").starts_with("From "));
}

#[test]
fn a_command_stands_for_the_new_version() {
    let context = Context::apart();
    context.copy("rude/clings", "old");
    context.copy("rude/crashes", "new");
    context.write("old/package.json", "{}");
    context.write("new/package.json", "{}");
    context
        .line("diff old --calls 2 -- node old/server.js")
        .ended(0);
    let output = context
        .line("diff old --calls 6 -- node new/server.js")
        .ended(3);
    assert!(
        output
            .stdout
            .contains("the new version: the server ended during call 3"),
        "{}",
        output.stdout
    );
    let output = context.line("triage -- no-such-program-anywhere").ended(3);
    assert!(output.stderr.contains("hint:"), "{}", output.stderr);
}

#[test]
fn a_server_without_surprises_needs_no_baseline() {
    let line = format!("triage {CLEAN} {POSTMARK} --calls 12");
    Context::new().line(&line).ended(0);
    let line = format!("triage {BCC} {POSTMARK} --calls 12 --format json");
    let report = Context::new().line(&line).ended(1).json();
    let rules = rules(&findings(&report, "suspicious"));
    assert!(rules.contains("hidden-recipient"), "{report:#}");
}

/// Root of a container that was started without root has few ids, and is a user like any other.
#[test]
fn root_of_a_user_namespace_is_a_user() {
    let context = Context::new();
    let mut command = std::process::Command::new("unshare");
    context.prepare(&mut command);
    command.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_turncoat")]);
    command.args([
        "diff",
        "tests/servers/https-each",
        "tests/servers/https-each",
    ]);
    command.args(["--calls", "8", "--format", "json"]);
    let report = Running::new(command).wait().ended(0).json();
    assert_eq!(report["verdict"], "unchanged", "{report:#}");
    assert_eq!(report["exercise"]["calls_ok"], 8, "{report:#}");
}
