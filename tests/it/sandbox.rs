//! The sandbox as a server and as its owner see it. These need user namespaces, and fail
//! loudly without them.

mod files;
mod network;
mod reads;

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
    Bound, Errand, Exit, Level, Limits, Mode, Mount, PlantedFile, Spec, StartError, Started,
    prepare, probe, start,
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
            "2",
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
    let done = run(&shell(
        "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; unshare -U true; mount -t tmpfs x /tmp; \
         echo x > /etc/passwd; echo x > /usr/x; echo 1 > /proc/sys/kernel/core_pattern; ulimit -c",
    ));
    for line in done.out.lines().filter(|l| l.starts_with("Cap")) {
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert!(done.out.contains("NoNewPrivs:\t1"));
    assert!(done.out.contains("Seccomp:\t2"));
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
fn a_fork_bomb_stays_small_and_ends() {
    let mut spec = shell("b() { b | b & }; b; sleep 0.5; echo alive");
    spec.limits.processes = 64;
    let began = Instant::now();
    let done = run(&spec);
    assert!(done.exit.left_behind.len() <= 64);
    assert!(began.elapsed() < LONG);
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

#[test]
fn nothing_survives_the_owner() {
    let (started, _) = begin(&shell("sleep 1000 & sleep 1000"));
    let pid = started.child.pid();
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    drop(started);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// Set for the process that holds a descriptor which is not close-on-exec.
const LEAKY: &str = "TURNCOAT_TEST_LEAKY";

#[test]
fn no_descriptor_of_the_owner_is_inherited() {
    if std::env::var_os(LEAKY).is_some() {
        assert!(Path::new("/proc/self/fd/9").exists());
        let done = run(&shell("ls /proc/self/fd | wc -l"));
        // stdin, stdout, stderr, and the listing itself
        assert_eq!(done.out.trim(), "4");
        return;
    }
    let out = Command::new("/bin/sh")
        .args([
            "-c",
            "exec \"$0\" --exact sandbox::no_descriptor_of_the_owner_is_inherited 9</etc/passwd",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(LEAKY, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("1 passed"), "{text}");
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

#[test]
fn this_host_is_probed() {
    let probes = probe(Some(helper()));
    assert!(probes.len() >= 3, "{probes:?}");
    assert_eq!(probes[0].what, "user namespaces");
    assert!(probes[0].available);
}

/// Set for the process that plays an owner who is killed.
const OWNER: &str = "TURNCOAT_TEST_OWNER";

#[test]
fn nothing_survives_a_killed_owner() {
    if std::env::var_os(OWNER).is_some() {
        let (started, _) = begin(&shell("sleep 1000"));
        eprintln!("pid {}", started.child.pid());
        loop {
            std::thread::park();
        }
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sandbox::nothing_survives_a_killed_owner",
            "--nocapture",
        ])
        .env(OWNER, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(owner.stderr.take().unwrap()).lines();
    let pid = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.strip_prefix("pid ")?.to_owned()))
        .unwrap();
    let process = PathBuf::from(format!("/proc/{pid}"));
    assert!(process.exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    until(|| !process.exists());
}

/// Set for the process that tries to start a sandbox where none can be: inside of one.
const NESTED: &str = "TURNCOAT_TEST_NESTED";

#[test]
fn denied_user_namespaces_are_told_with_a_hint() {
    if std::env::var_os(NESTED).is_some() {
        let error = start(&shell(":"), Arc::new(Kept::default())).unwrap_err();
        assert!(matches!(error, StartError::NoUserNamespace(_)), "{error}");
        assert!(error.hint().unwrap().contains("max_user_namespaces"));
        return;
    }
    let mut spec = spec(&[
        "/opt/tests",
        "--exact",
        "sandbox::denied_user_namespaces_are_told_with_a_hint",
    ]);
    let tests = std::env::current_exe().unwrap();
    spec.mounts
        .push(mounted(&tests, "/opt/tests", Mode::ReadOnly));
    spec.mounts
        .push(mounted(&helper(), "/opt/helper", Mode::ReadOnly));
    for (name, value) in [(NESTED, "1"), (HELPER, "/opt/helper")] {
        spec.env.push((name.to_owned(), value.to_owned()));
    }
    let done = run(&spec);
    assert_eq!(done.exit.code, Some(0), "{}{}", done.out, done.err);
    assert!(done.out.contains("1 passed"), "{}", done.out);
}

#[test]
fn process_1_is_closed_to_the_server() {
    let done = run(&shell(
        "cat /proc/1/environ; cat /proc/1/maps; readlink /proc/1/exe; ls /proc/1/fd; kill -9 1; echo still here",
    ));
    assert_eq!(done.out, "still here\n");
}

fn errand(script: &str, cwd: &str) -> Errand {
    Errand {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: cwd.into(),
        clock: None,
        limit: Duration::from_secs(1),
    }
}

#[test]
fn errands_run_one_by_one_where_the_server_will() {
    let folder = package();
    let spec = Spec {
        mounts: vec![mounted(folder.path(), "/home/alex/p", Mode::Overlay)],
        before: vec![
            errand(
                "pwd; id -u; env; echo made > lib/c; rm lib/b; exit 3",
                "/home/alex/p",
            ),
            errand(
                "rm -r ../lib; exec head -c 3000000 /dev/zero",
                "/home/alex/p/lib",
            ),
            errand("true", "/home/alex/p/lib"),
            errand("tail -f /dev/null & tail -f /dev/null", "/tmp"),
            errand("tail -f /dev/null >/dev/null 2>&1 &", "/tmp"),
            errand("echo never asked for > ~/never", "/tmp"),
        ],
        clock: None,
        ..shell("ls; ls /home/alex/p; pidof tail | wc -w")
    };
    let kept = Arc::new(Kept::default());
    let mut prepared = prepare(&spec, kept.clone()).unwrap_or_else(|e| panic!("{e}"));
    let mut next = || {
        let (from, to) = std::io::pipe().unwrap();
        let said = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = (&from).take(4_000_000).read_to_end(&mut bytes);
            bytes
        });
        let end = prepared.errand(to.into(), &|_| {}).unwrap().unwrap();
        (end, said, prepared.harvest(Bound::default()).changes)
    };
    let (end, said, changes) = next();
    assert_eq!((end.code, end.over_time), (Some(3), false));
    let said = String::from_utf8(said.join().unwrap()).unwrap();
    assert_eq!(
        said,
        "/home/alex/p\n1000\nPATH=/usr/bin:/bin\nPWD=/home/alex/p\n"
    );
    let paths: Vec<&str> = changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["/home/alex/p/lib/b", "/home/alex/p/lib/c"]);
    let (end, said, _) = next();
    assert_eq!((end.code, said.join().unwrap().len()), (Some(0), 3_000_000));
    let (end, ..) = next();
    assert_eq!(end.code, Some(127), "its folder is gone");
    let (end, ..) = next();
    assert!(
        end.over_time && end.signal == Some(9) && end.left_behind.is_empty(),
        "{end:?}"
    );
    let (end, ..) = next();
    assert_eq!(
        (end.code, end.left_behind),
        (Some(0), vec!["tail".to_owned()])
    );

    let Started {
        stdin,
        stdout,
        mut child,
        ..
    } = prepared.start().unwrap();
    drop(stdin);
    let mut out = String::new();
    fs::File::from(stdout).read_to_string(&mut out).unwrap();
    assert_eq!(
        out, "index.js\n1\n",
        "what was done before is there, and goes on"
    );
    let exit = child.wait_timeout(LONG).expect("the server did not end");
    assert_eq!(exit.left_behind, ["tail"]);
    let programs = kept.take().into_iter().filter_map(|kind| match kind {
        Kind::Program(program) => Some(program.path),
        _ => None,
    });
    let programs: Vec<String> = programs.collect();
    assert!(programs.contains(&"/usr/bin/id".to_owned()), "{programs:?}");
    assert!(
        !programs.iter().any(|path| path.ends_with("/sh")),
        "{programs:?}"
    );
}
