//! One run of one version: start it in its world, connect, list, call, watch, end it.

mod begin;
mod end;
#[cfg(fuzzing)]
mod standing;

#[cfg(fuzzing)]
pub use standing::Standing;

use self::begin::{Failed, Outlets, begin};
use super::asked::Asked;
use super::door::Speech;
use super::error::RunError;
use super::meter::Meter;
use super::patience::Patience;
use super::plan::{Call, Plan};
use super::recorder::{Recorded, Recorder};
use super::remote;
use super::rest::{PAUSE, Rest, Scene, Watch};
use super::setup::Setup;
use crate::effect::{FileChange, Kind, Phase, Sink, Surface, ToolResult};
use crate::event::{Listener, Progress};
use crate::generate::Handles;
use crate::internet::mock::Json;
use crate::internet::{Config, Limits, Sockets, Weather, World};
use crate::mcp::Session;
use crate::package::Package;
use crate::sandbox::{self, Bound, Child, Mark, NOTICED};
use crate::snapshot::Behaviour;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{oneshot, watch};

/// How long an answer may take before time is made to pass, and the steps in which it does: what
/// waits for nothing else than time is over soon, and a deadline of hours is not.
const PATIENCE: Duration = NOTICED;
const HURRIES: &[u64] = &[1, 1, 2, 4, 8, 16, 32, 64];
/// How long a server is watched after its last call, where the scenario names no time.
pub const IDLE: Duration = Duration::from_millis(300);
/// Processors that one keeps busy meanwhile, from which on it is watched for so much longer.
pub const AT_WORK: f64 = 0.05;
const LONGER: Duration = Duration::from_millis(700);
/// How long a server may take to start, for all attempts together; a later one gets what the
/// earlier have left, and no less than the second number.
const START: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// How often it is started: as it is, then where it listens, then in its era.
const STARTS: u32 = 3;

const SILENT: &str = "the server could not be talked to";
const LAST_WORDS: &str = "its last words are in the run folder: `--keep-run DIR` keeps it";
const TOO_MUCH: &str = "an answer that does not end is no answer: the fault is the server's own";

/// One run to be made.
pub struct Job<'a> {
    pub setup: &'a Setup,
    pub package: &'a Package,
    /// `old`, `old-again`, `new` …
    pub role: &'static str,
    /// Where the record goes.
    pub folder: PathBuf,
    pub listener: Arc<dyn Listener>,
    pub speech: Speech,
}

/// One run made.
pub struct Run {
    pub recorded: Recorded,
    pub surface: Surface,
    pub isolation: String,
    /// What could not be seen, each a sentence.
    pub notes: Vec<String>,
    pub folder: PathBuf,
    /// How the server was spoken to.
    pub speech: Speech,
    /// Why the exercise is not whole: the server ended early, say.
    pub problem: Option<RunError>,
    pub valid_calls: u32,
}

/// Decides the calls once the surface is known.
pub type Planner<'a> =
    Box<dyn FnOnce(Surface) -> Pin<Box<dyn Future<Output = Option<Plan>> + Send + 'a>> + Send + 'a>;

/// How a run depends on others that are made at the same time.
#[derive(Default)]
pub struct Ties {
    /// Who wants to know the behaviour when the calls are made, while what comes after them is
    /// still waited for.
    pub early: Option<oneshot::Sender<Behaviour>>,
    /// Becomes true when this run need not idle.
    pub hurry: Option<watch::Receiver<bool>>,
}

/// Makes the run. A server that turns out to want to be spoken to in another way is started again.
pub async fn drive(job: &Job<'_>, planner: Planner<'_>, ties: Ties) -> Result<Run, RunError> {
    if let Some(elsewhere) = &job.package.remote {
        return remote::drive(job, elsewhere, planner).await;
    }
    let mut live = start(job).await?;
    exercise(job, &mut live, planner, ties).await;
    Ok(live.end(job).await)
}

/// Starts the server, and starts it again where it wants to be spoken to in another way.
async fn start(job: &Job<'_>) -> Result<Live, RunError> {
    let began = Instant::now();
    let mut speech = job.speech.clone();
    let mut first: Option<RunError> = None;
    for nth in 0..STARTS {
        let left = START.0.saturating_sub(began.elapsed()).max(START.1);
        match begin(job, speech.clone(), nth, left).await {
            Ok(live) => return Ok(live),
            Err(Failed { error, other: None }) => return Err(again(first, error)),
            Err(Failed {
                error,
                other: Some(other),
            }) => {
                // That it is spoken to elsewhere is no failure.
                if other.door == speech.door {
                    first = Some(again(first, error));
                }
                speech = other;
            }
        }
    }
    Err(first.unwrap_or_else(|| RunError::plain(SILENT)))
}

