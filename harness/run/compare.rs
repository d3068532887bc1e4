//! The gate: two versions in the same world with the same calls, and what differs beyond the
//! noise of the old one.

use super::drive::{Job, Run, drive};
use super::error::RunError;
use super::evidence::Recordings;
use super::plan::{Call, Plan, additional, plan};
use super::setup::Setup;
use crate::diff::{self, Change};
use crate::effect::Surface;
use crate::event::{Listener, Progress};
use crate::mcp::Era;
use crate::package::{self, Package};
use crate::scenario::Scenario;
use crate::secret::Seed;
use crate::snapshot::{self, Behaviour};
use crate::verdict::{Exercise, Policy, Problem, Report, SCHEMA, Subject, Verdict, judge, verdict};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// Seconds that a whole comparison may take to be worth confirming its findings in further runs.
const CONFIRM_BELOW_S: f64 = 240.0;

/// A comparison to be made.
pub struct Comparison {
    pub old: Package,
    pub new: Package,
    pub scenario: Scenario,
    pub policy: Policy,
    pub seed: Seed,
    pub calls: u32,
    /// Call only this one of the plan, from 0: to reproduce a finding.
    pub only_call: Option<u32>,
    /// Runs side by side.
    pub jobs: usize,
    /// Where run folders go.
    pub folder: PathBuf,
    /// How the command line was, for reproducing a finding.
    pub command: String,
    pub listener: Arc<dyn Listener>,
}

/// Runs both versions, the old one twice, and compares.
///
/// # Errors
/// Where a version could not be run at all. A run that ended early gives a report with problems.
pub async fn compare(comparison: &Comparison) -> Result<Report, RunError> {
    let began = Instant::now();
    let mut setup = Setup::new(&comparison.scenario, comparison.seed)?;
    setup.adopt(&comparison.old);
    setup.adopt(&comparison.new);
    let cx = Runs {
        comparison,
        setup: &setup,
        plan: watch::channel(None).0,
        eras: Mutex::default(),
    };
    let (old, new) = cx.pair("old", "new").await?;
    let mut runs = 2;
    let mut baseline = old.recorded.behaviour.clone();
    let mut latest = new.recorded.behaviour.clone();
    let mut notes: Vec<String> = old.notes.iter().chain(&new.notes).cloned().collect();
    let mut folders = (old.folder.clone(), new.folder.clone());
    let mut changes = differences(&baseline, &latest);
    if !changes.is_empty() && old.problem.is_none() && new.problem.is_none() {
        // Noise is learnt only where there is something to explain: equal is equal.
        let again = cx.run("old-again", true).await?;
        runs += 1;
        baseline = snapshot::learn(baseline, &again.recorded.behaviour);
        changes = differences(&baseline, &latest);
        let soon = began.elapsed().as_secs_f64() < CONFIRM_BELOW_S;
        if soon && changes.iter().any(|c| c.operation.is_some()) {
            let (third, second) = cx.pair("old-third", "new-again").await?;
            runs += 2;
            baseline = snapshot::learn(baseline, &third.recorded.behaviour);
            latest = snapshot::learn(latest, &second.recorded.behaviour);
            changes = differences(&baseline, &latest);
            notes.extend(second.notes);
            folders = (folders.0, folders.1);
        }
    }
    notes.sort();
    notes.dedup();
    let recordings = Recordings::new(
        &folders,
        &changes,
        &new.recorded.arguments,
        &comparison.command,
    );
    let (findings, allowed) = judge(changes, &comparison.policy, &recordings);
    let problems = problems(comparison, &old, &new, &cx);
    let exercise = exercise(comparison, &new, runs, notes, began);
    let found = verdict(&findings);
    let failed = findings
        .iter()
        .any(|finding| finding.severity >= comparison.policy.fail_on);
    let verdict = if problems.is_empty() || failed {
        found
    } else {
        Verdict::Inconclusive
    };
    let dependencies = package::tree_difference(&comparison.old, &comparison.new);
    Ok(Report {
        schema: SCHEMA.to_owned(),
        verdict,
        old: Some(subject(&comparison.old, Vec::new())),
        new: subject(&comparison.new, dependencies),
        exercise,
        findings,
        allowed,
        problems,
    })
}

fn differences(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    diff::compare(old, &snapshot::in_terms_of(new.clone(), old))
}

/// What the runs of one comparison share.
struct Runs<'a> {
    comparison: &'a Comparison,
    setup: &'a Setup,
    /// The plan that the first old run makes, with the surface it was made from.
    plan: watch::Sender<Option<Arc<(Surface, Plan)>>>,
    /// The era each version was found to speak, to spare later runs the question.
    eras: Mutex<[Option<Era>; 2]>,
}

