//! What 1,000 connections at once and an upload of a gigabyte cost turncoat: its peak of resident
//! memory, and whether all of it is on record.
//! `cargo bench --bench load`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use serde_json::Value;
use std::process::Stdio;

fn main() {
    kit::heading("1,000 connections at once, and a gigabyte uploaded");
    for server in ["compute", "load"] {
        measure(server);
    }
}

/// Each tool twice in each of two runs, one after the other.
fn measure(server: &str) {
    kit::installed(server);
    let folder = tempfile::tempdir().expect("a folder");
    let keep = folder.path().join("run");
    let more = ["--jobs", "1", "--calls", "2", "--keep-run"];
    let mut command = kit::command(server, server, None, &more);
    command.arg(&keep);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let kit::Watched { wall, peak, .. } = kit::watched(&mut command);
    let events = std::fs::read_to_string(keep.join("old/events.jsonl")).unwrap_or_default();
    let requests = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["kind"] == "http");
    let lengths: Vec<u64> = requests
        .map(|event| event["body"]["len"].as_u64().unwrap_or_default())
        .collect();
    println!(
        "  {server:12} peak {peak:6.1} MiB; {:4} requests recorded, {:5} MB in the longest  ({:.1} s for two runs)",
        lengths.len(),
        lengths.iter().max().copied().unwrap_or_default() / 1_000_000,
        wall.as_secs_f64()
    );
}
