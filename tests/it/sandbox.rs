//! The sandbox as a server and as its owner see it. These need user namespaces, and fail
//! loudly without them.

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
use turncoat::effect::{FileAction, FileChange, Kept, Kind};
use turncoat::sandbox::{
    Bound, Exit, Level, Limits, Mode, Mount, PlantedFile, Spec, StartError, Started, probe, start,
};

const LONG: Duration = Duration::from_secs(30);

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

fn begin(spec: &Spec) -> (Started, Arc<Kept>) {
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
fn what_is_written_anywhere_is_harvested() {
    let mut spec = shell(
        "echo new > note; echo more >> ~/.bashrc; rm ~/.netrc; chmod 600 ~/.profile; touch ~/.same; \
         echo t > /tmp/t; echo v > /var/tmp/v; echo s > /dev/shm/s; echo r > /run/r; mkdir ~/d; ln -s /x ~/l; \
         echo hid > ~/closed; chmod 000 ~/closed; mkfifo ~/pipe",
    );
    for (name, content) in [
        (".bashrc", "rc\n"),
        (".netrc", "n"),
        (".profile", "p"),
        (".same", "s"),
    ] {
        spec.files.push(PlantedFile {
            path: format!("/home/alex/{name}"),
            content: content.into(),
            mode: 0o644,
        });
    }
    let done = run(&spec);
    assert_eq!(done.err, "");
    let found: Vec<(String, FileAction, String)> = done
        .changes
        .iter()
        .map(|c| (c.path.clone(), c.action, c.content.text().into_owned()))
        .collect();
    use FileAction::*;
    let expected = [
        ("/home/alex/.netrc", Deleted, ""),
        ("/home/alex/.bashrc", Modified, "rc\nmore\n"),
        ("/home/alex/.profile", Modified, "p"),
        ("/home/alex/closed", Created, "hid\n"),
        ("/home/alex/d", FolderCreated, ""),
        ("/home/alex/l", LinkCreated, "/x"),
        ("/home/alex/pipe", Created, ""),
        ("/home/alex/work/note", Created, "new\n"),
        ("/tmp/t", Created, "t\n"),
        ("/var/tmp/v", Created, "v\n"),
        ("/run/r", Created, "r\n"),
        ("/dev/shm/s", Created, "s\n"),
    ]
    .map(|(p, a, c)| (p.to_owned(), a, c.to_owned()));
    assert_eq!(found, expected);
    assert_eq!(change(&done, "/home/alex/closed").unwrap().mode, 0);
    assert!(done.dirty);
}

/// A shell that does what it is told, line by line.
struct Told {
    started: Started,
    out: std::io::BufReader<fs::File>,
}

impl Told {
    fn begin(spec: &Spec) -> Self {
        let (mut started, _) = begin(spec);
        let (out, _) = std::io::pipe().unwrap();
        let out = std::mem::replace(&mut started.stdout, out.into());
        let out = std::io::BufReader::new(out.into());
        Self { started, out }
    }

    /// Does it, and gives what a harvest says then: path, action, content.
    fn then(&mut self, line: &str) -> Vec<(String, FileAction, String)> {
        let mut stdin = fs::File::from(self.started.stdin.try_clone().unwrap());
        writeln!(stdin, "{line}; echo done").unwrap();
        let mut answer = String::new();
        self.out.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
        let harvest = self.started.child.harvest(Bound::default());
        assert_eq!(harvest.notes, [""; 0]);
        let tell = |c: FileChange| (c.path, c.action, c.content.text().into_owned());
        harvest.changes.into_iter().map(tell).collect()
    }
}

/// Path, action and content.
type Change = (&'static str, FileAction, &'static str);

fn told(changes: &[Change]) -> Vec<(String, FileAction, String)> {
    let owned = |(p, a, c): &Change| (p.to_string(), *a, c.to_string());
    changes.iter().map(owned).collect()
}

#[test]
fn a_harvest_tells_what_came_after_the_one_before() {
    let package = package();
    let mut spec = spec(&["/bin/sh"]);
    for name in [".bashrc", ".ssh/id"] {
        spec.files.push(PlantedFile {
            path: format!("/home/alex/{name}"),
            content: b"planted\n".to_vec(),
            mode: 0o600,
        });
    }
    spec.mounts
        .push(mounted(package.path(), "/srv/app", Mode::Overlay));
    let mut shell = Told::begin(&spec);
    use FileAction::*;
    assert_eq!(shell.then("cat ~/.bashrc >/dev/null"), []);
    let steps: &[(&str, &[Change])] = &[
        ("echo 1 > a", &[("/home/alex/work/a", Created, "1\n")]),
        (":", &[]),
        ("echo 2 >> a", &[("/home/alex/work/a", Modified, "1\n2\n")]),
        // As long as before, and at once.
        (
            "printf '3\\n4\\n' > a",
            &[("/home/alex/work/a", Modified, "3\n4\n")],
        ),
        ("chmod 600 a", &[("/home/alex/work/a", Modified, "3\n4\n")]),
        ("touch a; echo x > b; rm b", &[]),
        (
            "mv a b",
            &[
                ("/home/alex/work/a", Deleted, ""),
                ("/home/alex/work/b", Created, "3\n4\n"),
            ],
        ),
        ("rm b", &[("/home/alex/work/b", Deleted, "")]),
        ("echo 5 > b", &[("/home/alex/work/b", Created, "5\n")]),
        (
            "echo evil >> ~/.bashrc",
            &[("/home/alex/.bashrc", Modified, "planted\nevil\n")],
        ),
        (
            "printf 'planted\\n' > ~/.bashrc",
            &[("/home/alex/.bashrc", Modified, "planted\n")],
        ),
        (
            "rm -r ~/.ssh",
            &[
                ("/home/alex/.ssh/id", Deleted, ""),
                ("/home/alex/.ssh", Deleted, ""),
            ],
        ),
        (
            "mkdir -p d/e; echo f > d/e/f",
            &[
                ("/home/alex/work/d", FolderCreated, ""),
                ("/home/alex/work/d/e", FolderCreated, ""),
                ("/home/alex/work/d/e/f", Created, "f\n"),
            ],
        ),
        (
            "echo g >> d/e/f",
            &[("/home/alex/work/d/e/f", Modified, "f\ng\n")],
        ),
        (
            "mv d/e /tmp",
            &[
                ("/home/alex/work/d/e/f", Deleted, ""),
                ("/home/alex/work/d/e", Deleted, ""),
                ("/tmp/e", FolderCreated, ""),
                ("/tmp/e/f", Created, "f\ng\n"),
            ],
        ),
        (
            "cd /srv/app; echo more >> lib/a",
            &[("/srv/app/lib/a", Modified, "amore\n")],
        ),
        (
            "echo more >> lib/a",
            &[("/srv/app/lib/a", Modified, "amore\nmore\n")],
        ),
        ("rm lib/a", &[("/srv/app/lib/a", Deleted, "")]),
        ("printf a > lib/a", &[("/srv/app/lib/a", Created, "a")]),
        (
            "rm -r lib",
            &[
                ("/srv/app/lib/a", Deleted, ""),
                ("/srv/app/lib", Deleted, ""),
            ],
        ),
        ("mkdir lib", &[("/srv/app/lib", FolderCreated, "")]),
        ("printf b > lib/b", &[("/srv/app/lib/b", Created, "b")]),
    ];
    for (line, expected) in steps {
        assert_eq!(shell.then(line), told(expected), "{line}");
    }
    drop(shell.started.stdin);
    shell.started.child.wait_timeout(LONG).unwrap();
    let rest = shell.started.child.harvest(Bound::default());
    assert_eq!(rest.changes, []);
}

#[test]
fn what_a_memory_map_wrote_is_found_in_the_end() {
    let script = r#"
import mmap, sys, time
f = open("m", "w+b"); f.write(bytes(100)); f.flush()
m = mmap.mmap(f.fileno(), 100); m[0] = 1
print("one", flush=True); sys.stdin.readline(); m[1] = 2
"#;
    let (started, _) = begin(&spec(&[PYTHON, "-c", script]));
    let mut out = std::io::BufReader::new(fs::File::from(started.stdout));
    out.read_line(&mut String::new()).unwrap();
    let mut child = started.child;
    // Past the time in which a file's clock stands still, files that look the same are.
    until(|| {
        let harvest = child.harvest(Bound::default());
        harvest.changes.iter().any(|c| c.path.ends_with("/m"))
    });
    drop(started.stdin);
    child.wait_timeout(LONG).unwrap();
    let rest = child.harvest(Bound::default()).changes;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0].action, FileAction::Modified);
    assert_eq!(rest[0].content.kept[..3], [1, 2, 0]);
}

