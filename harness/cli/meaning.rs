//! What was typed, made to mean something: every choice settled that needs no file and no
//! network. What a scenario may still decide stays open and is asked for with its answer.

use super::args::{self, Deps, FailOn, Format, Typed, TypedCommand};
use super::failure::Failure;
use super::surroundings::Surroundings;
use crate::diff::Rule;
use crate::report::{Kind, terminal::Detail};
use crate::run::{self, Given, Worlds};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Calls of each server where neither the command line nor the scenario says otherwise.
pub const CALLS: u32 = 64;

/// The seed where neither the command line nor the scenario names one: fixed, so that the same
/// input has the same verdict.
pub const SEED: u64 = 1;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Diff(Diff),
    Record(Record),
    Check(Check),
    Review,
    Accept(Which),
    Reject(Which),
    Triage(Triage),
    Fuzz(Fuzz),
    Explain(Explain),
    Doctor,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    pub old: Subject,
    pub new: Subject,
    pub scenario: Option<PathBuf>,
    pub dependencies: Deps,
    pub worlds: Worlds,
    pub exercise: Exercise,
    pub policy: Policy,
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Empty for all scenarios there are.
    pub scenarios: Vec<PathBuf>,
    pub exercise: Exercise,
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Empty for all scenarios there are.
    pub scenarios: Vec<PathBuf>,
    pub exercise: Exercise,
    pub policy: Policy,
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triage {
    pub target: Subject,
    pub scenario: Option<PathBuf>,
    pub exercise: Exercise,
    pub policy: Policy,
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fuzz {
    /// Absent where one version is held to rules.
    pub old: Option<Subject>,
    pub new: Subject,
    pub scenario: Option<PathBuf>,
    pub time: Duration,
    pub corpus: Option<PathBuf>,
    pub add: bool,
    pub dependencies: Deps,
    pub exercise: Exercise,
    pub policy: Policy,
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain {
    pub run: PathBuf,
    /// A finding's id or the beginning of one.
    pub finding: Option<String>,
}

/// A server, as yet only named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A target as `package` reads it.
    Named(String),
    /// A program and its arguments; never empty.
    Command(Vec<String>),
}

/// Pending snapshots to decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    Named(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exercise {
    calls: Option<u32>,
    /// None for the scenario's, else 1.
    pub seed: Option<u64>,
    pub only_call: Option<u32>,
    /// A file with calls, and no others are made.
    pub sequence: Option<PathBuf>,
    /// At least 1.
    pub jobs: usize,
    pub offline: bool,
    /// None for the user's own cache folder.
    pub cache: Option<PathBuf>,
    pub keep_run: Option<PathBuf>,
}

impl Exercise {
    /// Calls to make: as typed, else as the scenario says, else [`CALLS`].
    pub fn calls(&self, scenario: Option<u32>) -> u32 {
        self.calls.or(scenario).unwrap_or(CALLS)
    }

    /// Calls as typed.
    pub fn typed_calls(&self) -> Option<u32> {
        self.calls
    }

