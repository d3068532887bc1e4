//! A running sandbox as its owner holds it. Dropping it ends every process inside.

use super::clock::Hand;
use super::harvest::{Bound, Harvest, Writable};
use super::launch::{Init, Process};
use super::listeners;
use super::lives::Mark;
use super::message::{self, News, Order};
use super::sys;
use super::usage::{self, Gauge, Used};
use super::watch::Watch;
use crate::effect::{Body, FileAction, FileChange, Folded};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Longest wait for the end of what was ended.
const LAST: Duration = Duration::from_secs(30);

/// The end of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Names of processes that were ended because they went on after the main one, oldest first.
    pub left_behind: Vec<String>,
    /// Processor time of the main process and the children it waited for.
    pub cpu: Duration,
    /// Largest resident memory of the main process, in bytes.
    pub max_memory: u64,
    /// Whether it was ended because all processes together used too much memory.
    pub over_memory: bool,
}

/// The processes of one sandbox.
#[derive(Debug)]
pub struct Child {
    control: OwnedFd,
    server: Process,
    /// /proc/PID/stat, kept open: reading it again gives the present state.
    stat: Option<File>,
    writable: Writable,
    watch: Option<Arc<Watch>>,
    clock: Option<Hand>,
    /// Of what ran before the server, and may run on.
    earlier: Vec<Arc<Watch>>,
    /// Whether the main process has ended and others go on.
    survived: bool,
    exit: Option<Exit>,
    // Last, so that it ends after the control socket has told it to.
    init: Init,
}

pub(super) struct Parts {
    pub control: OwnedFd,
    pub init: Init,
    pub server: Process,
    pub writable: Writable,
    pub watch: Option<Arc<Watch>>,
    pub clock: Option<Hand>,
    pub earlier: Vec<Arc<Watch>>,
}

