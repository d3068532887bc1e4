//! What the runs of one command share: the world, the plan of calls, and what was learnt about
//! starting each version.

use super::condition::Condition;
use super::door::Speech;
use super::drive::{Job, Run, Ties, drive};
use super::error::RunError;
use super::evidence::CommandLine;
use super::floor;
use super::given::Given;
use super::plan::{DESTROYS, Plan, SKIPPED, Wishes, plan};
use super::setup::Setup;
use crate::effect::Surface;
use crate::event::{Listener, Progress};
use crate::internet::Upstream;
use crate::mcp::Era;
use crate::package::Package;
use crate::scenario;
use crate::verdict::Problem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// How a command runs servers, whichever servers they are.
#[derive(Clone)]
pub struct Means {
    /// Calls made of each server.
    pub calls: u32,
    /// Make only this call of the plan, from 0: to reproduce a finding.
    pub only_call: Option<u32>,
    /// Calls that are made beside or instead of those.
    pub given: Arc<Given>,
    /// Runs side by side.
    pub jobs: usize,
    /// Where run folders go.
    pub folder: PathBuf,
    /// Where the authority that servers trust is kept, and copies of interpreters that trust it; the
    /// cache of [packages](crate::package::Cache), mostly.
    pub cache: PathBuf,
    /// The command line, for reproducing a finding.
    pub command: CommandLine,
    pub listener: Arc<dyn Listener>,
    /// Upstreams made in Rust (`wiremock` mocks, say), before those of the scenario. Unlike
    /// them they are not made anew for every run.
    pub mounted: Vec<Upstream>,
    /// The turncoat executable, where the running program is another: the sandbox starts it.
    pub helper: Option<PathBuf>,
}

/// Runs servers in one world with one plan.
pub struct Bench<'a> {
    pub setup: &'a Setup,
    pub means: &'a Means,
    /// The plan, with the surface it was made from; made by the first leading run.
    plan: watch::Sender<Option<Arc<(Surface, Plan)>>>,
    /// How each package was found to be spoken to, to spare later runs the question.
    speeches: Mutex<Vec<(String, Speech)>>,
}

/// A package in the role of one run.
#[derive(Clone, Copy)]
pub struct Cast<'a> {
    pub package: &'a Package,
    pub role: &'static str,
    /// Whether the plan is made from this one's surface.
    pub leads: bool,
}

impl<'a> Bench<'a> {
    pub fn new(setup: &'a Setup, means: &'a Means) -> Self {
        Self {
            setup,
            means,
            plan: watch::channel(None).0,
            speeches: Mutex::default(),
        }
    }

    /// With the plan that a surface known beforehand gives.
    pub fn with_surface(setup: &'a Setup, means: &'a Means, surface: &Surface) -> Self {
        let bench = Self::new(setup, means);
        bench.decide(surface);
        bench
    }

    /// Two runs, side by side where jobs allow.
    pub async fn pair(&self, a: Cast<'_>, b: Cast<'_>) -> Result<(Run, Run), RunError> {
        self.pair_tied((a, Ties::default()), (b, Ties::default()))
            .await
    }

