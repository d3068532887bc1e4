//! The commands that run servers: acquire, run, print. Interrupted by Ctrl-C or SIGTERM they
//! let every guard clean up before they end.

use super::failure::{Failure, chain};
use super::meaning::{Diff, Exercise, Policy, SEED, Subject};
use super::{Deps, Exit, FailOn, Output, Shell, explain, reports};
use crate::diff::Rule;
use crate::event::{Listener, Progress};
use crate::package::{self, Cache, Dependencies, FetchError, Package, Target};
use crate::report::sarif;
use crate::run::{CommandLine, Comparison, Means, RunError, Worlds, subject, unable};
use crate::scenario::{self, Known, Scenario, Setting};
use crate::secret::Seed;
use crate::verdict::{self, Allow, Report, Severity};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bare targets need no scenario; this is what they run under.
const BARE: &str = "format = \"turncoat.scenario/1\"\n";
/// How long runs may take to clean up after an interruption.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// `turncoat diff`.
pub fn diff(what: &Diff, shell: &Shell) -> Result<Exit, Failure> {
    reports::check(&what.output.reports)?;
    let (new, of_new) = resolve(&what.new, what.scenario.as_deref())?;
    let (old, of_old) = resolve(&what.old, what.scenario.as_deref())?;
    // A scenario that is named as a target brings its own settings along.
    let scenario = if matches!(what.old, Subject::Named(ref old) if old.ends_with(".toml")) {
        of_old
    } else {
        of_new
    };
    let folder = RunFolder::make(what.exercise.keep_run.as_deref())?;
    let policy = policy(&what.policy, &scenario);
    let listener: Arc<dyn Listener> = Arc::new(shell.printer.progress());
    let seed = seed(&what.exercise, &scenario);
    let calls = what.exercise.calls(Some(scenario.exercise.calls));
    let command = diff_command(what, seed, calls);
    let dependencies = match what.dependencies {
        Deps::Newest => Dependencies::Same,
        Deps::AsPublished => Dependencies::AsPublished,
    };
    let report = interruptible(async {
        let mut notes = Vec::new();
        let mut attempt = dependencies;
        loop {
            let means = Means {
                calls,
                only_call: what.exercise.only_call,
                given: what.exercise.given()?,
                jobs: what.exercise.jobs,
                folder: folder.next(),
                cache: cache(&what.exercise)?,
                command: command.clone(),
                listener: Arc::clone(&listener),
                mounted: Vec::new(),
                helper: None,
            };
            let (old, new) =
                acquire(&old, &new, attempt, &what.exercise, &scenario, &listener).await?;
            let retry = attempt == Dependencies::Same && old.as_of.is_some();
            let comparison = Arc::new(Comparison {
                old,
                new,
                scenario: scenario.clone(),
                policy: policy.clone(),
                seed,
                means,
                worlds: what.worlds.clone(),
                notes: notes.clone(),
            });
            let comparing = Arc::clone(&comparison);
            match on_a_worker(async move { crate::run::compare(&comparing).await }).await {
                Ok(report) => return Ok(report),
                // An old release may not start on dependencies of a later date.
                Err(error) if retry && !error.usage => {
                    notes.push(format!(
                        "with both dependency trees of one date a version did not start ({}); each has the tree of its own publication instead",
                        error.what
                    ));
                    attempt = Dependencies::AsPublished;
                }
                Err(error) if error.usage => return Err(failure(error)),
                Err(error) => {
                    let (old, new) = (&comparison.old, &comparison.new);
                    let dependencies = package::tree_difference(old, new);
                    let old = subject(old, Vec::new());
                    let new = subject(new, dependencies);
                    return Ok(unable(Some(old), new, seed, &error));
                }
            }
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

/// Prints a report, writes those asked for, and says how to end.
pub fn tell(
    report: &Report,
    output: &Output,
    policy: &verdict::Policy,
    scenario: Option<&Path>,
    folder: &RunFolder,
    shell: &Shell,
) -> Result<Exit, Failure> {
    let exit = Exit::of(report.verdict, fail_on(policy.fail_on));
    let told = shell.printer.extent(report);
    let report = &told;
    let printed = shell.printer.report(report, output.format);
    printed.map_err(|e| Failure::inconclusive(format!("the report could not be printed: {e}")))?;
    let context = reports::Context {
        failing: policy.fail_on,
        place: sarif::Place {
            file: scenario.map_or("snapshots".into(), |path| path.display().to_string()),
            line: 1,
        },
        events: folder.latest().join("new").join(crate::run::log::EVENTS),
    };
    match reports::write(&output.reports, report, &context) {
        Ok(()) => Ok(exit),
        Err(failure) => {
            shell.printer.error(&failure);
            Ok(exit.worse(failure.exit))
        }
    }
}

/// Runs `work` on a runtime of its own until it ends or the user wants it to.
pub fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::inconclusive(format!("no threads can be started: {e}")))?;
    let done = runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .map_err(|e| Failure::inconclusive(format!("signals cannot be heard: {e}")))?;
        // Dropping the work ends every sandbox and removes what was temporary.
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err(interrupted()),
            _ = terminate.recv() => Err(interrupted()),
        }
    });
    runtime.shutdown_timeout(CLEAN_UP);
    done
}

