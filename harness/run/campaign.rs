//! A campaign: the comparison again and again, each time with other arguments, another order and
//! other circumstances, as long as there is time. What showed something new is kept and made more
//! of; what is found is cut down to the calls that it takes.
//!
//! A round is nothing that `diff` or `triage` could not do with the same seed: whatever is found
//! can be seen again with these.

pub(super) mod kept;
mod round;
mod shrink;

use self::kept::{Kept, Memory};
use self::round::Round;
use super::Observation;
use super::bench::Means;
use super::compare::{Comparison, Outcome, compared, concluded};
use super::condition::Worlds;
use super::error::RunError;
use super::evidence::CommandLine;
use super::given::{Given, Step};
use super::log;
use super::triage::triaged;
use crate::diff::Rule;
use crate::event::{Event, Progress};
use crate::package::Package;
use crate::scenario::Scenario;
use crate::secret::Seed;
use crate::verdict::{self, Finding, Policy, Report};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rules that one version alone is held to, beside what is suspicious in any.
const HELD: &[Rule] = &[Rule::ProtocolViolation, Rule::AnnotationContradicted];
/// Findings of one round that are cut down; the next rounds bring the others again.
const CUT: usize = 8;
/// Calls before the one that shows a finding which are looked through for those it needs.
const BEFORE: usize = 20_000;
/// Rounds that fail one after the other before a campaign ends.
const FAILURES: u32 = 3;

/// When a campaign ends: whichever is first.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub time: Duration,
    /// Of each version, in this campaign.
    pub calls: Option<u64>,
}

/// The command that shows again what a round with this seed, so many calls and in these worlds
/// showed, or this sequence of calls alone.
pub type Command = Box<dyn Fn(Seed, u32, &Worlds, Option<&Path>) -> CommandLine + Send + Sync>;

/// A campaign to be made.
pub struct Campaign {
    /// Absent where one version is held to rules.
    pub old: Option<Package>,
    pub new: Package,
    pub scenario: Scenario,
    pub policy: Policy,
    pub seed: Seed,
    pub means: Means,
    pub budget: Budget,
    /// Where everything is kept.
    pub folder: PathBuf,
    pub command: Command,
}

/// Makes it.
///
/// # Errors
/// Where no version could be run at all, or nothing can be kept. Interrupted, it loses the round
/// under way and nothing else.
pub async fn campaign(campaign: &Campaign) -> Result<Report, RunError> {
    let began = Instant::now();
    let mut kept = Kept::open(&campaign.folder, campaign.seed, campaign.identity())
        .map_err(|e| RunError::new("nothing can be kept of a campaign", e).usage())?;
    let mut session = Session::default();
    let mut size = campaign.means.calls;
    while !session.is_over(&campaign.budget, began) {
        let nth = kept.memory.rounds;
        let round = Round::nth(campaign.seed, nth, campaign.fitting(size, &session));
        let started = Instant::now();
        let given = Given {
            sequence: None,
            kept: kept.inputs.clone(),
        };
        match campaign.run(&round, given, "round").await {
            Ok(outcome) => {
                size = round::next(size, started.elapsed());
                let new = campaign.learn(&round, outcome, &mut kept, &mut session);
                for finding in new {
                    let finding = campaign.cut(&round, finding, &kept, began).await;
                    kept.memory.findings.push(finding);
                }
            }
            Err(error) if session.first.is_none() => return Err(error),
            Err(error) => session.failed(&error),
        }
        kept.memory.rounds += 1;
        kept.save()
            .map_err(|e| RunError::new("the campaign could not be kept", e))?;
        campaign.tell(&kept, &session, began);
    }
    campaign.report(kept, session, began)
}

/// What this campaign alone came to.
#[derive(Default)]
struct Session {
    /// The first round's report: what a run of the servers is like.
    first: Option<Report>,
    calls: u64,
    calls_ok: u64,
    /// Of all servers that were run.
    made: u64,
    runs: u64,
    notes: Vec<String>,
    failures: u32,
}

impl Session {
    fn is_over(&self, budget: &Budget, began: Instant) -> bool {
        let spent = budget.calls.is_some_and(|calls| self.calls >= calls);
        let done = began.elapsed() >= budget.time || spent || self.failures >= FAILURES;
        done && (self.first.is_some() || self.failures > 0)
    }

    fn failed(&mut self, error: &RunError) {
        self.failures += 1;
        self.notes
            .push(format!("a round of the campaign failed: {}", error.what));
    }

    fn per_second(&self, began: Instant) -> f64 {
        let rate = self.made as f64 / began.elapsed().as_secs_f64().max(0.001);
        (rate * 10.0).round() / 10.0
    }
}

impl Campaign {
    /// What tells one pair of targets from another.
    fn identity(&self) -> Vec<String> {
        let versions = self.old.iter().chain([&self.new]);
        let of = |package: &Package| {
            let integrity = package.integrity.as_deref().unwrap_or_default();
            format!("{} {integrity}", package.resolved)
        };
        versions.map(of).collect()
    }

    /// A round's size within what is left of the budget.
    fn fitting(&self, size: u32, session: &Session) -> u32 {
        let left = self
            .budget
            .calls
            .map(|all| all.saturating_sub(session.calls));
        left.map_or(size, |left| {
            size.min(u32::try_from(left).unwrap_or(u32::MAX))
        })
        .max(1)
    }