#[test]
fn a_server_that_only_reads_is_never_dirty() {
    let script = "import os; os.listdir('/'); open('/etc/hostname').read(); \
                  os.stat('/home'); os.open('.', os.O_RDONLY | os.O_DIRECTORY); \
                  import json, socket, ssl, asyncio; print('read')";
    let done = run(&spec(&[PYTHON, "-B", "-c", script]));
    assert_eq!(done.out, "read\n", "{}", done.err);
    assert!(!done.dirty);
    let done = run(&spec(&[
        "node",
        "-e",
        "require('fs').readFileSync('/etc/hostname'); require('http'); console.log('read')",
    ]));
    assert_eq!(done.out, "read\n", "{}", done.err);
    assert!(!done.dirty);
}

/// Every way to write, by the number of its call, so that no library picks another one. Each
/// is asked for what fails or changes nothing much: asking is enough.
#[test]
fn every_way_to_write_makes_dirty() {
    let at = libc::AT_FDCWD;
    let both = [
        (libc::SYS_openat, format!("{at}, b'x', {}", libc::O_WRONLY)),
        (libc::SYS_openat, format!("{at}, b'x', {}", libc::O_RDWR)),
        (libc::SYS_openat, format!("{at}, b'x', {}", libc::O_CREAT)),
        (libc::SYS_openat, format!("{at}, b'x', {}", libc::O_TRUNC)),
        (
            libc::SYS_openat2,
            format!("{at}, b'x', b'\\2' + bytes(23), 24"),
        ),
        (libc::SYS_unlinkat, format!("{at}, b'x', 0")),
        (libc::SYS_renameat, format!("{at}, b'x', {at}, b'y'")),
        (libc::SYS_renameat2, format!("{at}, b'x', {at}, b'y', 0")),
        (libc::SYS_mkdirat, format!("{at}, b'x', 511")),
        (libc::SYS_linkat, format!("{at}, b'x', {at}, b'y', 0")),
        (libc::SYS_symlinkat, format!("b'x', {at}, b'y'")),
        (libc::SYS_mknodat, format!("{at}, b'x', 4516, 0")),
        (libc::SYS_truncate, "b'x', 0".to_owned()),
        (libc::SYS_fchmod, "0, 511".to_owned()),
        (libc::SYS_fchmodat, format!("{at}, b'x', 511")),
        (libc::SYS_fchmodat2, format!("{at}, b'x', 511, 0")),
        (libc::SYS_bind, r"0, b'\1\0x', 4".to_owned()),
    ];
    #[cfg(target_arch = "x86_64")]
    let older = [
        (libc::SYS_open, format!("b'x', {}", libc::O_WRONLY)),
        (libc::SYS_creat, "b'x', 511".to_owned()),
        (libc::SYS_unlink, "b'x'".to_owned()),
        (libc::SYS_rename, "b'x', b'y'".to_owned()),
        (libc::SYS_mkdir, "b'x', 511".to_owned()),
        (libc::SYS_rmdir, "b'x'".to_owned()),
        (libc::SYS_link, "b'x', b'y'".to_owned()),
        (libc::SYS_symlink, "b'x', b'y'".to_owned()),
        (libc::SYS_mknod, "b'x', 4516, 0".to_owned()),
        (libc::SYS_chmod, "b'x', 511".to_owned()),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let older: [(libc::c_long, String); 0] = [];
    for (number, arguments) in both.into_iter().chain(older) {
        let script = format!(
            "import ctypes, sys; c = ctypes.CDLL(None).syscall\n\
             print(1, flush=True); sys.stdin.readline(); c({number}, {arguments}); print(2, flush=True)"
        );
        let (started, _) = begin(&spec(&[PYTHON, "-B", "-c", &script]));
        let mut out = std::io::BufReader::new(fs::File::from(started.stdout));
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(!started.child.dirty(), "{number} before it was called");
        fs::File::from(started.stdin).write_all(b"go\n").unwrap();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "1\n2\n", "{number}");
        assert!(started.child.dirty(), "{number}({arguments})");
    }
}

