//! `turncoat record` and `turncoat check`: scenarios against accepted behaviour.

use super::engine::{
    RunFolder, acquire_one, failure, interruptible, policy, scenario, seed, target, tell,
};
use super::meaning::{Check, Exercise, Record, Subject};
use super::{Exit, Failure, Shell, reports};
use crate::event::Listener;
use crate::package::{Package, Target};
use crate::run::{Means, Observation, subject, unable};
use crate::scenario::Scenario;
use crate::secret::Seed;
use crate::snapshot::{self, Accepted, Name, Proposed, Snapshot};
use crate::verdict::{self, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where scenarios lie when none is named.
const SCENARIOS: &str = "scenarios";

pub fn record(what: &Record, shell: &Shell) -> Result<Exit, Failure> {
    reports::check(&what.output.reports)?;
    let mut exit = Exit::Passed;
    for path in scenarios(&what.scenarios)? {
        let done = record_one(&path, what, shell).unwrap_or_else(|failure| {
            shell.printer.error(&failure);
            failure.exit
        });
        exit = exit.worse(done);
    }
    Ok(exit)
}

fn record_one(path: &Path, what: &Record, shell: &Shell) -> Result<Exit, Failure> {
    let scenario = scenario(Some(path))?;
    let seed = seed(&what.exercise, &scenario);
    let calls = what.exercise.calls(Some(scenario.exercise.calls));
    let folder = RunFolder::make(kept(&what.exercise, path).as_deref())?;
    let all = verdict::Policy::new(verdict::Severity::Change);
    let seen = interruptible(async {
        let observation = observation(
            path,
            scenario,
            &what.exercise,
            (seed, calls),
            &folder,
            all.clone(),
            shell,
        )
        .await?;
        let name = name(&observation.package, path);
        let seen = crate::run::observe(&observation).await.map_err(failure)?;
        Ok((name, seen, observation.package.target))
    });
    let (name, seen, target) = seen?;
    folder.keep_report(&seen.report)?;
    let exit = tell(&seen.report, &what.output, &all, Some(path), &folder, shell)?;
    if seen.report.verdict == Verdict::Inconclusive {
        // Behaviour that was hardly seen must not become what later versions are held against.
        return Ok(exit);
    }
    let text = snapshot::write(&seen.accepted);
    let snapshot = Snapshot::new(Some(path.display().to_string()), Some(target), &text);
    match shell.store.propose(&name, &snapshot)? {
        Proposed::Same => shell.printer.note(&format!("{name}: as accepted")),
        Proposed::Pending(file) => shell.printer.note(&format!(
            "{name}: waits in {}; `turncoat review` shows it, `turncoat accept` takes it over",
            file.display()
        )),
        Proposed::Withheld => {
            shell.printer.note(&format!(
                "{name}: not as accepted; nothing is written in CI"
            ));
            return Ok(exit.worse(Exit::Failed));
        }
    }
    Ok(exit)
}

pub fn check(what: &Check, shell: &Shell) -> Result<Exit, Failure> {
    reports::check(&what.output.reports)?;
    let mut exit = Exit::Passed;
    for path in scenarios(&what.scenarios)? {
        let done = check_one(&path, what, shell).unwrap_or_else(|failure| {
            shell.printer.error(&failure);
            failure.exit
        });
        exit = exit.worse(done);
    }
    Ok(exit)
}

fn check_one(path: &Path, what: &Check, shell: &Shell) -> Result<Exit, Failure> {
    let scenario = scenario(Some(path))?;
    let policy = policy(&what.policy, &scenario);
    let folder = RunFolder::make(kept(&what.exercise, path).as_deref())?;
    let typed = (
        seed(&what.exercise, &scenario),
        what.exercise.calls(Some(scenario.exercise.calls)),
    );
    let report = interruptible(async {
        let mut observation = observation(
            path,
            scenario,
            &what.exercise,
            typed,
            &folder,
            policy.clone(),
            shell,
        )
        .await?;
        let name = name(&observation.package, path);
        let Some(accepted) = accepted(&name, shell)? else {
            return Err(
                Failure::inconclusive(format!("{name}: nothing is accepted yet"))
                    .hint("`turncoat record` runs it, `turncoat accept` takes over what it shows"),
            );
        };
        // The accepted calls are repeated, whatever the scenario says by now.
        observation.seed = Seed(accepted.seed);
        observation.means.calls = accepted.calls;
        crate::run::check(
            &observation,
            &accepted,
            &format!("{}/{name}.snap", super::SNAPSHOTS),
        )
        .await
        .or_else(|error| match error.usage {
            true => Err(failure(error)),
            false => Ok(unable(
                None,
                subject(&observation.package, Vec::new()),
                observation.seed,
                &error,
            )),
        })
    })?;
    folder.keep_report(&report)?;
    tell(&report, &what.output, &policy, Some(path), &folder, shell)
}

fn accepted(name: &Name, shell: &Shell) -> Result<Option<Accepted>, Failure> {
    let Some(snapshot) = shell.store.accepted(name)? else {
        return Ok(None);
    };
    snapshot::read(snapshot.contents())
        .map(Some)
        .map_err(|error| {
            Failure::usage(format!("the snapshot `{name}` cannot be read: {error}"))
                .hint("record it again, or take it back to what is in version control")
        })
}

async fn observation(
    path: &Path,
    scenario: Scenario,
    exercise: &Exercise,
    (seed, calls): (Seed, u32),
    folder: &RunFolder,
    policy: verdict::Policy,
    shell: &Shell,
) -> Result<Observation, Failure> {
    let target = scenario_target(path, &scenario)?;
    let listener: Arc<dyn Listener> = Arc::new(shell.printer.progress());
    let package = acquire_one(&target, exercise, &scenario, &listener).await?;
    let means = Means {
        calls,
        only_call: exercise.only_call,
        given: exercise.given()?,
        jobs: exercise.jobs,
        folder: folder.next(),
        cache: super::engine::cache(exercise)?,
        command: format!(
            "turncoat check {}",
            super::engine::quoted(&path.display().to_string())
        )
        .into(),
        listener,
        mounted: Vec::new(),
        helper: None,
    };
    Ok(Observation {
        package,
        scenario,
        seed,
        means,
        policy,
    })
}

/// The server that a scenario names.
pub fn scenario_target(path: &Path, scenario: &Scenario) -> Result<Target, Failure> {
    let Some(named) = &scenario.server.target else {
        return Err(
            Failure::usage(format!("`{}` names no server", path.display()))
                .hint("set `server.target` in it, or use `turncoat diff OLD NEW --scenario FILE`"),
        );
    };
    target(&Subject::Named(named.resolved()))
}

/// The scenarios named, or all there are.
fn scenarios(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(SCENARIOS)
        .max_depth(4)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(
            Failure::usage(format!("there are no scenarios below `{SCENARIOS}/`"))
                .hint("name one, or write one: the README shows how"),
        );
    }
    Ok(found)
}

/// Each scenario's runs are kept apart.
fn kept(exercise: &Exercise, scenario: &Path) -> Option<PathBuf> {
    let folder = exercise.keep_run.as_ref()?;
    Some(folder.join(scenario.file_stem().unwrap_or_default()))
}

/// `npm/@acme/mail/basic`: ecosystem, package without its version, scenario.
fn name(package: &Package, scenario: &Path) -> Name {
    let ecosystem = match package.resolved.split_once('/') {
        Some(("pkg:npm", _)) => "npm",
        Some(("pkg:pypi", _)) => "pypi",
        _ => "local",
    };
    let stem = scenario.file_stem().unwrap_or_default().to_string_lossy();
    let package = package.name.as_deref().unwrap_or(&package.resolved);
    Name::new(ecosystem, package, &stem)
}
