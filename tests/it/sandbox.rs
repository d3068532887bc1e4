//! The sandbox as a server and as its owner see it. These need user namespaces, and fail
//! loudly without them.

mod errands;
mod files;
mod limits;
mod lives;
mod network;
mod owner;
mod reads;
mod telltales;

use std::fs;
use std::io::{BufRead, Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use turncoat::effect::{FileAction, FileChange, Folded, Kept, Kind};
use turncoat::sandbox::{
    Bound, Exit, Level, Mode, Mount, PlantedFile, Spec, StartError, Started, probe, start,
};

pub const LONG: Duration = Duration::from_secs(30);
const PYTHON: &str = "/usr/bin/python3";

pub fn spec(argv: &[&str]) -> Spec {
    Spec {
        argv: argv.iter().map(|a| a.to_string()).collect(),
        env: [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/home/alex"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .to_vec(),
        cwd: "/home/alex/work".to_owned(),
        helper: Some(helper()),
        ..Spec::default()
    }
}

/// Where the unprivileged run of these tests finds its copy of the binary.
const HELPER: &str = "TURNCOAT_TEST_HELPER";

fn helper() -> PathBuf {
    std::env::var_os(HELPER).map_or_else(|| env!("CARGO_BIN_EXE_turncoat").into(), PathBuf::from)
}

pub fn shell(script: &str) -> Spec {
    spec(&["/bin/sh", "-c", script])
}

pub fn begin(spec: &Spec) -> (Started, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let started = start(spec, kept.clone()).unwrap_or_else(|e| panic!("{e}; {:?}", e.hint()));
    (started, kept)
}

pub struct Done {
    pub out: String,
    pub err: String,
    pub exit: Exit,
    pub effects: Vec<Kind>,
    pub changes: Vec<FileChange>,
    pub reads: Vec<Folded>,
    pub notes: Vec<String>,
    pub level: Level,
    pub ahead_ns: i64,
    pub dirty: bool,
}

/// Runs to the end with nothing on stdin.
pub fn run(spec: &Spec) -> Done {
    let (started, kept) = begin(spec);
    let Started {
        stdin,
        stdout,
        stderr,
        mut child,
        mut notes,
        level,
        ahead_ns,
        sockets: _sockets,
        ..
    } = started;
    drop(stdin);
    let read = |fd: OwnedFd| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            fs::File::from(fd).read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let (out, err) = (read(stdout), read(stderr));
    let exit = child.wait_timeout(LONG).expect("the server did not end");
    let harvest = child.harvest(Bound::default());
    notes.extend(harvest.notes);
    Done {
        out: out.join().unwrap(),
        err: err.join().unwrap(),
        exit,
        effects: kept.take(),
        changes: harvest.changes,
        reads: child.reads(),
        notes,
        level,
        ahead_ns,
        dirty: child.dirty(),
    }
}

fn change<'a>(done: &'a Done, path: &str) -> Option<&'a FileChange> {
    done.changes.iter().find(|c| c.path == path)
}

fn action(done: &Done, path: &str) -> Option<FileAction> {
    change(done, path).map(|c| c.action)
}

/// A package folder on the host: `index.js`, `lib/a`, `lib/b`.
fn package() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("index.js"), "original").unwrap();
    fs::create_dir(folder.path().join("lib")).unwrap();
    fs::write(folder.path().join("lib/a"), "a").unwrap();
    fs::write(folder.path().join("lib/b"), "b").unwrap();
    folder
}

fn mounted(folder: &Path, target: &str, mode: Mode) -> Mount {
    Mount {
        source: folder.to_owned(),
        target: target.to_owned(),
        mode,
    }
}

#[test]
fn the_server_is_an_ordinary_user_of_an_ordinary_machine() {
    let done = run(&shell(
        "id -un; id -u; id -g; hostname; pwd; echo ~; cat /etc/resolv.conf; tr '\\0' ' ' </proc/1/cmdline; echo; echo $$; env | sort",
    ));
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(
        lines,
        [
            "alex",
            "1000",
            "1000",
            "alex-thinkpad",
            "/home/alex/work",
            "/home/alex",
            "nameserver 192.168.1.1",
            "search lan",
            "/sbin/init ",
            "4817",
            "HOME=/home/alex",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "PWD=/home/alex/work",
        ],
        "{}",
        done.err
    );
    assert_eq!(done.level, Level::L0, "{:?}", done.notes);
    assert_eq!(done.notes, [""; 0]);
    assert_eq!(done.exit.code, Some(0));
}

