//! Keeps the one record of a run. Observers hand in effects from any thread; one thread of the
//! recorder's own numbers them, writes the log and builds the behaviour, so that nothing on the
//! way of a request waits for more than a bounded queue.

use super::log::Log;
use crate::effect::{Effect, Kind, Phase, Sink, Stage, Usages};
use crate::event::Event;
use crate::snapshot::{Behaviour, Collector, Recent};
use crate::verdict::Reach;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long events are let gather. Waking a thread for each would cost its sender, which a
/// server waits for, more than the event does.
const GATHER: Duration = Duration::from_millis(1);
/// Events that may wait for the recorder before observers have to.
const QUEUE: usize = 256;

/// The observers' end.
pub struct Recorder {
    started: Instant,
    /// Phase and stage in the upper half, number of the last call begun plus one in the lower.
    now: AtomicU64,
    queue: SyncSender<Message>,
    /// Effects of a kind that leaves the process, for knowing whether anything happens.
    outward: AtomicU64,
}

enum Message {
    SoFar(oneshot::Sender<Behaviour>),
    End {
        isolation: String,
        blind_spots: Vec<String>,
    },
    Call {
        tool: String,
        is_tool: bool,
        arguments: Value,
    },
    Jump {
        now: i64,
    },
    Effect {
        at_us: u64,
        phase: Phase,
        stage: Option<Stage>,
        call: Option<u32>,
        kind: Box<Kind>,
    },
}

/// What is known when a run has ended.
pub struct Recorded {
    pub behaviour: Behaviour,
    pub reach: Vec<Reach>,
    /// Of tools.
    pub calls: u32,
    pub calls_ok: u32,
    /// The first calls' arguments by tool, to learn conditions from.
    pub arguments: BTreeMap<String, Vec<Value>>,
    pub usages: Usages,
    /// Why the log is not whole, if it is not.
    pub problem: Option<String>,
}

impl Recorded {
    /// The record of a run whose recorder failed.
    pub fn nothing() -> Self {
        Self {
            behaviour: Behaviour::default(),
            reach: Vec::new(),
            calls: 0,
            calls_ok: 0,
            arguments: BTreeMap::new(),
            usages: Usages::default(),
            problem: None,
        }
    }
}

/// The recorder's own end, to be waited for.
pub struct Recording(JoinHandle<Recorded>);

impl Recorder {
    /// Starts recording. The record ends when every handle to the recorder is gone. The collector
    /// is made by the recorder's own thread, while the server starts.
    pub fn start(
        log: Log,
        collector: impl FnOnce() -> Collector + Send + 'static,
    ) -> (Arc<Self>, Recording) {
        let (queue, messages) = sync_channel(QUEUE);
        let thread = std::thread::spawn(move || write(&messages, log, collector()));
        let recorder = Self {
            started: Instant::now(),
            now: AtomicU64::new(encode(Phase::Start, None, 0)),
            queue,
            outward: AtomicU64::new(0),
        };
        (Arc::new(recorder), Recording(thread))
    }

    /// What is emitted from now on belongs to this phase, after the calls made so far.
    pub fn enter(&self, phase: Phase) {
        let calls = self.now.load(Ordering::SeqCst) as u32;
        self.now.store(encode(phase, None, calls), Ordering::SeqCst);
    }

    /// The exit phase is at this stage from now on.
    pub fn reach(&self, stage: Stage) {
        let calls = self.now.load(Ordering::SeqCst) as u32;
        let now = encode(Phase::Exit, Some(stage), calls);
        self.now.store(now, Ordering::SeqCst);
    }

    /// The server's clock jumps to `now`, in Unix seconds.
    pub fn jump(&self, now: i64) {
        let _ = self.queue.send(Message::Jump { now });
    }

    /// A call begins, of a tool or of something else that is asked for; what is emitted from now on
    /// belongs to it.
    pub fn call(&self, tool: &str, is_tool: bool, arguments: &Value) {
        let calls = self.now.load(Ordering::SeqCst) as u32 + 1;
        // The queue keeps the order: the call is in it before any effect of it can be.
        let message = Message::Call {
            tool: tool.to_owned(),
            is_tool,
            arguments: arguments.clone(),
        };
        let _ = self.queue.send(message);
        let now = encode(Phase::Call, None, calls);
        self.now.store(now, Ordering::SeqCst);
    }

    /// Says under which isolation the run was made and what it could not see; the last word.
    pub fn end(&self, isolation: String, blind_spots: Vec<String>) {
        let _ = self.queue.send(Message::End {
            isolation,
            blind_spots,
        });
    }

    /// Gives the behaviour up to now to whoever waits for it.
    pub fn so_far(&self, to: oneshot::Sender<Behaviour>) {
        let _ = self.queue.send(Message::SoFar(to));
    }

    /// How many effects outside the process were seen so far.
    pub fn outward(&self) -> u64 {
        self.outward.load(Ordering::Relaxed)
    }
}

impl Sink for Recorder {
    fn emit(&self, kind: Kind) {
        if is_outward(&kind) {
            self.outward.fetch_add(1, Ordering::Relaxed);
        }
        let (phase, stage, calls) = decode(self.now.load(Ordering::SeqCst));
        let at_us = self.started.elapsed().as_micros() as u64;
        let call = calls.checked_sub(1);
        let _ = self.queue.send(Message::Effect {
            at_us,
            phase,
            stage,
            call,
            kind: Box::new(kind),
        });
    }
}