impl Runs<'_> {
    /// An old and a new run, side by side where jobs allow.
    async fn pair(&self, old: &'static str, new: &'static str) -> Result<(Run, Run), RunError> {
        if self.comparison.jobs > 1 {
            let (old, new) = tokio::join!(self.run(old, true), self.run(new, false));
            // A plan that never comes ends the other run as well; the cause is the old one's.
            Ok((old?, new?))
        } else {
            Ok((self.run(old, true).await?, self.run(new, false).await?))
        }
    }

    async fn run(&self, role: &'static str, is_old: bool) -> Result<Run, RunError> {
        let package = if is_old {
            &self.comparison.old
        } else {
            &self.comparison.new
        };
        let side = usize::from(!is_old);
        let era = self
            .eras
            .lock()
            .ok()
            .and_then(|eras| eras[side])
            .unwrap_or(Era::Auto);
        let job = Job {
            setup: self.setup,
            package,
            role,
            folder: self.comparison.folder.join(role),
            listener: Arc::clone(&self.comparison.listener),
            era,
        };
        self.comparison.listener.hear(Progress::Step {
            what: format!("starting {} ({role})", package.resolved),
        });
        let run = drive(
            &job,
            Box::new(|surface| Box::pin(self.planned(surface, is_old))),
        )
        .await;
        match run {
            Ok(run) => {
                if let Ok(mut eras) = self.eras.lock() {
                    eras[side] = Some(run.era);
                }
                Ok(run)
            }
            Err(mut error) => {
                // Whoever waits for the plan must not wait for ever.
                if is_old {
                    self.plan.send_if_modified(|plan| {
                        let missing = plan.is_none();
                        if missing {
                            *plan = Some(Arc::default());
                        }
                        missing
                    });
                }
                error.what = format!("{} ({role}): {}", package.resolved, error.what);
                Err(error)
            }
        }
    }

    /// The calls for a surface: the plan is the old version's; the new one waits for it.
    async fn planned(&self, surface: Surface, is_old: bool) -> Option<Plan> {
        let comparison = self.comparison;
        let exercise = &comparison.scenario.exercise;
        if is_old {
            self.plan.send_if_modified(|known| {
                let missing = known.is_none();
                if missing {
                    let plan = plan(&surface, exercise, comparison.calls, comparison.seed);
                    *known = Some(Arc::new((surface.clone(), plan)));
                }
                missing
            });
        }
        let mut wait = self.plan.subscribe();
        let common = wait.wait_for(Option::is_some).await.ok()?.clone()?;
        let (old_surface, common) = &*common;
        let mut calls = common.calls.clone();
        if !is_old {
            let here = |call: &Call| surface.tools.iter().any(|tool| tool["name"] == *call.tool);
            calls.retain(here);
            calls
                .extend(additional(old_surface, &surface, exercise, common, comparison.seed).calls);
        }
        if let Some(only) = comparison.only_call {
            calls = calls.into_iter().skip(only as usize).take(1).collect();
        }
        Some(Plan {
            calls,
            left_out: common.left_out.clone(),
        })
    }
}

/// Why the exercise does not carry a conclusion.
fn problems(comparison: &Comparison, old: &Run, new: &Run, cx: &Runs) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |what: String, hint: Option<&str>| {
        problems.push(Problem {
            what,
            hint: hint.map(str::to_owned),
        });
    };
    let floor = comparison.scenario.exercise.floor;
    for (name, run) in [("old", old), ("new", new)] {
        if let Some(error) = &run.problem {
            add(
                format!("the {name} version: {}", error.what),
                error.hint.as_deref(),
            );
        }
        if comparison.only_call.is_some() {
            continue;
        }
        let recorded = &run.recorded;
        if run.surface.tools.is_empty() {
            add(
                format!("the {name} version declares no tool"),
                Some(
                    "does it need settings to declare them? name them under [server] env of a scenario",
                ),
            );
        } else if f64::from(recorded.calls_ok) < floor * f64::from(run.valid_calls.max(1)) {
            add(
                format!(
                    "{} of {} calls were answered without error by the {name} version, the floor is {:.0} %",
                    recorded.calls_ok,
                    recorded.calls,
                    floor * 100.0
                ),
                Some(
                    "settings, hints for arguments or upstream mocks may be missing: see `--scenario`; `-v` lists the errors",
                ),
            );
        }
    }
    let left_out = cx
        .plan
        .borrow()
        .as_ref()
        .map(|shared| shared.1.left_out.clone())
        .unwrap_or_default();
    for (tool, why) in left_out {
        if why != "skipped by the scenario" {
            add(
                format!("tool `{tool}` was not called: {why}"),
                Some("give hints under [exercise.tools]"),
            );
        }
    }
    problems
}

fn exercise(
    comparison: &Comparison,
    new: &Run,
    runs: u64,
    notes: Vec<String>,
    began: Instant,
) -> Exercise {
    let recorded = &new.recorded;
    Exercise {
        tools: new.surface.tools.len() as u64,
        tools_called: recorded
            .reach
            .iter()
            .filter(|reach| reach.calls > 0)
            .count() as u64,
        calls: u64::from(recorded.calls),
        calls_ok: u64::from(recorded.calls_ok),
        seed: comparison.seed.0,
        runs,
        wall_s: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        isolation: new.isolation.clone(),
        blind_spots: super::blind::spots(notes),
        reach: recorded.reach.clone(),
    }
}

fn subject(package: &Package, dependencies: Vec<String>) -> Subject {
    Subject {
        target: package.target.clone(),
        resolved: package.resolved.clone(),
        version: package.version.clone(),
        integrity: package.integrity.clone(),
        dependencies,
    }
}

/// A folder for runs that are not kept, below the system's temporary folder.
pub fn temporary(parent: &Path) -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("turncoat-")
        .tempdir_in(parent)
}