impl Child {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            stat: File::open(format!("/proc/{}/stat", parts.server.pid)).ok(),
            control: parts.control,
            server: parts.server,
            writable: parts.writable,
            watch: parts.watch,
            clock: parts.clock,
            earlier: parts.earlier,
            survived: false,
            exit: None,
            init: parts.init,
        }
    }

    /// Lets time pass: all clocks inside are later by so much, and what waits for a time that has
    /// come goes on, [`NOTICED`](super::NOTICED) later at the latest. Not so for programs that do
    /// without libc, nor for timers that the kernel keeps.
    ///
    /// # Errors
    /// `Unsupported` where the sandbox has no clock of its own.
    pub fn advance(&mut self, by: Duration) -> io::Result<()> {
        let clock = self.clock.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        clock.advance(by)?;
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        for watch in self.watch.iter().chain(&self.earlier) {
            watch.clocks().passed_ns.fetch_add(by, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The main process's id on the host.
    pub fn pid(&self) -> u32 {
        self.server.pid as u32
    }

    /// TCP ports on which somebody listens inside, lowest first.
    pub fn listens(&self) -> Vec<u16> {
        listeners::ports(self.init.0.pid)
    }

    /// Whether the main thread waits for something, or has ended. One read and one poll, no
    /// allocation.
    pub fn is_asleep(&self) -> bool {
        self.confirm(|| self.main_is_asleep())
    }

    fn main_is_asleep(&self) -> bool {
        let mut line = [0; 512];
        let Some(Ok(got)) = self.stat.as_ref().map(|stat| stat.read_at(&mut line, 0)) else {
            return true;
        };
        asleep(&line[..got])
    }

    /// Whether every thread of every process inside waits: slower than
    /// [`is_asleep`](Self::is_asleep), and surer, because work may go on beside the main thread.
    pub fn is_idle(&self) -> bool {
        self.confirm(|| self.all_are_asleep())
    }

    fn confirm(&self, asleep: impl FnOnce() -> bool) -> bool {
        match &self.watch {
            Some(watch) => watch.confirm(asleep),
            None => asleep(),
        }
    }

    fn all_are_asleep(&self) -> bool {
        // The init adopts the processes whose parents have ended. Some kernels do not list
        // children; then only these two count.
        let mut left = vec![self.init.0.pid, self.server.pid];
        while let Some(pid) = left.pop() {
            let threads = fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten();
            for thread in threads.flatten() {
                if fs::read(thread.path().join("stat")).is_ok_and(|line| !asleep(&line)) {
                    return false;
                }
                let children = fs::read_to_string(thread.path().join("children"));
                let children = children.unwrap_or_default();
                left.extend(
                    children
                        .split_whitespace()
                        .filter_map(|id| id.parse::<i32>().ok())
                        .filter(|id| *id != self.server.pid),
                );
            }
        }
        true
    }

    /// Opens for reading that were counted and not told since this was last asked. What is
    /// opened from now on is told again where it was told before.
    pub fn reads(&self) -> Vec<Folded> {
        let watches = self.watch.iter().chain(&self.earlier);
        watches.flat_map(|watch| watch.reads()).collect()
    }

    /// What all processes inside have used so far and hold now. After the end, what they used
    /// in all. Nothing where the kernel does not list a process's children.
    pub fn used(&self) -> Used {
        usage::used(self.init.0.pid, self.writable.root(), &mut Vec::new())
    }

    /// The same, and a gauge on the process that has used most processor time.
    pub fn gauge(&self) -> (Used, Option<Gauge>) {
        let mut seen = Vec::new();
        let used = usage::used(self.init.0.pid, self.writable.root(), &mut seen);
        (used, Gauge::on_busiest(&seen))
    }

    /// Resident memory of the main process now, in bytes; 0 when it has ended.
    pub fn memory_bytes(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.server.pid));
        let pages = statm
            .ok()
            .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        pages.unwrap_or(0) * 4096
    }

    /// Processor time of the main process so far; zero when it has ended.
    pub fn cpu(&self) -> Duration {
        let mut line = [0; 512];
        let got = match &self.stat {
            Some(stat) => stat.read_at(&mut line, 0).unwrap_or(0),
            None => 0,
        };
        let text = String::from_utf8_lossy(&line[..got]);
        let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        // proc_pid_stat (5): utime and stime are the 14th and 15th field, in ticks of 10 ms.
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    /// Asks the main process to end.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Ends the main process at once; everything else inside follows.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(libc::SIGKILL)
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        match sys::signal(self.server.pidfd.as_fd(), signal) {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            done => done,
        }
    }

    /// Waits for the end of the main process, and ends all others; `None` when `time` passes first.
    pub fn wait_timeout(&mut self, time: Duration) -> Option<Exit> {
        self.wait_main(time).then(|| self.finish())
    }

    /// Waits for the end of the main process; false when `time` passes first. Others may go on:
    /// see [`is_survived`](Self::is_survived).
    pub fn wait_main(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.survived && self.exit.is_none() {
            if !self.hear_until(until) {
                return false;
            }
        }
        true
    }

    /// Whether processes go on after the main one has ended; waits for their end as long as `time`.
    pub fn is_survived(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.survived && self.exit.is_none() && self.hear_until(until) {}
        self.survived && self.exit.is_none()
    }

    /// After the end of the main process: ends what goes on, and tells of the programs among it.
    /// Nothing is told of programs after that.
    pub fn finish(&mut self) -> Exit {
        if self.survived && self.exit.is_none() {
            self.mark(Mark::Server);
            self.watches()
                .for_each(|watch| watch.tell_lives(Mark::Server));
            self.watches().for_each(|watch| watch.close_lives());
            let _ = message::tell(self.control.as_fd(), &Order::Finish, &[]);
        }
        let until = Instant::now() + LAST;
        while self.exit.is_none() && self.hear_until(until) {}
        self.mark(Mark::Server);
        self.watches().for_each(|watch| watch.close_lives());
        self.exit.get_or_insert_with(lost).clone()
    }

    /// Tells of programs that have ended, and notes which go on: a handful of instructions where
    /// none does.
    pub fn mark(&self, mark: Mark) {
        self.watches().for_each(|watch| watch.mark(mark));
    }

    /// Tells of the programs that go on after the calls they were started in.
    pub fn tell_lives(&self) {
        self.mark(Mark::Call);
        self.watches()
            .for_each(|watch| watch.tell_lives(Mark::Call));
    }

    fn watches(&self) -> impl Iterator<Item = &Arc<Watch>> {
        self.watch.iter().chain(&self.earlier)
    }

    /// Hears the next news; false when the time comes first.
    fn hear_until(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let left = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
        match sys::poll([self.control.as_fd()], left) {
            Ok([0]) => return left != 0,
            _ => self.hear_end(),
        }
        true
    }

    fn hear_end(&mut self) {
        let end = match message::hear(self.control.as_fd()) {
            Ok((News::Survived, ..)) => {
                self.survived = true;
                return self.mark(Mark::Server);
            }
            Ok((
                News::Ended {
                    code,
                    signal,
                    left_behind,
                    cpu_us,
                    max_rss,
                    over_memory,
                },
                _,
                _,
            )) => Exit {
                code,
                signal,
                left_behind,
                cpu: Duration::from_micros(cpu_us),
                max_memory: max_rss,
                over_memory,
            },
            _ => lost(),
        };
        self.exit = Some(end);
    }

    /// Whether anything can have been written so far: a process asked to open for writing, or
    /// to change an entry of a folder. Once true it stays true, so every later look must look
    /// again: a descriptor opened for writing may be written to at any time, and what was
    /// asked for may happen after a look. Opens for reading do not count. It is decided on
    /// the call's number and flags alone, never on a path, which could change after it was read;
    /// but for the family of an address that is bound, where whoever wins that race has the
    /// entry told at the end and not with its call.
    pub fn dirty(&self) -> bool {
        // Without a watcher nobody can say that nothing was written.
        let mut watches = self.watch.iter().chain(&self.earlier);
        self.watch.is_none() || watches.any(|watch| watch.is_dirty())
    }

    /// What was written, changed and deleted since the last harvest, the first time since the
    /// start. A file changed twice is told twice, each time whole and with what became of it
    /// since the last look, and a renamed one is deleted here and created there. One made and
    /// deleted between two looks, or refused, is told as attempted where it is nobody's own.
    /// `bound` is for all harvests together, and each note is given once.
    ///
    /// While the server runs, an entry that is as it was costs about a microsecond, and its
    /// content is not looked at; past 5,000 entries nothing is looked at before the end. What
    /// is written through a memory map may show only in the content, so after
    /// [`wait_timeout`](Self::wait_timeout) has told the end everything is read once more.
    pub fn harvest(&mut self, bound: Bound) -> Harvest {
        let mut harvest = self.writable.harvest(bound, self.exit.is_some());
        for watch in self.watch.iter().chain(&self.earlier) {
            attempts(watch, &mut harvest);
        }
        harvest
    }
}