/// What went wrong in a start, after one that had gone wrong before.
fn again(first: Option<RunError>, mut error: RunError) -> RunError {
    if let Some(first) = first {
        let why = error.what.strip_prefix(SILENT).unwrap_or(&error.what);
        let why = why.trim_start_matches(": ");
        error.what = format!("{}; started again: {why}", first.what);
    }
    error
}

/// A server that has answered the handshake.
struct Live {
    session: Session,
    surface: Surface,
    speech: Speech,
    child: Child,
    world: World,
    recorder: Arc<Recorder>,
    recording: super::recorder::Recording,
    outlets: Outlets,
    isolation: String,
    notes: Vec<String>,
    rest: Rest,
    patience: Patience,
    meter: Meter,
    /// What its wall clock showed at its start, and what has passed since in jumps.
    now: SystemTime,
    problem: Option<RunError>,
    valid_calls: u32,
    folder: PathBuf,
}

/// The internet of one run.
fn open(job: &Job, sockets: sandbox::Sockets, sink: &Arc<dyn Sink>) -> Result<World, RunError> {
    let standing = job.setup.upstreams()?;
    let config = Config {
        ca: job.setup.ca(),
        upstreams: standing.http,
        smtp: standing.smtp,
        imap: standing.imap,
        sink_mock: Arc::new(Json::sink(job.setup.seed)),
        cues: job.setup.cues(),
        seed: job.setup.seed,
        limits: Limits::default(),
    };
    let sockets = Sockets {
        tcp4: Some(sockets.tcp4),
        tcp6: Some(sockets.tcp6),
        udp4: Some(sockets.udp4),
        udp6: Some(sockets.udp6),
        raw4: Some(sockets.raw4),
        raw6: Some(sockets.raw6),
        icmp4: Some(sockets.icmp4),
        icmp6: Some(sockets.icmp6),
        docker: sockets.docker,
    };
    World::open(sockets, config, Arc::clone(sink))
        .map_err(|e| RunError::new("the fake internet could not be opened", e))
}

async fn exercise(job: &Job<'_>, live: &mut Live, planner: Planner<'_>, ties: Ties) {
    live.settle().await;
    live.harvest();
    live.child.mark(Mark::Start);
    live.measure_start();
    let Some(plan) = planner(live.surface.clone()).await else {
        return;
    };
    let conditions = job.setup.conditions();
    let of = plan.len();
    live.notes.extend(plan.note());
    let mut calls = plan.calls();
    let mut next = calls.next();
    let mut done = 0;
    let mut handles = Handles::default();
    while let Some(mut call) = next.take() {
        if done == of / 2
            && let Some(pause) = conditions.pause()
        {
            live.recorder.enter(Phase::Idle);
            live.advance(pause).await;
        }
        let nth = live.rest.calls(&call.tool);
        let fed = match &call.asked {
            _ if call.given => None,
            Asked::Tool => handles.feed(&call.tool, nth, &call.arguments),
            Asked::Prompt(_) | Asked::Template(_) => handles.fill(nth, &call.arguments),
            _ => None,
        };
        if let Some(fed) = fed.filter(|fed| plan.accepts(&call.tool, fed)) {
            call.arguments = fed;
        }
        live.world
            .turn(conditions.weather(&call.tool, nth, plan.ways));
        live.meter.call(&call.tool);
        live.recorder
            .call(&call.tool, call.is_tool(), &call.arguments);
        // The next one is made while the server works on this one.
        let (result, ()) = tokio::join!(biased;
            live.call(&call, conditions.hurries()),
            async { next = calls.next() }
        );
        match &call.asked {
            Asked::PromptArgument(_, name) | Asked::TemplateVariable(_, name) => {
                handles.complete(name, &result.value);
            }
            _ => handles.hear(&call.tool, &result.value),
        }
        live.patience.ended(&call.tool, result.outcome != "timeout");
        live.recorder.emit(Kind::Result(result));
        live.valid_calls += u32::from(call.valid && call.is_tool());
        done += 1;
        let scene = scene(&live.world, &live.child, &live.recorder);
        live.rest.after(&call.tool, scene).await;
        live.child.mark(Mark::Call);
        live.meter.called(&call.tool);
        live.harvest();
        live.world.cut();
        job.listener.hear(Progress::Calls {
            role: job.role,
            done,
            of,
        });
        if live.session.is_gone() {
            let (what, hint) = if live.session.is_cut_off() {
                ("wrote more than is read of any server", TOO_MUCH)
            } else {
                ("ended", LAST_WORDS)
            };
            let at = format!("during call {done} of {of}, of {}", call.whose());
            live.problem = Some(RunError::plain(format!("the server {what} {at}")).hint(hint));
            break;
        }
    }
    live.world.turn(Weather::Fair);
    if !live.session.is_gone()
        && let Some(later) = live.session.list().await
    {
        live.recorder.emit(Kind::Surface(later));
    }
    if done > 0 {
        live.measure();
    }
    live.recorder.enter(Phase::Idle);
    if let Some(early) = ties.early
        && live.problem.is_none()
    {
        live.recorder.so_far(early);
    }
    for step in conditions.idle() {
        live.advance(*step).await;
    }
    let idle = job.setup.scenario().exercise.idle.unwrap_or(IDLE);
    if !live.session.is_gone() && conditions.idle().is_empty() {
        tokio::select! {
            () = live.session.listen(idle) => {}
            () = told(ties.hurry) => {}
        }
        // The calls may have left garbage to collect. What works on for longer works for itself.
        if live.meter.share(&live.child) > AT_WORK {
            live.session.listen(LONGER).await;
        }
    }
    live.harvest();
    live.world.cut();
    live.child.tell_lives();
    live.measure();
    live.notes.extend(live.rest.note());
    live.notes.extend(live.patience.note());
}

