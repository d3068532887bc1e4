//! Commands that look and tell, and change nothing.

use crate::context::Context;

#[test]
fn the_doctor_names_every_part() {
    let told = Context::new().line("doctor").ended(0);
    for part in [
        "Sandbox",
        "user namespaces",
        "packet filter",
        "wall clock: starts at the same",
        "observer: files read",
        "level L",
        "Clients",
        "node",
        "npm",
        "python3",
    ] {
        assert!(told.stdout.contains(part), "{part}\n{}", told.stdout);
    }
}

#[test]
fn a_kept_run_is_shown_again_without_a_server() {
    let context = Context::new();
    let run = context.work().join("run");
    let run = run.to_str().unwrap();
    let line = format!(
        "diff tests/servers/postmark/clean tests/servers/postmark/bcc \
         --scenario scenarios/postmark.toml --calls 8 --format json --keep-run {run}"
    );
    let report = context.line(&line).ended(1).json();
    let told = context.run(["explain", run]).ended(0);
    for part in [
        "hidden-recipient",
        "call 0 ",
        "POST https://api.postmarkapp.com/email",
        " ms  ",
    ] {
        assert!(told.stdout.contains(part), "{part}\n{}", told.stdout);
    }
    let id = report["findings"][0]["id"].as_str().unwrap();
    let one = context.run(["explain", run, &id[..6]]).ended(0);
    assert!(
        one.stdout.contains("postbox@archive.example"),
        "{}",
        one.stdout
    );
    let none = context.run(["explain", run, "zzz"]).ended(2);
    assert!(none.stderr.contains("hint:"), "{}", none.stderr);
    // A folder holds one run: a second command would mix two.
    let again = context.line(&line).ended(2);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
}
