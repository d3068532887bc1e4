//! `turncoat fuzz`: a campaign of rounds, kept in a folder.

use super::engine::{
    RunFolder, acquire, acquire_one, failure, interruptible, policy, quoted, resolve, seed, tell,
};
use super::meaning::{Fuzz, Subject};
use super::{Deps, Exit, Failure, Shell, chain, reports};
use crate::event::Listener;
use crate::package::Dependencies;
use crate::run::{Budget, Campaign, Command, Means, Worlds, campaign, sequence, subject, unable};
use crate::verdict::Report;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Calls of the first round; later ones are as large as fits their time.
const FIRST: u32 = 128;
/// Where campaigns are kept, from the working folder.
const CORPUS: &str = "turncoat-corpus";

pub fn fuzz(what: &Fuzz, shell: &Shell) -> Result<Exit, Failure> {
    reports::check(&what.output.reports)?;
    if what.exercise.only_call.is_some() || what.exercise.sequence.is_some() {
        return Err(Failure::usage("a campaign makes its own calls").hint(
            "`--only-call` and `--sequence` belong to `turncoat diff` and `turncoat triage`",
        ));
    }
    let (new, of_new) = resolve(&what.new, what.scenario.as_deref())?;
    let old = match &what.old {
        Some(old) => Some(resolve(old, what.scenario.as_deref())?),
        None => None,
    };
    let scenario = match (&what.old, &old) {
        (Some(Subject::Named(name)), Some((_, own))) if name.ends_with(".toml") => own.clone(),
        _ => of_new,
    };
    let policy = policy(&what.policy, &scenario);
    let folder = RunFolder::make(what.exercise.keep_run.as_deref())?;
    let listener: Arc<dyn Listener> = Arc::new(shell.printer.progress());
    let seed = seed(&what.exercise, &scenario);
    let corpus = corpus(what);
    let dependencies = match what.dependencies {
        Deps::Newest => Dependencies::Same,
        Deps::AsPublished => Dependencies::AsPublished,
    };
    let going_on = || {
        let name = corpus.display();
        format!("what was found so far is in `{name}`: the same command goes on from there")
    };
    let made = interruptible(async {
        let exercise = &what.exercise;
        let (old, new) = match &old {
            Some((old, _)) => {
                let both = acquire(old, &new, dependencies, exercise, &scenario, &listener);
                let (old, new) = both.await?;
                (Some(old), new)
            }
            None => (
                None,
                acquire_one(&new, exercise, &scenario, &listener).await?,
            ),
        };
        let means = Means {
            calls: exercise.typed_calls().map_or(FIRST, |all| all.min(FIRST)),
            only_call: None,
            given: Arc::default(),
            jobs: exercise.jobs,
            folder: folder.next(),
            cache: super::engine::cache(exercise)?,
            command: String::new().into(),
            listener: Arc::clone(&listener),
            mounted: Vec::new(),
            helper: None,
        };
        let plan = Campaign {
            old,
            new,
            scenario: scenario.clone(),
            policy: policy.clone(),
            seed,
            means,
            budget: Budget {
                time: what.time,
                calls: exercise.typed_calls().map(u64::from),
            },
            folder: corpus.clone(),
            command: command(what),
        };
        match campaign(&plan).await {
            Err(error) if error.usage => Err(failure(error)),
            Err(error) => {
                let old = plan.old.as_ref().map(|old| subject(old, Vec::new()));
                let new = subject(&plan.new, Vec::new());
                Ok(unable(old, new, seed, &error))
            }
            done => done.map_err(failure),
        }
    });
    let report = made.map_err(|failure| match failure.exit {
        Exit::Inconclusive if corpus.exists() => failure.hint(going_on()),
        _ => failure,
    })?;
    folder.keep_report(&report)?;
    if what.add
        && let Some(path) = &what.scenario
    {
        let added = add(path, &report, &corpus)?;
        let name = path.display();
        shell
            .printer
            .note(&format!("added {added} calls to {name}"));
    }
    tell(
        &report,
        &what.output,
        &policy,
        what.scenario.as_deref(),
        &folder,
        shell,
    )
}

/// The folder that was named, else one named for the server.
fn corpus(what: &Fuzz) -> PathBuf {
    if let Some(named) = &what.corpus {
        return named.clone();
    }
    let Subject::Named(new) = &what.new else {
        return PathBuf::from(CORPUS);
    };
    // Without its version: later ones make use of what was kept.
    let plain = new.trim_end_matches('/');
    let name = match plain.char_indices().rev().find(|(_, c)| *c == '@') {
        Some((at, _)) if plain.contains(':') && at > 0 => &plain[..at],
        _ => plain,
    };
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(fit).collect();
    let name = name.trim_matches(['-', '.']);
    Path::new(CORPUS).join(if name.is_empty() { "here" } else { name })
}

/// How a round, or a sequence of calls, is seen again.
fn command(what: &Fuzz) -> Command {
    let named = |subject: &Subject| match subject {
        Subject::Named(name) => quoted(name),
        Subject::Command(words) => words.join(" "),
    };
    let mut head = match &what.old {
        Some(old) => format!("turncoat diff {} {}", named(old), named(&what.new)),
        None => format!("turncoat triage {}", named(&what.new)),
    };
    if let Some(scenario) = &what.scenario {
        head.push_str(&format!(
            " --scenario {}",
            quoted(&scenario.display().to_string())
        ));
    }
    let differential = what.old.is_some();
    Box::new(move |seed, calls, worlds, sequence| {
        let mut words = head.clone();
        match sequence {
            Some(file) => {
                let file = quoted(&file.display().to_string());
                words.push_str(&format!(" --sequence {file} --seed {}", seed.0));
            }
            None => words.push_str(&format!(" --calls {calls} --seed {}", seed.0)),
        }
        // One version is looked at in the ordinary world alone.
        if let (Worlds::Only(conditions), true) = (worlds, differential) {
            words.push_str(&format!(" --under {conditions}"));
        }
        words.into()
    })
}

/// Adds the calls of each finding that fails to a scenario; how many.
fn add(path: &Path, report: &Report, corpus: &Path) -> Result<usize, Failure> {
    let name = path.display().to_string();
    let cannot = |e: std::io::Error| Failure::inconclusive(format!("`{name}`: {e}"));
    let mut text = fs::read_to_string(path).map_err(cannot)?;
    let mut added = 0;
    for finding in &report.findings {
        let file = corpus.join("findings").join(format!("{}.json", finding.id));
        let Ok(kept) = fs::read(&file) else { continue };
        let head = format!("# {}, {}", finding.rule, finding.id);
        if text.contains(&head) {
            continue;
        }
        let steps = sequence(&kept).map_err(|e| Failure::inconclusive(chain(&e)))?;
        let mut block = format!("\n{head}\n");
        for step in &steps {
            let values = toml::Value::try_from((&step.tool, &step.arguments));
            let Some([tool, arguments]) = values
                .ok()
                .and_then(|both| both.as_array().cloned())
                .and_then(|both| <[toml::Value; 2]>::try_from(both).ok())
            else {
                // TOML has no null.
                block.clear();
                break;
            };
            block.push_str(&format!(
                "[[exercise.sequence]]\ntool = {tool}\narguments = {arguments}\n"
            ));
        }
        if !block.is_empty() {
            text.push_str(&block);
            added += steps.len();
        }
    }
    if added > 0 {
        fs::write(path, text).map_err(cannot)?;
    }
    Ok(added)
}