/// Runs `work` on a thread that waits for input and output itself: from there to the thread that
/// waits for the end of everything, each answer of a server would lose time.
pub async fn on_a_worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    /// Ends with whoever waits for it.
    struct Task<T>(tokio::task::JoinHandle<T>);
    impl<T> Drop for Task<T> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let mut task = Task(tokio::spawn(work));
    match (&mut task.0).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the runtime breaks it off, and that ends this one, too.
            Err(_) => std::future::pending().await,
        },
    }
}

fn interrupted() -> Failure {
    Failure::inconclusive("interrupted; nothing was concluded and nothing was kept")
}

/// The scenario of a file, or the bare one.
pub fn scenario(path: Option<&Path>) -> Result<Scenario, Failure> {
    let rules = Rule::names();
    let mut mocks: Vec<&str> = crate::internet::mock::names().collect();
    mocks.extend(["imap", "smtp"]);
    let behaviours: Vec<&str> = crate::internet::Weather::names().collect();
    let known = Known {
        mocks: &mocks,
        behaviours: &behaviours,
        rules: &rules,
    };
    let loaded = match path {
        Some(path) => scenario::load(path, &known),
        None => scenario::parse(BARE, Path::new("(none)"), &known),
    };
    // Mistakes are shown where they stand; each brings a label of its own.
    let scenario = loaded.map_err(|error| {
        let told = error.render();
        Failure::usage(told.strip_prefix("error: ").unwrap_or(&told).trim_end())
    })?;
    let here = (std::env::consts::OS, std::env::consts::ARCH);
    match scenario.server.platform {
        Some(platform) if !platform.is(here.0, here.1) => Err(Failure::inconclusive(format!(
            "the scenario is for another platform than {}/{}",
            here.0, here.1
        ))),
        _ => Ok(scenario),
    }
}

/// The server that a subject names, and the scenario it runs under: the one given, else the one
/// that the subject itself is.
pub fn resolve(subject: &Subject, given: Option<&Path>) -> Result<(Target, Scenario), Failure> {
    let named = target(subject)?;
    let Target::Scenario(path) = &named else {
        return Ok((named, scenario(given)?));
    };
    let own = scenario(Some(path))?;
    let target = super::snapshots::scenario_target(path, &own)?;
    let scenario = if given.is_some() {
        scenario(given)?
    } else {
        own
    };
    Ok((target, scenario))
}

/// Reads a target.
pub fn target(subject: &Subject) -> Result<Target, Failure> {
    match subject {
        Subject::Command(words) => Ok(Target::Command(words.clone())),
        Subject::Named(text) => Target::parse(text).map_err(|error| Failure {
            hint: error.hint(),
            ..Failure::usage(error.to_string())
        }),
    }
}

