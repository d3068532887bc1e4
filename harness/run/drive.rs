//! One run of one version: start it in its world, connect, list, call, watch, end it.

use super::error::RunError;
use super::log::Log;
use super::plan::Plan;
use super::recorder::{Recorded, Recorder};
use super::setup::Setup;
use crate::effect::{Body, Exit, FileChange, Kind, Misbehaviour, Phase, Sink, Surface};
use crate::event::{Event, FORMAT, Listener, Progress};
use crate::internet::mock::Json;
use crate::internet::{Config, Limits, Sockets, World};
use crate::mcp::{self, Era, Session};
use crate::package::Package;
use crate::provenance::Explainer;
use crate::sandbox::{self, Bound, Child, Started};
use crate::snapshot::{Behaviour, Collector};
use std::collections::HashMap;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{oneshot, watch};

/// Longest wait for what a call set off to come to rest.
const SETTLE: Duration = Duration::from_millis(400);
/// After so many waits in vain a server counts as restless and is not waited for any more.
const RESTLESS: u32 = 5;
/// Calls of each tool that are watched thoroughly at first; then ever fewer, and one in so many.
const FIRST: u32 = 4;
/// Of these the ones after which it is seen whether the tool acts later than it answers.
const FIRST_OF_ALL: u32 = 2;
const LONG_PAUSE: Duration = Duration::from_millis(5);
const EVERY: u32 = 256;
/// How long rest is looked for without pause: most servers are back at waiting within this.
const EAGER: Duration = Duration::from_micros(300);
/// The same where a look is at a number and costs little: a pause would be longer than most
/// waits, because timers are that coarse.
const EAGER_FOR_WORLD: Duration = Duration::from_millis(2);
/// The pause between looks after that, and how long rest must last to be believed.
const PAUSE: Duration = Duration::from_micros(600);
/// Looks in a row that must find rest.
const LOOKS: u32 = 4;
/// What a timer may be off by.
const COARSE: Duration = Duration::from_millis(2);
/// How long a server is watched after its last call, where the scenario names no time.
pub const IDLE: Duration = Duration::from_millis(300);
/// How long a server may take to end after its stdin was closed, then after SIGTERM.
const GRACE: Duration = Duration::from_millis(1500);
/// The same for one that works on.
const GRACE_AT_WORK: Duration = Duration::from_secs(6);
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
    restless: u32,
    habits: HashMap<String, Habit>,
    problem: Option<RunError>,
    valid_calls: u32,
    folder: PathBuf,
}

/// How closely a server is watched after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// Until all of its threads wait, and nothing has come for so long.
    Thorough(Duration),
    /// For what is under way already.
    Glance,
}

/// What a tool has shown so far. Waiting after every call would take longer than most calls do.
#[derive(Default)]
struct Habit {
    calls: u32,
    /// How long after an answer it did some of them, at most: a timer may be what it waits for.
    lag: Duration,
}

impl Habit {
    /// How to watch after a call.
    fn call(&mut self) -> Watch {
        let nth = self.calls;
        self.calls += 1;
        let now_and_then = nth.is_power_of_two() || nth.is_multiple_of(EVERY);
        if nth < FIRST_OF_ALL {
            Watch::Thorough(LONG_PAUSE)
        } else if self.lag > Duration::ZERO || nth < FIRST || now_and_then {
            Watch::Thorough((self.lag * 2).clamp(PAUSE, SETTLE / 8))
        } else {
            Watch::Glance
        }
    }
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
    let now = job.setup.clock.duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs() as i64);
    let mut log = Log::create(&folder)
        .map_err(|e| fail(RunError::new("the run folder cannot be made", e)))?;
    log.write(Event::Started {
        format: FORMAT.to_owned(),
        role: job.role.to_owned(),
        target: job.package.resolved.clone(),
        seed: job.setup.seed.0,
    });
    let collector = Collector::new(Explainer::new(&job.setup.planted, now));
    let (recorder, recording) = Recorder::start(log, collector);
    let spec = job.setup.spec(job.package);
    let sink: Arc<dyn Sink> = recorder.clone();
    let sandbox = tokio::task::block_in_place(|| sandbox::start(&spec, Arc::clone(&sink)))
        .map_err(|e| {
            let hint = e.hint().map(str::to_owned);
            let mut error = RunError::new("the sandbox could not start the server", e);
            error.hint = hint.or(Some(
                "`turncoat doctor` shows what this host can isolate".into(),
            ));
            fail(error)
        })?;
    let Started {
        stdin,
        stdout,
        stderr,
        sockets,
        child,
        level,
        ahead_ns,
        notes,
    } = sandbox;
    let (upstreams, smtp) = job.setup.upstreams().map_err(fail)?;
    let config = Config {
        ca: job.setup.ca(),
        upstreams,
        smtp,
        sink_mock: Arc::new(Json::sink(job.setup.seed)),
        seed: job.setup.seed,
        ahead_ns,
        limits: Limits::default(),
    };
    let sockets = Sockets {
        tcp4: Some(sockets.tcp4),
        tcp6: Some(sockets.tcp6),
        udp4: Some(sockets.udp4),
        udp6: Some(sockets.udp6),
        raw4: Some(sockets.raw4),
        raw6: Some(sockets.raw6),
    };
    let world = World::open(sockets, config, Arc::clone(&sink))
        .map_err(|e| fail(RunError::new("the fake internet could not be opened", e)))?;
    let io = |e| fail(RunError::new("the server's pipes cannot be used", e));
    let stderr = tokio::spawn(drain(receiver(stderr).map_err(io)?));
    let options = mcp::Options {
        era,
        start_timeout: start,
        call_timeout: job.setup.scenario().exercise.timeout,
        ..mcp::Options::default()
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
                restless: 0,
                habits: HashMap::new(),
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
            Err((error, retry))
        }
    }
}

