//! The comparison once more under other circumstances: first with everything different at once,
//! and only where that shows what the ordinary world did not, with less and less of it, until the
//! cause can be named. An honest upgrade pays for one world more.

use super::bench::{Bench, Cast, Means};
use super::compare::{self, Comparison, differences, rests_on_little};
use super::condition::{Condition, Conditions, when};
use super::dependencies;
use super::drive::Run;
use super::error::RunError;
use super::evidence::{CommandLine, Recordings};
use super::setup::Setup;
use crate::diff::Change;
use crate::effect::{Phase, Usages};
use crate::snapshot::{self, Behaviour};
use crate::verdict::{Allowed, Evidence, Finding, Policy, Severity, judge};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Worlds in which a cause is looked for, and for how long.
const WORLDS: u64 = 32;
const LOOKING: Duration = Duration::from_secs(600);
/// How long a run of the ordinary world may have taken for one of many more calls to be made.
const SLOW: Duration = Duration::from_secs(20);

/// What other circumstances brought to light.
#[derive(Default)]
pub struct Elsewhere {
    pub findings: Vec<Finding>,
    pub allowed: Vec<Allowed>,
    pub runs: u64,
    /// Names of the conditions that were tried.
    pub tried: Vec<String>,
    pub notes: Vec<String>,
}

/// Runs both versions under every condition at once. `known` is what the ordinary world showed of
/// behaviour and of what is used, in runs that took so long.
pub async fn explore(
    comparison: &Comparison,
    setup: &Setup,
    known: (&[Change], &[Change]),
    took: Duration,
) -> Elsewhere {
    let mut search = Search {
        comparison,
        setup,
        targets: Vec::new(),
        tried: Vec::new(),
        failed: BTreeSet::new(),
        runs: 0,
        worlds: 0,
        began: Instant::now(),
    };
    let mut notes = Vec::new();
    let mut conditions = Conditions::all();
    if took > SLOW {
        notes.push("a run takes long: many more calls than usual were not tried".to_owned());
        conditions = conditions.without(Condition::Calls);
    }
    let outcome = loop {
        match search.whole(&conditions, known).await {
            // Some servers end when their upstream fails: then nothing else is seen.
            Ok(found) if found.old_ended && conditions.has(Condition::Upstream) => {
                notes.push(
                    "the old version ends when an upstream fails: other circumstances were tried without".to_owned(),
                );
                conditions = conditions.without(Condition::Upstream);
            }
            other => break other,
        }
    };
    let found = match outcome {
        Ok(found) => found,
        Err(error) => {
            notes.push(format!(
                "nothing was seen under other circumstances: {}",
                error.what
            ));
            return Elsewhere {
                runs: search.runs,
                notes,
                ..Elsewhere::default()
            };
        }
    };
    if found.old_ended {
        notes.push("under other circumstances the old version ended early: what comes later was not seen there".to_owned());
    }
    if found.tossed > 0 {
        notes.push(format!(
            "under other circumstances {} values differed in a few calls each, as chance would have it: not told",
            found.tossed
        ));
    }
    search.targets = found.changes;
    let (old, new) = (&comparison.old, &comparison.new);
    dependencies::name(&mut search.targets, Some(old), new);
    let told = search.causes(&conditions).await;
    notes.extend(search.failed.iter().map(|why| {
        format!("not all that may have caused a difference elsewhere was tried: {why}")
    }));
    let (mut findings, mut allowed) = (Vec::new(), Vec::new());
    let recordings = Recordings::new(
        Some(&found.old.folder),
        &found.new.folder,
        &search.targets,
        &found.new.recorded.arguments,
        &comparison.means.command,
    );
    for (target, change) in search.targets.iter().enumerate() {
        if !told[target] {
            continue;
        }
        let needed = search.smallest(target, &conditions);
        let cause = Cause {
            recordings: &recordings,
            when: if needed == conditions {
                format!(
                    "circumstances are others ({}): which of them it needs is not known",
                    needed.names().join(", ")
                )
            } else {
                when(&needed, setup.other_client())
            },
            under: needed.to_string(),
            command: &comparison.means.command,
        };
        let (found, by) = judge(vec![change.clone()], &comparison.policy, &cause);
        findings.extend(found);
        allowed.extend(by);
    }
    Elsewhere {
        findings,
        allowed,
        runs: search.runs,
        tried: conditions.names(),
        notes,
    }
}