impl Recording {
    /// Waits until everything handed in is written.
    pub fn finish(self) -> Option<Recorded> {
        self.0.join().ok()
    }
}

const PHASES: [Phase; 5] = [
    Phase::Install,
    Phase::Start,
    Phase::Call,
    Phase::Idle,
    Phase::Exit,
];

const STAGES: [Stage; 4] = [
    Stage::StdinClosed,
    Stage::Sigterm,
    Stage::Sigkill,
    Stage::Afterlife,
];

fn encode(phase: Phase, stage: Option<Stage>, calls: u32) -> u64 {
    let index = PHASES.iter().position(|p| *p == phase).unwrap_or_default();
    let stage = stage.and_then(|stage| STAGES.iter().position(|s| *s == stage));
    let stage = stage.map_or(0, |stage| stage + 1);
    (stage as u64) << 40 | (index as u64) << 32 | u64::from(calls)
}

fn decode(now: u64) -> (Phase, Option<Stage>, u32) {
    let index = (now >> 32) as u8;
    let phase = PHASES.get(usize::from(index)).copied();
    let stage = ((now >> 40) as usize).checked_sub(1);
    let stage = stage.and_then(|stage| STAGES.get(stage).copied());
    (phase.unwrap_or(Phase::Exit), stage, now as u32)
}

fn is_outward(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Dns(_)
            | Kind::Tls(_)
            | Kind::Http(_)
            | Kind::Mail(_)
            | Kind::Flow(_)
            | Kind::Datagram(_)
            | Kind::File(_)
            | Kind::Program(_)
            | Kind::Forbidden(_)
            | Kind::Signal(_)
    )
}

/// The next message; none when every observer is gone.
fn next(messages: &Receiver<Message>) -> Option<Message> {
    if let Ok(message) = messages.try_recv() {
        return Some(message);
    }
    std::thread::park_timeout(GATHER);
    messages.recv().ok()
}

/// The recorder's thread.
fn write(messages: &Receiver<Message>, mut log: Log, mut collector: Collector) -> Recorded {
    /// Arguments kept of one tool.
    const KEPT: usize = 2_000;
    let mut tools: Vec<(Reach, u32, bool)> = Vec::new();
    let mut by_call = Recent::default();
    let mut arguments: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut usages = Usages::default();
    let mut seq = 0;
    let (mut calls, mut calls_ok) = (0, 0);
    // A run without its end in the log was cut short.
    let mut ended = None;
    while let Some(message) = next(messages) {
        match message {
            Message::Jump { now } => collector.jump(now),
            Message::SoFar(asked) => _ = asked.send(collector.so_far()),
            Message::End {
                isolation,
                blind_spots,
            } => ended = Some((isolation, blind_spots)),
            Message::Call {
                tool,
                is_tool,
                arguments: args,
            } => {
                calls += u32::from(is_tool);
                collector.call(&tool, &args);
                let known = tools.iter().position(|(reach, ..)| reach.tool == tool);
                let index = known.unwrap_or_else(|| {
                    let reach = Reach {
                        tool: tool.clone(),
                        calls: 0,
                        ok: 0,
                        effects: 0,
                    };
                    tools.push((reach, u32::MAX, is_tool));
                    tools.len() - 1
                });
                tools[index].0.calls += 1;
                let call = by_call.push(index);
                let kept = arguments.entry(tool.clone()).or_default();
                if kept.len() < KEPT {
                    kept.push(args.clone());
                }
                log.write(Event::Call {
                    call,
                    tool,
                    arguments: args,
                });
            }
            Message::Effect {
                at_us,
                phase,
                stage,
                call,
                kind,
            } => {
                let effect = Effect {
                    seq,
                    at_us,
                    phase,
                    stage,
                    call,
                    kind: *kind,
                };
                seq += 1;
                let index = call.and_then(|call| by_call.get(call));
                if let (Some(index), Phase::Call) = (index, phase) {
                    let (reach, counted, is_tool) = &mut tools[*index];
                    if is_outward(&effect.kind) && Some(*counted) != call {
                        *counted = call.unwrap_or_default();
                        reach.effects += 1;
                    }
                    if matches!(&effect.kind, Kind::Result(result) if result.outcome == "ok") {
                        reach.ok += 1;
                        calls_ok += u32::from(*is_tool);
                    }
                }
                if let Kind::Usage(usage) = &effect.kind {
                    usages.insert(phase, (effect.seq, usage.clone()));
                }
                collector.effect(&effect);
                log.write(Event::Effect(Box::new(effect)));
            }
        }
    }
    if let Some((isolation, blind_spots)) = ended {
        log.write(Event::Finished {
            calls,
            calls_ok,
            isolation,
            blind_spots,
        });
    }
    let problem = log
        .finish()
        .err()
        .map(|e| format!("the record of the run could not be written: {e}"));
    Recorded {
        behaviour: collector.finish(),
        reach: tools.into_iter().map(|(reach, ..)| reach).collect(),
        calls,
        calls_ok,
        arguments,
        usages,
        problem,
    }
}