async fn exercise(job: &Job<'_>, live: &mut Live, planner: Planner<'_>, ties: Ties) {
    live.settle(Watch::Thorough(PAUSE)).await;
    live.harvest();
    let Some(plan) = planner(live.surface.clone()).await else {
        return;
    };
    let of = plan.len();
    let mut calls = plan.calls();
    let mut next = calls.next();
    let mut done = 0;
    while let Some(call) = next.take() {
        live.recorder.call(&call.tool, &call.arguments);
        let answer = live.session.call(&call.tool, &call.arguments);
        // The next one is made while the server works on this one.
        let (result, ()) = tokio::join!(biased; answer, async { next = calls.next() });
        live.recorder.emit(Kind::Result(result));
        live.valid_calls += u32::from(call.valid);
        done += 1;
        let habit = live.habits.entry(call.tool.clone()).or_default();
        let mut watch = habit.call();
        if live.child.dirty() && !matches!(watch, Watch::Thorough(_)) {
            // A file half written would be told with the next call: writing goes on in threads.
            watch = Watch::Thorough(PAUSE);
        }
        let lag = live.settle(watch).await;
        if let Some(habit) = live.habits.get_mut(&call.tool) {
            habit.lag = habit.lag.max(lag);
        }
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
    if !live.session.is_gone()
        && let Some(later) = live.session.list().await
    {
        live.recorder.emit(Kind::Surface(later));
    }
    live.recorder.enter(Phase::Idle);
    if let Some(early) = ties.early
        && live.problem.is_none()
    {
        live.recorder.so_far(early);
    }
    let idle = job.setup.scenario().exercise.idle.unwrap_or(IDLE);
    if !live.session.is_gone() {
        tokio::select! {
            () = live.session.listen(idle) => {}
            () = told(ties.hurry) => {}
        }
    }
    live.harvest();
    live.world.cut();
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
    /// Waits until what the last call set off has come to rest: nothing is under way in the
    /// world, and the server waits for something. Bounded; a server that never rests is not
    /// waited for again. Gives the time to the last effect that was seen meanwhile.
    async fn settle(&mut self, watch: Watch) -> Duration {
        let mut lag = Duration::ZERO;
        if self.restless >= RESTLESS {
            return lag;
        }
        let began = Instant::now();
        let (eager, pause) = match watch {
            Watch::Thorough(pause) => (EAGER, pause),
            Watch::Glance => (EAGER_FOR_WORLD, Duration::ZERO),
        };
        let mut before = self.recorder.outward();
        // Since when everything has been at rest and nothing came.
        let mut rested: Option<Duration> = None;
        let mut looks = 0;
        loop {
            // Look-ups run on threads of their own: the main thread sleeps already while a query
            // is still on its way. Between two threads, or a thread and the world, may lie a
            // moment in which neither has it; a pause in which nothing came tells.
            let calm = self.world.busy() == 0
                && match watch {
                    Watch::Thorough(_) => self.child.is_asleep() && self.child.is_idle(),
                    Watch::Glance => true,
                };
            let waited = began.elapsed();
            let seen = self.recorder.outward();
            if seen != before {
                (before, lag, rested) = (seen, waited, None);
            }
            rested = calm.then(|| rested.unwrap_or(waited));
            looks = if rested == Some(waited) { 1 } else { looks + 1 };
            // On a busy machine much may lie between two looks.
            let sure = pause.is_zero() || looks >= LOOKS;
            if sure && rested.is_some_and(|since| waited - since >= pause) {
                self.restless = 0;
                return lag;
            }
            if waited > SETTLE {
                self.restless += 1;
                if self.restless == RESTLESS {
                    self.notes.push(
                        "the server never comes to rest: effects may be counted to the call after theirs".into(),
                    );
                }
                return lag;
            }
            let much = match rested {
                Some(since) => pause.saturating_sub(waited - since) > COARSE,
                None => waited > eager,
            };
            if much {
                tokio::time::sleep(PAUSE).await;
            } else {
                // Timers are coarser than this wait. The server may need this processor.
                std::thread::yield_now();
                tokio::task::yield_now().await;
            }
        }
    }

    /// Tells what was written, and what was read and not told, since the last look as effects of
    /// the present phase and call.
    fn harvest(&mut self) {
        self.child
            .reads()
            .into_iter()
            .for_each(|reads| self.recorder.emit(Kind::Reads(reads)));
        if self.child.dirty() {
            for change in files(&mut self.child, &mut self.notes) {
                self.recorder.emit(Kind::File(change));
            }
        }
    }

    /// Asks the server to end, sees to it that it does, and gathers what it left.
    async fn end(mut self, job: &Job<'_>) -> Run {
        self.recorder.enter(Phase::Exit);
        let era = self.session.era();
        let gone = self.session.is_gone();
        // Its output ends a moment before it does itself.
        let patience = if gone { GRACE } else { Duration::ZERO };
        let early = tokio::task::block_in_place(|| self.child.wait_timeout(patience));
        let closing = tokio::spawn(self.session.close());
        let (exit, after) = match early {
            Some(exit) if gone => (Some(exit), "itself"),
            _ => end(&mut self.child).await,
        };
        let _ = closing.await;
        let stderr = self.stderr.await.unwrap_or_default();
        self.world.close().await;
        let sink: &dyn Sink = &*self.recorder;
        if !stderr.is_empty() {
            sink.emit(Kind::Misbehaviour(Misbehaviour {
                what: "stderr".into(),
                bytes: stderr,
            }));
        }
        for reads in self.child.reads() {
            sink.emit(Kind::Reads(reads));
        }
        for change in files(&mut self.child, &mut self.notes) {
            sink.emit(Kind::File(change));
        }
        if let Some(exit) = &exit {
            sink.emit(Kind::Exit(Exit {
                code: exit.code,
                signal: exit.signal,
                after: after.to_owned(),
                left_behind: exit.left_behind.clone(),
            }));
        }
        self.notes.extend(job.package.notes.iter().cloned());
        self.recorder
            .end(self.isolation.clone(), self.notes.clone());
        drop(self.recorder);
        let recorded = tokio::task::block_in_place(|| self.recording.finish());
        let mut problem = self.problem;
        let recorded = recorded.unwrap_or_else(|| {
            problem = Some(RunError::plain("the recorder of the run failed"));
            Recorded::nothing()
        });
        if let Some(what) = &recorded.problem {
            problem = Some(RunError::plain(what.clone()).hint("is the disk full?"));
        }
        Run {
            recorded,
            surface: self.surface,
            isolation: self.isolation,
            notes: self.notes,
            folder: self.folder,
            era,
            problem,
            valid_calls: self.valid_calls,
        }
    }
}

/// Waits for the end after stdin was closed, then asks, then insists.
async fn end(child: &mut Child) -> (Option<sandbox::Exit>, &'static str) {
    if let Some(exit) = patiently(child) {
        return (Some(exit), "stdin-closed");
    }
    let _ = child.terminate();
    if let Some(exit) = patiently(child) {
        return (Some(exit), "sigterm");
    }
    let _ = child.kill();
    let exit = tokio::task::block_in_place(|| child.wait_timeout(GRACE));
    (exit, "sigkill")
}

/// Waits for the end until the server has waited itself for [`GRACE`]: on a busy machine it may
/// take long to end in order, and how it ends is behaviour. Bounded for one that never waits.
fn patiently(child: &mut Child) -> Option<sandbox::Exit> {
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    tokio::task::block_in_place(|| {
        while waited < GRACE && began.elapsed() < GRACE_AT_WORK {
            if let Some(exit) = child.wait_timeout(GRACE / 30) {
                return Some(exit);
            }
            if child.is_idle() {
                waited += GRACE / 30;
            }
        }
        None
    })
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
