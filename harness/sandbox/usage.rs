//! What the processes of a sandbox use, read from outside in /proc, without root. Looking at all
//! of them takes some tens of microseconds each, and is for the ends of phases; a [`Gauge`] looks
//! at one of them, for after every call.

use super::{notify, sys};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

/// Processes that are looked at; more than `Limits::processes` admits by default.
const MOST: usize = 1_000;
/// Descriptors of one process that are counted one by one.
const MOST_DESCRIPTORS: usize = 10_000;
const PAGE: u64 = 4096;
/// Of the times in /proc (proc_pid_stat (5)): USER_HZ is 100 on every Linux that is run on.
const TICK: Duration = Duration::from_millis(10);

/// What all processes inside have used so far, and hold now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// User and system time of those that are alive, and of those that have ended and were waited
    /// for. One whose parent lets the kernel reap it (SIGCHLD ignored) counts while it lives.
    pub cpu: Duration,
    /// Resident memory, in bytes; pages that several share count each time.
    pub memory: u64,
    /// The most that each had resident so far, added up.
    pub peak: u64,
    pub processes: u64,
    pub threads: u64,
    pub descriptors: u64,
    /// Bytes in the writable file system.
    pub disk: u64,
}

/// Adds up what the descendants of `init` use. Itself it is the sandbox's own, and only what it
/// reaped counts. A parent is looked at before its children: what ends meanwhile is missed for
/// now, never counted twice.
pub fn used(init: i32, writable: &OwnedFd, seen: &mut Vec<(i32, Duration)>) -> Used {
    let mut used = Used {
        disk: sys::bytes_used(writable.as_fd()).unwrap_or(0),
        cpu: Stat::of(init).map_or(Duration::ZERO, |stat| stat.reaped),
        ..Used::default()
    };
    let mut left = children(init);
    while let Some(pid) = left.pop() {
        // In this order: a process that is there after its clock was read is the one it is of.
        let own = notify::processor_time(pid).unwrap_or_default();
        let Some(stat) = Stat::of(pid) else { continue };
        used.cpu += own + stat.reaped;
        used.memory += stat.memory;
        used.peak += peak(pid).unwrap_or(0).max(stat.memory);
        used.processes += 1;
        used.threads += stat.threads;
        used.descriptors += descriptors(pid);
        seen.push((pid, own + stat.reaped));
        if seen.len() >= MOST {
            break;
        }
        left.extend(children(pid));
    }
    used
}

/// Children of all threads. Some kernels do not list them: then nothing is seen.
fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists = threads.filter_map(|at| fs::read_to_string(at.path().join("children")).ok());
    let ids = |list: String| -> Vec<i32> {
        let ids = list.split_whitespace().filter_map(|id| id.parse().ok());
        ids.collect()
    };
    lists.flat_map(ids).collect()
}

/// The largest resident memory so far, in bytes; none of a process that has ended.
fn peak(pid: i32) -> Option<u64> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// Open descriptors: the size of the folder since Linux 6.2 (proc_pid_fd (5)), before by counting.
fn descriptors(pid: i32) -> u64 {
    let folder = format!("/proc/{pid}/fd");
    match fs::metadata(&folder).map(|found| found.size()) {
        Ok(0) => fs::read_dir(&folder).map_or(0, |all| all.take(MOST_DESCRIPTORS).count() as u64),
        Ok(size) => size,
        Err(_) => 0,
    }
}

/// The figures of a line of /proc/PID/stat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stat {
    /// Times of the children it waited for, and of theirs.
    reaped: Duration,
    threads: u64,
    memory: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// proc_pid_stat (5). The name in parentheses may itself hold any byte.
    fn parse(line: &[u8]) -> Option<Self> {
        let end = line.iter().rposition(|byte| *byte == b')')?;
        let line = String::from_utf8_lossy(&line[end..]);
        // From the third field on, the state.
        let fields: Vec<&str> = line.split_whitespace().skip(1).collect();
        let number = |nth: usize| -> Option<u64> { fields.get(nth - 3)?.parse().ok() };
        let ticks = number(16)?.saturating_add(number(17)?);
        Some(Self {
            reaped: TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX)),
            threads: number(20)?,
            memory: number(24)?.saturating_mul(PAGE),
        })
    }
}

