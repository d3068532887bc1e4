//! Two versions that stay up and are called with whatever a fuzzer draws: what the new one does
//! beyond the old one is weighed as a comparison of runs weighs it. A second run of the old one
//! tells what a version does differently by itself.

use super::bench::Means;
use super::compare::differences;
use super::door::Speech;
use super::drive::{Job, Standing};
use super::error::RunError;
use super::given::Step;
use super::setup::Setup;
use crate::diff::{Change, Rule};
use crate::event::{Listener, Progress};
use crate::generate::{Generator, Hints};
use crate::internet::{Weather, mock};
use crate::mcp::Era;
use crate::package::{self, Cache, Dependencies, Difference, Package, Target};
use crate::scenario::{self, Known, Scenario};
use crate::secret::Seed;
use crate::snapshot::{self, Behaviour};
use crate::verdict::{Policy, Severity};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Calls after which servers are started afresh: what they remember, and what is remembered of
/// them, is bounded by that.
const CALLS: usize = 128;
/// Calls that one input may make, and bytes that one call is drawn from.
const EACH: usize = 4;
const BYTES: usize = 48;

/// What all runs of one pair stand on.
pub struct Ground {
    setup: Setup,
    old: Package,
    new: Package,
    folder: TempDir,
    listener: Arc<dyn Listener>,
}

/// Something that no honest upgrade does, with the calls that show it.
pub struct Found {
    pub titles: Vec<String>,
    pub calls: Vec<Step>,
}

struct Nobody;

impl Listener for Nobody {
    fn hear(&self, _: Progress) {}
}

impl Ground {
    /// Fetches both, as the command line would.
    pub fn open(old: &str, new: &str, scenario: Option<&Path>) -> Result<Self, String> {
        let scenario = self::scenario(scenario)?;
        let parsed = |name: &str| Target::parse(name).map_err(whole);
        let cache = Cache::default_dir().ok_or("no folder for the cache is known")?;
        let settings = scenario
            .server
            .env
            .iter()
            .filter_map(|(name, setting)| match setting {
                scenario::Setting::Plain(value) => Some((name.clone(), value.clone())),
                scenario::Setting::Secret(_) => None,
            });
        let options = package::Options {
            cache: cache.clone(),
            as_of: None,
            offline: false,
            runtime: None,
            settings: settings.collect(),
            progress: &|_| {},
        };
        let (old, new) =
            package::fetch_both(&parsed(old)?, &parsed(new)?, Dependencies::Same, &options)
                .map_err(whole)?;
        let folder = TempDir::new().map_err(whole)?;
        let listener: Arc<dyn Listener> = Arc::new(Nobody);
        let means = Means {
            calls: 0,
            only_call: None,
            given: Arc::default(),
            jobs: 1,
            folder: folder.path().to_owned(),
            cache,
            command: String::new().into(),
            listener: Arc::clone(&listener),
            mounted: Vec::new(),
            helper: None,
        };
        let mut setup = Setup::new(&scenario, Seed(1), &means).map_err(whole)?;
        setup.adopt(&old);
        setup.adopt(&new);
        setup.read(&Difference::between(&old, &new));
        Ok(Self {
            setup,
            old,
            new,
            folder,
            listener,
        })
    }

    /// Where the `nth` record of a role goes.
    fn record(&self, role: &str, nth: u32) -> PathBuf {
        self.folder.path().join(format!("{role}-{nth}"))
    }
}

/// The scenario of a file, or one that says nothing.
fn scenario(path: Option<&Path>) -> Result<Scenario, String> {
    let rules = Rule::names();
    let mocks: Vec<&str> = mock::names().chain(["imap", "smtp"]).collect();
    let behaviours: Vec<&str> = Weather::names().collect();
    let known = Known {
        mocks: &mocks,
        behaviours: &behaviours,
        rules: &rules,
    };
    let bare = "format = \"turncoat.scenario/1\"\n";
    let loaded = match path {
        Some(path) => scenario::load(path, &known),
        None => scenario::parse(bare, Path::new("(none)"), &known),
    };
    loaded.map_err(|e| e.render())
}

fn whole(error: impl Display) -> String {
    error.to_string()
}

/// Both versions, and the old one once more.
pub struct Pair<'a> {
    ground: &'a Ground,
    servers: Option<[Standing<'a>; 3]>,
    started: u32,
    tools: Vec<(String, Generator)>,
    calls: Vec<Step>,
    /// Places at which the old version differs from itself, and what was weighed before.
    noise: BTreeSet<String>,
    weighed: BTreeSet<String>,
}

/// One thing that a version did in a call: where, and that with what it did it.
type Deed = (String, String);

impl<'a> Pair<'a> {
    pub fn new(ground: &'a Ground) -> Self {
        Self {
            ground,
            servers: None,
            started: 0,
            tools: Vec::new(),
            calls: Vec::new(),
            noise: BTreeSet::new(),
            weighed: BTreeSet::new(),
        }
    }