/// Every look-up of a host binds a netlink socket; a server that looks names up writes nothing.
#[test]
fn to_bind_an_address_of_no_file_is_no_writing() {
    let script = "import ctypes, sys; c = ctypes.CDLL(None).syscall\n\
                  print(1, flush=True); sys.stdin.readline()\n\
                  for family in (2, 10, 16): c(BIND, 0, bytes([family]) + bytes(27), 28)\n\
                  print(2, flush=True); sys.stdin.read()"
        .replace("BIND", &libc::SYS_bind.to_string());
    let (started, _) = begin(&spec(&[PYTHON, "-B", "-c", &script]));
    let mut out = std::io::BufReader::new(fs::File::from(started.stdout));
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    fs::File::from(started.stdin).write_all(b"go\n").unwrap();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "1\n2\n");
    assert!(!started.child.dirty());
}

#[test]
fn an_overlay_is_written_without_touching_its_source() {
    let package = package();
    let mut spec = shell(
        "echo changed > index.js; rm lib/a; echo new > lib/c; chmod +x lib/b; touch -d 2020-01-01 lib/b",
    );
    spec.cwd = "/srv/app".to_owned();
    spec.mounts
        .push(mounted(package.path(), "/srv/app", Mode::Overlay));
    let done = run(&spec);
    assert_eq!(done.err, "");
    assert_eq!(done.level, Level::L0, "{:?}", done.notes);
    assert_eq!(
        action(&done, "/srv/app/index.js"),
        Some(FileAction::Modified)
    );
    assert_eq!(action(&done, "/srv/app/lib/a"), Some(FileAction::Deleted));
    assert_eq!(action(&done, "/srv/app/lib/b"), Some(FileAction::Modified));
    assert_eq!(action(&done, "/srv/app/lib/c"), Some(FileAction::Created));
    assert_eq!(done.changes.len(), 4, "{:?}", done.changes);
    let on_host = fs::read_to_string(package.path().join("index.js")).unwrap();
    assert_eq!(on_host, "original");
    assert!(package.path().join("lib/a").exists());
}

