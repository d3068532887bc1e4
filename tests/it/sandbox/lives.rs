//! How programs end, what goes on after the server, and signals from one process to another.

use super::{Done, LONG, begin, run, shell, spec};
use std::time::Duration;
use turncoat::effect::{Kind, Life, Outlived};
use turncoat::sandbox::{Mark, Spec};

fn lives(effects: &[Kind]) -> Vec<&Life> {
    let lives = effects.iter().filter_map(|kind| match kind {
        Kind::Life(life) => Some(life),
        _ => None,
    });
    lives.collect()
}

fn signals(done: &Done) -> Vec<(&str, &str, i32)> {
    let signals = done.effects.iter().filter_map(|kind| match kind {
        Kind::Signal(signal) => Some((signal.call.as_str(), signal.target.as_str(), signal.number)),
        _ => None,
    });
    signals.collect()
}

#[test]
fn every_program_is_told_with_its_end() {
    let done = run(&shell(
        "/bin/true; /bin/false; sh -c 'kill -9 $$'; sh -c 'exec sleep 0.3' & wait $!; /bin/nothing; exit 0",
    ));
    let all = lives(&done.effects);
    let ends: Vec<_> = all
        .iter()
        .map(|life| (life.path.as_str(), life.code, life.signal))
        .collect();
    assert_eq!(
        ends,
        [
            ("/bin/true", Some(0), None),
            ("/bin/false", Some(1), None),
            ("/usr/bin/sh", None, Some(9)),
            // The shell that it was is no program of its own any more.
            ("/usr/bin/sleep", Some(0), None),
        ]
    );
    assert!(
        all.iter()
            .all(|life| !life.goes_on && life.outlived.is_none())
    );
    assert!(all[3].lived_us > 250_000, "{all:?}");
    assert!(all[0].lived_us < 250_000, "{all:?}");
}

/// Waits until so many programs were started.
fn until_started(kept: &turncoat::effect::Kept, many: usize) {
    let began = std::time::Instant::now();
    let programs = || {
        let all = kept.snapshot();
        all.iter()
            .filter(|kind| matches!(kind, Kind::Program(_)))
            .count()
    };
    while programs() < many && began.elapsed() < LONG {
        std::thread::yield_now();
    }
}

#[test]
fn what_goes_on_after_the_server_is_seen_and_ended() {
    let (mut started, kept) = begin(&shell(
        "sleep 1000 & (while kill -0 $$ 2>/dev/null; do sleep 0.01; done; cat /etc/hostname > gone; exec env -u HOME sleep 1001) & read line",
    ));
    until_started(&kept, 1);
    started.child.mark(Mark::Start);
    assert!(!started.child.wait_main(Duration::from_millis(1)));
    assert!(!started.child.is_survived(Duration::ZERO));
    drop(started.stdin);
    assert!(started.child.wait_main(LONG));
    until_started(&kept, 4);
    assert!(started.child.is_survived(Duration::from_millis(50)));
    let exit = started.child.finish();
    assert_eq!(exit.code, Some(1));
    assert_eq!(exit.left_behind, ["sleep", "sleep"]);
    let changes = started
        .child
        .harvest(turncoat::sandbox::Bound::default())
        .changes;
    assert!(
        changes.iter().any(|change| change.path.ends_with("/gone")),
        "{changes:?}"
    );
    let effects = kept.take();
    let left: Vec<_> = lives(&effects)
        .into_iter()
        .filter(|life| life.goes_on)
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left.iter()
            .all(|life| life.outlived == Some(Outlived::Server))
    );
    assert_eq!(started.child.finish(), exit);
}

#[test]
fn children_that_end_with_their_server_are_not_left_behind() {
    let (mut started, kept) = begin(&shell(
        "mkfifo p; (read x < p; sleep 0.1; exit 4) & exec 3> p; read line",
    ));
    drop(started.stdin);
    assert!(started.child.wait_main(LONG));
    while started.child.is_survived(Duration::from_millis(50)) {}
    let exit = started.child.finish();
    assert_eq!(exit.left_behind, [""; 0]);
    let effects = kept.take();
    let after: Vec<_> = lives(&effects)
        .iter()
        .map(|life| (life.code, life.goes_on))
        .collect();
    assert_eq!(after.last(), Some(&(Some(0), false)), "{effects:?}");
}

fn python(code: &str) -> Spec {
    spec(&["/usr/bin/python3", "-c", code])
}

#[test]
fn signals_to_ones_own_children_are_ordinary() {
    let done = run(&shell(
        "sleep 9 & kill $!; (sleep 9 & sleep 9) & kill -9 $!; kill -0 1; kill -USR1 99999 2>/dev/null; kill -WINCH 0; kill -TERM $$",
    ));
    assert_eq!(signals(&done), [("kill", "no process", 10)]);
    let own = run(&python(
        "import os, signal, subprocess, threading\n\
         p = subprocess.Popen(['sleep', '9']); p.terminate(); p.wait()\n\
         p = subprocess.Popen(['sleep', '9'], start_new_session=True); os.killpg(p.pid, 9); p.wait()\n\
         signal.signal(signal.SIGUSR1, lambda *_: None)\n\
         signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)\n\
         p = subprocess.Popen(['sleep', '9']); fd = os.pidfd_open(p.pid); signal.pidfd_send_signal(fd, 15); p.wait()\n\
         os.kill(os.getpid(), 15)",
    ));
    assert_eq!(own.exit.signal, Some(15), "{}", own.err);
    assert_eq!(signals(&own), []);
}

#[test]
fn signals_to_others_are_told_by_whom_they_are_for() {
    let done = run(&python(
        "import os, signal, subprocess, ctypes\n\
         signal.signal(signal.SIGUSR1, lambda *_: None)\n\
         other = subprocess.Popen(['sleep', '9'])\n\
         code = f'''\n\
import os, signal, ctypes\n\
os.kill(os.getppid(), signal.SIGUSR1)\n\
signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGUSR1)\n\
libc = ctypes.CDLL(None)\n\
libc.syscall(234, {other.pid}, {other.pid}, 2)\n\
libc.syscall(200, {other.pid}, 15)\n\
os.kill(1, 15)\n\
'''\n\
         print(subprocess.run(['/usr/bin/python3', '-c', code]).returncode)\n\
         print(other.wait())",
    ));
    assert_eq!(done.out, "0\n-2\n", "{}", done.err);
    assert_eq!(
        signals(&done),
        [
            ("kill", "the process that started it", 10),
            ("pidfd_send_signal", "the process that started it", 10),
            ("tgkill", "another process", 2),
            ("tkill", "another process", 15),
            ("kill", "process 1", 15),
        ]
    );
}

/// The full numbers are `cargo bench --bench many`'s.
#[test]
fn very_many_programs_and_files_are_all_told() {
    const PROGRAMS: usize = 500;
    const FILES: usize = 12_000;
    let done = run(&shell(&format!(
        "i=0; while [ $i -lt {PROGRAMS} ]; do /bin/true; i=$((i+1)); done; seq {FILES} | split -l 1 -a 4 - part"
    )));
    assert_eq!(done.exit.code, Some(0), "{}", done.err);
    let ended = lives(&done.effects);
    let well = ended
        .iter()
        .filter(|life| life.path == "/bin/true" && life.code == Some(0));
    assert_eq!(well.count(), PROGRAMS);
    let parts = done
        .changes
        .iter()
        .filter(|change| change.path.contains("/part"));
    assert_eq!(parts.count(), FILES);
    assert!(
        done.notes.iter().all(|note| !note.contains("not listed")),
        "{:?}",
        done.notes
    );
}
