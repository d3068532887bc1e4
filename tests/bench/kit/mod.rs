//! What the benchmarks share: the fixtures' packages, a server without any sandbox, a plain local
//! HTTPS upstream for it, and turncoat itself as users start it.
//!
//! Figures are medians, and ratios of two things measured in the same minute on the same
//! processors: nothing here asserts a time.

#![allow(
    dead_code,
    unused_imports,
    reason = "every benchmark uses a part of it"
)]

mod bare;
mod proxy;
mod record;
pub mod schemathesis;
mod turncoat;
mod upstream;

pub use bare::{Bare, OnHost, Way};
pub use proxy::Proxy;
pub use record::Record;
pub use turncoat::{Answered, Watched, command, diff, watched};
pub use upstream::{Upstream, reroute};

use ::turncoat::package::{self, Cache, Package, Target};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Prints what was measured on.
pub fn heading(what: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cpus = field(&status, "Cpus_allowed_list:").unwrap_or("?");
    println!("\n{what}   (processors {cpus}, load {})", load.join(" "));
}

/// The value of a line in a file of `/proc/PID/`.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// The nth number on the command line; `cargo bench` adds options of its own.
pub fn argument(nth: usize, otherwise: u32) -> u32 {
    let numbers = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    numbers
        .filter_map(|arg| arg.parse().ok())
        .nth(nth)
        .unwrap_or(otherwise)
}

/// A folder of this repository.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// One of the test servers, installed as turncoat installs it.
pub fn installed(server: &str) -> Package {
    let folder = place("tests/servers").join(server);
    let options = package::Options {
        cache: Cache::default_dir().expect("HOME is set"),
        as_of: None,
        offline: false,
        runtime: None,
        settings: Default::default(),
        progress: &|what| eprintln!("{what}"),
    };
    package::fetch(&Target::Folder(folder), &options).expect("the test server installs")
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Whether a program is on PATH.
pub fn is_present(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
