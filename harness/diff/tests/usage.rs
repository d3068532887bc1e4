//! What is told of what runs used, and what is not.

use crate::diff::{Side, usage};
use crate::effect::{Phase, ToolUsage, Usage, Usages};
use proptest::prelude::*;

/// A server at rest, with one tool.
fn ordinary() -> Usages {
    let tool = ToolUsage {
        calls: 16,
        cpu_us: 32_000,
        measured: 16,
        memory_per_call: 100 << 10,
        memory_swing: 200 << 10,
        descriptors_per_call: Some(0),
    };
    let usage = |wall_us, cpu_us| Usage {
        wall_us,
        cpu_us,
        memory: 80 << 20,
        peak: 90 << 20,
        processes: 1,
        threads: 11,
        descriptors: 19,
        disk: 300 << 10,
        ..Usage::default()
    };
    let calls = Usage {
        tools: [("send".to_owned(), tool)].into(),
        ..usage(400_000, 60_000)
    };
    Usages::from([
        (Phase::Start, (1, usage(400_000, 300_000))),
        (Phase::Call, (2, calls)),
        (Phase::Idle, (3, usage(300_000, 1_000))),
        (Phase::Exit, (4, usage(20_000, 2_000))),
    ])
}

fn with(phase: Phase, change: impl FnOnce(&mut Usage)) -> Usages {
    let mut usages = ordinary();
    change(&mut usages.get_mut(&phase).unwrap().1);
    usages
}

fn told(old: &[&Usages], new: &[&Usages]) -> Vec<(&'static str, Phase, Option<String>)> {
    let changes = usage(old, new).into_iter();
    changes.map(|c| (c.rule.name(), c.phase, c.tool)).collect()
}

/// What one run against one ordinary one tells.
fn tells(new: &Usages) -> Vec<(&'static str, Phase, Option<String>)> {
    told(&[&ordinary()], &[new])
}

fn send(usage: &mut Usage) -> &mut ToolUsage {
    usage.tools.get_mut("send").unwrap()
}

#[test]
fn what_is_used_beyond_the_ordinary_is_told_with_its_place() {
    let tool = || Some("send".to_owned());
    let (start, call, idle, exit) = (Phase::Start, Phase::Call, Phase::Idle, Phase::Exit);
    let burns = with(call, |usage| {
        usage.cpu_us += 1_600_000;
        send(usage).cpu_us += 1_600_000;
    });
    assert_eq!(tells(&burns), [("uses-more-cpu", call, tool())]);
    // In a process that no gauge is on.
    let elsewhere = with(call, |usage| usage.cpu_us += 1_600_000);
    assert_eq!(tells(&elsewhere), [("uses-more-cpu", call, None)]);
    let starts = with(start, |usage| usage.cpu_us += 600_000);
    assert_eq!(tells(&starts), [("uses-more-cpu", start, None)]);
    let ends = with(exit, |usage| usage.cpu_us += 600_000);
    assert_eq!(tells(&ends), [("uses-more-cpu", exit, None)]);
    let mines = with(idle, |usage| usage.cpu_us = 290_000);
    assert_eq!(tells(&mines), [("uses-more-cpu", idle, None)]);
    let leaks = with(call, |usage| {
        send(usage).memory_per_call = 5 << 20;
        usage.peak += 80 << 20;
    });
    assert_eq!(tells(&leaks), [("leaks-memory", call, tool())]);
    let opens = with(call, |usage| send(usage).descriptors_per_call = Some(1));
    assert_eq!(tells(&opens), [("leaks-descriptors", call, tool())]);
    let open = with(call, |usage| usage.descriptors += 40);
    assert_eq!(tells(&open), [("leaks-descriptors", call, None)]);
    let large = with(idle, |usage| usage.peak += 100 << 20);
    assert_eq!(tells(&large), [("uses-more-memory", idle, None)]);
    let many = with(idle, |usage| usage.threads += 30);
    assert_eq!(tells(&many), [("more-threads", idle, None)]);
    let fills = with(call, |usage| usage.disk += 20 << 20);
    assert_eq!(tells(&fills), [("uses-more-disk", call, None)]);
    let change = &usage(&[&ordinary()], &[&burns])[0];
    assert_eq!(
        change.title,
        "takes more processor time: 0.1 s a call, before 2 ms a call"
    );
    assert_eq!(change.evidence, Some((Side::New, 2)));
    assert_eq!((change.calls.count(), change.of), (16, 16));
}

#[test]
fn what_a_miner_does_in_other_phases_is_told_once() {
    let mut mines = ordinary();
    for (_, usage) in mines.values_mut() {
        usage.wall_us += 1_000_000;
        usage.cpu_us += usage.wall_us;
    }
    send(&mut mines.get_mut(&Phase::Call).unwrap().1).cpu_us += 1_400_000;
    assert_eq!(tells(&mines), [("uses-more-cpu", Phase::Idle, None)]);
    // A call that takes still more is told beside it.
    let call = &mut mines.get_mut(&Phase::Call).unwrap().1;
    call.cpu_us += 5_000_000;
    send(call).cpu_us += 5_000_000;
    let told = tells(&mines);
    assert!(
        told.contains(&("uses-more-cpu", Phase::Call, Some("send".to_owned()))),
        "{told:?}"
    );
}