/// Whether the ordinary world has shown a change already. Of what weighs little it is enough that
/// something was told of the same operation: its reader looks there in any case.
fn is_known(change: &Change, known: &[Change], policy: &Policy) -> bool {
    let grave = policy.severity(change) >= Some(Severity::Suspicious);
    known.iter().any(|k| {
        let place = k.operation == change.operation && k.phase == change.phase;
        let tools = tools(change).all(|tool| tools(k).any(|known| known == tool));
        let same = k.rule == change.rule
            && k.place == change.place
            && (&k.now, &k.provenance) == (&change.now, &change.provenance);
        let told = !grave && (change.operation.is_some() || k.rule == change.rule);
        place && tools && (same || told)
    })
}

/// Whether a value may have been tossed for each call: it is another one in a few calls, and of no
/// great weight. Where time passes in days, timers say many such things that no three runs exhaust.
/// What is new or gone, and what is grave, is no toss.
fn may_be_tossed(change: &Change, policy: &Policy) -> bool {
    change.was.is_some()
        && change.now.is_some()
        && policy.severity(change) < Some(Severity::Suspicious)
        && rests_on_little(std::slice::from_ref(change), policy)
}

fn tools(change: &Change) -> impl Iterator<Item = &String> {
    change.tool.iter().chain(&change.also)
}

/// Whether two changes, seen in different worlds, are one.
fn is_same(a: &Change, b: &Change) -> bool {
    (a.rule, a.phase, &a.operation, &a.place) == (b.rule, b.phase, &b.operation, &b.place)
        && (a.tool.is_none() || tools(a).any(|tool| tools(b).any(|other| other == tool)))
}

/// Whether two changes are one but for when they were seen, and in which tool.
fn is_alike(a: &Change, b: &Change) -> bool {
    (a.rule, &a.operation, &a.place, &a.now) == (b.rule, &b.operation, &b.place, &b.now)
}

/// Whether a figure may be no more than what a change in behaviour takes.
fn accounts_for(change: &Change, more: &Change) -> bool {
    let tool = more.tool.is_none() || tools(more).any(|tool| tools(change).any(|of| of == tool));
    change.operation.is_some() && change.phase == more.phase && tool
}

/// What a run used before its idle phase, in which days may pass here: what a timer uses in a day
/// says nothing of a second.
fn while_asked(run: &Run) -> Usages {
    let mut usages = run.recorded.usages.clone();
    usages.retain(|phase, _| matches!(phase, Phase::Install | Phase::Start | Phase::Call));
    usages
}

/// What one world showed beyond the ordinary one.
struct Found {
    changes: Vec<Change>,
    /// Further ones that may be chance, and are not told.
    tossed: usize,
    old: Run,
    new: Run,
    old_ended: bool,
}

struct Search<'a> {
    comparison: &'a Comparison,
    setup: &'a Setup,
    /// What a cause is looked for.
    targets: Vec<Change>,
    /// Conditions, and which targets showed under them.
    tried: Vec<(Conditions, Vec<bool>)>,
    /// Why others were not.
    failed: BTreeSet<String>,
    runs: u64,
    worlds: u64,
    began: Instant,
}

