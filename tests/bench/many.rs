//! One call that does very much: 100,000 files written, 10,000 programs started, 10,000 forks,
//! 1,000,000 paths opened. For each: what one deed takes without turncoat, in turncoat and under
//! `strace -f` (where that is there), in microseconds of wall time; turncoat's peak of resident
//! memory, and what the record of a run holds. turncoat makes two runs of several calls, and its
//! time is divided by all of their deeds; its own start and report are in it. Panics where anything
//! is missing in the record. `cargo bench --bench many [DIVISOR]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DEEDS: &[(&str, u64)] = &[
    ("files", 100_000),
    ("programs", 10_000),
    ("forks", 10_000),
    ("opens", 1_000_000),
];

fn main() {
    let divisor = u64::from(kit::argument(0, 1).max(1));
    kit::heading("one call that does very much");
    for (deed, count) in DEEDS {
        let count = count / divisor;
        let Recorded {
            wall,
            peak,
            held,
            calls,
        } = recorded(deed, count);
        let each = |wall: Duration, times: u64| {
            let each = wall.as_secs_f64() * 1e6 / (count * times) as f64;
            format!("{each:8.1} us")
        };
        let bare = each(alone(deed, count, &[]), 1);
        let traced = if kit::is_present("strace") {
            each(
                alone(deed, count, &["strace", "-f", "-qq", "-o", "/dev/null"]),
                1,
            )
        } else {
            "not here".to_owned()
        };
        println!(
            "  {count:8} {deed:9} each: bare {bare}, turncoat {}, strace -f {traced}; {calls} calls in each of 2 runs, {:.1} s, peak {peak:6.1} MiB, {held} in the record",
            each(wall, 2 * calls),
            wall.as_secs_f64(),
        );
    }
}

/// The deed without turncoat, below `around`.
fn alone(deed: &str, count: u64, around: &[&str]) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let server = kit::place("tests/servers/rude/many/server.js");
    let line: Vec<&str> = around.iter().copied().chain(["node"]).collect();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).arg(server).arg("--bare");
    command.env("MANY", deed).env("COUNT", count.to_string());
    let began = Instant::now();
    let ended = command
        .current_dir(folder.path())
        .status()
        .expect("it starts");
    assert!(ended.success(), "{deed}: {ended}");
    began.elapsed()
}

/// What turncoat took for two runs.
struct Recorded {
    wall: Duration,
    /// Most memory in MiB.
    peak: f64,
    /// Deeds in the record of the first run, and the calls that did them.
    held: u64,
    calls: u64,
}

fn recorded(deed: &str, count: u64) -> Recorded {
    let folder = tempfile::tempdir().expect("a folder");
    let (scenario, kept) = (folder.path().join("many.toml"), folder.path().join("kept"));
    let text = format!(
        "format = \"turncoat.scenario/1\"\n[server]\nenv.MANY = \"{deed}\"\nenv.COUNT = \"{count}\"\n[exercise]\ntimeout_s = 600\n"
    );
    fs::write(&scenario, text).expect("a scenario");
    let mut command = Command::new(env!("CARGO_BIN_EXE_turncoat"));
    command
        .arg("triage")
        .arg(kit::place("tests/servers/rude/many"));
    command.args([
        "--calls",
        "1",
        "--jobs",
        "1",
        "--format",
        "json",
        "-q",
        "--scenario",
    ]);
    command.arg(&scenario).arg("--keep-run").arg(&kept);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let kit::Watched { wall, peak, .. } = kit::watched(&mut command);
    let (held, calls) = held(&kept, deed);
    let expected = match deed {
        // A fork that executes nothing is nothing of its own.
        "forks" => 0,
        // The second call writes the same again.
        "files" => count,
        _ => count * calls,
    };
    assert_eq!(held, expected, "{deed} in {calls} calls");
    Recorded {
        wall,
        peak,
        held,
        calls,
    }
}

/// How many deeds the first run of a folder tells of, and in how many calls.
fn held(kept: &Path, deed: &str) -> (u64, u64) {
    let events = walk(kept).expect("a record");
    let (mut held, mut calls) = (0, 0);
    for line in BufReader::new(fs::File::open(events).expect("a record")).lines() {
        let event: Value = serde_json::from_str(&line.expect("a line")).expect("an event");
        let of = |name: &str| event[name].as_str().unwrap_or_default();
        held += match (deed, of("kind")) {
            ("files", "file") if of("action") == "created" && of("path").contains("/many/") => 1,
            ("programs", "program") if of("path") == "/bin/true" => 1,
            ("opens", "read") if of("path").contains("/absent/") => 1,
            ("opens", "reads") if of("folder").contains("absent") => {
                event["opens"].as_u64().unwrap_or_default()
            }
            _ => 0,
        };
        calls += u64::from(event["event"] == "call");
    }
    (held, calls)
}

/// The first run folder's events.
fn walk(kept: &Path) -> Option<std::path::PathBuf> {
    let mut todo = vec![kept.to_owned()];
    while let Some(folder) = todo.pop() {
        let events = folder.join("events.jsonl");
        if events.is_file() {
            return Some(events);
        }
        let entries = fs::read_dir(folder).ok()?.flatten();
        todo.extend(
            entries
                .map(|entry| entry.path())
                .filter(|path| path.is_dir()),
        );
    }
    None
}