    /// Makes the calls that bytes stand for. Tells what was done in them, as numbers that are the
    /// same for the same deeds, or what was found.
    pub async fn ask(&mut self, data: &[u8]) -> Result<Result<Vec<u64>, Found>, RunError> {
        let mut seen = Vec::new();
        let mut rest = data;
        for _ in 0..EACH {
            let [tool, length, bytes @ ..] = rest else {
                break;
            };
            let length = (usize::from(*length) % BYTES).min(bytes.len());
            if self.calls.len() >= CALLS || self.servers.is_none() {
                self.start().await?;
            }
            let (Some(servers), false) = (&mut self.servers, self.tools.is_empty()) else {
                break;
            };
            let (tool, generator) = &self.tools[usize::from(*tool) % self.tools.len()];
            let arguments = generator.case_from_bytes(&bytes[..length]).arguments;
            rest = &bytes[length..];
            self.calls.push(Step {
                tool: tool.clone(),
                arguments: arguments.clone(),
            });
            let [old, again, new] = servers;
            let (old, again, new) = tokio::join!(
                old.call(tool, &arguments),
                again.call(tool, &arguments),
                new.call(tool, &arguments)
            );
            let (Some(old), Some(again), Some(new)) = (old, again, new) else {
                // A version that ends of itself is for a comparison of runs to tell.
                self.end().await;
                break;
            };
            let deeds = [&old, &again, &new].map(|behaviour| deeds(behaviour, tool));
            seen.extend(deeds[0].iter().chain(&deeds[2]).map(number));
            if let Some(titles) = self.weigh(deeds, old, &again, &new) {
                let calls = self.calls.clone();
                self.end().await;
                return Ok(Err(Found { titles, calls }));
            }
        }
        Ok(Ok(seen))
    }

    /// The titles of what no honest upgrade does, where the last call showed a difference that was
    /// not weighed before.
    fn weigh(
        &mut self,
        [old, again, new]: [BTreeSet<Deed>; 3],
        baseline: Behaviour,
        second: &Behaviour,
        behaviour: &Behaviour,
    ) -> Option<Vec<String>> {
        self.noise.extend(
            old.symmetric_difference(&again)
                .map(|(place, _)| place.clone()),
        );
        let differ = old.symmetric_difference(&new);
        let differ = differ.filter(|(place, _)| !self.noise.contains(place));
        let fresh: Vec<String> = differ
            .map(|(place, what)| format!("{place} {what}"))
            .collect();
        let before = self.weighed.len();
        self.weighed.extend(fresh);
        if self.weighed.len() == before {
            return None;
        }
        let baseline = snapshot::learn(baseline, second);
        let policy = Policy::new(Severity::Suspicious);
        let wrong = |change: &Change| policy.severity(change) == Some(Severity::Suspicious);
        let changes = differences(&baseline, behaviour).into_iter().filter(wrong);
        let titles: Vec<String> = changes.map(|change| title(&change)).collect();
        (!titles.is_empty()).then_some(titles)
    }

    async fn start(&mut self) -> Result<(), RunError> {
        self.end().await;
        self.calls.clear();
        let nth = self.started;
        self.started += 1;
        let ground = self.ground;
        let server = |role: &'static str, package: &'a Package| {
            Standing::start(Job {
                setup: &ground.setup,
                package,
                role,
                folder: ground.record(role, nth),
                listener: Arc::clone(&ground.listener),
                speech: Speech {
                    era: Era::Auto,
                    door: ground.setup.door(),
                },
            })
        };
        let (old, again, new) = tokio::join!(
            server("old", &ground.old),
            server("old-again", &ground.old),
            server("new", &ground.new)
        );
        let servers = [old?, again?, new?];
        if self.tools.is_empty() {
            self.tools = self.generators(&servers);
        }
        self.servers = Some(servers);
        Ok(())
    }

    /// Of each tool that both declare, made from the old version's schema.
    fn generators(&self, servers: &[Standing<'_>; 3]) -> Vec<(String, Generator)> {
        let [old, _, new] = servers.each_ref().map(|server| &server.surface().tools);
        let setup = &self.ground.setup;
        let exercise = &setup.scenario().exercise;
        let both = old
            .iter()
            .filter(|tool| new.iter().any(|other| other["name"] == tool["name"]));
        let made = both.filter_map(|tool| {
            let name = tool["name"].as_str()?;
            let plan = exercise.tools.get(name).cloned().unwrap_or_default();
            let hints = Hints {
                args: plan.args,
                code: Arc::clone(setup.code()),
            };
            let generator = Generator::new(name, &tool["inputSchema"], &hints, setup.seed);
            Some((name.to_owned(), generator.ok().filter(|_| !plan.skip)?))
        });
        made.collect()
    }

    /// Ends the servers, and forgets what was recorded of them.
    pub async fn end(&mut self) {
        for server in self.servers.take().into_iter().flatten() {
            server.end().await;
        }
        if let Some(last) = self.started.checked_sub(1) {
            for role in ["old", "old-again", "new"] {
                let _ = std::fs::remove_dir_all(self.ground.record(role, last));
            }
        }
    }
}

/// What was done in the last call of a tool.
fn deeds(behaviour: &Behaviour, tool: &str) -> BTreeSet<Deed> {
    let mut deeds = BTreeSet::new();
    for (scope, name, operation) in behaviour.operations() {
        let made = behaviour.tool(tool).map_or(0, |scoped| scoped.calls);
        let last = made.saturating_sub(1);
        if scope.tool.as_deref() != Some(tool) || !operation.calls.contains(last) {
            continue;
        }
        deeds.insert((name.to_owned(), String::new()));
        for (place, values) in &operation.places {
            let now = values
                .values
                .iter()
                .filter(|(_, seen)| seen.calls.contains(last));
            deeds.extend(now.map(|(value, _)| (format!("{name} | {place}"), value.to_string())));
        }
    }
    deeds
}

fn number(deed: &Deed) -> u64 {
    let mut hasher = DefaultHasher::new();
    deed.hash(&mut hasher);
    hasher.finish()
}

fn title(change: &Change) -> String {
    let tool = change.tool.as_deref().unwrap_or("no tool");
    let was = change.was.as_deref().unwrap_or("nothing");
    let now = change.now.as_deref().unwrap_or("nothing");
    format!(
        "{} in {tool}: {} ({was} -> {now})",
        change.rule.name(),
        change.title
    )
}