/// The end of a server whose init was killed (by the host running out of memory, say), and the
/// server with it.
fn lost() -> Exit {
    Exit {
        code: None,
        signal: Some(libc::SIGKILL),
        left_behind: Vec::new(),
        cpu: Duration::ZERO,
        max_memory: 0,
        over_memory: false,
    }
}

/// Adds the writes that left nothing behind.
pub(super) fn attempts(watch: &Watch, harvest: &mut Harvest) {
    let tried = watch.attempts(&harvest.changes);
    harvest.changes.extend(tried.into_iter().map(attempted));
}

/// A write that left nothing behind.
fn attempted(path: String) -> FileChange {
    FileChange {
        path,
        action: FileAction::Attempted,
        mode: 0,
        content: Body::default(),
        planted: None,
    }
}

/// The state in a line of /proc/PID/stat (proc_pid_stat (5)): sleeping, or past everything.
fn asleep(line: &[u8]) -> bool {
    // The name in parentheses may itself hold any byte; the state follows the last one.
    let end = line.iter().rposition(|b| *b == b')');
    end.is_some_and(|end| matches!(line.get(end + 2), Some(b'S' | b'I' | b'Z' | b'X')))
}

#[cfg(test)]
mod tests {
    use super::asleep;

    #[test]
    fn the_state_is_found_behind_any_name() {
        assert!(asleep(b"7 (node) S 1 7"));
        assert!(!asleep(b"7 (node) R 1 7"));
        assert!(!asleep(b"7 (a) S (b) R 1 7"));
        assert!(!asleep(b""));
        assert!(!asleep(b"7 (node)"));
    }
}
