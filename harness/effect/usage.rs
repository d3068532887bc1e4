//! What a server uses of the machine, in figures. They differ a little between any two runs, so
//! they are no behaviour and in no snapshot: only runs that are made side by side are compared.

use super::Phase;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What all processes of a sandbox together used in one phase, and held when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How long the phase took, in microseconds.
    pub wall_us: u64,
    /// User and system time in it, in microseconds: also of processes that have ended, if
    /// somebody waited for them (wait (2)).
    pub cpu_us: u64,
    /// Resident memory at the end, in bytes; pages that several share count each time.
    pub memory: u64,
    /// The most that each of the present processes had resident so far, added up, in bytes. After
    /// the exit: the most that any one had, of those somebody waited for.
    pub peak: u64,
    pub processes: u64,
    pub threads: u64,
    /// Open files, sockets, pipes: entries of /proc/PID/fd.
    pub descriptors: u64,
    /// Bytes that the writable file system holds, also in files that no name leads to any more.
    pub disk: u64,
    /// In the phase of calls, by tool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, ToolUsage>,
}

/// What the calls of one tool used. It is looked for in one process, the one that did most by the
/// time of the first call, and in those it waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUsage {
    pub calls: u64,
    /// User and system time of all calls, in microseconds.
    pub cpu_us: u64,
    /// Calls that the figures below are taken from: the first ones, then one in so many.
    pub measured: u64,
    /// By how many bytes of resident memory a call left the process larger: what half of them
    /// did at least, so that a first call that loads a library does not weigh; and no more than
    /// all of them together did, collections of garbage included.
    pub memory_per_call: i64,
    /// By how many bytes, up or down, a call changed it: what three quarters of them kept to. Of a
    /// server that makes much garbage it is large, and says how little the figure above says.
    #[serde(default)]
    pub memory_swing: u64,
    /// By how many open descriptors a call left it with more: what half of them did at least; none
    /// where the kernel does not tell (before Linux 6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors_per_call: Option<i64>,
}

/// The figures of one run by phase, each with the number of the effect that holds them.
pub type Usages = BTreeMap<Phase, (u64, Usage)>;

/// `0.25 s of processor time in 0.31 s, 61.3 MiB (peak 70.0), 11 threads in 1 processes, …`.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let seconds = |us: u64| us as f64 / 1e6;
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        write!(
            f,
            "{:.2} s of processor time in {:.2} s, {:.1} MiB (peak {:.1}), {} threads in {} processes, \
             {} descriptors, {:.1} MiB on disk",
            seconds(self.cpu_us),
            seconds(self.wall_us),
            mib(self.memory),
            mib(self.peak),
            self.threads,
            self.processes,
            self.descriptors,
            mib(self.disk),
        )
    }
}

impl Usage {
    /// Processor time against the time that passed: 1 is one processor all the time.
    pub fn share(&self) -> f64 {
        if self.wall_us == 0 {
            return 0.0;
        }
        self.cpu_us as f64 / self.wall_us as f64
    }
}
