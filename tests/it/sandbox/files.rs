//! What a server finds and leaves in its folders.

use super::*;

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
fn a_program_in_place_of_the_system_s_is_the_system_s() {
    let package = package();
    let program = "/usr/bin/env";
    let mut spec = shell("cat /usr/bin/env; echo x > /usr/bin/env");
    let copy = package.path().join("index.js");
    spec.mounts.push(mounted(&copy, program, Mode::ReadOnly));
    let done = run(&spec);
    assert_eq!(done.out, "original");
    assert!(done.err.contains("Read-only"), "{}", done.err);
    assert_eq!(action(&done, program), Some(FileAction::Attempted));
    assert_eq!(fs::read_to_string(&copy).unwrap(), "original");
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
