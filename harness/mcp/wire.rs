//! The way to a server and back, whichever it is: frames go out, arrivals come in.

use super::frame::Line;
use super::http::Http;
use super::stdio::Pipes;
use serde_json::Value;
use std::task::{Context, Poll};

pub(super) enum Arrival {
    Line(Line),
    /// One of our requests will have no answer.
    Failed {
        id: u64,
        /// An error as JSON-RPC has them, the server's own where it gave one.
        error: Value,
        /// Length of what came in its place.
        bytes: u64,
    },
    /// The server's output ended. Comes again for ever.
    End,
    /// The bound on all bytes is reached; comes once, then it is the end.
    TooMuch,
}

pub(super) enum Wire {
    Pipes(Pipes),
    Http(Http),
}

impl Wire {
    /// Whether nothing more can come.
    pub fn is_ended(&self) -> bool {
        match self {
            Self::Pipes(pipes) => pipes.is_ended(),
            Self::Http(http) => http.is_ended(),
        }
    }

    /// Whether it ended because the bound on all bytes was reached.
    pub fn is_over_bound(&self) -> bool {
        match self {
            Self::Pipes(pipes) => pipes.is_over_bound(),
            Self::Http(http) => http.is_over_bound(),
        }
    }

    /// Queues one frame, which is the request `id` or no request; its bytes leave while arrivals
    /// are awaited. False when the server has left so much unread that the frame was not queued.
    pub fn send(&mut self, frame: &[u8], id: Option<u64>) -> bool {
        match self {
            Self::Pipes(pipes) => pipes.send(frame),
            Self::Http(http) => http.send(frame, id),
        }
    }

    /// Nobody waits for the answer to this request any more.
    pub fn abandon(&mut self, id: u64) {
        if let Self::Http(http) = self {
            http.abandon(id);
        }
    }

    /// A session was opened in this revision of the protocol, with `initialize`.
    pub fn agreed(&mut self, revision: &str) {
        if let Self::Http(http) = self {
            http.agreed(revision);
        }
    }

    /// Nothing more will be sent.
    pub fn close(&mut self) {
        match self {
            Self::Pipes(pipes) => pipes.close_stdin(),
            Self::Http(http) => http.close(),
        }
    }

    /// A line that has been read already.
    pub fn buffered(&mut self) -> Option<Line> {
        match self {
            Self::Pipes(pipes) => pipes.buffered(),
            Self::Http(http) => http.buffered(),
        }
    }

    /// Writes what is queued and waits for what comes next. Dropping the future loses nothing.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match self {
            Self::Pipes(pipes) => pipes.poll_arrival(cx),
            Self::Http(http) => http.poll_arrival(cx),
        }
    }
}
