//! Compiles the library that the sandbox preloads into a server's processes, with the compiler and
//! the linker that build the rest. It is no module of the crate: it has no standard library.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told everything by the environment"
)]

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "harness/sandbox/clock";

/// What `rustc` is told: as small as it gets, and loadable wherever a dynamic linker is. It links
/// no library, so no symbol of it asks for a version of glibc; unwind tables let a thread be
/// cancelled in a wait.
const OPTIONS: &[&str] = &[
    "--crate-name=clock",
    "--crate-type=cdylib",
    "--edition=2024",
    "-Cpanic=abort",
    "-Copt-level=2",
    "-Ccodegen-units=1",
    "-Cstrip=symbols",
    "-Crelro-level=off",
    "-Cforce-unwind-tables=yes",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-Wl,-z,noseparate-code",
    // Where `dlsym` is in a library of its own (before glibc 2.34), a program need not have it.
    "-Clink-arg=-Wl,--no-as-needed",
    "-Clink-arg=-ldl",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in ["shim.rs", "shim", "shift.rs"] {
        println!("cargo::rerun-if-changed={FOLDER}/{file}");
    }
    let var = |name: &str| env::var_os(name).ok_or_else(|| format!("no `{name}`"));
    let library = Path::new(&var("OUT_DIR")?).join("clock.so");
    let is = |name: &str, wanted: &[&str]| {
        env::var(name).is_ok_and(|value| wanted.contains(&value.as_str()))
    };
    let known = is("CARGO_CFG_TARGET_OS", &["linux"])
        && is("CARGO_CFG_TARGET_ENV", &["gnu"])
        && is("CARGO_CFG_TARGET_POINTER_WIDTH", &["64"])
        && is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"]);
    if !known {
        // An empty one is none: the sandbox says so in every run.
        return Ok(std::fs::write(library, [])?);
    }
    let mut rustc = Command::new(var("RUSTC")?);
    rustc.args(OPTIONS).arg("--target").arg(var("TARGET")?);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    rustc.arg("-o").arg(library);
    rustc.arg(Path::new(FOLDER).join("shim.rs"));
    let status = rustc.status()?;
    if !status.success() {
        return Err(format!("the clock's library could not be compiled: {status}").into());
    }
    Ok(())
}
