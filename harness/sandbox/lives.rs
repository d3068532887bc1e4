//! How long programs live that were started, how they end, and which go on where others have ended.
//! Each is held by a descriptor of its process from its start on. A thread that sleeps until one of
//! them ends tells of it; there is none before the first program. Nothing here is asked of a program
//! itself, and nothing is told of processes that execute no program of their own.

use super::{notify, remote, sys};
use crate::effect::{Kind, Life, Outlived, Program, Sink};
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Programs held at once, each for a descriptor. Of further ones it is not told how they end.
const MOST: usize = 64;

/// The programs of one watcher.
#[derive(Debug, Default)]
pub struct Lives(Arc<Shared>);

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    /// How many are held, for whom that is enough to know.
    many: AtomicUsize,
}

#[derive(Default)]
struct Held {
    alive: Vec<Alive>,
    sink: Option<Arc<dyn Sink>>,
    /// Wakes the thread, and ends it by being closed.
    wake: Option<PipeWriter>,
    is_closed: bool,
}

/// A program that has not been seen to end.
struct Alive {
    /// Process id on the host.
    id: i32,
    /// What is told of it.
    program: (String, u32),
    process: Arc<OwnedFd>,
    began: Instant,
    /// What it has outlived; none while that cannot be told yet.
    mark: Option<Mark>,
}

/// When it is looked which programs go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Before the first call: whoever runs then belongs to no call.
    Start,
    /// After a call.
    Call,
    /// After the server's end.
    Server,
}

/// A program that is about to be executed, held already.
pub struct Beginning {
    id: i32,
    process: OwnedFd,
}

impl Beginning {
    /// Of the process that the thread `id` belongs to.
    pub fn of(id: i32) -> Option<Self> {
        let process = |id| sys::pidfd(id).map(|process| Self { id, process });
        // There are none of threads.
        process(id)
            .or_else(|_| process(remote::outer_pid(id).unwrap_or(id)))
            .ok()
    }
}

impl Lives {
    /// A program takes its process over.
    pub fn begins(&self, beginning: Beginning, program: &Program, sink: &Arc<dyn Sink>) {
        let mut held = self.0.held();
        let Beginning { id, process } = beginning;
        if held.alive.iter().any(|alive| alive.id == id) {
            // It may be another process of that number, or the same with another program.
            held.look();
            held.alive.retain(|alive| alive.id != id);
        }
        if held.is_closed || held.alive.len() >= MOST {
            return;
        }
        held.alive.push(Alive {
            id,
            program: (program.path.clone(), program.pid),
            process: Arc::new(process),
            began: Instant::now(),
            mark: None,
        });
        held.sink.get_or_insert_with(|| Arc::clone(sink));
        // Without a thread the ends are told when somebody looks.
        if held.wake.is_none()
            && let Ok((woken, wake)) = io::pipe()
        {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("lives".to_owned());
            if thread.spawn(move || shared.run(woken)).is_ok() {
                held.wake = Some(wake);
            }
        }
        if let Some(wake) = &mut held.wake {
            let _ = wake.write_all(b".");
        }
        self.0.many.store(held.alive.len(), Ordering::Relaxed);
    }

    /// Tells of those that have ended, and notes which have not.
    pub fn mark(&self, mark: Mark) {
        if self.0.many.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut held = self.0.held();
        held.look();
        for alive in &mut held.alive {
            if alive.mark.is_none() || mark == Mark::Server {
                alive.mark = Some(mark);
            }
        }
        self.0.many.store(held.alive.len(), Ordering::Relaxed);
    }

    /// Tells of those that go on after what this mark is for.
    pub fn tell(&self, mark: Mark) {
        let held = self.0.held();
        for alive in held.alive.iter().filter(|alive| alive.mark == Some(mark)) {
            held.emit(Life {
                goes_on: true,
                ..alive.life()
            });
        }
    }

    /// Nothing is told any more.
    pub fn close(&self) {
        let mut held = self.0.held();
        *held = Held {
            is_closed: true,
            ..Held::default()
        };
        self.0.many.store(0, Ordering::Relaxed);
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut woken: PipeReader) {
        let mut drain = [0; 256];
        loop {
            let processes: Vec<Arc<OwnedFd>> = {
                let mut held = self.held();
                held.look();
                self.many.store(held.alive.len(), Ordering::Relaxed);
                let each = held.alive.iter().map(|alive| Arc::clone(&alive.process));
                each.collect()
            };
            let mut fds: Vec<BorrowedFd> = vec![woken.as_fd()];
            fds.extend(processes.iter().map(|process| process.as_fd()));
            let Ok(ready) = sys::poll_all(&fds, -1) else {
                return;
            };
            let came = ready.first().is_some_and(|ready| *ready != 0);
            if came && matches!(woken.read(&mut drain), Ok(0) | Err(_)) {
                return;
            }
        }
    }
}

impl Held {
    /// Tells of those that have ended.
    fn look(&mut self) {
        let fds: Vec<BorrowedFd> = self.alive.iter().map(|a| a.process.as_fd()).collect();
        let Ok(ready) = sys::poll_all(&fds, 0) else {
            return;
        };
        let mut ready = ready.into_iter();
        let (ended, alive) = std::mem::take(&mut self.alive)
            .into_iter()
            .partition(|_| ready.next().is_some_and(|ready| ready != 0));
        self.alive = alive;
        let ended: Vec<Alive> = ended;
        let told = !ended.is_empty() && tells_status();
        for ended in ended {
            let status = if told { status(&ended) } else { None };
            self.emit(Life {
                code: status.and_then(code),
                signal: status.and_then(signal),
                ..ended.life()
            });
        }
    }