    /// The calls of the file that was named.
    pub fn given(&self) -> Result<Arc<Given>, Failure> {
        let Some(path) = &self.sequence else {
            return Ok(Arc::default());
        };
        let name = path.display();
        let text = fs::read(path)
            .map_err(|e| Failure::usage(format!("`{name}` could not be read: {e}")))?;
        let steps = run::sequence(&text).map_err(|e| {
            let why = super::chain(&e);
            Failure::usage(format!("`{name}` holds no calls: {why}"))
                .hint("write a list of `{\"tool\": …, \"arguments\": …}`, or name a finding's file")
        })?;
        Ok(Arc::new(Given {
            sequence: Some(steps),
            ..Given::default()
        }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    typed: Option<FailOn>,
    otherwise: FailOn,
    pub allow: Vec<Rule>,
}

impl Policy {
    /// What fails: as typed, else as the scenario says, else as fits the command.
    pub fn fail_on(&self, scenario: Option<FailOn>) -> FailOn {
        self.typed.or(scenario).unwrap_or(self.otherwise)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub format: Format,
    /// No file twice.
    pub reports: Vec<(Kind, PathBuf)>,
}

/// How to talk while doing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    pub detail: Detail,
    /// Whether stdout and stderr get colours.
    pub colour: (bool, bool),
    /// Columns.
    pub width: usize,
    /// Whether progress may redraw its line.
    pub live: bool,
}

impl Manner {
    /// Without colours or redrawing, for what is said before anything is decided.
    pub fn plain() -> Self {
        Self {
            detail: Detail::Normal,
            colour: (false, false),
            width: 100,
            live: false,
        }
    }
}

/// Reads what was typed in the light of where it was typed.
pub fn read(typed: Typed, here: &Surroundings) -> Result<(Command, Manner), Failure> {
    let manner = manner(&typed.manner, here);
    let command = match typed.command {
        TypedCommand::Diff(diff) => Command::Diff(Diff {
            old: Subject::Named(diff.old),
            new: subject(diff.new, diff.command)?,
            scenario: diff.scenario,
            dependencies: diff.deps,
            worlds: diff.under.map_or_else(Worlds::default, Worlds::Only),
            exercise: exercise(diff.exercise, here)?,
            policy: policy(diff.judgement, FailOn::Suspicious),
            output: output(diff.output)?,
        }),
        TypedCommand::Record(record) => Command::Record(Record {
            scenarios: once(record.scenarios),
            exercise: exercise(record.exercise, here)?,
            output: output(record.output)?,
        }),
        TypedCommand::Check(check) => Command::Check(Check {
            scenarios: once(check.scenarios),
            exercise: exercise(check.exercise, here)?,
            policy: policy(check.judgement, FailOn::Change),
            output: output(check.output)?,
        }),
        TypedCommand::Triage(triage) => Command::Triage(Triage {
            target: subject(triage.target, triage.command)?,
            scenario: triage.scenario,
            exercise: exercise(triage.exercise, here)?,
            policy: policy(triage.judgement, FailOn::Suspicious),
            output: output(triage.output)?,
        }),
        TypedCommand::Fuzz(fuzz) => {
            let (old, new) = match fuzz.new {
                Some(new) => (Some(Subject::Named(fuzz.old)), new),
                None => (None, fuzz.old),
            };
            Command::Fuzz(Fuzz {
                old,
                new: Subject::Named(new),
                scenario: fuzz.scenario,
                time: fuzz.time,
                corpus: fuzz.corpus,
                add: fuzz.add,
                dependencies: fuzz.deps,
                exercise: exercise(fuzz.exercise, here)?,
                policy: policy(fuzz.judgement, FailOn::Suspicious),
                output: output(fuzz.output)?,
            })
        }
        TypedCommand::Explain(explain) => Command::Explain(Explain {
            run: explain.run,
            finding: explain.finding,
        }),
        TypedCommand::Accept(accept) => Command::Accept(which(accept.which)),
        TypedCommand::Reject(reject) => Command::Reject(which(reject.which)),
        TypedCommand::Review(args::Review {}) => Command::Review,
        TypedCommand::Doctor(args::Doctor {}) => Command::Doctor,
    };
    Ok((command, manner))
}

fn manner(typed: &args::Manner, here: &Surroundings) -> Manner {
    let colour = |fitting: bool| match typed.color {
        args::Color::Auto => fitting,
        args::Color::Always => true,
        args::Color::Never => false,
    };
    Manner {
        detail: match (typed.quiet, typed.verbose) {
            (true, _) => Detail::Brief,
            (false, false) => Detail::Normal,
            (false, true) => Detail::Full,
        },
        colour: (colour(here.colour.0), colour(here.colour.1)),
        width: here.width,
        live: here.stderr_is_terminal && !here.ci,
    }
}

fn subject(named: Option<String>, command: Vec<OsString>) -> Result<Subject, Failure> {
    // The parser lets exactly one of the two through.
    let Some(target) = named else {
        let words = command.into_iter().map(|word| {
            word.into_string().map_err(|word| {
                let word = word.to_string_lossy().into_owned();
                Failure::usage(format!("`{word}` is not UTF-8"))
            })
        });
        return Ok(Subject::Command(words.collect::<Result<_, _>>()?));
    };
    Ok(Subject::Named(target))
}

fn exercise(typed: args::Exercise, here: &Surroundings) -> Result<Exercise, Failure> {
    Ok(Exercise {
        calls: typed.calls,
        seed: typed.seed,
        only_call: typed.only_call,
        sequence: typed.sequence,
        jobs: typed.jobs.map_or(here.cores, usize::from).max(1),
        offline: typed.offline,
        cache: typed.cache,
        keep_run: typed.keep_run,
    })
}

fn policy(typed: args::Judgement, otherwise: FailOn) -> Policy {
    Policy {
        typed: typed.fail_on,
        otherwise,
        allow: typed.allow,
    }
}

fn output(typed: args::Output) -> Result<Output, Failure> {
    let mut paths = BTreeSet::new();
    for (kind, path) in &typed.reports {
        if !paths.insert(path) {
            let path = path.display();
            let what = format!("two reports go to `{path}`");
            return Err(Failure::usage(what).hint(format!("name another file for `{kind}`")));
        }
    }
    Ok(Output {
        format: typed.format,
        reports: typed.reports,
    })
}

fn which(typed: args::Which) -> Which {
    if typed.all {
        Which::All
    } else {
        Which::Named(typed.names)
    }
}

/// Each scenario once, in the order typed.
fn once(scenarios: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let fresh = scenarios
        .into_iter()
        .filter(|path| seen.insert(path.clone()));
    fresh.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn here() -> Surroundings {
        Surroundings {
            ci: false,
            cores: 4,
            width: 100,
            colour: (true, false),
            stdin_is_terminal: true,
            stderr_is_terminal: true,
        }
    }

    fn meant(line: &str) -> Result<(Command, Manner), Failure> {
        let typed = std::iter::once("turncoat").chain(line.split_whitespace());
        read(Typed::try_parse_from(typed).unwrap(), &here())
    }

    #[test]
    fn the_command_line_goes_before_the_scenario() {
        let (Command::Diff(diff), _) = meant("diff a b").unwrap() else {
            panic!("another command")
        };
        assert_eq!(diff.exercise.calls(None), CALLS);
        assert_eq!(diff.exercise.calls(Some(7)), 7);
        assert_eq!(diff.exercise.jobs, 4);
        assert_eq!(diff.policy.fail_on(None), FailOn::Suspicious);
        assert_eq!(diff.policy.fail_on(Some(FailOn::Change)), FailOn::Change);
        let (Command::Check(check), _) =
            meant("check x x --calls 9 --fail-on suspicious --jobs 2").unwrap()
        else {
            panic!("another command")
        };
        assert_eq!(check.scenarios, [PathBuf::from("x")]);
        assert_eq!(check.exercise.calls(Some(7)), 9);
        assert_eq!(check.exercise.jobs, 2);
        assert_eq!(
            check.policy.fail_on(Some(FailOn::Change)),
            FailOn::Suspicious
        );
    }

    #[test]
    fn a_command_stands_for_the_new_version() {
        let (Command::Diff(diff), _) = meant("diff a -- node x.js").unwrap() else {
            panic!("another command")
        };
        let command = ["node".to_owned(), "x.js".to_owned()];
        assert_eq!(diff.new, Subject::Command(command.into()));
    }

    #[test]
    fn colours_are_decided_for_each_stream() {
        let manner = |line| meant(line).unwrap().1;
        assert_eq!(manner("doctor").colour, (true, false));
        assert_eq!(manner("doctor --color always").colour, (true, true));
        assert_eq!(manner("doctor --color never").colour, (false, false));
        assert_eq!(manner("doctor -q").detail, Detail::Brief);
        assert_eq!(manner("-v doctor").detail, Detail::Full);
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        let said = meant("diff a b --report json=x --report html=x").unwrap_err();
        assert_eq!(said.to_string(), "two reports go to `x`");
    }
}
