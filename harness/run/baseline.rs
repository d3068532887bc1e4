//! Accepted behaviour: recording it, and holding a version against it.

use super::bench::{Bench, Cast, Means};
use super::compare::{concluded, differences, exercise, subject};
use super::dependencies;
use super::drive::Run;
use super::error::RunError;
use super::evidence::Recordings;
use super::setup::Setup;
use crate::package::Package;
use crate::scenario::Scenario;
use crate::secret::Seed;
use crate::snapshot::{self, Accepted};
use crate::verdict::{Policy, Report, SCHEMA, Subject, judge};
use std::time::Instant;

/// One version to be observed.
pub struct Observation {
    pub package: Package,
    pub scenario: Scenario,
    pub seed: Seed,
    pub means: Means,
    pub policy: Policy,
}

/// Behaviour as it was seen, and the report of the exercise.
pub struct Seen {
    pub accepted: Accepted,
    pub report: Report,
}

/// Runs a version twice and describes what it does.
pub async fn observe(observation: &Observation) -> Result<Seen, RunError> {
    let began = Instant::now();
    let mut setup = Setup::new(&observation.scenario, observation.seed, &observation.means)?;
    setup.adopt(&observation.package);
    let bench = Bench::new(&setup, &observation.means);
    let cast = |role| Cast {
        package: &observation.package,
        role,
        leads: true,
    };
    let (run, again) = bench.pair(cast("new"), cast("new-again")).await?;
    let behaviour = snapshot::learn(run.recorded.behaviour.clone(), &again.recorded.behaviour);
    let problems = bench.problems(&[("the server", &run)]);
    let notes = [setup.notes(), run.notes.clone()].concat();
    let report = Report {
        schema: SCHEMA.to_owned(),
        verdict: concluded(&[], &problems, &observation.policy),
        old: None,
        new: subject(&observation.package, Vec::new()),
        exercise: exercise(&run, observation.seed, 2, notes, began),
        findings: Vec::new(),
        allowed: Vec::new(),
        problems,
    };
    let accepted = Accepted {
        seed: observation.seed.0,
        calls: observation.means.calls,
        behaviour,
    };
    Ok(Seen { accepted, report })
}

/// Runs a version and holds it against accepted behaviour: with the accepted surface's calls,
/// under the accepted seed. `name` is how the report names the snapshot.
pub async fn check(
    observation: &Observation,
    accepted: &Accepted,
    name: &str,
) -> Result<Report, RunError> {
    let began = Instant::now();
    let mut setup = Setup::new(&observation.scenario, observation.seed, &observation.means)?;
    setup.adopt(&observation.package);
    let baseline = &accepted.behaviour;
    let bench = Bench::with_surface(&setup, &observation.means, &baseline.surface);
    let cast = |role| Cast {
        package: &observation.package,
        role,
        leads: false,
    };
    let run: Run = bench.run(cast("new")).await?;
    let mut runs = 1;
    let mut changes = differences(baseline, &run.recorded.behaviour);
    if changes.iter().any(|change| change.operation.is_some()) && run.problem.is_none() {
        let again = bench.run(cast("new-again")).await?;
        runs += 1;
        let both = snapshot::learn(run.recorded.behaviour.clone(), &again.recorded.behaviour);
        changes = differences(baseline, &both);
    }
    dependencies::name(&mut changes, None, &observation.package);
    let problems = bench.problems(&[("the server", &run)]);
    let recordings = Recordings::new(
        None,
        &run.folder,
        &changes,
        &run.recorded.arguments,
        &observation.means.command,
    );
    let (findings, allowed) = judge(changes, &observation.policy, &recordings);
    let old = Subject {
        target: name.to_owned(),
        resolved: name.to_owned(),
        version: None,
        integrity: None,
        dependencies: Vec::new(),
    };
    Ok(Report {
        schema: SCHEMA.to_owned(),
        verdict: concluded(&findings, &problems, &observation.policy),
        old: Some(old),
        new: subject(&observation.package, Vec::new()),
        exercise: exercise(
            &run,
            observation.seed,
            runs,
            [setup.notes(), run.notes.clone()].concat(),
            began,
        ),
        findings,
        allowed,
        problems,
    })
}
