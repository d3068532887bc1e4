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

/// What a run of turncoat took.
pub struct Watched {
    pub wall: Duration,
    /// Resident memory from time to time, in MiB.
    pub seen: Vec<f64>,
    /// The most of it, in MiB.
    pub peak: f64,
}

/// Runs a command to its end, and looks at its memory meanwhile.
pub fn watched(command: &mut Command) -> Watched {
    let began = Instant::now();
    let mut child = command.spawn().expect("turncoat starts");
    let (mut peak, mut seen) = (0.0, Vec::new());
    while child.try_wait().expect("a child").is_none() {
        if let Some((now, most)) = memory(child.id()) {
            seen.push(now);
            peak = most;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    Watched {
        wall: began.elapsed(),
        seen,
        peak,
    }
}

/// VmRSS and VmHWM in MiB.
fn memory(pid: u32) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mib = |name| {
        let number = super::field(&status, name)?.split(' ').next()?;
        Some(number.parse::<f64>().ok()? / 1024.0)
    };
    Some((mib("VmRSS:")?, mib("VmHWM:")?))
}