    async fn run(&self, round: &Round, given: Given, part: &str) -> Result<Outcome, RunError> {
        let folder = self.means.folder.join(part);
        // The folder of the round before: what it showed is kept by now.
        let _ = fs::remove_dir_all(&folder);
        let means = Means {
            calls: round.calls,
            given: Arc::new(given),
            folder,
            command: (self.command)(round.seed, round.calls, &round.worlds, None),
            ..self.means.clone()
        };
        let (scenario, policy) = (self.scenario.clone(), self.policy.clone());
        match &self.old {
            Some(old) => {
                let comparison = Comparison {
                    old: old.clone(),
                    new: self.new.clone(),
                    scenario,
                    policy,
                    seed: round.seed,
                    means,
                    worlds: round.worlds.clone(),
                    notes: Vec::new(),
                };
                compared(&comparison).await
            }
            None => {
                let observation = Observation {
                    package: self.new.clone(),
                    scenario,
                    seed: round.seed,
                    means,
                    policy,
                };
                triaged(&observation, HELD).await
            }
        }
    }

    /// Takes from a round what is new; gives the findings that are.
    fn learn(
        &self,
        round: &Round,
        outcome: Outcome,
        kept: &mut Kept,
        session: &mut Session,
    ) -> Vec<Finding> {
        let Outcome {
            report,
            behaviour,
            arguments,
        } = outcome;
        session.calls += report.exercise.calls;
        session.calls_ok += report.exercise.calls_ok;
        session.made += report.exercise.calls * report.exercise.runs;
        session.runs += report.exercise.runs;
        session.failures = 0;
        // What a server does before it ends early under odd circumstances says little.
        let odd = !report.problems.is_empty() && !round.is_ordinary();
        let known = |finding: &Finding, kept: &Kept| {
            let mut findings = kept.memory.findings.iter();
            findings.any(|known| known.id == finding.id)
        };
        let mut new = Vec::new();
        if odd {
            session.notes.push(format!(
                "round {} of the campaign ended early: {}",
                kept.memory.rounds, report.problems[0].what
            ));
        } else {
            kept.notice(&behaviour, &arguments);
            let fresh = report.findings.iter().filter(|found| !known(found, kept));
            new.extend(fresh.cloned());
        }
        kept.memory.calls += report.exercise.calls;
        session.first.get_or_insert(report);
        new
    }

    /// A finding with the fewest calls found that show it, kept in a file of its own.
    async fn cut(
        &self,
        round: &Round,
        mut finding: Finding,
        kept: &Kept,
        began: Instant,
    ) -> Finding {
        let many = kept.memory.findings.len() >= CUT && began.elapsed() > self.budget.time;
        // What shows only among others than the round's circumstances is named by them already.
        let apart = finding.reproduce.contains(" --under ") && !round.is_in_one_world();
        let Some(call) = finding.effect["call"].as_u64().filter(|_| !many && !apart) else {
            return finding;
        };
        let Some(calls) = self.calls_until(call) else {
            return finding;
        };
        let alone = round.with_calls_alone();
        let shows = async |steps: &[Step]| {
            let given = Given {
                sequence: Some(steps.to_vec()),
                ..Given::default()
            };
            let seen = self.run(&alone, given, "cut").await;
            seen.is_ok_and(|seen| seen.report.findings.iter().any(|f| f.id == finding.id))
        };
        self.means.listener.hear(Progress::Step {
            what: format!("looking for the fewest calls that show {}", finding.rule),
        });
        if let Some(sequence) = shrink::shortest(&calls, shows).await
            && let Ok(file) = kept.keep(&finding, &sequence)
        {
            let worlds = alone.worlds.clone();
            let command = (self.command)(round.seed, round.calls, &worlds, Some(&file));
            finding.reproduce = command.with("");
        }
        finding
    }

    /// The calls of the round just made up to this one, as the version in question got them.
    fn calls_until(&self, last: u64) -> Option<Vec<Step>> {
        let folder = self.means.folder.join("round").join("new");
        let events = log::read(&folder).ok()?;
        let mut calls = Vec::new();
        for event in events {
            if let Ok(Event::Call {
                call,
                tool,
                arguments,
            }) = event
            {
                calls.push(Step { tool, arguments });
                if u64::from(call) >= last {
                    break;
                }
            }
        }
        let before = calls.len().saturating_sub(BEFORE);
        calls.drain(..before);
        (!calls.is_empty()).then_some(calls)
    }

    fn tell(&self, kept: &Kept, session: &Session, began: Instant) {
        let Memory {
            rounds, findings, ..
        } = &kept.memory;
        self.means.listener.hear(Progress::Step {
            what: format!(
                "{rounds} rounds, {} calls, {:.0} a second, {} behaviours, {} inputs kept, {} findings",
                kept.memory.calls,
                session.per_second(began),
                kept.memory.behaviours.len(),
                kept.many(),
                findings.len()
            ),
        });
    }

    fn report(&self, kept: Kept, mut session: Session, began: Instant) -> Result<Report, RunError> {
        let Some(mut report) = session.first.take() else {
            return Err(RunError::plain("no round of the campaign could be made"));
        };
        let mut findings = kept.memory.findings.clone();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        report.verdict = concluded(&findings, &report.problems, &self.policy);
        report.findings = findings;
        report.exercise.seed = self.seed.0;
        report.exercise.calls = session.calls;
        report.exercise.calls_ok = session.calls_ok;
        report.exercise.runs = session.runs;
        report.exercise.wall_s = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        report.exercise.conditions = Vec::new();
        report.exercise.blind_spots.append(&mut session.notes);
        report.exercise.blind_spots.dedup();
        report.exercise.campaign = Some(verdict::Campaign {
            rounds: kept.memory.rounds,
            calls: kept.memory.calls,
            per_second: session.per_second(began),
            behaviours: kept.memory.behaviours.len() as u64,
            inputs: kept.many() as u64,
            folder: self.folder.display().to_string(),
        });
        Ok(report)
    }
}