#[test]
fn a_folder_deleted_and_made_again_shows_what_is_gone() {
    let package = package();
    let mut spec = shell("rm -r lib && mkdir lib && echo b > lib/z");
    spec.cwd = "/srv/app".to_owned();
    spec.mounts
        .push(mounted(package.path(), "/srv/app", Mode::Overlay));
    let done = run(&spec);
    assert_eq!(done.err, "");
    assert_eq!(action(&done, "/srv/app/lib/a"), Some(FileAction::Deleted));
    assert_eq!(action(&done, "/srv/app/lib/b"), Some(FileAction::Deleted));
    assert_eq!(action(&done, "/srv/app/lib/z"), Some(FileAction::Created));
}

#[test]
fn planted_files_stand_over_files_of_mounts() {
    let package = package();
    let mut spec =
        shell("cat /opt/ro/lib/a /opt/rw/lib/a /etc/ssl/cert.pem; echo x > /opt/ro/lib/a");
    spec.mounts
        .push(mounted(package.path(), "/opt/ro", Mode::ReadOnly));
    spec.mounts
        .push(mounted(package.path(), "/opt/rw", Mode::Overlay));
    for path in [
        "/opt/ro/lib/a",
        "/opt/rw/lib/a",
        "/etc/ssl/certs/ca-certificates.crt",
    ] {
        spec.files.push(PlantedFile {
            path: path.to_owned(),
            content: format!("planted {path}\n").into_bytes(),
            mode: 0o644,
        });
    }
    let done = run(&spec);
    assert_eq!(
        done.out,
        "planted /opt/ro/lib/a\nplanted /opt/rw/lib/a\nplanted /etc/ssl/certs/ca-certificates.crt\n"
    );
    assert!(done.err.contains("Read-only"), "{}", done.err);
    assert_eq!(done.changes, []);
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
    let done = run(&shell("cd /tmp; /bin/echo hi there; exit 0"));
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

const PYTHON: &str = "/usr/bin/python3";

#[test]
fn connections_that_stay_inside_are_seen() {
    let script = r#"
import socket, os
def attempt(family, address):
    s = socket.socket(family)
    try: s.connect(address)
    except OSError as e: print(e.errno)
    else: print("ok")
attempt(socket.AF_UNIX, "/run/docker.sock")
attempt(socket.AF_INET, ("127.0.0.1", 6379))
attempt(socket.AF_INET6, ("::1", 6380))
own = socket.socket(); own.bind(("127.0.0.1", 0)); own.listen()
attempt(socket.AF_INET, own.getsockname())
"#;
    let done = run(&spec(&[PYTHON, "-c", script]));
    assert_eq!(done.out, "2\n111\n111\nok\n", "{}", done.err);
    let seen: Vec<_> = done
        .effects
        .iter()
        .filter_map(|kind| match kind {
            Kind::Flow(f) => Some((f.protocol.as_str(), f.peer.name(), f.peer.address.port())),
            _ => None,
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("unix", "/run/docker.sock".to_owned(), 0),
            ("refused-loopback", "127.0.0.1".to_owned(), 6379),
            ("refused-loopback", "::1".to_owned(), 6380),
        ]
    );
}

#[test]
fn every_tcp_destination_reaches_the_listeners() {
    let script = r#"
import socket
for host, port in [("198.51.100.7", 443), ("169.254.169.254", 80), ("10.1.2.3", 65535), ("2001:db8::7", 25)]:
    s = socket.create_connection((host, port)); print(s.getsockname()[0], s.recv(100).decode())
"#;
    let (started, _) = begin(&spec(&[PYTHON, "-c", script]));
    let listeners = [started.sockets.tcp4, started.sockets.tcp6].map(TcpListener::from);
    for listener in &listeners {
        listener.set_nonblocking(false).unwrap();
    }
    for listener in [&listeners[0], &listeners[0], &listeners[0], &listeners[1]] {
        let (mut connection, _) = listener.accept().unwrap();
        let dialled = connection.local_addr().unwrap();
        connection
            .write_all(dialled.to_string().as_bytes())
            .unwrap();
    }
    let mut out = String::new();
    fs::File::from(started.stdout)
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(
        out,
        "192.168.1.23 198.51.100.7:443\n192.168.1.23 169.254.169.254:80\n\
         192.168.1.23 10.1.2.3:65535\nfd12:3456:789a:1::23 [2001:db8::7]:25\n"
    );
}

#[test]
fn datagrams_and_pings_carry_their_destination() {
    let script = r#"
import socket, struct
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"four", ("192.168.1.1", 53))
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"six", ("2001:db8::8", 123))
p = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
p.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + b"ping", ("203.0.113.9", 0)); print(p.recv(100)[8:])
"#;
    let (mut started, _) = begin(&spec(&[PYTHON, "-c", script]));
    assert_eq!(started.child.wait_timeout(LONG).unwrap().code, Some(0));
    let four = original(&started.sockets.udp4).unwrap();
    assert_eq!(four, (b"four".to_vec(), "192.168.1.1:53".parse().unwrap()));
    let six = original(&started.sockets.udp6).unwrap();
    assert_eq!(six, (b"six".to_vec(), "[2001:db8::8]:123".parse().unwrap()));
    let mut packet = [0; 100];
    let got = fs::File::from(started.sockets.icmp4)
        .read(&mut packet)
        .unwrap();
    assert_eq!(packet[16..20], [203, 0, 113, 9]);
    assert_eq!(&packet[28..got], b"ping");
}

