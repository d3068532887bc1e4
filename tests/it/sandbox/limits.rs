//! What a server can use up.

use super::{LONG, change, run, shell, spec};
use std::time::Instant;
use turncoat::sandbox::Limits;

#[test]
fn a_fork_bomb_stays_small_and_ends() {
    let mut spec = shell("b() { b | b & }; b; sleep 0.5; echo alive");
    spec.limits.processes = 64;
    let began = Instant::now();
    let done = run(&spec);
    assert!(done.exit.left_behind.len() <= 64);
    assert!(began.elapsed() < LONG);
}

#[test]
fn a_full_disk_is_full_inside_only() {
    let mut spec = shell("head -c 20000000 /dev/zero > big; ls -l big | awk '{print $5}'");
    spec.limits = Limits {
        disk: 4 << 20,
        ..Limits::default()
    };
    let done = run(&spec);
    assert!(done.err.contains("No space left"), "{}", done.err);
    let big = change(&done, "/home/alex/work/big").unwrap();
    assert!(big.content.len <= 4 << 20);
}

#[test]
fn node_runs_under_the_limits() {
    let script = r#"
const os = require("os"), { Worker } = require("worker_threads");
const wasm = new WebAssembly.Memory({ initial: 100, maximum: 65536 });
const big = Buffer.alloc(256 << 20, 1);
console.log(os.userInfo().username, os.hostname(), Object.keys(os.networkInterfaces()).join());
new Worker("require('worker_threads').parentPort.postMessage(1)", { eval: true })
  .on("message", m => { console.log("worker", m, wasm.buffer.byteLength > 0, big.length);
    console.log(require("child_process").execSync("echo child").toString().trim()); });
"#;
    let done = run(&spec(&["node", "-e", script]));
    assert_eq!(
        done.out, "alex alex-thinkpad lo\nworker 1 true 268435456\nchild\n",
        "{}",
        done.err
    );
}

#[test]
fn memory_is_bounded() {
    let mut spec = spec(&[
        "node",
        "-e",
        "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))",
    ]);
    spec.limits.memory = 1 << 30;
    let done = run(&spec);
    assert_ne!(done.exit.code, Some(0));
    assert!(done.exit.max_memory < 2 << 30);
}

#[test]
fn memory_of_many_processes_is_bounded_too() {
    let mut spec = shell(
        "for i in 1 2 3 4; do node -e 'global.kept = Buffer.alloc(100 << 20, 1); setTimeout(() => {}, 1e6)' & done; wait",
    );
    spec.limits.memory_in_all = 400 << 20;
    let done = run(&spec);
    assert!(done.exit.over_memory);
    assert_eq!(done.exit.signal, Some(libc::SIGKILL));
}
