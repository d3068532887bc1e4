//! The beginning of a run: the server is started in its world and answers, over its pipes or where
//! it listens.

use super::{Job, Live, SILENT};
use crate::effect::{Body, Kind, Misbehaviour, Sink, Surface};
use crate::event::{Event, FORMAT};
use crate::internet::World;
use crate::mcp::{self, ConnectError, Dial, Endpoint, Era, Session, Tap};
use crate::provenance::Explainer;
use crate::run::door::{self, Door, Heard, Inside, Looker, Speech};
use crate::run::error::RunError;
use crate::run::install;
use crate::run::log::Log;
use crate::run::patience::Patience;
use crate::run::recorder::Recorder;
use crate::run::rest::Rest;
use crate::sandbox::{Child, Dialler, Started};
use crate::snapshot::Collector;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

/// Bytes of log text kept of one run.
const STDERR: usize = 256 * 1024;

/// A start that came to nothing.
pub struct Failed {
    pub error: RunError,
    /// How a fresh start may succeed.
    pub other: Option<Speech>,
}

impl From<RunError> for Failed {
    fn from(error: RunError) -> Self {
        Self { error, other: None }
    }
}

/// What a server writes beside the protocol.
pub struct Outlets {
    stderr: JoinHandle<Body>,
    /// Where the protocol is spoken elsewhere: its stdin, which stays open, and its stdout.
    spare: Option<(pipe::Sender, JoinHandle<Body>)>,
}

impl Outlets {
    /// All of it, once the server is gone.
    pub async fn end(self) -> Vec<Body> {
        let mut said = vec![self.stderr.await.unwrap_or_default()];
        if let Some((stdin, stdout)) = self.spare {
            drop(stdin);
            said.push(stdout.await.unwrap_or_default());
        }
        said.retain(|said| !said.is_empty());
        said
    }
}

type Connected = Result<(Session, Surface), ConnectError>;