impl Search<'_> {
    /// Both versions in one world, and again where they differ beyond what is known.
    async fn whole(
        &mut self,
        conditions: &Conditions,
        (known, known_use): (&[Change], &[Change]),
    ) -> Result<Found, RunError> {
        let (setup, means) = self.world(conditions);
        let bench = Bench::new(&setup, &means);
        let (old, new) = self.pair(&bench, ["old", "new"]).await?;
        let policy = &self.comparison.policy;
        let beyond = |old: &Behaviour, new: &Behaviour| -> Vec<Change> {
            let mut changes = differences(old, new);
            changes.retain(|c| policy.severity(c).is_some() && !is_known(c, known, policy));
            changes
        };
        let more = |olds: &[Usages], news: &[Usages]| -> Vec<Change> {
            let [olds, news] = [olds, news].map(|of| of.iter().collect::<Vec<_>>());
            let mut changes = compare::more(policy, &olds, &news);
            changes.retain(|c| !known_use.iter().any(|known| is_same(known, c)));
            changes
        };
        let mut tossed = 0;
        let mut changes = beyond(&old.recorded.behaviour, &new.recorded.behaviour);
        let (mut olds, mut news) = (vec![while_asked(&old)], vec![while_asked(&new)]);
        let mut used_more = more(&olds, &news);
        if !(changes.is_empty() && used_more.is_empty()) && old.problem.is_none() {
            let mut known = old.recorded.behaviour.clone();
            let mut latest = new.recorded.behaviour.clone();
            for roles in [["old-again", "new-again"], ["old-third", "new-third"]] {
                let (again, second) = self.pair(&bench, roles).await?;
                known = snapshot::learn(known, &again.recorded.behaviour);
                latest = snapshot::learn(latest, &second.recorded.behaviour);
                changes = beyond(&known, &latest);
                olds.push(while_asked(&again));
                news.push(while_asked(&second));
                used_more = more(&olds, &news);
                if !rests_on_little(&changes, policy) && used_more.is_empty() {
                    break;
                }
            }
            let all = changes.len();
            changes.retain(|change| !may_be_tossed(change, policy));
            tossed = all - changes.len();
        } else {
            // Figures of one run of each are no figures.
            used_more.clear();
        }
        // What is done besides takes what it takes: it is told already.
        used_more.retain(|more| !changes.iter().any(|change| accounts_for(change, more)));
        changes.extend(used_more);
        let old_ended = old.problem.is_some();
        Ok(Found {
            changes,
            tossed,
            old,
            new,
            old_ended,
        })
    }

    fn world(&mut self, conditions: &Conditions) -> (Setup, Means) {
        let means = &self.comparison.means;
        let nth = self.worlds;
        self.worlds += 1;
        let means = Means {
            calls: means.calls.saturating_mul(conditions.times()),
            folder: means.folder.join(format!("elsewhere-{nth}")),
            ..means.clone()
        };
        (self.setup.under(conditions), means)
    }

    async fn pair(
        &mut self,
        bench: &Bench<'_>,
        roles: [&'static str; 2],
    ) -> Result<(Run, Run), RunError> {
        let cast = |package, role, leads| Cast {
            package,
            role,
            leads,
        };
        let old = cast(&self.comparison.old, roles[0], true);
        let new = cast(&self.comparison.new, roles[1], false);
        self.runs += 2;
        bench.pair(old, new).await
    }

    /// Looks for what each target needs; says which are worth telling. Worlds are few: those first
    /// that are of their own kind, then what is the same at another moment, for which the first
    /// one's cause is tried. What shows in no smaller world and is told of another moment already
    /// is nothing of its own: where much goes on at once, a request may come late.
    async fn causes(&mut self, all: &Conditions) -> Vec<bool> {
        let many = self.targets.len();
        let mut told = vec![true; many];
        let kin = |targets: &[Change], of: usize| {
            (0..of).find(|first| is_alike(&targets[*first], &targets[of]))
        };
        for target in (0..many)
            .filter(|t| kin(&self.targets, *t).is_none())
            .collect::<Vec<_>>()
        {
            // What was found out for others is known by now.
            let needed = self.smallest(target, all);
            self.narrow(target, needed).await;
        }
        let mut left = Vec::new();
        for target in 0..many {
            if let Some(first) = kin(&self.targets, target) {
                let needed = self.smallest(first, all);
                if needed == *all || !self.shows(target, &needed).await {
                    left.push(target);
                }
            }
        }
        for target in left {
            let needed = self.smallest(target, all);
            self.narrow(target, needed).await;
            told[target] = self.smallest(target, all) != *all;
        }
        told
    }

    /// The fewest conditions found so far under which a target shows.
    fn smallest(&self, target: usize, all: &Conditions) -> Conditions {
        let shown = self.tried.iter().filter(|(_, shown)| shown[target]);
        let least = shown.map(|(conditions, _)| conditions);
        least
            .min_by_key(|conditions| (conditions.len(), conditions.date()))
            .unwrap_or(all)
            .clone()
    }

    /// Takes conditions away for as long as the target shows.
    async fn narrow(&mut self, target: usize, mut needed: Conditions) {
        while needed.len() > 1 {
            let half = needed.len() / 2;
            let first: Conditions = needed.iter().take(half).collect();
            let second: Conditions = needed.iter().skip(half).collect();
            needed = if self.shows(target, &first).await {
                first
            } else if self.shows(target, &second).await {
                second
            } else {
                break;
            };
        }
        for condition in needed.clone().iter() {
            let rest = needed.without(condition);
            if !rest.is_empty() && self.shows(target, &rest).await {
                needed = rest;
            }
        }
        // How far the date must be.
        if needed.has(Condition::Date) {
            for days in [30, 366] {
                if self.shows(target, &needed.ahead(days)).await {
                    break;
                }
            }
        }
    }

    /// Whether a target shows under these conditions; no, where it cannot be tried.
    async fn shows(&mut self, target: usize, conditions: &Conditions) -> bool {
        if let Some((_, shown)) = self.tried.iter().find(|(tried, _)| tried == conditions) {
            return shown[target];
        }
        if self.worlds > WORLDS || self.began.elapsed() > LOOKING {
            self.failed.insert("there was no time for more".to_owned());
            return false;
        }
        let (setup, means) = self.world(conditions);
        let bench = Bench::new(&setup, &means);
        let (old, new) = match self.pair(&bench, ["old", "new"]).await {
            Ok(pair) => pair,
            Err(error) => {
                self.failed.insert(error.what);
                return false;
            }
        };
        let mut changes = differences(&old.recorded.behaviour, &new.recorded.behaviour);
        let (was, now) = (while_asked(&old), while_asked(&new));
        changes.extend(compare::more(&self.comparison.policy, &[&was], &[&now]));
        let shown: Vec<bool> = (self.targets.iter())
            .map(|target| changes.iter().any(|change| is_same(change, target)))
            .collect();
        let shows = shown[target];
        self.tried.push((conditions.clone(), shown));
        shows
    }
}

