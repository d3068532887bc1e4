//! What a server has of the process that started it, and what is left of it after that.

use super::{HELPER, begin, helper, mounted, run, shell, spec, until};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use turncoat::effect::Kept;
use turncoat::sandbox::{Mode, StartError, start};

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
            "exec \"$0\" --exact sandbox::owner::no_descriptor_of_the_owner_is_inherited 9</etc/passwd",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(LEAKY, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("1 passed"), "{text}");
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
            "sandbox::owner::nothing_survives_a_killed_owner",
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
        "sandbox::owner::denied_user_namespaces_are_told_with_a_hint",
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
