//! Compares what runs of two versions used: processor, memory, threads, descriptors, disk. No two
//! runs use the same, so nothing is told that is not beyond the ordinary by far, both as a ratio
//! and as an amount, in the least of the new version's runs against the greatest of the old one's.

use super::change::{Change, Rule, Side, Weight};
use crate::effect::{Phase, ToolUsage, Usage, Usages};
use std::collections::BTreeSet;
use std::fmt;

/// From where on a difference is told. Runs of one version of five servers, Node's and Python's, on
/// two processors, at rest and with six processes that were busy beside them, used: processor time
/// up to 1.3 times as much from run to run, and 1.6 where it was some tens of milliseconds; 2 % of
/// a processor while idle, or none; up to 10 % more memory, or 30 % where much garbage is made; 0 to
/// 0.25 MiB left by half of the calls, up to 18 with much garbage, whose swings are as large;
/// threads, descriptors and disk to the last one the same.
struct Bar {
    /// So many times what it was.
    times: f64,
    /// And at least so much more.
    more: f64,
}

/// Seconds of processor time in a phase, or in all calls.
const CPU: Bar = Bar {
    times: 2.5,
    more: 0.3,
};
/// Processors that are busy while nothing is asked.
const IDLE: Bar = Bar {
    times: 3.0,
    more: 0.1,
};
/// An idle phase that was shorter says nothing, in microseconds.
const IDLE_AT_LEAST: u64 = 200_000;
/// What a server does by itself it does in other phases as well, in about the same share of them.
const BY_ITSELF: f64 = 1.3;
/// Bytes of memory in all, and left behind by a call of which this many were looked at.
const MEMORY: Bar = Bar {
    times: 2.0,
    more: 64.0 * MIB,
};
const MEMORY_LEFT: Bar = Bar {
    times: 3.0,
    more: MIB,
};
const LOOKED_AT: u64 = 4;
/// Descriptors left open by half of a tool's calls; by all calls together.
const OPEN_LEFT: Bar = Bar {
    times: 1.0,
    more: 1.0,
};
const OPEN: Bar = Bar {
    times: 2.0,
    more: 32.0,
};
const THREADS: Bar = Bar {
    times: 2.0,
    more: 16.0,
};
/// Bytes on disk.
const DISK: Bar = Bar {
    times: 2.0,
    more: 8.0 * MIB,
};
const MIB: f64 = 1_048_576.0;

const PHASES: [Phase; 5] = [
    Phase::Install,
    Phase::Start,
    Phase::Call,
    Phase::Idle,
    Phase::Exit,
];

/// What the new version uses beyond the old one. The first of each are the runs that evidence is
/// looked up in. One run of each tells whether more are worth making; of one version alone nothing
/// is ever told.
pub fn usage(old: &[&Usages], new: &[&Usages]) -> Vec<Change> {
    let versions = Versions { old, new };
    let mut changes = versions.processor();
    let leaks = versions.leaks();
    // What a leak amounts to is told by the leak.
    let leaky = leaks.iter().any(|change| change.rule == Rule::LeaksMemory);
    changes.extend(
        versions
            .memory()
            .filter(|memory| !leaky || matches!(memory.phase, Phase::Install | Phase::Start)),
    );
    changes.extend(leaks);
    changes.extend(versions.threads());
    changes.extend(versions.disk());
    changes
}

impl Bar {
    /// Both figures, where the least of the new ones is over it.
    fn over(&self, old: Vec<f64>, new: Vec<f64>) -> Option<(f64, f64)> {
        let was = old.into_iter().reduce(f64::max)?;
        let now = new.into_iter().reduce(f64::min)?;
        (now >= was * self.times && now - was >= self.more).then_some((was, now))
    }

    /// The same where `more` is of all of `calls` together.
    fn over_in(&self, calls: f64, old: Vec<f64>, new: Vec<f64>) -> Option<(f64, f64)> {
        let (was, now) = Self { more: 0.0, ..*self }.over(old, new)?;
        ((now - was) * calls >= self.more).then_some((was, now))
    }
}

