//! One version without a baseline: what does it do that neither its arguments nor its settings
//! nor the upstreams it is meant to use explain?

use super::baseline::Observation;
use super::bench::{Bench, Cast};
use super::compare::{Outcome, concluded, differences, exercise, subject};
use super::dependencies;
use super::error::RunError;
use super::evidence::Recordings;
use super::setup::Setup;
use crate::diff::Rule;
use crate::effect::Phase;
use crate::package::Difference;
use crate::provenance::{Expr, Source};
use crate::secret::{Kind, Planted};
use crate::snapshot::{self, Behaviour, Calls, Operation, Place, Scope, Scoped, Sightings};
use crate::verdict::{Report, SCHEMA, Severity, judge};
use std::collections::BTreeMap;
use std::time::Instant;

/// Runs a version twice and holds it against what its scenario explains.
pub async fn triage(observation: &Observation) -> Result<Report, RunError> {
    let seen = triaged(observation, &[]).await;
    seen.map(|seen| seen.report)
}

/// The same with what was seen. Of the rules that are `held` more than what is suspicious is told.
pub async fn triaged(observation: &Observation, held: &[Rule]) -> Result<Outcome, RunError> {
    let began = Instant::now();
    let mut setup = Setup::new(&observation.scenario, observation.seed, &observation.means)?;
    setup.adopt(&observation.package);
    setup.read(&Difference::whole(&observation.package));
    let bench = Bench::new(&setup, &observation.means);
    let cast = |role| Cast {
        package: &observation.package,
        role,
        leads: true,
    };
    let (run, again) = bench.pair(cast("new"), cast("new-again")).await?;
    let both = snapshot::learn(run.recorded.behaviour.clone(), &again.recorded.behaviour);
    let mut changes = differences(&explained(&setup), &both);
    // Without a baseline everything is new: only what is wrong by itself is worth a word.
    changes.retain(|change| {
        // That there is a script says nothing; what it does, does.
        let severity = observation.policy.severity(change);
        let least = match held.contains(&change.rule) {
            true => Severity::Change,
            false => Severity::Suspicious,
        };
        change.rule != Rule::InstallScriptAdded
            && severity.is_some_and(|severity| severity >= least)
    });
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
    Ok(Outcome {
        report: Report {
            schema: SCHEMA.to_owned(),
            verdict: concluded(&findings, &problems, &observation.policy),
            old: None,
            new: subject(&observation.package, Vec::new()),
            exercise: exercise(
                &run,
                observation.seed,
                2,
                [setup.notes(), run.notes.clone()].concat(),
                began,
            ),
            findings,
            allowed,
            problems,
        },
        behaviour: both,
        arguments: run.recorded.arguments,
    })
}

/// What a scenario explains beforehand: that its upstreams, and the hosts its settings name, are
/// contacted with its settings and secrets.
fn explained(setup: &Setup) -> Behaviour {
    let mut hosts: Vec<String> = setup
        .scenario()
        .upstreams
        .iter()
        .map(|upstream| upstream.host.clone())
        .collect();
    for planted in setup.planted.iter().filter(|p| p.kind == Kind::Setting) {
        hosts.extend(host_of(&planted.value));
    }
    let sources = setup.planted.iter().filter_map(source);
    let seen = || Sightings {
        calls: [0].into_iter().collect(),
        first: 0,
    };
    let values: BTreeMap<Expr, Sightings> =
        sources.map(|source| (Expr::from(source), seen())).collect();
    let operation = |host: &str| Operation {
        calls: [0].into_iter().collect::<Calls>(),
        most: 1,
        host: Some(host.to_owned()),
        places: BTreeMap::from([(
            "settings".to_owned(),
            Place {
                calls: [0].into_iter().collect(),
                values: values.clone(),
                steady: false,
            },
        )]),
        steady: false,
        first: 0,
    };
    let operations = hosts
        .iter()
        .map(|host| (format!("explained {host}"), operation(host)))
        .collect();
    let scope = Scope::phase(Phase::Install);
    Behaviour {
        scopes: BTreeMap::from([(
            scope,
            Scoped {
                calls: 1,
                operations,
            },
        )]),
        ..Behaviour::default()
    }
}

fn source(planted: &Planted) -> Option<Source> {
    match planted.kind {
        Kind::Setting => Some(Source::Setting(planted.name.clone())),
        Kind::Secret => Some(Source::Secret(planted.name.clone())),
        Kind::Canary => None,
    }
}

/// The host that a setting names: a URL's, or the value where it is a host's name itself.
fn host_of(value: &str) -> Option<String> {
    if let Ok(url) = url::Url::parse(value)
        && let Some(host) = url.host_str()
    {
        return Some(host.to_ascii_lowercase());
    }
    let name = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (value.contains('.') && value.split('.').all(name)).then(|| value.to_ascii_lowercase())
}
