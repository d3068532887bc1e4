//! One run of one version: start it in its world, connect, list, call, watch, end it.

mod end;

use super::error::RunError;
use super::install;
use super::log::Log;
use super::meter::Meter;
use super::patience::Patience;
use super::plan::Plan;
use super::recorder::{Recorded, Recorder};
use super::rest::{PAUSE, Rest, Scene, Watch};
use super::setup::Setup;
use crate::effect::{Body, FileChange, Kind, Misbehaviour, Phase, Sink, Surface, ToolResult};
use crate::event::{Event, FORMAT, Listener, Progress};
use crate::internet::mock::Json;
use crate::internet::{Config, Limits, Sockets, Weather, World};
use crate::mcp::{self, Era, Session};
use crate::package::Package;
use crate::provenance::Explainer;
use crate::sandbox::{self, Bound, Child, Mark, NOTICED, Started};
use crate::snapshot::{Behaviour, Collector};
use serde_json::Value;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
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
/// How long a server may take to start, for both eras together; the second start gets what the
/// first has left, and no less than the second number.
const START: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Bytes of log text kept of one run.
const STDERR: usize = 256 * 1024;

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
    pub era: Era,
}

/// One run made.
pub struct Run {
    pub recorded: Recorded,
    pub surface: Surface,
    pub isolation: String,
    /// What could not be seen, each a sentence.
    pub notes: Vec<String>,
    pub folder: PathBuf,
    pub era: Era,
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

/// Makes the run. A server that speaks only the other era is started again.
pub async fn drive(job: &Job<'_>, planner: Planner<'_>, ties: Ties) -> Result<Run, RunError> {
    let began = Instant::now();
    let (first, era) = match attempt(job, job.era, START.0).await {
        Ok(mut live) => {
            return Ok({
                exercise(job, &mut live, planner, ties).await;
                live.end(job).await
            });
        }
        Err((error, None)) => return Err(error),
        Err((error, Some(era))) => (error, era),
    };
    let left = START.0.saturating_sub(began.elapsed()).max(START.1);
    match attempt(job, era, left).await {
        Ok(mut live) => {
            exercise(job, &mut live, planner, ties).await;
            Ok(live.end(job).await)
        }
        Err((mut error, _)) => {
            let why = error.what.strip_prefix(SILENT).unwrap_or(&error.what);
            error.what = format!(
                "{}; started again: {}",
                first.what,
                why.trim_start_matches(": ")
            );
            Err(error)
        }
    }
}

/// A server that has answered the handshake.
struct Live {
    session: Session,
    surface: Surface,
    child: Child,
    world: World,
    recorder: Arc<Recorder>,
    recording: super::recorder::Recording,
    stderr: tokio::task::JoinHandle<Body>,
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

type Failed = (RunError, Option<Era>);

async fn attempt(job: &Job<'_>, era: Era, start: Duration) -> Result<Live, Failed> {
    let fail = |error: RunError| (error, None);
    let folder = if era == job.era {
        job.folder.clone()
    } else {
        job.folder.with_extension("again")
    };
    // The server's own clock, whatever the real one shows by now.
    let now = job.setup.clock().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs() as i64);
    let mut log = Log::create(&folder)
        .map_err(|e| fail(RunError::new("the run folder cannot be made", e)))?;
    log.write(Event::Started {
        format: FORMAT.to_owned(),
        role: job.role.to_owned(),
        target: job.package.resolved.clone(),
        seed: job.setup.seed.0,
    });
    let (confided, planted) = (job.setup.confided(), job.setup.planted.clone());
    let said = Arc::clone(job.setup.said());
    let collector =
        move || Collector::new(Explainer::watching(confided(), &planted, now).made_of(said));
    let (recorder, recording) = Recorder::start(log, collector);
    let spec = job.setup.spec(job.package);
    let sink: Arc<dyn Sink> = recorder.clone();
    let open = |sockets| open(job, sockets, &sink);
    let begun = install::begin(job, &spec, &recorder, &open).await;
    let install::Begun {
        started,
        world,
        meter,
        failures,
    } = begun.map_err(fail)?;
    let Started {
        stdin,
        stdout,
        stderr,
        sockets,
        child,
        level,
        ahead_ns,
        mut notes,
    } = started;
    let world = match world {
        Some(world) => world,
        None => open(sockets).map_err(fail)?,
    };
    world.ahead().store(ahead_ns, Ordering::Relaxed);
    notes.extend(failures.iter().cloned());
    let io = |e| fail(RunError::new("the server's pipes cannot be used", e));
    let stderr = tokio::spawn(drain(receiver(stderr).map_err(io)?));
    let limit = job.setup.scenario().exercise.timeout;
    let options = mcp::Options {
        era,
        start_timeout: start,
        call_timeout: limit,
        ..job.setup.client()
    };
    let stdin = pipe::Sender::from_owned_fd(stdin).map_err(io)?;
    let stdout = receiver(stdout).map_err(io)?;
    match mcp::connect(stdin, stdout, options, Arc::clone(&sink), None).await {
        Ok((session, surface)) => {
            sink.emit(Kind::Surface(surface.clone()));
            Ok(Live {
                session,
                surface,
                child,
                world,
                recorder,
                recording,
                stderr,
                isolation: level.to_string(),
                notes,
                rest: Rest::default(),
                patience: Patience::new(limit),
                meter,
                now: job.setup.clock(),
                problem: None,
                valid_calls: 0,
                folder,
            })
        }
        Err(refused) => {
            let retry = refused.retry().filter(|_| era == Era::Auto);
            world.close().await;
            drop(child);
            let said = stderr.await.unwrap_or_default();
            sink.emit(Kind::Misbehaviour(Misbehaviour {
                what: "stderr".into(),
                bytes: said.clone(),
            }));
            let tail: Vec<String> = said
                .text()
                .lines()
                .rev()
                .take(5)
                .map(str::to_owned)
                .collect();
            let said = tail.into_iter().rev().collect::<Vec<_>>().join(" | ");
            let hint = refused.hint(said.trim());
            let mut error = RunError::new(SILENT, refused);
            error.hint = hint;
            // Whatever was to be built is not there.
            for failure in failures {
                error.what.push_str(&format!("; {failure}"));
            }
            Err((error, retry))
        }
    }
}

/// The internet of one run.
fn open(job: &Job, sockets: sandbox::Sockets, sink: &Arc<dyn Sink>) -> Result<World, RunError> {
    let (upstreams, smtp) = job.setup.upstreams()?;
    let config = Config {
        ca: job.setup.ca(),
        upstreams,
        smtp,
        sink_mock: Arc::new(Json::sink(job.setup.seed)),
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
    let mut calls = plan.calls();
    let mut next = calls.next();
    let mut done = 0;
    while let Some(call) = next.take() {
        if done == of / 2
            && let Some(pause) = conditions.pause()
        {
            live.recorder.enter(Phase::Idle);
            live.advance(pause).await;
        }
        let nth = live.rest.calls(&call.tool);
        live.world
            .turn(conditions.weather(&call.tool, nth, plan.ways));
        live.meter.call(&call.tool);
        live.recorder.call(&call.tool, &call.arguments);
        // The next one is made while the server works on this one.
        let (result, ()) = tokio::join!(biased;
            live.call(&call.tool, &call.arguments, conditions.hurries()),
            async { next = calls.next() }
        );
        live.patience.ended(&call.tool, result.outcome != "timeout");
        live.recorder.emit(Kind::Result(result));
        live.valid_calls += u32::from(call.valid);
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
            let at = format!("during call {done} of {of}, of tool `{}`", call.tool);
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
    /// Calls a tool. In a `hurry`, a server that only waits for time to pass need not wait.
    async fn call(&mut self, tool: &str, arguments: &Value, hurry: bool) -> ToolResult {
        let limit = self.patience.limit(tool);
        let answer = self.session.call_within(limit, tool, arguments);
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

fn receiver(fd: OwnedFd) -> std::io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(fd)
}

/// Reads log text to its end, keeping the head.
async fn drain(mut from: pipe::Receiver) -> Body {
    let mut capture = Body::capture(STDERR);
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        capture.push(&buffer[..n]);
    }
    capture.finish()
}
