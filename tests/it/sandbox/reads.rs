//! What is opened for reading, and calls that reach out of the process, as the watcher tells them.

use super::{Done, PYTHON, run, shell, spec};
use turncoat::effect::{FileRead, Kind};

/// Isolated, or Python looks for modules in the working folder.
fn python(script: &str) -> Done {
    let done = run(&spec(&[PYTHON, "-I", "-c", script]));
    assert_eq!(done.exit.code, Some(0), "{}", done.err);
    done
}

fn reads(done: &Done) -> Vec<&FileRead> {
    let kinds = done.effects.iter();
    kinds
        .filter_map(|kind| match kind {
            Kind::Read(read) => Some(read),
            _ => None,
        })
        .collect()
}

/// Paths told, in order.
fn paths(done: &Done) -> Vec<&str> {
    reads(done)
        .into_iter()
        .map(|read| read.path.as_str())
        .collect()
}

#[test]
fn a_start_reads_nothing_worth_telling() {
    for argv in [
        vec!["/bin/sh", "-c", "/bin/cat /dev/null; date; : $(ls /usr)"],
        vec![
            PYTHON,
            "-I",
            "-c",
            "import json, socket, ssl, locale, zoneinfo",
        ],
        vec![
            "node",
            "-e",
            "require('https'); new worker_threads.Worker('0', {eval: true})",
        ],
    ] {
        let done = run(&spec(&argv));
        assert_eq!(done.exit.code, Some(0), "{}", done.err);
        assert_eq!(paths(&done), [""; 0], "{argv:?}");
        let opens: u64 = done.reads.iter().map(|reads| reads.opens).sum();
        assert!(opens > 3, "{argv:?}: {:?}", done.reads);
    }
}

#[test]
fn what_a_worker_reads_is_told_and_not_what_it_is_made_with() {
    let maps = "require('fs').readFileSync('/proc/self/maps')";
    let script = format!("new worker_threads.Worker(\"{maps}\", {{eval: true}})");
    let done = run(&spec(&["node", "-e", &script]));
    assert_eq!(done.exit.code, Some(0), "{}", done.err);
    assert_eq!(paths(&done), ["/proc/self/maps"]);
}

#[test]
fn a_path_is_told_by_where_it_leads() {
    let key = "/home/alex/.ssh/id_ed25519";
    for (way, asked) in [
        ("open('/home/alex/.ssh/id_ed25519')", None),
        ("open('../.ssh/id_ed25519')", Some("../.ssh/id_ed25519")),
        (
            "open('id_ed25519', opener=lambda p, f: os.open(p, f, dir_fd=os.open('/home/alex/.ssh', os.O_PATH)))",
            Some("id_ed25519"),
        ),
        (
            "os.symlink('/home/alex/.ssh', '/tmp/theme'); open('/tmp/theme/id_ed25519')",
            Some("/tmp/theme/id_ed25519"),
        ),
        (
            "os.symlink('../../home/alex/.ssh', '/tmp/theme'); os.chdir('/tmp/theme'); open('./id_ed25519')",
            Some("./id_ed25519"),
        ),
        (
            "open('/proc/self/root/home/alex/.ssh/id_ed25519')",
            Some("/proc/self/root/home/alex/.ssh/id_ed25519"),
        ),
        (
            "open('/proc/thread-self/cwd/../.ssh/id_ed25519')",
            Some("/proc/thread-self/cwd/../.ssh/id_ed25519"),
        ),
        (
            "open(f'/dev/fd/{os.open(key, os.O_PATH)}')",
            Some("/dev/fd/3"),
        ),
        ("open('/home/alex/.ssh/id_ed25519', 'r+')", None),
    ] {
        let script = format!(
            "import os\nkey = '{key}'\nos.mkdir('/home/alex/.ssh')\nopen(key, 'w').close()\n{way}"
        );
        let done = python(&script);
        let told: Vec<_> = reads(&done)
            .into_iter()
            .map(|read| (read.path.as_str(), read.asked.as_deref(), read.missing))
            .collect();
        assert_eq!(told, [(key, asked, false)], "{way}");
    }
}

