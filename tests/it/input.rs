//! What a user or a host can get wrong: a clear message with a hint, the right status, nothing
//! left behind.

use crate::context::{BOUND, Context, Running, poll, servers};
use crate::traces::{Traces, below, left, runs};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CLINGS: &str = "tests/servers/rude/clings";

/// Status and streams of a command line that runs nothing.
fn told(line: &str) -> String {
    let context = Context::new();
    let output = context.line(line);
    assert_eq!(left(&context), Vec::<String>::new());
    format!("$ turncoat {line}\n{}", output.told())
}

#[test]
fn what_does_not_exist_is_a_usage_error() {
    insta::assert_snapshot!(told("diff no/such/folder tests/servers/rude/clings"), @r"
    $ turncoat diff no/such/folder tests/servers/rude/clings
    status 2
    ----- stdout
    ----- stderr
    error: `no/such/folder` does not exist
    hint: a target is a folder, a packed server, `npm:NAME@VERSION`, `pypi:NAME@VERSION` or `CONFIG.json#SERVER`
    ");
    for line in ["triage tests/servers", "explain no/such/run"] {
        let told = told(line);
        assert!(
            told.contains("status 2") && told.contains("hint:"),
            "{told}"
        );
    }
}

#[test]
fn what_no_registry_was_asked_for_is_inconclusive() {
    let context = Context::new();
    let cold = context.work().join("cold");
    let context = context.env("XDG_CACHE_HOME", cold.to_str().unwrap());
    for target in [
        "npm:turncoat-no-such-server@9.9.9",
        "pypi:turncoat-no-such-server@9.9.9",
    ] {
        let output = context.run(["triage", target, "--offline"]).ended(3);
        assert!(
            output.stderr.contains("turncoat-no-such-server"),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains("hint:"), "{}", output.stderr);
    }
}

#[test]
fn a_mistake_in_a_scenario_is_shown_where_it_stands() {
    let context = Context::new();
    let text =
        "format = \"turncoat.scenario/1\"\n\n[server]\nenv.A = \"1\"\n\n[exercise]\ncals = 3\n";
    let scenario = context.write("mistake.toml", text);
    let output = context.run(["triage", CLINGS, "--scenario", scenario.to_str().unwrap()]);
    insta::assert_snapshot!(output.told(), @r"
    status 2
    ----- stdout
    ----- stderr
    error: unknown key `cals` in [exercise]
     --> [work]/mistake.toml:7:1
      |
    7 | cals = 3
      | ^^^^
      = hint: did you mean `calls`?
    ");
}

#[test]
fn a_scenario_that_does_not_exist_is_told_with_those_that_do() {
    let hint = |name: &str| {
        let output = Context::new().run(["check", name]).ended(2);
        let hint = output
            .stderr
            .lines()
            .find_map(|line| line.split_once("hint: "));
        let (_, hint) = hint.unwrap_or_else(|| panic!("{}", output.stderr));
        hint.to_owned()
    };
    assert_eq!(hint("postmark"), "did you mean `scenarios/postmark.toml`?");
    assert_eq!(
        hint("scenarios/postmrk.toml"),
        "did you mean `scenarios/postmark.toml`?"
    );
    assert_eq!(
        hint("scenarios/other.toml"),
        "there is `scenarios/files.toml`, `scenarios/httpx.toml`, `scenarios/postmark.toml`, `scenarios/smtp.toml`"
    );
    let output = Context::apart().run(["check", "other.toml"]).ended(2);
    let begins = "begins with `format = \"turncoat.scenario/1\"`";
    assert!(output.stderr.contains(begins), "{}", output.stderr);
}

#[test]
fn an_option_that_is_none_is_a_usage_error() {
    for line in [
        "diff a b --callls 3",
        "diff a b --fail-on never",
        "frobnicate",
        "diff a b --report pdf=x",
    ] {
        let output = Context::new().line(line).ended(2);
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{line}"
        );
    }
    let context = Context::new();
    let output = context
        .line(&format!("triage {CLINGS} --report json=no/such/folder/x"))
        .ended(2);
    assert!(!output.stderr.contains("running"), "{}", output.stderr);
}

#[test]
fn a_cache_that_was_cut_short_is_repaired() {
    let context = Context::new();
    let cold = context.work().join("cache");
    let context = context.env("XDG_CACHE_HOME", cold.to_str().unwrap());
    let line = format!("triage {CLINGS} --calls 4");
    context.line(&line).ended(0);
    let file = |name: &str| -> PathBuf {
        let entries = walkdir::WalkDir::new(&cold).into_iter().flatten();
        let mut found = entries.filter(|entry| entry.file_name() == name);
        found
            .next()
            .unwrap_or_else(|| panic!("no {name} in the cache"))
            .into_path()
    };
    let text = fs::read_to_string(file("server.js")).unwrap();
    fs::write(file("server.js"), &text[..text.len() / 2]).unwrap();
    context.line(&line).ended(0);
    assert_eq!(fs::read_to_string(file("server.js")).unwrap(), text);
    fs::write(file("record.json"), "{").unwrap();
    context.line(&line).ended(0);
    fs::remove_file(file("server.js")).unwrap();
    context.line(&line).ended(0);
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let context = Context::new();
    let file = context.write("file", "");
    let output = context.run([
        "triage",
        CLINGS,
        "--cache",
        file.join("x").to_str().unwrap(),
    ]);
    insta::assert_snapshot!(output.told(), @r"
    status 3
    ----- stdout
    ----- stderr
    error: cannot create `[work]/file/x/folder`: Not a directory (os error 20)
    hint: `--cache DIR` keeps installed packages in another folder
    ");
}

/// Runs a line in a mount namespace where `full` is a file system of `size`.
fn on_a_small_disk(context: &Context, full: &str, size: &str, line: &str) -> Running {
    let folder = context.work().join(full);
    fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={size},mode=777 none '{}' && \
         exec unshare --user --map-user=1000 --map-group=1000 '{}' {line}",
        folder.display(),
        env!("CARGO_BIN_EXE_turncoat")
    );
    let mut command = Command::new("unshare");
    context.prepare(&mut command);
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    Running::new(command)
}

#[test]
fn a_full_disk_is_inconclusive() {
    let context = Context::new();
    let full = context.work().join("full");
    let line = format!(
        "diff {CLINGS} {CLINGS} --calls 500 --keep-run '{}/run'",
        full.display()
    );
    let (output, _) = Traces::of(&context, on_a_small_disk(&context, "full", "64k", &line));
    let output = output.ended(3);
    let told = format!("{}\n{}", output.stdout, output.stderr);
    assert!(told.contains("No space left on device"), "{told}");
}

/// A run under way: a server has been started.
fn under_way(context: &Context) -> (Running, Traces) {
    let line = format!("diff {CLINGS} {CLINGS} --calls 1000000");
    let mut running = context.start(line.split(' '));
    let pid = running.pid();
    let started = poll(BOUND, || {
        assert!(!running.has_ended(), "it ended before it was stopped");
        runs(pid, "node").then_some(())
    });
    assert!(started.is_some(), "no server was started");
    let mut traces = Traces::default();
    traces.look(pid);
    assert!(!below(pid).is_empty());
    (running, traces)
}

fn signal(pid: u32, name: &str) {
    let done = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn an_interruption_cleans_up() {
    for name in ["INT", "TERM"] {
        let context = Context::new();
        let (running, mut traces) = under_way(&context);
        signal(running.pid(), name);
        let output = running.wait_and(|pid| traces.look(pid)).ended(3);
        assert!(output.stderr.contains("interrupted"), "{}", output.stderr);
        traces.assert_gone(&output.stderr);
        assert_eq!(left(&context), Vec::<String>::new());
    }
}

#[test]
fn a_killed_turncoat_leaves_no_process() {
    let context = Context::new();
    let (running, mut traces) = under_way(&context);
    traces.look(running.pid());
    signal(running.pid(), "KILL");
    let output = running.wait();
    assert_eq!(output.code(), None);
    traces.assert_gone("after SIGKILL");
}

#[test]
fn a_command_in_a_project_too_large_to_copy_gets_its_own_folder() {
    let context = Context::apart();
    let server = fs::read_to_string(servers().join("rude/clings/server.js")).unwrap();
    let server = server.replace("#!/usr/bin/env node", "import \"dep\";");
    let server = server.replace(
        "const { createInterface } = require(\"node:readline\");",
        "import { createInterface } from \"node:readline\";\nimport \"./lib.js\";",
    );
    context.write("tools/mcp/server.js", &server);
    context.write("tools/mcp/lib.js", "");
    context.write("package.json", "{ \"type\": \"module\" }");
    context.write(
        "node_modules/dep/package.json",
        "{ \"main\": \"index.js\" }",
    );
    context.write("node_modules/dep/index.js", "");
    // Nothing is written for it, but it is as long as it says.
    let large = fs::File::create(context.work().join("recording.bin")).unwrap();
    large.set_len(3 << 30).unwrap();
    let report = context
        .line("triage --calls 2 --format json -- node tools/mcp/server.js")
        .ended(0)
        .json();
    assert_eq!(report["exercise"]["calls_ok"], 2, "{report:#}");
    let blind = report["exercise"]["blind_spots"].to_string();
    assert!(
        blind.contains("only `tools/mcp` is there inside"),
        "{blind}"
    );

    // A server in the project's own folder has no part of its own.
    context.write("server.js", "");
    let output = context.line("triage --calls 2 -- node server.js").ended(2);
    assert!(
        output.stderr.contains("too large to copy"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("hint:"), "{}", output.stderr);
}