    /// Two runs that depend on others.
    pub async fn pair_tied(
        &self,
        a: (Cast<'_>, Ties),
        b: (Cast<'_>, Ties),
    ) -> Result<(Run, Run), RunError> {
        let (a, b) = (self.run_tied(a.0, a.1), self.run_tied(b.0, b.1));
        if self.means.jobs > 1 {
            let (a, b) = tokio::join!(a, b);
            Ok((a?, b?))
        } else {
            Ok((a.await?, b.await?))
        }
    }

    pub async fn run(&self, cast: Cast<'_>) -> Result<Run, RunError> {
        self.run_tied(cast, Ties::default()).await
    }

    async fn run_tied(&self, cast: Cast<'_>, ties: Ties) -> Result<Run, RunError> {
        let Cast {
            package,
            role,
            leads,
        } = cast;
        let key = package_key(package);
        let known = self.speeches.lock().ok().and_then(|speeches| {
            let mut speeches = speeches.iter();
            let found = speeches.find(|(known, _)| *known == key);
            found.map(|(_, speech)| speech.clone())
        });
        let job = Job {
            setup: self.setup,
            package,
            role,
            folder: self.means.folder.join(role),
            listener: Arc::clone(&self.means.listener),
            speech: known.clone().unwrap_or_else(|| Speech {
                era: Era::Auto,
                door: self.setup.door(),
            }),
        };
        let elsewhere = if self.setup.conditions().is_empty() {
            ""
        } else {
            ", under other circumstances"
        };
        let what = format!("running {} ({role}{elsewhere})", package.resolved);
        self.means.listener.hear(Progress::Step { what });
        match drive(
            &job,
            Box::new(|surface| Box::pin(self.planned(surface, leads))),
            ties,
        )
        .await
        {
            Ok(run) => {
                if let Ok(mut speeches) = self.speeches.lock()
                    && known.is_none()
                {
                    speeches.push((key, run.speech.clone()));
                }
                Ok(run)
            }
            Err(mut error) => {
                if leads {
                    // Whoever waits for the plan must not wait for ever.
                    self.plan.send_if_modified(|plan| {
                        let missing = plan.is_none();
                        if missing {
                            *plan = Some(Arc::default());
                        }
                        missing
                    });
                }
                error.what = format!("{} ({role}): {}", package.resolved, error.what);
                Err(error)
            }
        }
    }

    fn decide(&self, surface: &Surface) {
        self.plan.send_if_modified(|known| {
            let missing = known.is_none();
            if missing {
                let mut plan = plan(surface, &self.wishes(), self.means.calls);
                if self.setup.conditions().has(Condition::Order) {
                    plan = plan.shuffled(self.setup.seed);
                }
                *known = Some(Arc::new((surface.clone(), plan)));
            }
            missing
        });
    }

    fn wishes(&self) -> Wishes<'_> {
        Wishes {
            exercise: self.exercise(),
            code: self.setup.code(),
            given: &self.means.given,
            seed: self.setup.seed,
            in_earnest: self.setup.is_in_earnest(),
        }
    }

    fn exercise(&self) -> &scenario::Exercise {
        &self.setup.scenario().exercise
    }

    /// The calls for a surface: the plan is the leading version's; others wait for it.
    async fn planned(&self, surface: Surface, leads: bool) -> Option<Plan> {
        if leads {
            self.decide(&surface);
        }
        let mut wait = self.plan.subscribe();
        let common = wait.wait_for(Option::is_some).await.ok()?.clone()?;
        let (of, common) = &*common;
        let plan = if leads {
            common.clone()
        } else {
            common.adapted(of, &surface, &self.wishes())
        };
        Some(plan.only(self.means.only_call))
    }

    /// Why the exercise of these runs carries no conclusion; empty where it does.
    pub fn problems(&self, runs: &[(&str, &Run)]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |what: String, hint: Option<&str>| {
            problems.push(Problem {
                what,
                hint: hint.map(str::to_owned),
            });
        };
        let least = self.exercise().floor;
        for (name, run) in runs {
            if let Some(error) = &run.problem {
                add(format!("{name}: {}", error.what), error.hint.as_deref());
            }
            if let Some(only) = self.means.only_call
                && run.recorded.reach.is_empty()
            {
                // How many there are is known when the server has said what it has.
                let what = format!("{name}: there is no call {only}, so none was made");
                add(what, Some("calls are counted from 0; see `--calls`"));
            }
            if self.means.only_call.is_some() || self.means.given.sequence.is_some() {
                continue;
            }
            let recorded = &run.recorded;
            let wanted = least * f64::from(run.valid_calls);
            if run.surface.tools.is_empty() {
                // Prompts and resources may be all there is.
                if recorded.reach.iter().all(|reach| reach.ok == 0) {
                    add(
                        format!("{name}: it declares no tool, so nothing was called"),
                        Some(
                            "does it need settings to declare them? name them under [server] env of a scenario",
                        ),
                    );
                }
            } else if recorded.calls_ok == 0 || f64::from(recorded.calls_ok) < wanted {
                add(
                    format!(
                        "{name}: {} of {} calls were answered without error, fewer than the floor of {:.0} %",
                        recorded.calls_ok,
                        recorded.calls,
                        least * 100.0
                    ),
                    Some(floor::hint(&recorded.behaviour)),
                );
            }
        }
        let shared = self.plan.borrow();
        let left_out = shared
            .as_ref()
            .map(|shared| shared.1.left_out.clone())
            .unwrap_or_default();
        for (tool, why) in left_out {
            if ![SKIPPED, DESTROYS].contains(&&*why) {
                add(
                    format!("tool `{tool}` was not called: {why}"),
                    Some(
                        "leave it out with `skip = true` under [exercise.tools], or report the schema",
                    ),
                );
            }
        }
        problems
    }
}

/// What tells one package from another. What it runs on is shared: the runtime's mount may come
/// first, and two commands may start with the same word.
fn package_key(package: &Package) -> String {
    let Package {
        resolved,
        integrity,
        launch,
        ..
    } = package;
    format!("{resolved} {integrity:?} {:?}", launch.argv)
}

#[cfg(test)]
mod tests {
    use super::package_key;
    use crate::package::{Launch, Mount, Package};

    fn package(integrity: &str, script: &str) -> Package {
        let runtime = Mount {
            source: "/opt/node".into(),
            target: "/opt/node".into(),
            overlay: false,
        };
        Package {
            target: "command".into(),
            resolved: "server".into(),
            integrity: Some(integrity.into()),
            launch: Launch {
                argv: vec!["/opt/node/bin/node".into(), script.into()],
                mounts: vec![runtime],
                ..Launch::default()
            },
            runtime: "node 22".into(),
            ..Package::default()
        }
    }

    #[test]
    fn two_versions_on_one_runtime_are_two_packages() {
        let key = package_key(&package("sha256-1", "server.js"));
        assert_eq!(key, package_key(&package("sha256-1", "server.js")));
        assert_ne!(key, package_key(&package("sha256-2", "server.js")));
        assert_ne!(key, package_key(&package("sha256-1", "other.js")));
    }
}
