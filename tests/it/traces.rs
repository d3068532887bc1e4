//! What a run may leave behind on its host: processes, mounts, files. Looked at from outside,
//! through `/proc`.

use crate::context::{Context, Output, Running, poll};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// How long the kernel may take to end what was killed.
const SOON: Duration = Duration::from_secs(20);

/// A process: its id, and its start in clock ticks so that a later one of that id is another.
pub type Process = (u32, u64);

/// Follows one run of the binary.
#[derive(Default)]
pub struct Traces {
    /// Every process that was seen below the binary.
    seen: BTreeSet<Process>,
    /// The most memory the binary itself had, in KiB.
    pub peak: u64,
    looks: u32,
}

impl Traces {
    /// Runs to the end, fails if anything is left, and gives what was seen meanwhile.
    #[track_caller]
    pub fn of(context: &Context, running: Running) -> (Output, Self) {
        let mut traces = Self::default();
        let mounts = mounts();
        let output = running.wait_and(|pid| traces.look(pid));
        traces.assert_gone(&output.stderr);
        assert_eq!(left(context), Vec::<String>::new(), "{}", output.stderr);
        let new: Vec<_> = self::mounts().difference(&mounts).cloned().collect();
        assert!(
            new.iter().all(|mount| !mount.contains("overlay")),
            "{new:#?}"
        );
        (output, traces)
    }

    /// Notes the processes below `pid`, and how much memory it has had.
    pub fn look(&mut self, pid: u32) {
        self.peak = self.peak.max(peak(pid).unwrap_or_default());
        // Reading all of /proc costs more than a look is worth each time.
        if self.looks.is_multiple_of(4) {
            self.seen.extend(below(pid));
        }
        self.looks += 1;
    }

    /// Fails if a process that was seen is still there after a while.
    #[track_caller]
    pub fn assert_gone(&self, context: &str) {
        let alive = || {
            self.seen
                .iter()
                .filter(|process| lives(**process))
                .collect::<Vec<_>>()
        };
        let gone = poll(SOON, || alive().is_empty().then_some(()));
        let told: Vec<String> = alive().into_iter().map(|(pid, _)| told(*pid)).collect();
        assert!(gone.is_some(), "still there: {told:#?}\n{context}");
    }

    pub fn processes(&self) -> usize {
        self.seen.len()
    }
}

/// Files that the binary left in its temporary folder.
pub fn left(context: &Context) -> Vec<String> {
    let entries = fs::read_dir(context.tmp()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

fn mounts() -> BTreeSet<String> {
    fs::read_to_string("/proc/self/mountinfo")
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// State, parent and start of a process; none if it is gone.
fn stat(pid: u32) -> Option<(char, u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything; what follows its last parenthesis does not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some((state, parent, started))
}

fn lives((pid, started): Process) -> bool {
    stat(pid).is_some_and(|(state, _, now)| now == started && state != 'Z' && state != 'X')
}

/// All processes below one, as far down as they go.
pub fn below(root: u32) -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<(u32, u32, u64)> = pids
        .filter_map(|pid| stat(pid).map(|(_, parent, started)| (pid, parent, started)))
        .collect();
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(wanted) = parents.pop() {
        for (pid, _, started) in all.iter().filter(|(_, parent, _)| *parent == wanted) {
            found.push((*pid, *started));
            parents.push(*pid);
        }
    }
    found
}

/// Whether a process below `root` runs `program`.
pub fn runs(root: u32, program: &str) -> bool {
    below(root).iter().any(|(pid, _)| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == program
    })
}

fn told(pid: u32) -> String {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!(
        "{pid} {}",
        String::from_utf8_lossy(&command).replace('\0', " ")
    )
}