#[test]
fn replies_may_come_from_any_address() {
    let ask = r#"
import socket
for family, address in [(socket.AF_INET, ("192.168.1.1", 53)), (socket.AF_INET6, ("2001:db8::8", 53))]:
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(20); s.bind(("", 4000))
    s.sendto(b"?", address); data, source = s.recvfrom(100); print(data.decode(), source[0], source[1])
"#;
    let (started, _) = begin(&spec(&[PYTHON, "-c", ask]));
    // Whole packets: a UDP header without checksum is enough for IPv4; for IPv6 it is made.
    let answer = r#"
import socket, struct, sys
v6 = sys.argv[1] == "6"; family = socket.AF_INET6 if v6 else socket.AF_INET
src, dst = (socket.inet_pton(family, a) for a in sys.argv[2:4]); data = b"yes"; n = 8 + len(data)
def udp(c): return struct.pack("!4H", 53, 4000, n, c) + data
if v6:
    pseudo = src + dst + struct.pack("!II", n, 17) + udp(0) + b"\0"
    c = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo)); c = (c & 0xffff) + (c >> 16); c = (c & 0xffff) + (c >> 16)
    packet = struct.pack("!IHBB", 6 << 28, n, 17, 64) + src + dst + udp(~c & 0xffff)
else:
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + n, 0, 0, 64, 17, 0) + src + dst + udp(0)
s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW, fileno=0); s.sendto(packet, (sys.argv[3], 0))
"#;
    let own = turncoat::sandbox::ADDRESS6.to_string();
    for (question, raw, arguments) in [
        (
            &started.sockets.udp4,
            &started.sockets.raw4,
            ["4", "192.168.1.1", "192.168.1.23"],
        ),
        (
            &started.sockets.udp6,
            &started.sockets.raw6,
            ["6", "2001:db8::8", &own],
        ),
    ] {
        until(|| original(question).is_some());
        let status = Command::new(PYTHON)
            .args(["-c", answer])
            .args(arguments)
            .stdin(raw.try_clone().unwrap())
            .status();
        assert!(status.unwrap().success());
    }
    let mut out = String::new();
    fs::File::from(started.stdout)
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(out, "yes 192.168.1.1 53\nyes 2001:db8::8 53\n");
}

