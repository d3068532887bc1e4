//! What a server can find out about the machine it runs on: a script looks wherever programs look
//! for signs of a sandbox, and every sign it finds is argued here.

use super::{Done, run, spec};
use std::time::{Duration, UNIX_EPOCH};
use turncoat::effect::Kind;
use turncoat::sandbox::PlantedFile;

const SCRIPT: &str = include_str!("telltales.js");

/// Signs that stay, and why.
const ARGUED: &[(&str, &str)] = &[
    (
        "owner-of-first-process",
        "only one user exists inside: without privileges no other can be mapped (user_namespaces (7))",
    ),
    (
        "parent-is-the-first-process",
        "a client between them would be one process more for every server; services have this parent, too",
    ),
    (
        "few-processes",
        "as on a machine that hides those of others (hidepid, proc (5)); made-up ones would have to live",
    ),
    (
        "only-loopback",
        "what a server sends through a network card by its name would be lost unseen",
    ),
    ("no-default-route", "the same"),
    (
        "namespaces",
        "asking where a link leads is not seen, and so cannot be answered otherwise",
    ),
    (
        "limits",
        "limits hold; a file that said otherwise would disagree with getrlimit (2)",
    ),
    (
        "sparse-etc",
        "made up but for what programs need: nothing of the host's own is in it",
    ),
    (
        "few-devices",
        "each device is a part of the host's kernel that the server could try",
    ),
    (
        "no-terminals",
        "line disciplines are a part of the kernel with a record of holes, and servers need none",
    ),
    (
        "system-is-not-root-s",
        "only one user exists inside, so root's files belong to nobody",
    ),
    (
        "etc-is-not-root-s",
        "the same; what is made for the sandbox is the user's",
    ),
    (
        "preloaded-library",
        "the clock's library has to be listed for the dynamic linker; who reads the list is told of",
    ),
    (
        "mapped-library",
        "the same library, under a name that says nothing; who reads the maps is told of",
    ),
    (
        "files-in-memory",
        "what is written goes to memory and never to a disk of the host's",
    ),
    (
        "made-up-file",
        "a file of /proc that was made up has a size; who reads it is told of",
    ),
    (
        "bounding-set-call",
        "privileges are really gone; the call's answer can only be an error or the truth",
    ),
    (
        "absent-calls",
        "calls that would go past the observer look like those of an older kernel",
    ),
];

/// Signs that are there on some hosts only, and why.
const SOMETIMES: &[(&str, &str)] = &[
    (
        "supplementary-groups",
        "a user without privileges keeps its groups, and none of them can be mapped",
    ),
    (
        "low-process-id",
        "a kernel without CONFIG_CHECKPOINT_RESTORE counts processes from one",
    ),
];

fn looked() -> Done {
    let file = "/home/alex/work/telltales.js";
    let mut server = spec(&["node", file]);
    let planted = |path: &str, content: &str| PlantedFile {
        path: path.to_owned(),
        content: content.as_bytes().to_vec(),
        mode: 0o644,
    };
    // With a clock of its own, as every run has.
    server.clock = Some(UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    server.files = vec![planted(file, SCRIPT), planted("/home/alex/.profile", "")];
    let done = run(&server);
    assert_eq!(done.exit.code, Some(0), "{}", done.err);
    done
}

#[test]
fn every_sign_of_a_sandbox_is_argued() {
    let done = looked();
    let found: Vec<&str> = done.out.lines().collect();
    for sign in &found {
        assert!(
            ARGUED
                .iter()
                .chain(SOMETIMES)
                .any(|(argued, _)| argued == sign),
            "`{sign}` gives the sandbox away"
        );
    }
    for (argued, why) in ARGUED {
        assert!(found.contains(argued), "`{argued}` is gone: {why}");
    }
    // What was given another face was told of all the same.
    for path in [
        "/proc/self/status",
        "/proc/self/uid_map",
        "/proc/1/status",
        "/proc/self/maps",
    ] {
        let told = |kind: &Kind| matches!(kind, Kind::Read(read) if read.path == path);
        assert!(done.effects.iter().any(told), "{path}");
    }
}

#[test]
fn a_file_with_another_face_is_read_as_any_file_is() {
    let script = "import os, fcntl\n\
        plain = open('/proc/self/status').read()\n\
        fd = os.open('/proc/self', os.O_RDONLY)\n\
        below = open(os.open('status', os.O_RDONLY, dir_fd=fd)).read()\n\
        path = os.open('/proc/self/status', os.O_PATH)\n\
        again = open(f'/proc/self/fd/{path}').read()\n\
        os.symlink('/proc/self/status', '/tmp/link')\n\
        linked = open('/tmp/link').read()\n\
        for text in [plain, below, again, linked]:\n\
        \x20 assert 'Seccomp:\\t0\\n' in text and 'CapBnd:\\t000001ffffffffff\\n' in text, text\n\
        \x20 assert f'Pid:\\t{os.getpid()}\\n' in text, text\n\
        kept = os.open('/proc/self/status', os.O_RDONLY)\n\
        shared = os.open('/proc/self/uid_map', os.O_RDONLY)\n\
        assert fcntl.fcntl(kept, fcntl.F_GETFD) == fcntl.FD_CLOEXEC\n\
        import ctypes\n\
        raw = ctypes.CDLL(None).open(b'/proc/self/status', os.O_RDONLY)\n\
        assert fcntl.fcntl(raw, fcntl.F_GETFD) == 0\n\
        assert os.read(kept, 9) + os.read(kept, 4) == plain.encode()[:13]\n\
        try: os.write(kept, b'x')\n\
        except OSError: pass\n\
        else: raise SystemExit('written')\n\
        try: os.write(os.open('/proc/self/uid_map', os.O_RDWR), b'0 0 1')\n\
        except OSError: pass\n\
        else: raise SystemExit('mapped')\n\
        child = os.fork()\n\
        if child == 0:\n\
        \x20 os._exit(f'PPid:\\t{os.getppid()}\\n' not in open('/proc/self/status').read())\n\
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n\
        print(open(f'/proc/{os.getpid()}/task/{os.getpid()}/cgroup').read(), end='')";
    let done = run(&spec(&[super::PYTHON, "-I", "-c", script]));
    assert_eq!(done.err, "");
    assert_eq!(done.out, "0::/user.slice/user-1000.slice/session-2.scope\n");
}