struct Versions<'a> {
    old: &'a [&'a Usages],
    new: &'a [&'a Usages],
}

impl Versions<'_> {
    /// A figure of a phase in every run that has it.
    fn figures(
        &self,
        phase: Phase,
        figure: impl Fn(&Usage) -> Option<f64>,
    ) -> (Vec<f64>, Vec<f64>) {
        let of = |runs: &[&Usages]| {
            let usages = runs.iter().filter_map(|run| run.get(&phase));
            usages.filter_map(|(_, usage)| figure(usage)).collect()
        };
        (of(self.old), of(self.new))
    }

    /// Tools that were called in every run.
    fn tools(&self) -> BTreeSet<&str> {
        let of = |run: &&Usages| -> BTreeSet<String> {
            let tools = run.get(&Phase::Call).map(|(_, usage)| usage.tools.keys());
            tools.into_iter().flatten().cloned().collect()
        };
        let runs: Vec<BTreeSet<String>> = self.old.iter().chain(self.new).map(of).collect();
        let first = self.new.first().and_then(|run| run.get(&Phase::Call));
        let tools = first.into_iter().flat_map(|(_, usage)| usage.tools.keys());
        let everywhere = |tool: &&String| runs.iter().all(|run| run.contains(*tool));
        tools.filter(everywhere).map(String::as_str).collect()
    }

    /// A figure of a tool's calls.
    fn of_tool(
        &self,
        tool: &str,
        figure: impl Fn(&ToolUsage) -> Option<f64>,
    ) -> (Vec<f64>, Vec<f64>) {
        self.figures(Phase::Call, |usage| figure(usage.tools.get(tool)?))
    }

    fn change(&self, rule: Rule, phase: Phase, tool: Option<&str>, said: Said) -> Change {
        let of = self.new.first().and_then(|run| run.get(&phase));
        let calls = of.and_then(|(_, usage)| usage.tools.get(tool?));
        let calls = calls.map_or(1, |tool| u32::try_from(tool.calls).unwrap_or(u32::MAX));
        Change {
            rule,
            weight: Weight::Ordinary,
            phase,
            tool: tool.map(str::to_owned),
            owner: None,
            also: Vec::new(),
            operation: None,
            // The phase is no part of a finding's name, and must be here.
            place: tool.is_none().then(|| said.place.to_owned()),
            host: None,
            title: format!("{} {}, before {}", said.title, said.now, said.was),
            was: Some(said.was),
            now: Some(said.now),
            provenance: "measured".to_owned(),
            calls: (0..calls).collect(),
            of: calls,
            evidence: of.map(|(seq, _)| (Side::New, *seq)),
        }
    }

    fn processor(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let (old, new) = self.figures(Phase::Idle, |usage| {
            (usage.wall_us >= IDLE_AT_LEAST).then(|| usage.share())
        });
        let by_itself = IDLE.over(old, new);
        let share = by_itself.map_or(0.0, |(_, now)| now);
        for phase in PHASES {
            if phase == Phase::Idle {
                let percent = |share: f64| format!("{:.0} % of a processor", share * 100.0);
                changes.extend(by_itself.map(|(was, now)| {
                    let title = "works while nothing is asked of it:";
                    let said = Said::new("idle", title, percent(was), percent(now));
                    self.change(Rule::UsesMoreCpu, phase, None, said)
                }));
                continue;
            }
            let seconds = |usage: &Usage| {
                let by_itself = share * BY_ITSELF * usage.wall_us as f64;
                (usage.cpu_us as f64 - by_itself).max(0.0) / 1e6
            };
            let own = |usage: &Usage| usage.cpu_us as f64 / 1e6;
            // The old version's figures stand as they are: they are what is to be exceeded.
            let (old, _) = self.figures(phase, |usage| Some(own(usage)));
            let (_, new) = self.figures(phase, |usage| Some(seconds(usage)));
            let over = CPU.over(old, new);
            if phase == Phase::Call {
                changes.extend(self.processor_in_calls(over.is_some(), share > 0.0));
            } else {
                changes.extend(over.map(|(was, now)| {
                    let (place, doing) = match phase {
                        Phase::Install => ("install", "its installation"),
                        Phase::Start => ("start", "its start"),
                        _ => ("exit", "its end"),
                    };
                    let title = format!("{doing} takes more processor time:");
                    let said = Said::new(place, title, time(was), time(now));
                    self.change(Rule::UsesMoreCpu, phase, None, said)
                }));
            }
        }
        changes
    }

    /// Tools whose calls take more, as one change; calls as a whole where no tool can be named.
    fn processor_in_calls(&self, over: bool, by_itself: bool) -> Option<Change> {
        if by_itself && !over {
            return None;
        }
        let (old, new) = self.figures(Phase::Call, |usage| Some(usage.cpu_us as f64 / 1e6));
        let most = old.into_iter().fold(0.0, f64::max);
        let more = new.into_iter().fold(f64::INFINITY, f64::min) - most;
        let each = |time: f64| format!("{} a call", self::time(time));
        let said = |was, now| {
            let title = "takes more processor time:";
            Said::new("call", title, each(was), each(now))
        };
        let mut tools = Vec::new();
        for tool in self.tools() {
            let (old, new) = self.of_tool(tool, |usage| {
                (usage.calls > 0).then(|| usage.cpu_us as f64 / 1e6 / usage.calls as f64)
            });
            let calls = self.of_tool(tool, |usage| Some(usage.calls as f64)).1;
            let calls = calls.into_iter().reduce(f64::min).unwrap_or(0.0);
            // Garbage of one tool's calls may be collected in another's: all together show that.
            let over = CPU.over_in(calls, old, new);
            if let Some((was, now)) = over.filter(|(was, now)| more >= (now - was) * calls / 2.0) {
                tools.push((tool, was, now));
            }
        }
        tools.sort_by(|a, b| (b.2 - b.1).total_cmp(&(a.2 - a.1)));
        if let Some((tool, was, now)) = tools.first() {
            let said = said(*was, *now);
            let mut change = self.change(Rule::UsesMoreCpu, Phase::Call, Some(tool), said);
            let others = tools.iter().skip(1);
            change.also = others.map(|(tool, ..)| (*tool).to_owned()).collect();
            return Some(change);
        }
        // A tool that only one version has uses what it uses.
        let common = self.tools();
        let all = |usage: &Usage| -> (f64, f64) {
            let others = usage.tools.iter();
            let others: u64 = others
                .filter(|(tool, _)| !common.contains(tool.as_str()))
                .map(|(_, of)| of.cpu_us)
                .sum();
            let calls = usage.tools.values().map(|of| of.calls).sum::<u64>() as f64;
            (usage.cpu_us.saturating_sub(others) as f64 / 1e6, calls)
        };
        let (old, new) = self.figures(Phase::Call, |usage| {
            let (time, calls) = all(usage);
            (calls > 0.0).then(|| time / calls)
        });
        let calls = self.figures(Phase::Call, |usage| Some(all(usage).1)).1;
        let calls = calls.into_iter().reduce(f64::min)?;
        let (was, now) = CPU.over_in(calls, old, new).filter(|_| over)?;
        Some(self.change(Rule::UsesMoreCpu, Phase::Call, None, said(was, now)))
    }

    /// The first phase by whose end it had more.
    fn memory(&self) -> impl Iterator<Item = Change> {
        let first = PHASES.into_iter().find_map(|phase| {
            let (old, new) = self.figures(phase, |usage| Some(usage.peak as f64));
            MEMORY.over(old, new).map(|over| (phase, over))
        });
        let change = first.map(|(phase, (was, now))| {
            let title = match phase {
                Phase::Exit => "one of its processes has had more memory:",
                _ => "has had more memory:",
            };
            let said = Said::new("memory", title, bytes(was), bytes(now));
            self.change(Rule::UsesMoreMemory, phase, None, said)
        });
        change.into_iter()
    }

    /// What calls leave behind.
    fn leaks(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let looked_at = |usage: &&ToolUsage| usage.measured >= LOOKED_AT;
        for tool in self.tools() {
            let left = |usage: &ToolUsage| {
                let left = Some(usage).filter(looked_at)?.memory_per_call;
                Some(left.max(0) as f64)
            };
            let (old, new) = self.of_tool(tool, left);
            // More than what comes and goes in the old version's calls anyway.
            let (swings, _) = self.of_tool(tool, |usage| {
                let left = left(usage)?;
                Some(left.max(usage.memory_swing as f64))
            });
            let was = old.into_iter().fold(0.0, f64::max);
            changes.extend(MEMORY_LEFT.over(swings, new).map(|(_, now)| {
                let title = "each call leaves more memory in use:";
                let each = |left| format!("{} a call", bytes(left));
                let said = Said::new("call", title, each(was), each(now));
                self.change(Rule::LeaksMemory, Phase::Call, Some(tool), said)
            }));
            let (old, new) = self.of_tool(tool, |usage| {
                let left = Some(usage).filter(looked_at)?.descriptors_per_call?;
                Some(left.max(0) as f64)
            });
            changes.extend(OPEN_LEFT.over(old, new).map(|(was, now)| {
                let title = "each call leaves more descriptors open:";
                let each = |left| format!("{left} a call");
                let said = Said::new("call", title, each(was), each(now));
                self.change(Rule::LeaksDescriptors, Phase::Call, Some(tool), said)
            }));
        }
        if changes.iter().all(|c| c.rule != Rule::LeaksDescriptors) {
            let (old, new) = self.figures(Phase::Call, |usage| Some(usage.descriptors as f64));
            changes.extend(OPEN.over(old, new).map(|(was, now)| {
                let title = "has more descriptors open after the calls:";
                let said = Said::new("call", title, was, now);
                self.change(Rule::LeaksDescriptors, Phase::Call, None, said)
            }));
        }
        changes
    }

    fn threads(&self) -> Option<Change> {
        let phases = [Phase::Start, Phase::Call, Phase::Idle].into_iter();
        let mut over = phases.filter_map(|phase| {
            let (old, new) = self.figures(phase, |usage| Some(usage.threads as f64));
            THREADS.over(old, new).map(|over| (phase, over))
        });
        let (phase, (was, now)) = over.next()?;
        let title = "has more threads, in all of its processes:";
        let said = Said::new("threads", title, was, now);
        Some(self.change(Rule::MoreThreads, phase, None, said))
    }

    fn disk(&self) -> Option<Change> {
        let (phase, (was, now)) = PHASES.into_iter().find_map(|phase| {
            let (old, new) = self.figures(phase, |usage| Some(usage.disk as f64));
            DISK.over(old, new).map(|over| (phase, over))
        })?;
        let title = "keeps more on disk:";
        let said = Said::new("disk", title, bytes(was), bytes(now));
        Some(self.change(Rule::UsesMoreDisk, phase, None, said))
    }
}

/// What a change says.
struct Said {
    place: &'static str,
    title: String,
    was: String,
    now: String,
}

impl Said {
    fn new(
        place: &'static str,
        title: impl fmt::Display,
        was: impl fmt::Display,
        now: impl fmt::Display,
    ) -> Self {
        Self {
            place,
            title: title.to_string(),
            was: was.to_string(),
            now: now.to_string(),
        }
    }
}

/// `1.5 s`, `12 ms`.
fn time(seconds: f64) -> String {
    if seconds < 0.1 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

fn bytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / MIB)
}