    fn emit(&self, life: Life) {
        if let Some(sink) = &self.sink {
            sink.emit(Kind::Life(life));
        }
    }
}

impl Alive {
    fn life(&self) -> Life {
        let (path, pid) = self.program.clone();
        Life {
            path,
            pid,
            lived_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            code: None,
            signal: None,
            goes_on: false,
            outlived: match self.mark {
                Some(Mark::Call) => Some(Outlived::Call),
                Some(Mark::Server) => Some(Outlived::Server),
                Some(Mark::Start) | None => None,
            },
        }
    }
}

/// Whether the kernel tells how processes of others ended (Linux 6.15). Without that it depends on
/// whether their parents or we look first.
pub fn tells_status() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|n| n.parse::<u32>().ok());
    (next(), next()) >= (Some(6), Some(15))
}

/// The status (wait (2)) of a process that has ended: its parent has asked for it already, or has
/// not, or does in between.
fn status(ended: &Alive) -> Option<i32> {
    let told = || notify::exit_status(ended.process.as_fd());
    told().or_else(|| unasked(ended.id)).or_else(told)
}

/// The status of a process that its parent has not asked for it, the last field of its line
/// (proc_pid_stat (5)).
fn unasked(id: i32) -> Option<i32> {
    let line = fs::read(format!("/proc/{id}/stat")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let (_, fields) = line.rsplit_once(") ")?;
    if !fields.starts_with(['Z', 'X']) {
        return None;
    }
    fields.split_whitespace().last()?.parse().ok()
}

fn code(status: i32) -> Option<i32> {
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

fn signal(status: i32) -> Option<i32> {
    libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Shared").field("many", &self.many).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Kept;
    use std::process::{Child, Command};

    fn begin(lives: &Lives, sink: &Arc<dyn Sink>, script: &str) -> Child {
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .spawn()
            .unwrap();
        let program = Program {
            path: script.to_owned(),
            argv: Vec::new(),
            cwd: String::new(),
            pid: child.id(),
            by: String::new(),
            variables: Default::default(),
            missing: false,
            tried: Vec::new(),
        };
        let beginning = Beginning::of(child.id() as i32).unwrap();
        lives.begins(beginning, &program, sink);
        child
    }

    fn told(kept: &Kept, many: usize) -> Vec<Life> {
        let until = Instant::now() + std::time::Duration::from_secs(30);
        while kept.snapshot().len() < many && Instant::now() < until {
            std::thread::yield_now();
        }
        let lives = kept.take().into_iter().map(|kind| match kind {
            Kind::Life(life) => life,
            other => panic!("{other:?}"),
        });
        lives.collect()
    }

    #[test]
    fn ends_are_told_whoever_looks_first() {
        let (lives, kept) = (Lives::default(), Arc::new(Kept::default()));
        let sink: Arc<dyn Sink> = kept.clone();
        for (script, end) in [("exit 3", (Some(3), None)), ("kill -9 $$", (None, Some(9)))] {
            for asks_first in [false, true] {
                let mut child = begin(&lives, &sink, script);
                if asks_first {
                    child.wait().unwrap();
                }
                let all = told(&kept, 1);
                let told: Vec<_> = all.iter().map(|life| (life.code, life.signal)).collect();
                let expected = if tells_status() { end } else { (None, None) };
                assert_eq!(told, [expected], "{script}");
                assert!(!all[0].goes_on);
                let _ = child.wait();
            }
        }
    }

    #[test]
    fn what_goes_on_is_told_by_what_it_outlived() {
        let (lives, kept) = (Lives::default(), Arc::new(Kept::default()));
        let sink: Arc<dyn Sink> = kept.clone();
        let mut helper = begin(&lives, &sink, "exec sleep 60");
        lives.mark(Mark::Start);
        let mut daemon = begin(&lives, &sink, "exec sleep 61");
        lives.mark(Mark::Call);
        lives.tell(Mark::Call);
        let all = told(&kept, 1);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].path, "exec sleep 61");
        assert!(all[0].goes_on && all[0].outlived == Some(Outlived::Call));
        lives.mark(Mark::Server);
        helper.kill().unwrap();
        daemon.kill().unwrap();
        let all = told(&kept, 2);
        let outlived = |life: &Life| life.outlived == Some(Outlived::Server);
        assert!(all.len() == 2 && all.iter().all(outlived), "{all:?}");
        let _ = (helper.wait(), daemon.wait());
    }

    #[test]
    fn only_so_many_are_held() {
        let (lives, kept) = (Lives::default(), Arc::new(Kept::default()));
        let sink: Arc<dyn Sink> = kept.clone();
        let mut all: Vec<Child> = (0..MOST + 3)
            .map(|_| begin(&lives, &sink, "exec sleep 60"))
            .collect();
        lives.mark(Mark::Call);
        lives.tell(Mark::Call);
        assert_eq!(told(&kept, MOST).len(), MOST);
        lives.close();
        for child in &mut all {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        lives.mark(Mark::Server);
        assert_eq!(kept.take(), []);
    }
}