/// A process to be looked at again and again. Descriptors that are kept open name it even when its
/// id has become another one's.
#[derive(Debug)]
pub struct Gauge {
    pid: i32,
    stat: File,
    /// Its open files, where they can be counted by one look.
    files: Option<File>,
}

/// What one process has used so far, and holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of its children, of those it waited for: they count in steps of 10 ms.
    pub children: Duration,
    /// Resident memory, in bytes.
    pub memory: u64,
    pub descriptors: Option<u64>,
}

impl Gauge {
    /// On the one that has used most of these.
    pub(super) fn on_busiest(seen: &[(i32, Duration)]) -> Option<Self> {
        let (pid, _) = *seen.iter().max_by_key(|(_, used)| *used)?;
        let files = File::open(format!("/proc/{pid}/fd")).ok();
        let counts = |files: &File| files.metadata().is_ok_and(|found| found.size() > 0);
        Some(Self {
            pid,
            stat: File::open(format!("/proc/{pid}/stat")).ok()?,
            files: files.filter(counts),
        })
    }

    /// User and system time of all its threads so far, one system call; none when it has ended.
    pub fn cpu(&self) -> Option<Duration> {
        notify::processor_time(self.pid).ok()
    }

    /// The rest, two system calls; none when it has ended.
    pub fn read(&self) -> Option<Reading> {
        let mut line = [0; 512];
        let got = self.stat.read_at(&mut line, 0).ok()?;
        let stat = Stat::parse(&line[..got])?;
        let size = |files: &File| files.metadata().ok().map(|found| found.size());
        Some(Reading {
            children: stat.reaped,
            memory: stat.memory,
            descriptors: self.files.as_ref().and_then(size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_process_is_measured() {
        let me = std::process::id() as i32;
        let gauge = Gauge::on_busiest(&[(1, Duration::ZERO), (me, Duration::from_secs(1))]);
        let gauge = gauge.unwrap();
        let (before, began) = (gauge.read().unwrap(), gauge.cpu().unwrap());
        let kept: Vec<File> = (0..10).map(|_| File::open("/dev/null").unwrap()).collect();
        let page = vec![1u8; 64 << 20];
        let after = gauge.read().unwrap();
        // Other tests run in this process: it may only have become more, by a margin.
        assert!(after.memory + (16 << 20) > before.memory + page.len() as u64);
        if let (Some(before), Some(after)) = (before.descriptors, after.descriptors) {
            assert!(before > 0 && after > 0);
        }
        assert!(descriptors(me) >= kept.len() as u64);
        assert!(peak(me).unwrap() >= page.len() as u64);
        assert!(gauge.cpu().unwrap() > began);
    }

    #[test]
    fn children_count_while_they_live_and_when_they_have_been_waited_for() {
        let me = std::process::id() as i32;
        let folder = OwnedFd::from(File::open("/").unwrap());
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let begin = std::time::Instant::now();
        let busy = loop {
            let mut seen = Vec::new();
            let used = used(me, &folder, &mut seen);
            let own = seen.iter().find(|(seen, _)| *seen == pid);
            let own = own.map_or(Duration::ZERO, |(_, used)| *used);
            if own > 5 * TICK {
                assert!(used.cpu >= own && used.processes >= 1 && used.threads >= 1);
                assert!(used.peak >= used.memory && used.disk > 0);
                break own;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{own:?}");
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let reaped = Stat::of(me).unwrap().reaped;
        assert!(reaped + 2 * TICK >= busy, "{reaped:?} {busy:?}");
    }

    #[test]
    fn the_figures_are_found_behind_any_name() {
        let rest = (3..=52)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        let stat = Stat::parse(format!("7 (a) S 1 (b) {rest}").as_bytes()).unwrap();
        assert_eq!(stat.reaped, TICK * 33);
        assert_eq!((stat.threads, stat.memory), (20, 24 * PAGE));
        assert_eq!(Stat::parse(b"7 (node) S 1 7"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_line_is_read_without_harm(line in proptest::collection::vec(any::<u8>(), 0..400)) {
            Stat::parse(&line);
        }
    }
}
