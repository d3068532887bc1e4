//! Calls per second, and how long a server takes to be ready: bare, in turncoat with everything on,
//! under `strace -f`, behind mitmproxy.
//!
//! turncoat's figure is that of its whole phase of calls: what it does and waits for after each
//! call is part of it. The bare server gets the same calls from the same client, and where it
//! needs an upstream, a plain local HTTPS server that answers with the same mock.
//!
//! `cargo bench --bench calls [CALLS] [ROUNDS]`; `taskset -c 0 …` puts all of it on one processor.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use kit::{Bare, OnHost, Proxy, Record, Upstream, Way, median};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use turncoat::internet::mock::{Json, Mock};
use turncoat::secret::Seed;

const HOST: &str = "api.bench.example";
/// Calls that warm up the server's compiler, on either side.
const WARM: usize = 200;

#[tokio::main]
async fn main() {
    let calls = kit::argument(0, 3000).max(2 * WARM as u32);
    let rounds = kit::argument(1, 5);
    kit::heading(&format!(
        "calls per second, {calls} calls, median of {rounds} rounds"
    ));
    let json: Arc<dyn Mock> = Arc::new(Json::sink(Seed(7)));
    let upstream = Upstream::start(HOST, json).await;
    table("compute", calls, rounds, None, 0.9).await;
    table("https-each", calls, rounds, Some(&upstream), 0.8).await;
}

async fn table(server: &str, calls: u32, rounds: u32, upstream: Option<&Upstream>, target: f64) {
    let package = OnHost::new(kit::installed(server));
    let plain = Way {
        upstream,
        ..Way::default()
    };
    let (mut bare, mut sealed, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut starts = [const { Vec::new() }; 2];
    let mut made = Vec::new();
    for round in 0..rounds {
        let keep = tempfile::tempdir().expect("a folder");
        let keep = keep.path().join("run");
        let (calls, seed) = (calls.to_string(), round.to_string());
        let more = ["--jobs", "1", "--calls", &calls, "--seed", &seed];
        let done = kit::diff(server, server, None, &more, Some(&keep));
        let runs = ["old", "new"].map(|role| Record::read(&keep.join(role)));
        assert!(done.status.is_some(), "turncoat ended: {}", done.said);
        made.clone_from(&runs[0].calls);
        let ready = |run: &Record| kit::ms(run.listed.first().copied().unwrap_or_default());
        starts[1].extend(runs.iter().map(ready));
        let inside = runs.map(|run| rate(&run.answered));
        let mut outside = Vec::new();
        for _ in 0..2 {
            let (rate, ready) = once(&package, &plain, &made).await;
            outside.push(rate);
            starts[0].push(ready);
        }
        ratios.push(inside.iter().sum::<f64>() / outside.iter().sum::<f64>());
        sealed.extend(inside);
        bare.extend(outside);
    }
    let base = median(bare);
    let row = |what: &str, rate: f64, ratio: f64, note: &str| {
        println!("  {server:12} {what:24} {rate:8.0}/s  {ratio:5.2} of bare  {note}");
    };
    row("bare", base, 1.0, "");
    let ratio = median(ratios.clone());
    let spread = format!(
        "rounds {}; target {target}: {}",
        ratios
            .iter()
            .map(|r| format!("{r:.2}"))
            .collect::<Vec<_>>()
            .join(" "),
        if ratio >= target { "met" } else { "missed" }
    );
    row("turncoat, everything on", median(sealed), ratio, &spread);
    let [outside, inside] = starts.map(median);
    println!(
        "  {server:12} ready after {inside:.0} ms, bare {outside:.0} ms, {:.2} of it; target 1.15: {}",
        inside / outside,
        if inside <= 1.15 * outside {
            "met"
        } else {
            "missed"
        }
    );
    if kit::is_present("strace") {
        let traced = Way {
            under: vec!["strace", "-f", "-o", "/dev/null"],
            ..plain.clone()
        };
        let (traced, ready) = once(&package, &traced, &made).await;
        row(
            "strace -f",
            traced,
            traced / base,
            &format!("ready after {ready:.0} ms"),
        );
    } else {
        println!("  {server:12} strace -f                not present");
    }
    let Some(upstream) = upstream else { return };
    match Proxy::start(upstream).await {
        Some(proxy) => {
            let through = Way {
                upstream: Some(&proxy.here),
                ..Way::default()
            };
            let (through, _) = once(&package, &through, &made).await;
            row("mitmproxy", through, through / base, "");
        }
        None => println!("  {server:12} mitmproxy                not present"),
    }
}

/// Calls per second of one start of the server, and after how many milliseconds it was ready.
async fn once(package: &OnHost, way: &Way<'_>, calls: &[(String, Value)]) -> (f64, f64) {
    let mut bare = Bare::start(package, way).await;
    let ready = bare.handshake_ms;
    let answered = bare.calls(calls).await;
    bare.end().await;
    (rate(&answered), ready)
}

fn rate(answered: &[Duration]) -> f64 {
    let (Some(first), Some(last)) = (answered.get(WARM), answered.last()) else {
        return f64::NAN;
    };
    (answered.len() - 1 - WARM) as f64 / (*last - *first).as_secs_f64()
}