/// Starts the server, for the `nth` time, and speaks to it.
pub async fn begin(
    job: &Job<'_>,
    speech: Speech,
    nth: u32,
    start: Duration,
) -> Result<Live, Failed> {
    let folder = match nth {
        0 => job.folder.clone(),
        1 => job.folder.with_extension("again"),
        _ => job.folder.with_extension(format!("again-{nth}")),
    };
    // The server's own clock, whatever the real one shows by now.
    let now = job.setup.clock().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs() as i64);
    let mut log =
        Log::create(&folder).map_err(|e| RunError::new("the run folder cannot be made", e))?;
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
    let open = |sockets| super::open(job, sockets, &sink);
    let install::Begun {
        started,
        world,
        meter,
        failures,
    } = install::begin(job, &spec, &recorder, &open).await?;
    let Started {
        stdin,
        stdout,
        stderr,
        sockets,
        dialler,
        child,
        level,
        ahead_ns,
        mut notes,
    } = started;
    let world = match world {
        Some(world) => world,
        None => open(sockets)?,
    };
    world.ahead().store(ahead_ns, Ordering::Relaxed);
    notes.extend(failures.iter().cloned());
    let io = |e| RunError::new("the server's pipes cannot be used", e);
    let heard = Arc::new(Heard::default());
    let limit = job.setup.scenario().exercise.timeout;
    let starting = Starting {
        options: mcp::Options {
            era: speech.era,
            start_timeout: start,
            call_timeout: limit,
            ..job.setup.client()
        },
        sink: Arc::clone(&sink),
        child,
        dialler,
        stdin: pipe::Sender::from_owned_fd(stdin).map_err(io)?,
        stdout: receiver(stdout).map_err(io)?,
        stderr: tokio::spawn(drain(receiver(stderr).map_err(io)?, Arc::clone(&heard))),
        heard,
    };
    let begun = match speech.door.clone() {
        Door::Http { port, endpoint } => Ok(starting.over_http(port, endpoint, true).await),
        Door::Named { port, endpoint } => Ok(starting.over_http(port, endpoint, false).await),
        Door::Pipes => Ok(starting.over_pipes().await),
        Door::Unknown => starting.either(job.setup.headers().to_vec()).await,
    };
    let (connected, child, outlets) = match begun {
        Ok(begun) => begun,
        Err((door, child, outlets)) => {
            world.close().await;
            drop(child);
            outlets.end().await;
            let era = speech.era;
            return Err(Failed {
                error: RunError::plain(SILENT),
                other: Some(Speech { era, door }),
            });
        }
    };
    match connected {
        Ok((session, surface)) => {
            sink.emit(Kind::Surface(surface.clone()));
            let door = match speech.door {
                Door::Unknown => Door::Pipes,
                known => known,
            };
            Ok(Live {
                speech: Speech {
                    era: session.era(),
                    door,
                },
                session,
                surface,
                child,
                world,
                recorder,
                recording,
                outlets,
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
            let retry = refused.retry().filter(|_| speech.era == Era::Auto);
            let said = last_words(&sink, world, child, outlets).await;
            let hint = refused.hint(said.trim());
            let mut error = RunError::new(SILENT, refused);
            error.hint = hint;
            // Whatever was to be built is not there.
            for failure in failures {
                error.what.push_str(&format!("; {failure}"));
            }
            let other = retry.map(|era| Speech {
                era,
                door: speech.door,
            });
            Err(Failed { error, other })
        }
    }
}

/// Ends what could not be talked to, and gives the end of what it wrote to stderr.
async fn last_words(sink: &Arc<dyn Sink>, world: World, child: Child, outlets: Outlets) -> String {
    world.close().await;
    drop(child);
    let mut lines = Vec::new();
    for said in outlets.end().await {
        let text = said.text().into_owned();
        sink.emit(Kind::Misbehaviour(Misbehaviour {
            what: "stderr".into(),
            bytes: said,
        }));
        lines.extend(text.lines().rev().take(5).map(str::to_owned));
    }
    lines.truncate(5);
    lines.reverse();
    lines.join(" | ")
}

/// A server that runs and has not answered.
struct Starting {
    options: mcp::Options,
    sink: Arc<dyn Sink>,
    child: Child,
    dialler: Dialler,
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: JoinHandle<Body>,
    heard: Arc<Heard>,
}

impl Starting {
    async fn over_pipes(self) -> (Connected, Child, Outlets) {
        let connected = mcp::connect(self.stdin, self.stdout, self.options, self.sink, None).await;
        let outlets = Outlets {
            stderr: self.stderr,
            spare: None,
        };
        (connected, self.child, outlets)
    }

    async fn over_http(
        mut self,
        port: u16,
        mut endpoint: Endpoint,
        is_sure: bool,
    ) -> (Connected, Child, Outlets) {
        let outlets = Outlets {
            stderr: self.stderr,
            spare: Some((self.stdin, tokio::spawn(drain(self.stdout, self.heard)))),
        };
        let whole = self.options.start_timeout;
        let connected = match door::listens(&mut self.child, port, whole).await {
            Err(gone) => Err(gone),
            Ok(left) => {
                let dial: Arc<dyn Dial> = Arc::new(Inside {
                    dialler: self.dialler,
                    port,
                });
                if !is_sure {
                    let found = mcp::look(Arc::clone(&dial), &endpoint, &self.options).await;
                    endpoint.flavour = found.unwrap_or(endpoint.flavour);
                }
                self.options.start_timeout = left;
                mcp::connect_http(dial, endpoint, self.options, self.sink, None).await
            }
        };
        (connected, self.child, outlets)
    }

    /// Over its pipes, unless it listens somewhere and speaks the protocol there: how a fresh start
    /// is to be spoken to then.
    async fn either(
        self,
        headers: Vec<(String, String)>,
    ) -> Result<(Connected, Child, Outlets), (Door, Child, Outlets)> {
        let outlets = Outlets {
            stderr: self.stderr,
            spare: None,
        };
        let tap: Arc<dyn Tap> = self.heard.clone();
        let options = self.options.clone();
        let mut looker = Looker::new(self.dialler, self.heard, headers, self.options);
        let pipes = mcp::connect(self.stdin, self.stdout, options, self.sink, Some(tap));
        let mut pipes = std::pin::pin!(pipes);
        let connected = loop {
            tokio::select! {
                biased;
                connected = &mut pipes => break connected,
                found = looker.look(&self.child) => if let Some(door) = found {
                    return Err((door, self.child, outlets));
                },
            }
        };
        // What was asked elsewhere is no part of a run: the next start is one without.
        match looker.has_asked() && connected.is_ok() {
            true => Err((Door::Pipes, self.child, outlets)),
            false => Ok((connected, self.child, outlets)),
        }
    }
}

fn receiver(fd: OwnedFd) -> std::io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(fd)
}

/// Reads log text to its end, keeping the head.
async fn drain(mut from: pipe::Receiver, heard: Arc<Heard>) -> Body {
    let mut capture = Body::capture(STDERR);
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        heard.add(&buffer[..n]);
        capture.push(&buffer[..n]);
    }
    capture.finish()
}