/// Fetches one package.
pub async fn acquire_one(
    target: &Target,
    exercise: &Exercise,
    scenario: &Scenario,
    listener: &Arc<dyn Listener>,
) -> Result<Package, Failure> {
    let target = target.clone();
    fetching(exercise, scenario, listener, move |options| {
        let as_of = package::published_at(&target, options)?;
        let options = package::Options {
            as_of: options.as_of.or(as_of),
            ..clone(options)
        };
        package::fetch(&target, &options)
    })
    .await
}

pub async fn acquire(
    old: &Target,
    new: &Target,
    dependencies: Dependencies,
    exercise: &Exercise,
    scenario: &Scenario,
    listener: &Arc<dyn Listener>,
) -> Result<(Package, Package), Failure> {
    let (old, new) = (old.clone(), new.clone());
    fetching(exercise, scenario, listener, move |options| {
        package::fetch_both(&old, &new, dependencies, options)
    })
    .await
}

fn clone<'a>(options: &package::Options<'a>) -> package::Options<'a> {
    package::Options {
        cache: options.cache.clone(),
        as_of: options.as_of,
        offline: options.offline,
        runtime: options.runtime.clone(),
        settings: options.settings.clone(),
        progress: options.progress,
    }
}

/// The folder that was named, else the user's own.
pub fn cache(exercise: &Exercise) -> Result<PathBuf, Failure> {
    let cache = exercise.cache.clone().or_else(Cache::default_dir);
    cache.ok_or_else(|| {
        Failure::usage("no folder for the cache is known")
            .hint("set HOME, or name one with --cache")
    })
}

async fn fetching<T: Send + 'static>(
    exercise: &Exercise,
    scenario: &Scenario,
    listener: &Arc<dyn Listener>,
    fetch: impl FnOnce(&package::Options) -> Result<T, FetchError> + Send + 'static,
) -> Result<T, Failure> {
    let cache = cache(exercise)?;
    let offline = exercise.offline;
    let plain = |(name, setting): (&String, &Setting)| match setting {
        Setting::Plain(value) => Some((name.clone(), value.clone())),
        Setting::Secret(_) => None,
    };
    let settings: BTreeMap<String, String> = scenario.server.env.iter().filter_map(plain).collect();
    let listener = Arc::clone(listener);
    let fetched = tokio::task::spawn_blocking(move || {
        let progress = |what: &str| {
            listener.hear(Progress::Step {
                what: what.to_owned(),
            })
        };
        let options = package::Options {
            cache,
            as_of: None,
            offline,
            runtime: None,
            settings,
            progress: &progress,
        };
        fetch(&options)
    })
    .await
    .map_err(|e| Failure::inconclusive(format!("fetching was broken off: {e}")))?;
    fetched.map_err(|error| {
        let failure = if error.is_usage() {
            Failure::usage(chain(&error))
        } else {
            Failure::inconclusive(chain(&error))
        };
        Failure {
            hint: error.hint(),
            ..failure
        }
    })
}

pub fn failure(error: RunError) -> Failure {
    let failure = if error.usage {
        Failure::usage(error.what)
    } else {
        Failure::inconclusive(error.what)
    };
    Failure {
        hint: error.hint,
        ..failure
    }
}

pub fn seed(exercise: &Exercise, scenario: &Scenario) -> Seed {
    Seed(exercise.seed.or(scenario.exercise.seed).unwrap_or(SEED))
}

/// The policy of the command line over that of the scenario.
pub fn policy(typed: &Policy, scenario: &Scenario) -> verdict::Policy {
    let of_scenario = scenario.policy.fail_on.map(|fail_on| match fail_on {
        scenario::FailOn::Change => FailOn::Change,
        scenario::FailOn::Suspicious => FailOn::Suspicious,
    });
    let mut policy = verdict::Policy::new(match typed.fail_on(of_scenario) {
        FailOn::Change => Severity::Change,
        FailOn::Suspicious => Severity::Suspicious,
    });
    for allow in &scenario.policy.allow {
        policy.allow.push(Allow {
            rule: Rule::named(&allow.rule),
            host: allow.host.clone(),
            tool: allow.tool.clone(),
            path: allow.path.clone(),
            field: allow.field.clone(),
            text: allow.to_string(),
        });
    }
    for rule in &typed.allow {
        let text = format!("--allow {}", rule.name());
        policy.allow.push(Allow {
            rule: Some(*rule),
            text,
            ..Allow::default()
        });
    }
    for (name, level) in &scenario.policy.rules {
        let severity = match level {
            scenario::Level::Off => None,
            scenario::Level::Info => Some(Severity::Info),
            scenario::Level::Change => Some(Severity::Change),
            scenario::Level::Suspicious => Some(Severity::Suspicious),
        };
        if let Some(rule) = Rule::named(name) {
            policy.rules.insert(rule, severity);
        }
    }
    policy
}

