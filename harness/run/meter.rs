//! Measures what a server uses: all of its processes when a phase ends, and around every call the
//! one that does the work. Tells figures, and judges none.

use super::recorder::Recorder;
use crate::effect::{Kind, Sink, ToolUsage, Usage};
use crate::sandbox::{Child, Gauge, Reading, Used};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Calls of each tool around which everything is read at first, and then one in so many: what
/// grows with every call grows with those. Processor time is read around every call.
const FIRST: u64 = 64;
const EVERY: u64 = 16;
/// Figures kept of one tool.
const KEPT: usize = 1_024;
/// What a server is looked at for less than this says nothing of how busy it is.
const SHORT: Duration = Duration::from_millis(100);

/// The figures of one run.
pub struct Meter {
    /// What was used when the present phase began, and when that was.
    before: Used,
    since: Instant,
    gauge: Option<Gauge>,
    /// The gauge's processor time, and that of its children, when they were last looked at.
    own: Duration,
    children: Duration,
    /// What the gauge showed after the last call, where it was looked at.
    reading: Option<Reading>,
    tools: BTreeMap<String, Tally>,
}

#[derive(Default)]
struct Tally {
    calls: u64,
    cpu: Duration,
    memory: Vec<i64>,
    descriptors: Vec<i64>,
}

impl Meter {
    pub fn new() -> Self {
        Self {
            before: Used::default(),
            since: Instant::now(),
            gauge: None,
            own: Duration::ZERO,
            children: Duration::ZERO,
            reading: None,
            tools: BTreeMap::new(),
        }
    }

    /// What is used from now on belongs to the next phase; nobody wants to know of what was.
    pub fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// The present phase ends: `used` is what has been used by now. Told as an effect of it.
    pub fn end(&mut self, used: Used, recorder: &Recorder) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let tools = std::mem::take(&mut self.tools).into_iter();
        recorder.emit(Kind::Usage(Usage {
            wall_us: micros(self.since.elapsed()),
            // Less than before where somebody ended whom nobody waited for.
            cpu_us: micros(used.cpu.saturating_sub(self.before.cpu)),
            memory: used.memory,
            peak: used.peak,
            processes: used.processes,
            threads: used.threads,
            descriptors: used.descriptors,
            disk: used.disk,
            tools: tools.map(|(tool, tally)| (tool, tally.usage())).collect(),
        }));
        self.before = used;
        self.since = Instant::now();
    }

    /// The process to be looked at around calls.
    pub fn follow(&mut self, gauge: Option<Gauge>) {
        self.gauge = gauge;
        let Some(gauge) = &self.gauge else { return };
        self.own = gauge.cpu().unwrap_or_default();
        self.reading = gauge.read();
        self.children = self.reading.map_or(Duration::ZERO, |now| now.children);
    }

    /// A call of `tool` begins.
    pub fn call(&mut self, tool: &str) {
        if !self.tools.contains_key(tool) {
            self.tools.insert(tool.to_owned(), Tally::default());
        }
        let due = self.tools.get(tool).is_some_and(Tally::is_due);
        if due && self.reading.is_none() {
            self.reading = self.gauge.as_ref().and_then(Gauge::read);
        }
    }

    /// The call of `tool` has ended, and what it set off has come to rest.
    pub fn called(&mut self, tool: &str) {
        let before = self.reading.take();
        let (Some(tally), Some(gauge)) = (self.tools.get_mut(tool), &self.gauge) else {
            return;
        };
        if let Some(own) = gauge.cpu() {
            tally.cpu += own.saturating_sub(self.own);
            self.own = own;
        }
        if tally.is_due()
            && let Some(now) = gauge.read()
        {
            tally.cpu += now.children.saturating_sub(self.children);
            self.children = now.children;
            if let Some(before) = before {
                tally.grown(&before, &now);
            }
            self.reading = Some(now);
        }
        tally.calls += 1;
    }

    /// Processors that were busy in the present phase so far, in all; 0 where it has just begun.
    pub fn share(&self, child: &Child) -> f64 {
        let passed = self.since.elapsed();
        if passed < SHORT {
            return 0.0;
        }
        let used = child.used().cpu.saturating_sub(self.before.cpu);
        used.as_secs_f64() / passed.as_secs_f64()
    }
}

impl Tally {
    /// Whether everything is read around the present call.
    fn is_due(&self) -> bool {
        self.calls < FIRST || self.calls.is_multiple_of(EVERY)
    }

    fn grown(&mut self, before: &Reading, now: &Reading) {
        let grown = |before: u64, now: u64| now as i64 - before as i64;
        if self.memory.len() < KEPT {
            self.memory.push(grown(before.memory, now.memory));
            let counts = before.descriptors.zip(now.descriptors);
            self.descriptors
                .extend(counts.map(|(before, now)| grown(before, now)));
        }
    }

    fn usage(self) -> ToolUsage {
        let measured = self.memory.len() as u64;
        let all = self.memory.iter().sum::<i64>() / (measured as i64).max(1);
        let mut swings: Vec<u64> = self.memory.iter().map(|by| by.unsigned_abs()).collect();
        swings.sort_unstable();
        ToolUsage {
            calls: self.calls,
            cpu_us: u64::try_from(self.cpu.as_micros()).unwrap_or(u64::MAX),
            measured,
            memory_per_call: median(self.memory).unwrap_or(0).min(all),
            memory_swing: swings.get(swings.len() * 3 / 4).copied().unwrap_or(0),
            descriptors_per_call: median(self.descriptors),
        }
    }
}

/// The lower one of the two in the middle, where there are two: more than half reach it.
fn median(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_reached_by_more_than_half() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3]), Some(3));
        assert_eq!(median(vec![9, 0]), Some(0));
        assert_eq!(median(vec![5, 100, 0, 5]), Some(5));
        assert_eq!(median(vec![-2, 40, 1, 3, 2]), Some(2));
    }

    #[test]
    fn one_call_in_so_many_is_looked_at() {
        let mut tally = Tally::default();
        let due = |tally: &mut Tally| {
            let due = tally.is_due();
            tally.calls += 1;
            due
        };
        let looked_at = (0..FIRST + 160).filter(|_| due(&mut tally)).count();
        assert_eq!(looked_at as u64, FIRST + 160 / EVERY);
    }

    #[test]
    fn what_calls_leave_is_told_by_half_of_them_and_by_all() {
        let mut tally = Tally::default();
        let reading = |memory, descriptors| Reading {
            children: Duration::ZERO,
            memory,
            descriptors: Some(descriptors),
        };
        // The first loads a library, one is followed by a collection.
        for (before, now) in [(0, 900), (900, 905), (905, 300), (300, 305), (305, 310)] {
            tally.grown(&reading(before, before / 5), &reading(now, now / 5));
            tally.calls += 1;
        }
        let usage = tally.usage();
        assert_eq!((usage.calls, usage.measured), (5, 5));
        assert_eq!((usage.memory_per_call, usage.memory_swing), (5, 605));
        assert_eq!(usage.descriptors_per_call, Some(1));
        // Garbage that is collected now and then leaves nothing.
        let mut tally = Tally::default();
        for (before, now) in [(0, 50), (50, 100), (100, 0), (0, 50), (50, 100), (100, 0)] {
            tally.grown(&reading(before, 0), &reading(now, 0));
        }
        let usage = tally.usage();
        assert_eq!((usage.memory_per_call, usage.memory_swing), (0, 100));
    }
}
