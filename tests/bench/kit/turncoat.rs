//! turncoat as its users start it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one comparison came to.
pub struct Answered {
    pub wall: Duration,
    pub status: Option<i32>,
    pub report: Value,
    pub said: String,
}

/// A command for `turncoat diff OLD NEW` between two test servers.
pub fn command(old: &str, new: &str, scenario: Option<&str>, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turncoat"));
    command.arg("diff");
    command.args([old, new].map(|server| super::place("tests/servers").join(server)));
    if let Some(scenario) = scenario {
        command
            .arg("--scenario")
            .arg(super::place("scenarios").join(scenario));
    }
    // What it does under other circumstances is another figure.
    command
        .args(["--format", "json", "-q", "--under", "none"])
        .args(more);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `turncoat diff`, keeping the runs in `keep`.
pub fn diff(
    old: &str,
    new: &str,
    scenario: Option<&str>,
    more: &[&str],
    keep: Option<&Path>,
) -> Answered {
    let mut command = command(old, new, scenario, more);
    if let Some(keep) = keep {
        command.arg("--keep-run").arg(keep);
    }
    let began = Instant::now();
    let output = command.output().expect("turncoat starts");
    let wall = began.elapsed();
    Answered {
        wall,
        status: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