#[test]
fn nothing_of_the_host_is_visible() {
    let secret = package();
    let path = secret.path().join("index.js");
    let done = run(&shell(&format!(
        "cat {}; ls -A /root /tmp /home /mnt /sys; ls -d /proc/[0-9]*; ls -l /proc/$$/fd | wc -l; ls -A /",
        path.display()
    )));
    assert!(!done.out.contains("original"));
    assert!(done.err.contains("No such file"), "{}", done.err);
    let processes = done.out.lines().filter(|l| l.starts_with("/proc/")).count();
    assert!(processes <= 3, "{}", done.out);
    assert!(!done.out.contains("scratch"), "{}", done.out);
    assert!(!done.out.contains("farm"), "{}", done.out);
}

#[test]
fn privileges_are_gone() {
    // Looked at from outside: inside nobody is told.
    let (started, _) = begin(&shell("read x"));
    let status = fs::read_to_string(format!("/proc/{}/status", started.child.pid())).unwrap();
    let capabilities = status.lines().filter(|line| line.starts_with("Cap"));
    assert_eq!(capabilities.clone().count(), 5);
    for line in capabilities {
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Seccomp:\t2"), "{status}");
    let done = run(&shell(
        "unshare -U true; mount -t tmpfs x /tmp; echo x > /etc/passwd; echo x > /usr/x; \
         echo 1 > /proc/sys/kernel/core_pattern; ulimit -c",
    ));
    assert_eq!(done.out.lines().last(), Some("0"));
    for refusal in [
        "unshare failed: Operation not permitted",
        "must be superuser to use mount",
        "/etc/passwd: Read-only",
        "/usr/x: Read-only",
        "core_pattern: Permission denied",
    ] {
        assert!(done.err.contains(refusal), "{refusal}: {}", done.err);
    }
}

#[test]
fn what_is_left_behind_is_named_and_killed() {
    let done = run(&shell(
        "sleep 1000 & while [ $(cat /proc/$!/comm) != sleep ]; do :; done; exit 3",
    ));
    assert_eq!(done.exit.code, Some(3));
    assert_eq!(done.exit.left_behind, ["sleep"]);
}

#[test]
fn a_server_that_ignores_sigterm_is_killed() {
    let (mut started, _) = begin(&shell(
        "trap '' TERM; echo ready; while :; do sleep 1; done",
    ));
    let mut ready = [0; 6];
    let mut out = fs::File::from(started.stdout);
    out.read_exact(&mut ready).unwrap();
    started.child.terminate().unwrap();
    assert_eq!(started.child.wait_timeout(Duration::from_millis(200)), None);
    started.child.kill().unwrap();
    let exit = started.child.wait_timeout(LONG).unwrap();
    assert_eq!(exit.signal, Some(libc::SIGKILL));
}

#[test]
fn programs_started_are_seen_but_not_the_start_itself() {
    let done = run(&shell(
        "cd /tmp; unset HOME; LD_DEBUG=x /bin/echo hi there 2>/dev/null; exit 0",
    ));
    let programs: Vec<_> = done
        .effects
        .iter()
        .filter_map(|kind| match kind {
            Kind::Program(p) => Some(p),
            _ => None,
        })
        .collect();
    assert_eq!(programs.len(), 1, "{programs:?}");
    assert_eq!(programs[0].path, "/bin/echo");
    assert_eq!(programs[0].argv, ["/bin/echo", "hi", "there"]);
    assert_eq!(programs[0].cwd, "/tmp");
    assert!(programs[0].by.ends_with("sh"), "{}", programs[0].by);
    let variables = &programs[0].variables;
    assert_eq!(variables["LD_DEBUG"].as_deref(), Some("x"));
    assert_eq!(variables["HOME"], None);
    assert!(!variables.contains_key("PATH"), "{variables:?}");
    assert!(programs[0].pid >= 2);
}

#[test]
fn every_try_to_start_a_program_is_seen_with_whether_it_was_there() {
    let script = "import os; os.execvp('echo', ['echo', 'found'])";
    let mut spec = spec(&[PYTHON, "-c", script]);
    spec.env.retain(|(name, _)| name != "PATH");
    let path = "/home/alex/.local/bin:/nowhere:/bin".to_owned();
    spec.env.push(("PATH".to_owned(), path));
    let done = run(&spec);
    assert_eq!(done.out, "found\n", "{}", done.err);
    let tried: Vec<_> = done
        .effects
        .iter()
        .filter_map(|kind| match kind {
            Kind::Program(p) => Some((p.path.as_str(), p.missing)),
            _ => None,
        })
        .collect();
    let expected = [
        ("/home/alex/.local/bin/echo", true),
        ("/nowhere/echo", true),
        ("/bin/echo", false),
    ];
    assert_eq!(tried, expected);
}

#[test]
fn mistakes_are_told_with_their_names() {
    let fail = |spec: &Spec| start(spec, Arc::new(Kept::default())).unwrap_err();
    let missing = fail(&spec(&["no-such-program"]));
    assert!(
        matches!(&missing, StartError::Program { program, .. } if program == "no-such-program")
    );
    let mut gone = shell(":");
    gone.mounts
        .push(mounted(Path::new("/no/such"), "/opt/x", Mode::ReadOnly));
    assert!(matches!(fail(&gone), StartError::Source { path, .. } if path == "/no/such"));
    let mut outside = shell(":");
    outside.cwd = "/home/../etc".to_owned();
    assert!(matches!(fail(&outside), StartError::Path(_)));
}

#[test]
fn sleep_is_told_from_work() {
    let (started, _) = begin(&shell("read x; while :; do :; done"));
    let child = &started.child;
    until(|| child.is_asleep() && child.is_idle());
    assert!(child.memory_bytes() > 0);
    fs::File::from(started.stdin).write_all(b"go\n").unwrap();
    until(|| !child.is_asleep() && !child.is_idle() && !child.cpu().is_zero());
}

#[test]
fn work_of_children_is_no_idleness() {
    let (started, _) = begin(&shell("(while :; do :; done) & read x"));
    until(|| started.child.is_asleep() && !started.child.is_idle());
}

/// Holds the watcher up until the sender is gone.
struct Held(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl turncoat::effect::Sink for Held {
    fn emit(&self, _: Kind) {
        let _ = self.0.lock().unwrap().recv();
    }
}

#[test]
fn a_call_being_looked_at_is_no_rest() {
    let (release, held) = std::sync::mpsc::channel();
    let spec = shell("read x; exec sleep 1000");
    let started = start(&spec, Arc::new(Held(held.into()))).unwrap();
    let child = &started.child;
    until(|| child.is_asleep() && child.is_idle());
    fs::File::from(started.stdin.try_clone().unwrap())
        .write_all(b"go\n")
        .unwrap();
    until(|| !child.is_asleep());
    // Nothing runs now: the shell waits for the watcher, and that for us.
    for _ in 0..1000 {
        assert!(!child.is_asleep() && !child.is_idle());
    }
    drop(release);
    until(|| child.is_asleep() && child.is_idle());
}

/// Waits for a condition, long but not for ever.
fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::yield_now();
    }
}