#[test]
fn what_is_missing_and_what_is_listed_is_told_so() {
    let done = python(
        "import os\nfor path in ['.env', '/nowhere/../nowhere/x']:\n try: open(path)\n except OSError: pass\nos.listdir('.')",
    );
    let told: Vec<_> = reads(&done)
        .into_iter()
        .map(|read| (read.path.as_str(), read.missing, read.listed))
        .collect();
    let expected = [
        ("/home/alex/work/.env", true, false),
        ("/nowhere/x", true, false),
        ("/home/alex/work", false, true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn processes_are_told_by_what_they_are_to_the_reader() {
    let done = python(
        "import os, threading\nme = os.getpid()\nfor path in ['self', me, 'thread-self', f'self/task/{threading.get_native_id()}']:\n open(f'/proc/{path}/environ')\nopen('/proc/1/cmdline')\nopen('/etc/ld.so.preload') if os.path.exists('/etc/ld.so.preload') else 0\nchild = os.fork()\nif child == 0: open(f'/proc/{os.getppid()}/environ')\nelse: os.wait()",
    );
    let expected = [
        "/proc/self/environ",
        "/proc/1/cmdline",
        "/proc/{pid}/environ",
    ];
    assert_eq!(paths(&done), expected);
}

#[test]
fn the_runtime_looks_at_its_process_and_the_server_is_told_from_it() {
    let look = "require('fs').readFileSync('/proc/self/maps')";
    let file = "/home/alex/work/server.js";
    let mut server = spec(&["node", file]);
    let script = |content: &str| turncoat::sandbox::PlantedFile {
        path: file.to_owned(),
        content: content.as_bytes().to_vec(),
        mode: 0o644,
    };
    server.files = vec![script("0")];
    assert!(!paths(&run(&server)).contains(&"/proc/self/maps"));
    server.files = vec![script(look)];
    assert!(paths(&run(&server)).contains(&"/proc/self/maps"));
}

#[test]
fn many_paths_are_all_counted_and_hide_none() {
    const MANY: u64 = 30_000;
    let done = python(&format!(
        "import os\nfor i in range({MANY}):\n try: os.open(f'a{{i % 7}}/{{i}}', os.O_RDONLY)\n except OSError: pass\ntry: open('/home/alex/.netrc')\nexcept OSError: pass"
    ));
    let told = paths(&done);
    assert_eq!(told.last(), Some(&"/home/alex/.netrc"));
    let folders: Vec<_> = done
        .reads
        .iter()
        .filter(|reads| reads.folder.is_some())
        .collect();
    assert_eq!(folders.len(), 7, "{folders:?}");
    let folded: u64 = folders.iter().map(|reads| reads.opens).sum();
    assert_eq!(told.len() as u64 - 1 + folded, MANY);
    assert!(told.len() < 5_000);
}

#[test]
fn calls_that_reach_out_are_refused_and_told() {
    let done = run(&shell(&format!(
        "unshare -U true; kill -USR1 1; kill -0 1; sleep 9 & kill $!; {PYTHON} -c 'import ctypes; print(ctypes.CDLL(None).ptrace(16, 1, 0, 0))'"
    )));
    assert!(done.err.contains("Operation not permitted"), "{}", done.err);
    assert_eq!(done.out, "-1\n");
    let told: Vec<_> = done
        .effects
        .iter()
        .filter_map(|kind| match kind {
            Kind::Forbidden(call) => Some((call.call.as_str(), call.target.as_str())),
            Kind::Signal(signal) => Some((signal.call.as_str(), signal.target.as_str())),
            _ => None,
        })
        .collect();
    let expected = [("unshare", ""), ("kill", "process 1"), ("ptrace", "")];
    assert_eq!(told, expected);
}