/// The evidence of a change that needs its circumstances.
struct Cause<'a> {
    recordings: &'a Recordings<'a>,
    when: String,
    under: String,
    command: &'a CommandLine,
}

impl Evidence for Cause<'_> {
    fn effect(&self, change: &Change) -> Value {
        self.recordings.effect(change)
    }

    fn when(&self, change: &Change) -> Option<String> {
        let further = self.recordings.when(change);
        let further = further.map_or(String::new(), |further| format!("; there: {further}"));
        Some(format!("{}{further}", self.when))
    }

    fn reproduce(&self, _: &Change) -> String {
        self.command.with(&format!("--under {}", self.under))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Rule, Weight};

    fn change(calls: u32) -> Change {
        Change {
            rule: Rule::ChangedValue,
            weight: Weight::Ordinary,
            phase: Phase::Idle,
            tool: None,
            owner: None,
            also: Vec::new(),
            operation: Some("message notifications/message".to_owned()),
            place: Some("data".to_owned()),
            host: None,
            title: String::new(),
            was: Some("\"calm\"".to_owned()),
            now: Some("\"windy\"".to_owned()),
            provenance: "constant".to_owned(),
            calls: (0..calls).collect(),
            of: calls,
            evidence: None,
        }
    }

    #[test]
    fn the_same_at_another_moment_is_alike_and_another_value_is_not() {
        let later = Change {
            phase: Phase::Call,
            tool: Some("send".to_owned()),
            ..change(3)
        };
        assert!(is_alike(&change(2), &later) && !is_same(&change(2), &later));
        let other = Change {
            now: Some("\"stormy\"".to_owned()),
            ..change(2)
        };
        assert!(!is_alike(&change(2), &other));
    }

    #[test]
    fn figures_are_accounted_for_by_what_the_same_tool_does_in_the_same_phase() {
        let of = |phase, tool: Option<&str>, operation: Option<&str>| Change {
            phase,
            tool: tool.map(str::to_owned),
            operation: operation.map(str::to_owned),
            ..change(1)
        };
        let more = of(Phase::Call, Some("send"), None);
        let http = Some("http GET https://a.example/");
        assert!(accounts_for(&of(Phase::Call, Some("send"), http), &more));
        for other in [
            of(Phase::Call, Some("list"), http),
            of(Phase::Idle, Some("send"), http),
            of(Phase::Call, Some("send"), None),
        ] {
            assert!(!accounts_for(&other, &more));
        }
    }

    #[test]
    fn only_a_light_value_that_is_another_one_in_a_few_calls_may_be_chance() {
        let policy = Policy {
            fail_on: Severity::Suspicious,
            allow: Vec::new(),
            rules: Default::default(),
        };
        assert!(may_be_tossed(&change(2), &policy));
        assert!(!may_be_tossed(&change(20), &policy));
        let new = Change {
            was: None,
            ..change(2)
        };
        assert!(!may_be_tossed(&new, &policy));
        let grave = Change {
            rule: Rule::CanaryLeak,
            ..change(2)
        };
        assert!(!may_be_tossed(&grave, &policy));
    }
}
