//! turncoat's resident memory in long runs: it must not grow with the number of calls.
//! `cargo bench --bench memory [FEW] [MANY]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use std::process::Child;
use std::time::{Duration, Instant};

fn main() {
    let counts = [kit::argument(0, 10_000), kit::argument(1, 100_000)];
    kit::heading("resident memory of turncoat");
    for server in ["compute", "https-each"] {
        let peaks = counts.map(|calls| measure(server, calls));
        println!(
            "  {server:12} growth of the peak: {:+.1} MiB",
            peaks[1] - peaks[0]
        );
    }
}

/// Runs one comparison and gives its peak in MiB.
fn measure(server: &str, calls: u32) -> f64 {
    kit::installed(server);
    let count = calls.to_string();
    let mut command = kit::command(server, server, None, &["--jobs", "1", "--calls", &count]);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().expect("turncoat starts");
    let (mut peak, mut seen) = (0.0, Vec::new());
    while child.try_wait().expect("a child").is_none() {
        if let Some((now, most)) = memory(&child) {
            seen.push(now);
            peak = most;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let at = |part: usize| {
        seen.get(seen.len() * part / 10)
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "  {server:12} {calls:7} calls a run: peak {peak:6.1} MiB; at a tenth {:6.1}, at nine tenths {:6.1}  ({:.0} s for two runs)",
        at(1),
        at(9),
        began.elapsed().as_secs_f64()
    );
    peak
}

/// VmRSS and VmHWM in MiB.
fn memory(child: &Child) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let mib = |name| {
        let number = kit::field(&status, name)?.split(' ').next()?;
        Some(number.parse::<f64>().ok()? / 1024.0)
    };
    Some((mib("VmRSS:")?, mib("VmHWM:")?))
}