fn fail_on(severity: Severity) -> FailOn {
    match severity {
        Severity::Suspicious => FailOn::Suspicious,
        Severity::Change | Severity::Info => FailOn::Change,
    }
}

/// The command that makes the same comparison again.
fn diff_command(what: &Diff, seed: Seed, calls: u32) -> CommandLine {
    let mut words = vec!["turncoat".to_owned(), "diff".to_owned()];
    if let Subject::Named(old) = &what.old {
        words.push(quoted(old));
    }
    if let Subject::Named(new) = &what.new {
        words.push(quoted(new));
    }
    if let Some(scenario) = &what.scenario {
        words.extend([
            "--scenario".to_owned(),
            quoted(&scenario.display().to_string()),
        ]);
    }
    if let Some(sequence) = &what.exercise.sequence {
        let file = quoted(&sequence.display().to_string());
        words.extend(["--sequence".to_owned(), file]);
    }
    words.extend([
        "--calls".to_owned(),
        calls.to_string(),
        "--seed".to_owned(),
        seed.0.to_string(),
    ]);
    if let Worlds::Only(conditions) = &what.worlds {
        words.extend(["--under".to_owned(), conditions.to_string()]);
    }
    let mut tail = Vec::new();
    if let Subject::Command(command) = &what.new {
        tail.push("--".to_owned());
        tail.extend(command.iter().map(|word| quoted(word)));
    }
    CommandLine {
        head: words.join(" "),
        tail: tail.join(" "),
    }
}

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_#".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Where the runs of one command are recorded: a folder the user keeps, or a temporary one.
pub struct RunFolder {
    path: PathBuf,
    kept: bool,
    attempts: std::cell::Cell<u32>,
    _temporary: Option<tempfile::TempDir>,
}

impl RunFolder {
    /// A folder that is to be kept must not hold another run.
    pub fn make(keep: Option<&Path>) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| {
            Failure::inconclusive(format!("no folder for the runs can be made: {e}"))
        };
        let (path, temporary) = match keep {
            Some(path) => {
                let taken =
                    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
                if taken {
                    return Err(Failure::usage(format!("`{}` is not empty", path.display()))
                        .hint("a run folder holds one command's runs: name a new one"));
                }
                std::fs::create_dir_all(path).map_err(cannot)?;
                (path.to_owned(), None)
            }
            None => {
                let made = tempfile::Builder::new()
                    .prefix("turncoat-")
                    .tempdir()
                    .map_err(cannot)?;
                (made.path().to_owned(), Some(made))
            }
        };
        Ok(Self {
            path,
            kept: keep.is_some(),
            attempts: 0.into(),
            _temporary: temporary,
        })
    }

    /// The folder for the next attempt.
    pub fn next(&self) -> PathBuf {
        self.attempts.set(self.attempts.get() + 1);
        self.latest()
    }

    /// The folder of the last attempt.
    pub fn latest(&self) -> PathBuf {
        match self.attempts.get() {
            0 | 1 => self.path.clone(),
            n => self.path.join(format!("attempt-{n}")),
        }
    }

    /// Puts the report beside the runs, for `explain`.
    pub fn keep_report(&self, report: &Report) -> Result<(), Failure> {
        if !self.kept {
            return Ok(());
        }
        let path = self.path.join(explain::REPORT);
        let written = serde_json::to_vec_pretty(report)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(&path, bytes));
        written.map_err(|e| {
            Failure::inconclusive(format!("`{}` could not be written: {e}", path.display()))
        })
    }
}