#[test]
fn a_link_in_a_package_leads_no_mount_out() {
    let (package, victim) = (package(), package());
    std::os::unix::fs::symlink(victim.path(), package.path().join("out")).unwrap();
    let mut spec = shell("cat /opt/app/out/index.js");
    spec.mounts
        .push(mounted(package.path(), "/opt/app", Mode::Overlay));
    spec.files.push(PlantedFile {
        path: "/opt/app/out/index.js".to_owned(),
        content: b"planted".to_vec(),
        mode: 0o644,
    });
    spec.mounts.push(mounted(
        &victim.path().join("lib"),
        "/opt/app/out/new",
        Mode::ReadOnly,
    ));
    let outcome = start(&spec, Arc::new(Kept::default()));
    let on_host = fs::read_to_string(victim.path().join("index.js")).unwrap();
    assert_eq!(on_host, "original");
    assert!(!victim.path().join("new").exists());
    drop(outcome);
}

/// One datagram and the address it was sent to, if there is one.
fn original(socket: &OwnedFd) -> Option<(Vec<u8>, std::net::SocketAddr)> {
    let script = r#"
import socket, sys
s = socket.socket(fileno=0)
try: data, anc, _, _ = s.recvmsg(100, 200)
except BlockingIOError: sys.exit()
raw = next(d for l, t, d in anc if t in (20, 74))
v6 = s.family == socket.AF_INET6
ip = socket.inet_ntop(s.family, raw[8:24] if v6 else raw[4:8]); port = int.from_bytes(raw[2:4], "big")
print(data.decode(), f"[{ip}]:{port}" if v6 else f"{ip}:{port}")
"#;
    let out = Command::new(PYTHON)
        .args(["-c", script])
        .stdin(socket.try_clone().unwrap())
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let (data, address) = out.trim().split_once(' ')?;
    Some((data.as_bytes().to_vec(), address.parse().unwrap()))
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
fn a_folder_of_somebody_else_can_be_written_inside() {
    let folder = Path::new("/usr/share/zoneinfo/Etc");
    let mut spec = shell("echo x > UTC && echo y > New && rm Zulu; cat UTC");
    spec.cwd = "/srv/app".to_owned();
    spec.mounts.push(mounted(folder, "/srv/app", Mode::Overlay));
    let done = run(&spec);
    assert_eq!(done.out, "x\n", "{} {:?}", done.err, done.notes);
    // A copy where its owner is nobody we are, an overlay where ids can be mapped.
    assert_eq!(done.level == Level::L0, done.notes.is_empty());
    use FileAction::{Created, Deleted, Modified};
    let changes: Vec<_> = (done.changes.iter())
        .map(|c| (c.path.as_str(), c.action))
        .collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(changes.contains(&("/srv/app/UTC", Modified)));
    assert!(changes.contains(&("/srv/app/New", Created)));
    assert!(changes.contains(&("/srv/app/Zulu", Deleted)));
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
