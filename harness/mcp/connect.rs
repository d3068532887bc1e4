//! From two pipes to a session with a listed surface.

use super::answer::Answers;
use super::era;
use super::exchange::{Exchange, Reply};
use super::http::{Dial, Endpoint, Http};
use super::options::{Era, Options, Tap};
use super::session::Session;
use super::stdio::Pipes;
use super::surface;
use super::watch::Watch;
use super::wire::Wire;
use crate::effect::{Sink, Surface};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Why a server cannot be talked to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    #[error("the server ended before it answered `{method}`")]
    Gone { method: &'static str },
    /// It may be fine with a client that does not ask.
    #[error("the server ended on `server/discover`, a method it does not know")]
    DiedOnDiscover,
    /// It may be fine with a client that waits for it.
    #[error("the server answered `server/discover` only after it had been asked to `initialize`")]
    LateDiscover,
    #[error("the server {} within {}", unanswered(method, *probe), seconds(*waited))]
    Silent {
        method: &'static str,
        /// Since its start.
        waited: Duration,
        probe: Probe,
        /// It wrote to stdout, and what it wrote is no JSON.
        noisy: bool,
    },
    #[error("nobody listens on port {port} after {}", seconds(*waited))]
    Deaf { port: u16, waited: Duration },
    #[error("the server refused `{method}`: `{error}`")]
    Refused {
        method: &'static str,
        /// The JSON-RPC error, as JSON.
        error: String,
        probe: Probe,
    },
    #[error("the server answered `{method}` with something else than its result")]
    Malformed { method: &'static str },
    #[error("the server speaks only revisions unknown here: `{}`", offered.join("`, `"))]
    Revision { offered: Vec<String> },
    #[error("the server declares tools, but does not list them: {why}")]
    NoListing { why: String },
}

/// What became of the `server/discover` that goes before `initialize` where the era is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    NotSent,
    Answered,
    Unanswered,
}

