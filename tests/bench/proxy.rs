//! HTTPS calls per second of one Node client over a kept connection: to the fake internet with all
//! of it captured, to a plain local server with the same mock, and to that through mitmproxy.
//!
//! The three take turns in short rounds, in another order each time; the figures are medians of
//! the rounds and of their ratios.
//!
//! `cargo bench --bench proxy [CALLS] [ROUNDS]`. mitmproxy is the one on PATH, else that of
//! `target/mitmproxy`, a virtual environment that is made from PyPI once.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

use kit::{Proxy, Upstream, median};
use std::hint::black_box;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use turncoat::effect::{Kind, Sink};
use turncoat::internet::mock::{Json, Mock};
use turncoat::internet::{Ca, Config, Limits, Sockets, World};
use turncoat::secret::Seed;

const HOST: &str = "api.bench.example";
const CLIENT: &str = r#"
const [port, calls, ca, host] = process.argv.slice(2);
const https = require("node:https");
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: require("node:fs").readFileSync(ca) });
const body = JSON.stringify({ name: "x".repeat(280), count: 3 });
const headers = { host, "content-type": "application/json", "content-length": body.length };
const options = { host: "127.0.0.1", port, servername: host, path: "/v1/items", method: "POST", headers, agent };
const call = () => new Promise((done, failed) => {
  const request = https.request(options, (r) => r.resume().on("end", () => r.statusCode < 300 ? done() : failed(r.statusCode)));
  request.on("error", failed);
  request.end(body);
});
(async () => {
  for (let i = 0; i < 300; i++) await call();
  const began = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) await call();
  console.log(Number(calls) * 1e9 / Number(process.hrtime.bigint() - began));
  agent.destroy();
})().catch((e) => { console.error(e); process.exit(1); });
"#;

/// A reader of the record that keeps up.
struct Reader;

impl Sink for Reader {
    fn emit(&self, kind: Kind) {
        black_box(kind);
    }
}

#[tokio::main]
async fn main() {
    let (calls, rounds) = (kit::argument(0, 1500), kit::argument(1, 7));
    kit::heading(&format!(
        "HTTPS calls per second of one client, {calls} calls, {rounds} rounds"
    ));
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("client.cjs");
    std::fs::write(&script, CLIENT).expect("a file");

    let json = || -> Arc<dyn Mock> { Arc::new(Json::sink(Seed(7))) };
    let plain = Upstream::start(HOST, json()).await;
    let (_world, ours) = world(json());
    let proxy = Proxy::start(&plain).await;
    let mut ways = vec![("turncoat", &ours), ("plain server", &plain)];
    match &proxy {
        Some(proxy) => ways.push(("mitmproxy", &proxy.here)),
        None => println!("  mitmproxy is not present, and could not be had from PyPI"),
    }

    let mut rates = vec![Vec::new(); ways.len()];
    for round in 0..rounds as usize {
        for turn in 0..ways.len() {
            let way = (round + turn) % ways.len();
            let (_, upstream) = ways[way];
            let rate = rate(&script, upstream, calls, folder.path()).await;
            rates[way].push(rate.expect("the client gets its answers"));
        }
    }
    for ((name, _), rates) in ways.iter().zip(&rates) {
        println!("  {name:14} {:7.0}/s", median(rates.clone()));
    }
    for (against, target) in [(1, 0.8), (2, 2.5)].into_iter().take(ways.len() - 1) {
        let pairs = rates[0].iter().zip(&rates[against]);
        let ratio = median(pairs.map(|(ours, theirs)| ours / theirs).collect());
        println!(
            "  {ratio:.2} of {}; target {target}: {}",
            ways[against].0,
            if ratio >= target { "met" } else { "missed" }
        );
    }
}

/// The fake internet on an ordinary socket.
fn world(mock: Arc<dyn Mock>) -> (World, Upstream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("its address");
    let ca = Arc::new(Ca::new().expect("an authority"));
    let here = Upstream {
        at,
        ca_pem: ca.ca_pem().to_owned(),
    };
    let config = Config {
        imap: Vec::new(),
        ca,
        upstreams: Vec::new(),
        smtp: Vec::new(),
        sink_mock: mock,
        cues: Default::default(),
        seed: Seed(7),
        limits: Limits::default(),
    };
    let sockets = Sockets {
        tcp4: Some(listener.into()),
        ..Sockets::default()
    };
    let world = World::open(sockets, config, Arc::new(Reader)).expect("a world");
    (world, here)
}

async fn rate(script: &Path, upstream: &Upstream, calls: u32, folder: &Path) -> Option<f64> {
    let SocketAddr::V4(at) = upstream.at else {
        return None;
    };
    let ca = folder.join(format!("{}.pem", at.port()));
    std::fs::write(&ca, &upstream.ca_pem).ok()?;
    let output = tokio::process::Command::new("node")
        .arg(script)
        .args([at.port().to_string(), calls.to_string()])
        .arg(&ca)
        .arg(HOST)
        .output()
        .await
        .ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