/// Root's sandboxes give up root first, so both ways in have to be walked.
#[test]
fn an_unprivileged_user_gets_the_same() {
    unprivileged("sandbox::", &["an_unprivileged_user_gets_the_same"]);
}

/// Runs the tests of a module again as a user without rights, but for some: the one that asks.
pub fn unprivileged(module: &str, but: &[&str]) {
    if !fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("Uid:\t0\t")
    {
        // Every test here already ran as one.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(folder.path());
    let [tests, binary] = ["tests", "turncoat"].map(|name| folder.path().join(name));
    fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_turncoat"), &binary).unwrap();
    open(&tests);
    open(&binary);
    let out = Command::new(&tests)
        .args([module, "--test-threads=2"])
        .args(but.iter().flat_map(|but| ["--skip", but]))
        .env(HELPER, &binary)
        .current_dir(folder.path())
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
}

#[test]
fn this_host_is_probed() {
    let probes = probe(Some(helper()));
    assert!(probes.len() >= 3, "{probes:?}");
    assert_eq!(probes[0].what, "user namespaces");
    assert!(probes[0].available);
}

#[test]
fn process_1_is_closed_to_the_server() {
    let done = run(&shell(
        "cat /proc/1/environ; cat /proc/1/maps; readlink /proc/1/exe; ls /proc/1/fd; kill -9 1; echo still here",
    ));
    assert_eq!(done.out, "still here\n");
}
