//! From a recorded behaviour to a check that fails: `record`, `accept`, `check` and their kin.

use crate::context::{Context, Output, root};
use std::fs;
use std::path::Path;

const ACCEPTED: &str = "snapshots/local/postmark-outbox/postmark.snap";
const PENDING: &str = "snapshots/local/postmark-outbox/postmark.snap.new";

/// A project with one scenario and one server.
fn project() -> Context {
    let context = Context::apart();
    put(&context, "clean");
    let scenario = fs::read_to_string(root().join("scenarios/postmark.toml")).unwrap();
    let target = "../tests/servers/postmark/clean";
    assert!(scenario.contains(target), "the example names its server");
    context.write(
        "scenarios/postmark.toml",
        &scenario.replace(target, "../server"),
    );
    context
}

/// Puts a version of the server into the project.
fn put(context: &Context, version: &str) {
    let _ = fs::remove_dir_all(context.work().join("server"));
    context.copy(&format!("postmark/{version}"), "server");
}

fn record(context: &Context) -> Output {
    context.line("record --calls 16").ended(0)
}

fn has(context: &Context, file: &str) -> bool {
    context.work().join(file).exists()
}

#[test]
fn what_was_accepted_is_held_against_a_later_version() {
    let context = project();
    let nothing = context.line("check").ended(3);
    assert!(
        nothing.stderr.contains("turncoat record"),
        "{}",
        nothing.stderr
    );

    record(&context);
    assert!(has(&context, PENDING) && !has(&context, ACCEPTED));
    let listed = context.line("review").ended(2);
    let told = format!("{}{}", listed.stdout, listed.stderr);
    assert!(told.contains("local/postmark-outbox/postmark"), "{told}");
    context.line("accept --all").ended(0);
    assert!(!has(&context, PENDING) && has(&context, ACCEPTED));
    let accepted = context.read(ACCEPTED);

    let checked = context.line("check --format json").ended(0).json();
    assert_eq!(checked["verdict"], "unchanged");

    put(&context, "bcc");
    let failed = context.line("check --format json").ended(1).json();
    assert_eq!(failed["findings"][0]["rule"], "hidden-recipient");
    assert_eq!(failed["findings"][0]["severity"], "suspicious");
    assert_eq!(context.read(ACCEPTED), accepted, "checking changes nothing");
    assert!(!has(&context, PENDING), "checking writes nothing");

    record(&context);
    assert!(context.read(PENDING).contains("postbox@archive.example"));
    context.line("reject postmark").ended(0);
    assert!(!has(&context, PENDING));
    assert_eq!(context.read(ACCEPTED), accepted);
}

#[test]
fn a_snapshot_is_text_of_behaviour_alone() {
    let context = project();
    record(&context);
    let first = context.read(PENDING);
    context.line("reject --all").ended(0);
    record(&context);
    assert_eq!(
        context.read(PENDING),
        first,
        "recording twice gives the same text"
    );
    let here = [
        context.work().display().to_string(),
        root().display().to_string(),
        "localhost:".to_owned(),
        "127.0.0.1:".to_owned(),
    ];
    for text in &here {
        assert!(!first.contains(text), "{text}\n{first}");
    }
    let date = regex::Regex::new(r"\b20\d\d-\d\d-\d\d[T ]").unwrap();
    assert_eq!(
        date.find(&first).map(|found| found.as_str()),
        None,
        "{first}"
    );
    context.line("accept postmark").ended(0);
    let again = record(&context);
    assert!(again.stderr.contains("as accepted"), "{}", again.stderr);
    assert!(!has(&context, PENDING));
}

#[test]
fn nothing_is_written_in_ci() {
    let context = project().env("CI", "true");
    let output = context.line("record --calls 16").ended(1);
    assert!(
        output.stderr.contains("nothing is written in CI"),
        "{}",
        output.stderr
    );
    assert!(!has(&context, "snapshots"));
    for line in ["accept --all", "reject --all"] {
        let output = context.line(line);
        assert_ne!(output.code(), Some(1), "{}", output.stderr);
    }
}

#[test]
fn what_could_not_be_exercised_is_not_recorded() {
    let context = Context::apart();
    context.copy("rude/exits", "server");
    let text = "format = \"turncoat.scenario/1\"\n[server]\ntarget = \"../server\"\n";
    context.write("scenarios/rude.toml", text);
    context.line("record").ended(3);
    assert!(!has(&context, "snapshots"));
}

#[test]
fn a_damaged_snapshot_is_told() {
    let context = project();
    record(&context);
    context.line("accept --all").ended(0);
    let text = context.read(ACCEPTED);
    context.write(ACCEPTED, &text[..text.len() / 2]);
    let output = context.line("check");
    assert!(
        matches!(output.code(), Some(1 | 2)),
        "{}\n{}",
        output.stdout,
        output.stderr
    );
    context.write(ACCEPTED, "---\n");
    let output = context.line("check").ended(2);
    assert!(output.stderr.contains("hint:"), "{}", output.stderr);
}

#[test]
fn the_examples_behave_as_accepted() {
    for scenario in ["postmark", "smtp", "files", "httpx"] {
        let path = format!("scenarios/{scenario}.toml");
        let output = Context::new()
            .env("CI", "true")
            .line(&format!("check {path}"));
        assert_eq!(
            output.code(),
            Some(0),
            "{}\n{}",
            output.stdout,
            output.stderr
        );
        assert!(Path::new(&path).exists());
    }
}
