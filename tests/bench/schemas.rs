//! Share of valid values, and values per second.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints"
)]
use std::time::Instant;
use turncoat::generate::{Generator, Hints};
use turncoat::secret::Seed;
#[path = "../it/schemas/suite.rs"]
mod suite;

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let folder = args.next().unwrap();
    let filter = args.next().unwrap_or_default();
    let suite = suite::read(folder.as_ref());
    let (mut all, mut good, mut lying) = (0, 0, 0);
    let mut slow: Vec<(f64, String)> = Vec::new();
    let mut failing = 0;
    let mut count = 0;
    let began = Instant::now();
    for shown in suite.shown.iter().filter(|s| s.label.contains(&filter)) {
        count += 1;
        let t = Instant::now();
        let generator = match Generator::new("tool", &shown.schema, &Hints::default(), Seed(7)) {
            Ok(g) => g,
            Err(problem) => {
                println!("REFUSED {} {problem}", shown.label);
                all += 32;
                failing += 1;
                if !filter.is_empty() {
                    println!("   {}", shown.schema);
                }
                continue;
            }
        };
        let cases: Vec<_> = (0..32).map(|n| generator.case(n)).collect();
        let fine = cases.iter().filter(|c| shown.judges(&c.arguments)).count();
        let lies: Vec<_> = cases
            .iter()
            .filter(|c| c.valid != shown.judges(&c.arguments))
            .collect();
        all += 32;
        good += fine;
        if !lies.is_empty() {
            lying += 1;
            println!(
                "LIES {}/32 {} {}",
                lies.len(),
                shown.label,
                lies[0].arguments
            );
        }
        for c in &cases {
            if generator.replay(&c.choices) != c.arguments {
                println!("REPLAY {} {}", shown.label, c.arguments);
            }
        }
        if fine < 32 {
            failing += 1;
            let bad = cases.iter().find(|c| !shown.judges(&c.arguments)).unwrap();
            println!(
                "{fine}/32 {} {}",
                shown.label,
                bad.arguments
                    .to_string()
                    .chars()
                    .take(150)
                    .collect::<String>()
            );
        }
        if !filter.is_empty() {
            println!("   {}", shown.schema);
            for c in cases.iter().take(6) {
                println!("      {} {}", c.valid, c.arguments);
            }
        }
        slow.push((t.elapsed().as_secs_f64(), shown.label.clone()));
    }
    slow.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (s, l) in slow.iter().take(8) {
        println!("slow {s:.2} {l}");
    }
    println!(
        "{count} schemas, {} remote, {failing} failing, {lying} lying; {good}/{all} = {:.3} %; {:.1} s",
        suite.remote.len(),
        good as f64 * 100.0 / f64::from(all),
        began.elapsed().as_secs_f64()
    );
}
