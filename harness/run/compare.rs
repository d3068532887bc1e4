//! The gate: two versions in the same world with the same calls, and what differs beyond the
//! noise of the old one.

use super::bench::{Bench, Cast, Means};
use super::condition::Worlds;
use super::dependencies;
use super::drive::{AT_WORK, Run, Ties};
use super::elsewhere::{self, Elsewhere};
use super::error::RunError;
use super::evidence::Recordings;
use super::setup::Setup;
use crate::diff::{self, Change};
use crate::effect::{Phase, Usage, Usages};
use crate::package::{self, Difference, Package};
use crate::scenario::Scenario;
use crate::secret::Seed;
use crate::snapshot::{self, Behaviour};
use crate::verdict::{
    Exercise, Policy, Problem, Report, Resources, SCHEMA, Severity, Subject, Verdict, judge,
    verdict,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::sync::{oneshot, watch};

/// Seconds within which findings are worth confirming in further runs.
const CONFIRM_BELOW_S: f64 = 240.0;

/// Calls of one run, below which a change seen in all of them may be chance.
const FEW: u32 = 6;

/// A comparison to be made.
pub struct Comparison {
    pub old: Package,
    pub new: Package,
    pub scenario: Scenario,
    pub policy: Policy,
    pub seed: Seed,
    pub means: Means,
    pub worlds: Worlds,
    /// Sentences for the report, from before the runs.
    pub notes: Vec<String>,
}

/// Runs both versions and compares.
///
/// Both run again, to learn what differs by itself, only where something differs: equal is
/// equal. What then still differs and was seen in few calls is confirmed in one more run of each,
/// so that a value which two runs showed alike by chance is not taken for a change.
///
/// # Errors
/// Where a version could not be run at all. A run that ended early gives a report with problems.
pub async fn compare(comparison: &Comparison) -> Result<Report, RunError> {
    compared(comparison).await.map(|seen| seen.report)
}

/// A report, and what it rests on.
pub struct Outcome {
    pub report: Report,
    /// The behaviour of the version in question.
    pub behaviour: Behaviour,
    /// The first calls' arguments by tool.
    pub arguments: BTreeMap<String, Vec<Value>>,
}

/// The same, with what was seen.
pub async fn compared(comparison: &Comparison) -> Result<Outcome, RunError> {
    let began = Instant::now();
    if comparison.old.remote.is_some() != comparison.new.remote.is_some() {
        let what = "a server that runs elsewhere shows less than one in the sandbox: they cannot be compared";
        let hint = "compare two addresses, or two packages, folders or commands";
        return Err(RunError::plain(what).hint(hint).usage());
    }
    let mut setup = Setup::new(&comparison.scenario, comparison.seed, &comparison.means)?;
    setup.adopt(&comparison.old);
    setup.adopt(&comparison.new);
    setup.read(&Difference::between(&comparison.old, &comparison.new));
    if let Worlds::Only(conditions) = &comparison.worlds {
        setup = setup.under(conditions);
    }
    let means = Means {
        calls: (comparison.means.calls).saturating_mul(setup.conditions().times()),
        ..comparison.means.clone()
    };
    let bench = Bench::new(&setup, &means);
    let old = |role| Cast {
        package: &comparison.old,
        role,
        leads: true,
    };
    let new = |role| Cast {
        package: &comparison.new,
        role,
        leads: false,
    };
    let (old_tells, old_early) = oneshot::channel();
    let (new_tells, new_early) = oneshot::channel();
    let (quiet, is_quiet) = watch::channel(false);
    let tells = |early| Ties {
        early: Some(early),
        ..Ties::default()
    };
    let opening = async {
        let pair = bench
            .pair_tied(
                (old("old"), tells(old_tells)),
                (new("new"), tells(new_tells)),
            )
            .await;
        // Where nothing was to be seen after the calls there is no noise to learn there.
        let none = |run: &Run| run.recorded.behaviour.is_still() && rests(run);
        if pair.as_ref().is_ok_and(|(old, new)| none(old) && none(new)) {
            quiet.send_replace(true);
        }
        pair
    };
    let hurry = || Ties {
        hurry: Some(is_quiet.clone()),
        ..Ties::default()
    };
    let repeat = || bench.pair_tied((old("old-again"), hurry()), (new("new-again"), hurry()));
    // While the first runs idle and end it may be plain already that they differ.
    let ahead = async {
        let (old, new) = (old_early.await.ok()?, new_early.await.ok()?);
        let needed = comparison.means.jobs > 1 && !differences(&old, &new).is_empty();
        if needed { Some(repeat().await) } else { None }
    };
    let (opening, ahead) = tokio::join!(opening, ahead);
    let took = began.elapsed();
    let (first, latest) = opening?;
    let mut runs = if ahead.is_some() { 4 } else { 2 };
    let mut baseline = first.recorded.behaviour.clone();
    let mut behaviour = latest.recorded.behaviour.clone();
    let mut notes = comparison.notes.clone();
    notes.extend(setup.notes());
    notes.extend(first.notes.iter().chain(&latest.notes).cloned());
    let mut changes = differences(&baseline, &behaviour);
    let policy = &comparison.policy;
    let mut used_more = more(policy, &[usages(&first)], &[usages(&latest)]);
    if !(changes.is_empty() && used_more.is_empty())
        && first.problem.is_none()
        && latest.problem.is_none()
    {
        let (again, second) = match ahead {
            Some(made) => made?,
            None => repeat().await?,
        };
        runs = 4;
        baseline = snapshot::learn(baseline, &again.recorded.behaviour);
        behaviour = snapshot::learn(behaviour, &second.recorded.behaviour);
        changes = differences(&baseline, &behaviour);
        used_more = more(
            policy,
            &[&first, &again].map(usages),
            &[&latest, &second].map(usages),
        );
        let soon = began.elapsed().as_secs_f64() < CONFIRM_BELOW_S;
        if soon && (rests_on_little(&changes, policy) || !used_more.is_empty()) {
            let (third, new_third) = bench
                .pair_tied((old("old-third"), hurry()), (new("new-third"), hurry()))
                .await?;
            runs += 2;
            baseline = snapshot::learn(baseline, &third.recorded.behaviour);
            behaviour = snapshot::learn(behaviour, &new_third.recorded.behaviour);
            changes = differences(&baseline, &behaviour);
            let olds = [&first, &again, &third].map(usages);
            used_more = more(policy, &olds, &[&latest, &second, &new_third].map(usages));
        }
    } else {
        // Figures of one run of each are no figures.
        used_more.clear();
    }
    dependencies::name(&mut changes, Some(&comparison.old), &comparison.new);
    changes.extend(dependencies::changes(&comparison.old, &comparison.new));
    let problems = bench.problems(&[("the old version", &first), ("the new version", &latest)]);
    let whole = first.problem.is_none() && latest.problem.is_none();
    let elsewhere = match &comparison.worlds {
        // What runs somewhere else has circumstances of its own.
        Worlds::OrdinaryAndOthers
            if whole && comparison.means.only_call.is_none() && !setup.is_in_earnest() =>
        {
            elsewhere::explore(comparison, &setup, (&changes, &used_more), took).await
        }
        Worlds::Only(conditions) => Elsewhere {
            tried: conditions.names(),
            ..Elsewhere::default()
        },
        Worlds::OrdinaryAndOthers => Elsewhere::default(),
    };
    runs += elsewhere.runs;
    // Figures alone are no reason to look elsewhere, and no behaviour that hides another.
    changes.extend(used_more);
    notes.extend(elsewhere.notes);
    let recordings = Recordings::new(
        Some(&first.folder),
        &latest.folder,
        &changes,
        &latest.recorded.arguments,
        &comparison.means.command,
    );
    let (mut findings, mut allowed) = judge(changes, &comparison.policy, &recordings);
    findings.extend(elsewhere.findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    allowed.extend(elsewhere.allowed);
    let mut exercise = exercise(&latest, comparison.seed, runs, notes, began);
    exercise.resources.old = used(&first);
    exercise.conditions = elsewhere.tried;
    let dependencies = package::tree_difference(&comparison.old, &comparison.new);
    Ok(Outcome {
        report: Report {
            schema: SCHEMA.to_owned(),
            verdict: concluded(&findings, &problems, &comparison.policy),
            old: Some(subject(&comparison.old, Vec::new())),
            new: subject(&comparison.new, dependencies),
            exercise,
            findings,
            allowed,
            problems,
        },
        behaviour,
        arguments: latest.recorded.arguments,
    })
}

fn usages(run: &Run) -> &Usages {
    &run.recorded.usages
}

/// Whether a server did next to nothing while nothing was asked of it.
fn rests(run: &Run) -> bool {
    let idle = run.recorded.usages.get(&Phase::Idle);
    idle.is_none_or(|(_, usage)| usage.share() <= AT_WORK)
}

/// What the new version uses beyond the old one, as far as the policy cares. The first run of each
/// is the one that evidence is looked up in.
pub fn more(policy: &Policy, old: &[&Usages], new: &[&Usages]) -> Vec<Change> {
    let mut changes = diff::usage(old, new);
    changes.retain(|change| policy.severity(change).is_some());
    changes
}

/// Whether any change that matters may have been made by chance: a value that is tossed for each
/// call stays the same in so many calls of two runs only once in thousands of times.
pub fn rests_on_little(changes: &[Change], policy: &Policy) -> bool {
    changes.iter().any(|change| {
        change.operation.is_some()
            && change.calls.count() < FEW
            && policy.severity(change) > Some(Severity::Info)
    })
}

/// What differs between a baseline and a behaviour that has not been put in its terms yet.
pub fn differences(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    let (old, new) = snapshot::in_common_terms(old.clone(), new.clone());
    diff::compare(&old, &new)
}

/// A failure that was found stands, however little was exercised; without one, an exercise that
/// reached too little proves nothing.
pub fn concluded(
    findings: &[crate::verdict::Finding],
    problems: &[Problem],
    policy: &Policy,
) -> Verdict {
    let failed = findings
        .iter()
        .any(|finding| finding.severity >= policy.fail_on);
    if problems.is_empty() || failed {
        verdict(findings)
    } else {
        Verdict::Inconclusive
    }
}

/// What a run exercised, for the report.
pub fn exercise(
    run: &Run,
    seed: Seed,
    runs: u64,
    mut notes: Vec<String>,
    began: Instant,
) -> Exercise {
    notes.sort();
    notes.dedup();
    let recorded = &run.recorded;
    let is_tool = |name: &str| run.surface.tools.iter().any(|tool| tool["name"] == *name);
    Exercise {
        tools: run.surface.tools.len() as u64,
        tools_called: recorded
            .reach
            .iter()
            .filter(|reach| reach.calls > 0 && is_tool(&reach.tool))
            .count() as u64,
        calls: u64::from(recorded.calls),
        calls_ok: u64::from(recorded.calls_ok),
        seed: seed.0,
        runs,
        wall_s: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        isolation: run.isolation.clone(),
        blind_spots: super::blind::spots(notes),
        conditions: Vec::new(),
        campaign: None,
        reach: recorded.reach.clone(),
        resources: Resources {
            old: BTreeMap::new(),
            new: used(run),
        },
    }
}

/// The figures of a run, for the report.
fn used(run: &Run) -> BTreeMap<Phase, Usage> {
    let usages = run.recorded.usages.iter();
    usages
        .map(|(phase, (_, usage))| (*phase, usage.clone()))
        .collect()
}

/// The report of runs that could not be made at all: nothing was seen, and nothing is concluded.
pub fn unable(old: Option<Subject>, new: Subject, seed: Seed, error: &RunError) -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        verdict: Verdict::Inconclusive,
        old,
        new,
        exercise: Exercise {
            tools: 0,
            tools_called: 0,
            calls: 0,
            calls_ok: 0,
            seed: seed.0,
            runs: 0,
            wall_s: 0.0,
            isolation: "none".to_owned(),
            blind_spots: Vec::new(),
            conditions: Vec::new(),
            campaign: None,
            reach: Vec::new(),
            resources: Resources::default(),
        },
        findings: Vec::new(),
        allowed: Vec::new(),
        problems: vec![Problem {
            what: error.what.clone(),
            hint: error.hint.clone(),
        }],
    }
}

/// A package as a report names it.
pub fn subject(package: &Package, dependencies: Vec<String>) -> Subject {
    Subject {
        target: package.target.clone(),
        resolved: package.resolved.clone(),
        version: package.version.clone(),
        integrity: package.integrity.clone(),
        dependencies,
    }
}
