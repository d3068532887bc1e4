//! Servers that misbehave. Each run ends, says what happened, and leaves nothing behind; what
//! could not be exercised never passes.

use crate::context::{Context, Output, Running};
use crate::traces::Traces;
use std::time::Duration;

/// The most memory turncoat may take, whatever a server does, in KiB.
const MEMORY: u64 = 512 << 10;
/// The longest a run of a few calls may take.
const LONG: Duration = Duration::from_secs(150);

/// How long a call may take, in seconds. One that fills memory gets there in longer on a busy machine.
const PATIENCE: u32 = 5;
const TO_FILL: u32 = 40;

/// `turncoat triage` or `diff` against itself of one of `tests/servers/rude`.
#[track_caller]
fn endure(command: &str, server: &str) -> Output {
    let context = Context::new();
    let patience = match server {
        "fills-memory" => TO_FILL,
        _ => PATIENCE,
    };
    let scenario =
        format!("format = \"turncoat.scenario/1\"\n[exercise]\ntimeout_s = {patience}\n");
    let scenario = context.write("rude.toml", &scenario);
    let server = format!("tests/servers/rude/{server}");
    let servers = if command == "diff" { 2 } else { 1 };
    let mut args = vec![command];
    args.extend(std::iter::repeat_n(server.as_str(), servers));
    args.extend(["--calls", "6", "--scenario", scenario.to_str().unwrap()]);
    let (output, traces) = Traces::of(&context, Running::new(context.command(&args)));
    let told = format!("{}\n{}", output.stdout, output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    assert!(output.wall < LONG, "{:?}\n{told}", output.wall);
    assert!(traces.peak < MEMORY, "{} KiB\n{told}", traces.peak);
    assert!(traces.processes() > 0, "nothing was looked at: {told}");
    output
}

/// Nothing can be said about it, and that is said, with this text and this in a hint.
#[track_caller]
fn is_inconclusive(server: &str, text: &str, hint: &str) {
    are_inconclusive(&["triage", "diff"], server, text, hint);
}

/// The same of these commands: those that take long are one and the same for both.
#[track_caller]
fn are_inconclusive(commands: &[&str], server: &str, text: &str, hint: &str) {
    for command in commands {
        let output = endure(command, server).ended(3);
        let told = format!("{}\n{}", output.stdout, output.stderr);
        // Lines are folded.
        let told: Vec<&str> = told.split_whitespace().collect();
        let told = told.join(" ");
        assert!(told.contains(text), "{told}");
        let hinted = told.split("hint: ").skip(1).any(|told| told.contains(hint));
        assert!(hinted, "{told}");
    }
}

/// It can be exercised all the same, and is like itself.
#[track_caller]
fn is_endured(server: &str) {
    endure("diff", server).ended(0);
}

#[test]
fn one_that_never_answers() {
    let output = endure("triage", "mute").ended(3);
    let told: Vec<&str> = output.stdout.split_whitespace().collect();
    let told = told.join(" ");
    assert!(
        told.contains("answered neither `server/discover` nor `initialize` within 20 s")
            && told.contains("started again: the server did not answer `initialize` within 10 s"),
        "{told}"
    );
    assert!(
        told.contains("hint: it may need more time to start"),
        "{told}"
    );
    // Both eras share the time that a server has to start.
    assert!(output.wall < Duration::from_secs(40), "{:?}", output.wall);
}

#[test]
fn one_that_prints_garbage() {
    are_inconclusive(
        &["diff"],
        "garbage",
        "nor `initialize`",
        "stdout is no JSON-RPC",
    );
}

#[test]
fn one_that_exits_at_once() {
    is_inconclusive(
        "exits",
        "ended before it answered `initialize`",
        "cannot find the configuration file `rude.json`",
    );
}

#[test]
fn one_that_dies_in_the_middle_of_an_answer() {
    is_inconclusive("crashes", "ended during call 3", "last words");
}

#[test]
fn one_whose_answer_never_ends() {
    are_inconclusive(&["triage"], "endless-line", "0 of 6 calls", "timeout_s");
}

#[test]
fn one_that_answers_100_mb() {
    are_inconclusive(&["diff"], "huge-answer", "0 of 6 calls", "more than 16 MiB");
}

#[test]
fn one_that_answers_a_hundred_thousand_deep() {
    is_inconclusive("deep", "0 of 6 calls", "100 deep");
}

#[test]
fn one_whose_list_never_ends() {
    is_endured("endless-pages");
}

#[test]
fn one_that_chatters_without_end() {
    is_endured("chatter");
}

#[test]
fn one_that_floods_stderr() {
    is_endured("loud");
}

#[test]
fn one_that_ignores_every_signal() {
    is_endured("clings");
}

#[test]
fn one_that_starts_a_thousand_programs() {
    is_endured("forks");
}

#[test]
fn one_that_leaves_children_behind() {
    is_endured("orphans");
}

#[test]
fn one_that_answers_twice_and_unasked() {
    is_endured("twice");
}

#[test]
fn one_that_fills_the_disk() {
    // What it wrote is worth a word, however little was exercised; against itself nothing is.
    let output = endure("triage", "fills-disk").ended(1);
    assert!(output.stdout.contains("spool.bin"), "{}", output.stdout);
    endure("diff", "fills-disk").ended(3);
}

#[test]
fn one_that_takes_all_memory() {
    is_inconclusive("fills-memory", "the server ended during call", "last words");
}
