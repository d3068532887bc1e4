//! Valid values among those made, and values per second: turncoat's generator and schemathesis, on
//! the JSON Schema test suite and on what servers list.
//!
//! `cargo bench --bench schemas [STRIDE] [LIST.json...]`. Every STRIDEth schema of the suite is
//! taken, and every tool of the lists, which are answers to `tools/list`; of each 32 values, the
//! first of a schema with what it takes to read it. A validator that both know nothing of says
//! what is valid. schemathesis is that of `target/schemathesis`, a virtual environment that is made
//! from PyPI once; its engine is asked directly, without the HTTP around it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and what it shares with others is not all used by each"
)]

#[path = "../it/schemas/fetch.rs"]
mod fetch;
mod kit;
#[path = "../it/schemas/suite.rs"]
mod suite;

use kit::schemathesis;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;
use suite::Shown;
use turncoat::generate::{Generator, Hints};
use turncoat::secret::Seed;

const VALUES: u32 = 32;

/// What was made of some schemas.
#[derive(Default)]
struct Sum {
    made: usize,
    valid: usize,
    /// Schemas of which nothing valid was made.
    without: Vec<String>,
    seconds: f64,
}

impl Sum {
    fn add(&mut self, shown: &Shown, values: &[Value], seconds: f64) {
        let valid = values.iter().filter(|value| shown.judges(value)).count();
        self.made += values.len();
        self.valid += valid;
        self.seconds += seconds;
        if valid == 0 {
            self.without.push(shown.label.clone());
        }
    }

    fn print(&self, name: &str) {
        let share = self.valid as f64 * 100.0 / self.made.max(1) as f64;
        println!(
            "  {name:13} {share:7.3} % of {} values valid, none for {} schemas, {:7.0} values/s",
            self.made,
            self.without.len(),
            self.made as f64 / self.seconds,
        );
    }
}

fn main() {
    let stride = kit::argument(0, 4) as usize;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let suite = suite::read(&fetch::suite(&cache));
    let shown: Vec<Shown> = suite.shown.into_iter().step_by(stride.max(1)).collect();
    measure("the JSON Schema test suite", &shown);
    let mut tools = Vec::new();
    let lists = std::env::args()
        .skip(1)
        .filter(|word| word.ends_with(".json"));
    for path in lists {
        let list: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let list = list.get("result").unwrap_or(&list);
        for tool in list["tools"].as_array().unwrap() {
            let label = format!("{path} {}", tool["name"]);
            tools.extend(Shown::tool(label, &tool["inputSchema"]));
        }
    }
    if !tools.is_empty() {
        measure("listed tools", &tools);
    }
}

fn measure(what: &str, shown: &[Shown]) {
    kit::heading(&format!(
        "{what}: {} schemas, {VALUES} values of each",
        shown.len()
    ));
    let mut ours = Sum::default();
    for shown in shown {
        let began = Instant::now();
        let made = Generator::new("tool", &shown.schema, &Hints::default(), Seed(7));
        let values: Vec<Value> = made
            .into_iter()
            .flat_map(|generator| {
                (0..VALUES)
                    .map(|nth| generator.case(nth).arguments)
                    .collect::<Vec<_>>()
            })
            .collect();
        ours.add(shown, &values, began.elapsed().as_secs_f64());
    }
    ours.print("turncoat");
    for label in &ours.without {
        println!("    nothing valid: {label}");
    }
    let asked: Vec<(Value, &str)> = shown
        .iter()
        .map(|s| (s.schema.clone(), s.dialect))
        .collect();
    let Some(made) = schemathesis::values(&asked, VALUES) else {
        println!("  schemathesis is not present, and could not be had from PyPI");
        return;
    };
    let mut theirs = Sum::default();
    let mut reasons = std::collections::BTreeMap::new();
    for (shown, made) in shown.iter().zip(&made) {
        theirs.add(shown, &made.values, made.seconds);
        if let Some(why) = &made.why {
            *reasons.entry(why.as_str()).or_insert(0) += 1;
        }
    }
    theirs.print("schemathesis");
    println!("    refused or stopped: {reasons:?}");
}