#[test]
fn what_comes_and_goes_with_garbage_is_no_leak() {
    let leaks = |left: i64| {
        with(Phase::Call, |usage| {
            send(usage).memory_per_call = left << 20
        })
    };
    let garbage = with(Phase::Call, |usage| send(usage).memory_swing = 9 << 20);
    assert_eq!(told(&[&garbage], &[&leaks(16)]), []);
    assert_eq!(told(&[&garbage], &[&leaks(30)]).len(), 1);
    // One tool makes it, and it is collected in the calls of another.
    let moved = with(Phase::Call, |usage| send(usage).cpu_us += 1_600_000);
    assert_eq!(tells(&moved), []);
}

#[test]
fn the_least_of_the_new_is_held_against_the_greatest_of_the_old() {
    let old = ordinary();
    let burns = with(Phase::Start, |usage| usage.cpu_us = 2_000_000);
    assert!(!told(&[&old, &old], &[&burns, &burns]).is_empty());
    assert!(told(&[&old, &burns], &[&burns, &burns]).is_empty());
    assert!(told(&[&old, &old], &[&burns, &old]).is_empty());
}

#[test]
fn a_tool_that_is_new_and_an_idle_phase_that_was_cut_short_say_nothing() {
    let new = with(Phase::Call, |usage| {
        let busy = ToolUsage {
            calls: 16,
            cpu_us: 3_000_000,
            measured: 16,
            ..ToolUsage::default()
        };
        usage.tools.insert("render".to_owned(), busy);
        usage.cpu_us += 3_000_000;
    });
    assert_eq!(tells(&new), []);
    let short = with(Phase::Idle, |usage| {
        (usage.wall_us, usage.cpu_us) = (50_000, 50_000)
    });
    assert_eq!(tells(&short), []);
    assert_eq!(told(&[], &[&new]), []);
}

fn any_usages() -> impl Strategy<Value = Usages> {
    let tool = (
        0..100u64,
        any::<u32>(),
        0..100u64,
        any::<i32>(),
        0..50i64,
        any::<u32>(),
    );
    let tool = tool.prop_map(|(calls, cpu, measured, memory, open, swing)| ToolUsage {
        calls,
        cpu_us: cpu.into(),
        measured,
        memory_per_call: memory.into(),
        memory_swing: swing.into(),
        descriptors_per_call: (open > 0).then_some(open),
    });
    let tools = proptest::collection::btree_map("[ab]", tool, 0..3);
    let figures = proptest::array::uniform8(any::<u32>().prop_map(u64::from));
    let phase = (figures, tools).prop_map(|(figures, tools)| {
        let mut figures = figures.into_iter();
        let mut next = || figures.next().unwrap_or_default();
        Usage {
            wall_us: next(),
            cpu_us: next(),
            memory: next(),
            peak: next(),
            processes: next(),
            threads: next(),
            descriptors: next(),
            disk: next(),
            tools,
        }
    });
    let phase = (
        proptest::sample::select(vec![
            Phase::Install,
            Phase::Start,
            Phase::Call,
            Phase::Idle,
            Phase::Exit,
        ]),
        phase,
    );
    let phases = proptest::collection::vec(phase, 0..6);
    phases.prop_map(|phases| phases.into_iter().map(|(p, u)| (p, (0, u))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever runs of one version are like, their order says nothing.
    #[test]
    fn runs_that_both_versions_had_tell_nothing(
        runs in proptest::collection::vec(any_usages(), 1..4),
        more in proptest::collection::vec(any_usages(), 0..2),
    ) {
        let old: Vec<&Usages> = runs.iter().chain(&more).collect();
        let new: Vec<&Usages> = runs.iter().rev().collect();
        prop_assert_eq!(told(&old, &new), []);
        prop_assert_eq!(told(&new, &old), []);
    }

    #[test]
    fn what_is_below_the_bars_tells_nothing(
        cpu in 0..290_000u64, idle in 0..25_000u64, peak in 0..60u64, left in 0..900i64,
        open in 0..30u64, threads in 0..15u64, disk in 0..7u64,
    ) {
        let mut new = ordinary();
        for (phase, (_, usage)) in &mut new {
            usage.cpu_us += if *phase == Phase::Idle { idle } else { cpu };
            usage.peak += peak << 20;
            usage.threads += threads;
            usage.descriptors += open;
            usage.disk += disk << 20;
        }
        let send = send(&mut new.get_mut(&Phase::Call).unwrap().1);
        send.cpu_us += cpu;
        send.memory_per_call += left << 10;
        prop_assert_eq!(tells(&new), []);
    }
}
