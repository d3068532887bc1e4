//! `turncoat triage`: one version, no baseline.

use super::engine::{
    RunFolder, acquire_one, failure, interruptible, policy, quoted, resolve, seed, tell,
};
use super::meaning::{Subject, Triage};
use super::{Exit, Failure, Shell, reports};
use crate::event::Listener;
use crate::run::{CommandLine, Means, Observation, subject, unable};
use std::sync::Arc;

pub fn triage(what: &Triage, shell: &Shell) -> Result<Exit, Failure> {
    reports::check(&what.output.reports)?;
    let (target, scenario) = resolve(&what.target, what.scenario.as_deref())?;
    let policy = policy(&what.policy, &scenario);
    let folder = RunFolder::make(what.exercise.keep_run.as_deref())?;
    let listener: Arc<dyn Listener> = Arc::new(shell.printer.progress());
    let report = interruptible(async {
        let package = acquire_one(&target, &what.exercise, &scenario, &listener).await?;
        let means = Means {
            calls: what.exercise.calls(Some(scenario.exercise.calls)),
            only_call: what.exercise.only_call,
            given: what.exercise.given()?,
            jobs: what.exercise.jobs,
            folder: folder.next(),
            cache: super::engine::cache(&what.exercise)?,
            command: command(what),
            listener,
            mounted: Vec::new(),
            helper: None,
        };
        let seed = seed(&what.exercise, &scenario);
        let policy = policy.clone();
        let observation = Observation {
            package,
            scenario,
            seed,
            means,
            policy,
        };
        match crate::run::triage(&observation).await {
            Err(error) if error.usage => Err(failure(error)),
            Err(error) => {
                let new = subject(&observation.package, Vec::new());
                Ok(unable(None, new, seed, &error))
            }
            done => done.map_err(failure),
        }
    })?;
    folder.keep_report(&report)?;
    tell(
        &report,
        &what.output,
        &policy,
        what.scenario.as_deref(),
        &folder,
        shell,
    )
}

fn command(what: &Triage) -> CommandLine {
    let mut tail = Vec::new();
    let mut words = vec!["turncoat triage".to_owned()];
    if let Some(scenario) = &what.scenario {
        words.push(format!(
            "--scenario {}",
            quoted(&scenario.display().to_string())
        ));
    }
    if let Some(sequence) = &what.exercise.sequence {
        let file = quoted(&sequence.display().to_string());
        words.push(format!("--sequence {file}"));
    }
    match &what.target {
        Subject::Named(target) => words.push(quoted(target)),
        Subject::Command(command) => {
            tail.push("--".to_owned());
            tail.extend(command.iter().map(|word| quoted(word)));
        }
    }
    CommandLine {
        head: words.join(" "),
        tail: tail.join(" "),
    }
}
