//! A whole `turncoat diff` of an installed pair, against three bare runs of the old version with
//! the same calls: start, calls, end. `cargo bench --bench whole [CALLS] [ROUNDS]`
//!
//! Phases are those of each run's record; runs go side by side where processors allow, so they do
//! not add up to the whole.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use kit::{Bare, OnHost, Record, Upstream, Way, median, ms};
use std::path::Path;
use std::time::Duration;
use turncoat::internet::mock;
use turncoat::secret::Seed;

const CLEAN: &str = "postmark/clean";
const TARGET: f64 = 1.25;

#[tokio::main]
async fn main() {
    let (calls, rounds) = (kit::argument(0, 64).to_string(), kit::argument(1, 5));
    kit::heading(&format!(
        "whole comparison, {calls} calls, median of {rounds} rounds"
    ));
    let package = OnHost::new(kit::installed(CLEAN));
    kit::installed("postmark/bcc");
    let postmark = mock::builtin("postmark", Seed(7)).expect("a built-in mock");
    let upstream = Upstream::start("api.postmarkapp.com", postmark).await;
    let way = Way {
        env: vec![
            (
                "POSTMARK_SERVER_TOKEN",
                "3f1c9a52-77aa-4c1e-9b1d-0c55f2e1a001".to_owned(),
            ),
            ("DEFAULT_SENDER_EMAIL", "sender@corp.example".to_owned()),
            ("DEFAULT_MESSAGE_STREAM", "outbound".to_owned()),
        ],
        upstream: Some(&upstream),
        ..Way::default()
    };
    for new in [CLEAN, "postmark/bcc"] {
        let (mut whole, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let mut phases = String::new();
        for round in 0..rounds {
            let folder = tempfile::tempdir().expect("a folder");
            let keep = folder.path().join("run");
            let more = ["--calls", &calls, "--seed", &round.to_string()];
            let done = kit::diff(CLEAN, new, Some("postmark.toml"), &more, Some(&keep));
            let made = Record::read(&keep.join("old")).calls;
            let mut three = 0.0;
            for _ in 0..3 {
                let mut server = Bare::start(&package, &way).await;
                server.calls(&made).await;
                three += server.end().await;
            }
            ratios.push(ms(done.wall) / three);
            whole.push(ms(done.wall));
            bare.push(three);
            phases = told(&keep, &done.report, done.wall);
        }
        let ratio = median(ratios);
        println!(
            "  {CLEAN} → {new}: {:.0} ms against {:.0} ms of three bare runs, {ratio:.2}; target {TARGET}: {}",
            median(whole),
            median(bare),
            if ratio <= TARGET { "met" } else { "missed" }
        );
        print!("{phases}");
    }
}

/// The phases of every run of one comparison.
fn told(keep: &Path, report: &serde_json::Value, wall: Duration) -> String {
    let mut lines = format!(
        "    the last one: {:.0} ms in all, {:.0} ms from the first start to the report, {} runs\n",
        ms(wall),
        report["exercise"]["wall_s"].as_f64().unwrap_or_default() * 1e3,
        report["exercise"]["runs"]
    );
    for role in [
        "old",
        "new",
        "old-again",
        "new-again",
        "old-third",
        "new-third",
    ] {
        if !keep.join(role).is_dir() {
            continue;
        }
        let run = Record::read(&keep.join(role));
        let [first, later] = run.listed[..] else {
            continue;
        };
        let last = run.answered.last().copied().unwrap_or(first);
        lines += &format!(
            "    {role:10} start {:4.0}  calls {:4.0}  list again {:3.0}  idle, end, harvest {:4.0}  (ms)\n",
            ms(first),
            ms(last.saturating_sub(first)),
            ms(later.saturating_sub(last)),
            ms(run.ended.saturating_sub(later))
        );
    }
    lines
}
