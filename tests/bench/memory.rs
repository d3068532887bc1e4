//! turncoat's resident memory in long runs: it must not grow with the number of calls.
//! `cargo bench --bench memory [FEW] [MANY]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use std::process::Stdio;

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
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let kit::Watched { wall, seen, peak } = kit::watched(&mut command);
    let at = |part: usize| {
        seen.get(seen.len() * part / 10)
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "  {server:12} {calls:7} calls a run: peak {peak:6.1} MiB; at a tenth {:6.1}, at nine tenths {:6.1}  ({:.0} s for two runs)",
        at(1),
        at(9),
        wall.as_secs_f64()
    );
    peak
}
