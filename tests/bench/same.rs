//! A version against itself, again and again: whatever differs is noise that was not learnt.
//! `cargo bench --bench same [RUNS] [CALLS] [SERVER …]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

mod kit;

const SERVERS: [(&str, Option<&str>); 6] = [
    ("postmark/clean", Some("postmark.toml")),
    ("smtp/clean", Some("smtp.toml")),
    ("files/clean", Some("files.toml")),
    ("httpx/clean", Some("httpx.toml")),
    ("https-each", None),
    ("compute", None),
];

fn main() {
    let (runs, calls) = (kit::argument(0, 100), kit::argument(1, 64).to_string());
    let named: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |server: &str| {
        let one = |(known, _): &(&str, _)| named.iter().any(|name| name == known);
        !SERVERS.iter().any(one) || named.iter().any(|name| name == server)
    };
    kit::heading(&format!(
        "a version against itself, {runs} times with {calls} calls"
    ));
    for (server, scenario) in SERVERS.into_iter().filter(|(server, _)| wanted(server)) {
        kit::installed(server);
        let mut failed = Vec::new();
        let mut further = 0;
        for seed in 0..runs {
            let seed = seed.to_string();
            let done = kit::diff(
                server,
                server,
                scenario,
                &["--calls", &calls, "--seed", &seed],
                None,
            );
            let none = Vec::new();
            let findings = done.report["findings"].as_array().unwrap_or(&none);
            let mut what: Vec<String> = findings
                .iter()
                .map(|f| format!("{} {} {}", f["severity"], f["rule"], f["title"]))
                .collect();
            if done.report["verdict"] != "unchanged" && what.is_empty() {
                what.push(format!(
                    "{} {} {}",
                    done.report["verdict"],
                    done.report["problems"],
                    done.said.trim()
                ));
            }
            further += u32::from(done.report["exercise"]["runs"] != 2);
            if !what.is_empty() {
                failed.push((seed, what));
            }
        }
        println!(
            "  {server:16} {} of {runs} with a difference; {further} needed more than two runs",
            failed.len()
        );
        for (seed, what) in failed {
            println!("    seed {seed}: {}", what.join("\n      "));
        }
    }
}