fn scene<'a>(world: &'a World, child: &'a Child, recorder: &'a Recorder) -> Scene<'a> {
    Scene {
        world,
        child,
        recorder,
    }
}

/// Comes back when there is a word, and it is true.
async fn told(word: Option<watch::Receiver<bool>>) {
    if let Some(mut word) = word
        && word.wait_for(|word| *word).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl Live {
    /// Makes a call. In a `hurry`, a server that only waits for time to pass need not wait.
    async fn call(&mut self, call: &Call, hurry: bool) -> ToolResult {
        let limit = self.patience.limit(&call.tool);
        let request = call.request();
        let answer = self.session.ask(limit, &call.tool, &request);
        if !hurry {
            return answer.await;
        }
        let mut answer = std::pin::pin!(answer);
        for seconds in HURRIES {
            tokio::select! {
                biased;
                result = &mut answer => return result,
                () = tokio::time::sleep(PATIENCE) => {}
            }
            let scene = scene(&self.world, &self.child, &self.recorder);
            let by = Duration::from_secs(*seconds);
            if scene.is_calm() && self.child.advance(by).is_ok() {
                self.world.advance(by);
                self.now += by;
            }
        }
        answer.await
    }

    /// The present phase ends.
    fn measure(&mut self) {
        let used = tokio::task::block_in_place(|| self.child.used());
        self.meter.end(used, &self.recorder);
    }

    /// The start ends, and calls begin.
    fn measure_start(&mut self) {
        let (used, gauge) = tokio::task::block_in_place(|| self.child.gauge());
        self.meter.end(used, &self.recorder);
        self.meter.follow(gauge);
    }

    async fn settle(&mut self) {
        let scene = scene(&self.world, &self.child, &self.recorder);
        self.rest.settle(Watch::Thorough(PAUSE), scene).await;
    }

    /// Lets time pass inside, without waiting for it, and sees what comes of that.
    async fn advance(&mut self, by: Duration) {
        if self.session.is_gone() {
            return;
        }
        // Who has looked at a clock and is about to wait would wait the whole time after the jump.
        self.settle().await;
        if self.child.advance(by).is_err() {
            self.notes
                .push("time cannot be made to pass faster: no clock of its own".into());
            return;
        }
        self.world.advance(by);
        self.now += by;
        let now = self.now.duration_since(UNIX_EPOCH);
        self.recorder
            .jump(now.map_or(0, |now| now.as_secs() as i64));
        self.session.listen(NOTICED).await;
        self.settle().await;
        self.harvest();
        self.world.cut();
    }

    /// Tells what was written, and what was read and not told, since the last look as effects of
    /// the present phase and call.
    fn harvest(&mut self) {
        harvest(&mut self.child, &self.recorder, &mut self.notes);
    }
}

fn harvest(child: &mut Child, recorder: &Recorder, notes: &mut Vec<String>) {
    let reads = child.reads().into_iter();
    reads.for_each(|reads| recorder.emit(Kind::Reads(reads)));
    if child.dirty() {
        for change in files(child, notes) {
            recorder.emit(Kind::File(change));
        }
    }
}

fn files(child: &mut Child, notes: &mut Vec<String>) -> Vec<FileChange> {
    let harvest = tokio::task::block_in_place(|| child.harvest(Bound::default()));
    notes.extend(harvest.notes);
    harvest.changes
}