fn unanswered(method: &str, probe: Probe) -> String {
    match probe {
        Probe::Unanswered => format!("answered neither `server/discover` nor `{method}`"),
        Probe::NotSent | Probe::Answered => format!("did not answer `{method}`"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}

impl ConnectError {
    /// The era in which a fresh start of the same server may work.
    pub fn retry(&self) -> Option<Era> {
        match self {
            Self::DiedOnDiscover => Some(Era::Legacy),
            Self::Silent { probe, .. } | Self::Refused { probe, .. } => {
                (*probe != Probe::NotSent).then_some(Era::Legacy)
            }
            Self::LateDiscover => Some(Era::Modern),
            _ => None,
        }
    }

    /// What its user can do about it. `said` is the end of what the server wrote to stderr.
    pub fn hint(&self, said: &str) -> Option<String> {
        let about = match self {
            Self::Gone { .. } | Self::DiedOnDiscover if said.is_empty() => Some(
                "it wrote nothing to stderr; a wrong command, or a setting that it needs? name settings under [server] env of a scenario",
            ),
            Self::Gone { .. } | Self::DiedOnDiscover => None,
            Self::Silent { noisy: true, .. } => Some(
                "what it wrote to stdout is no JSON-RPC: only MCP belongs there, logs go to stderr",
            ),
            Self::Silent { .. } => Some(
                "it may need more time to start, wait for something else, or speak MCP neither over stdio nor over HTTP",
            ),
            Self::Deaf { .. } => Some(
                "`server.url` of the scenario names the port; does the server listen on another one?",
            ),
            Self::Refused { error, .. }
                if error.contains("HTTP 401") || error.contains("HTTP 403") =>
            {
                Some(
                    "it asks for something in the head of requests: name it under [server] headers of a scenario",
                )
            }
            Self::Refused { .. } | Self::NoListing { .. } => Some(
                "the error is the server's own; a setting that it needs may be missing: name it under [server] env of a scenario",
            ),
            Self::Malformed { .. } => Some("it may be something else than an MCP server"),
            Self::LateDiscover => {
                Some("it took long to start; on a machine that is less busy it may be in time")
            }
            Self::Revision { .. } => Some(
                "it is newer, or older, than this turncoat: look for another release of either",
            ),
        };
        let said = (!said.is_empty()).then(|| format!("it wrote to stderr: {said}"));
        match (about, said) {
            (Some(about), Some(said)) => Some(format!("{about}; {said}")),
            (about, said) => about.map(str::to_owned).or(said),
        }
    }

    /// `waited` is the time since the server's start.
    pub(super) fn from_reply(
        method: &'static str,
        reply: Reply,
        waited: Duration,
        exchange: &Exchange,
    ) -> Self {
        match reply {
            Reply::Gone => Self::Gone { method },
            Reply::Timeout => Self::Silent {
                method,
                waited,
                probe: Probe::NotSent,
                noisy: exchange.noisy,
            },
            Reply::Error { value, .. } => Self::Refused {
                method,
                error: value.to_string(),
                probe: Probe::NotSent,
            },
            Reply::Result { .. } | Reply::Oversized(_) => Self::Malformed { method },
        }
    }

    /// The same, when `server/discover` had gone before and may be to blame.
    pub(super) fn after(self, probe: Probe) -> Self {
        match self {
            Self::Gone { .. } => Self::DiedOnDiscover,
            Self::Silent {
                method,
                waited,
                noisy,
                ..
            } => Self::Silent {
                method,
                waited,
                probe,
                noisy,
            },
            Self::Refused { method, error, .. } => Self::Refused {
                method,
                error,
                probe,
            },
            other => other,
        }
    }
}

/// Agrees on a revision and lists what the server offers.
///
/// `stdin` and `stdout` are the server's. Messages that nobody asked for and everything wrong
/// on the way go to `effects`; the surface is returned and not emitted. Whoever starts the same
/// server again should ask for the [`Session::era`] found before: that saves the probe, and
/// keeps a slow start from changing the outcome.
pub async fn connect<I, O>(
    stdin: I,
    stdout: O,
    options: Options,
    effects: Arc<dyn Sink>,
    tap: Option<Arc<dyn Tap>>,
) -> Result<(Session, Surface), ConnectError>
where
    I: AsyncWrite + Send + Unpin + 'static,
    O: AsyncRead + Send + Unpin + 'static,
{
    let pipes = Pipes::new(
        Box::new(stdin),
        Box::new(stdout),
        options.max_line,
        options.max_total,
        tap,
    );
    open(Wire::Pipes(pipes), options, effects).await
}

/// The same for a server that speaks the protocol over HTTP. Must be called within a tokio runtime.
pub async fn connect_http(
    dial: Arc<dyn Dial>,
    endpoint: Endpoint,
    options: Options,
    effects: Arc<dyn Sink>,
    tap: Option<Arc<dyn Tap>>,
) -> Result<(Session, Surface), ConnectError> {
    let http = Http::open(dial, endpoint, &options, tap);
    open(Wire::Http(http), options, effects).await
}

async fn open(
    wire: Wire,
    options: Options,
    effects: Arc<dyn Sink>,
) -> Result<(Session, Surface), ConnectError> {
    let deadline = Instant::now() + options.start_timeout;
    let mut exchange = Exchange::new(wire, Watch::new(effects), Answers::new(&options));
    let agreed = era::open(&mut exchange, &options, deadline).await;
    // What was left over of a flood is evidence most of all when nothing came of it.
    exchange.watch.reset();
    let agreed = agreed?;
    era::subscribe(&mut exchange, &agreed);
    let (mut surface, fault) = surface::list(&mut exchange, &agreed, deadline).await;
    surface::repeat(&mut exchange, &agreed, &mut surface);
    exchange.watch.reset();
    match fault {
        Some(why) => Err(ConnectError::NoListing { why }),
        None => Ok((Session::new(exchange, agreed, options), surface)),
    }
}
