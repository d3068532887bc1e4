//! Calls two versions of a server with whatever libFuzzer draws, and fails when the new one does
//! what no honest upgrade does. What they were seen doing counts as coverage, so that inputs that
//! show something new are kept and changed further; the servers' own code is not looked into.
//!
//! `OLD` and `NEW` name the versions and `SCENARIO` what they need, all from the folder `fuzz`; the
//! repository's mail server and its faithless successor where they are not set.
#![no_main]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use tokio::runtime::Runtime;
use turncoat::run::differential::{Ground, Pair};

/// Counters that libFuzzer reads beside those of compiled code.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static SEEN: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];
const COUNTERS: usize = 1 << 14;

/// Where the calls go that show what was found.
const CALLS: &str = "artifacts/differential.json";

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let ground = Ground::open(
        &named("OLD", "clean"),
        &named("NEW", "bcc"),
        scenario().as_deref(),
    );
    ground.unwrap_or_else(|e| panic!("the versions cannot be had: {e}"))
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be had"));
static PAIR: LazyLock<Mutex<Pair>> = LazyLock::new(|| Mutex::new(Pair::new(&GROUND)));

fn named(variable: &str, other: &str) -> String {
    env::var(variable).unwrap_or_else(|_| format!("../tests/servers/postmark/{other}"))
}

fn scenario() -> Option<PathBuf> {
    match env::var_os("SCENARIO") {
        Some(named) => Some(named.into()).filter(|path: &PathBuf| !path.as_os_str().is_empty()),
        None => Some("../scenarios/postmark.toml".into()),
    }
}

libfuzzer_sys::fuzz_target!(
    init: {
        // The sandbox starts this program again, as its helper.
        if turncoat::sandbox::is_helper() {
            turncoat::sandbox::child_main();
        }
    },
    |data: &[u8]| {
        let mut pair = PAIR.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = RUNTIME.block_on(pair.ask(data));
        match asked.unwrap_or_else(|e| panic!("a server cannot be run: {e}")) {
            Ok(seen) => {
                for number in seen {
                    SEEN[number as usize % COUNTERS].store(1, Ordering::Relaxed);
                }
            }
            Err(found) => {
                let calls = serde_json::to_vec_pretty(&found.calls).expect("calls are JSON");
                let _ = fs::create_dir_all(Path::new(CALLS).parent().unwrap_or(Path::new(".")));
                fs::write(CALLS, calls).expect("there is room for a file");
                panic!(
                    "{}\nshow it again: turncoat diff OLD NEW --sequence fuzz/{CALLS}",
                    found.titles.join("\n")
                );
            }
        }
    }
);
