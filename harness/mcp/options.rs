//! How a session behaves, and who looks over its shoulder.

use crate::secret::Persona;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a client says of itself, how long it waits and how much it takes.
#[derive(Clone, Debug)]
pub struct Options {
    /// `clientInfo`. A server may behave for one host only, so this names a widespread one.
    pub client_name: String,
    pub client_version: String,
    pub era: Era,
    /// From [`connect`](super::connect) to the end of the first listing. With [`Era::Auto`] a
    /// server that answers nothing is given up after two thirds of it, so that what is left is
    /// enough for another start in the other era.
    pub start_timeout: Duration,
    /// How long `server/discover` may stay unanswered before a server counts as legacy; the
    /// time it takes to start is part of it.
    pub probe_timeout: Duration,
    /// For one tool call with all its rounds, and for one listing.
    pub call_timeout: Duration,
    /// For what is said after stdin has been closed.
    pub close_timeout: Duration,
    /// Bytes of one line from the server; a longer one is skipped, its head kept.
    pub max_line: usize,
    /// Bytes from the server in all; past them nothing more is read and it counts as gone.
    pub max_total: u64,
    /// `file://` addresses for `roots/list`; without any, the capability is not declared.
    pub roots: Vec<String>,
    /// The text a model is made to say to every `sampling/createMessage`; without one, the
    /// capability is not declared.
    pub sampling: Option<String>,
    /// Answers to `elicitation/create` by field name, used where they fit; other fields get
    /// what their schema allows. Without a map, the capability is not declared.
    pub elicitation: Option<Map<String, Value>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_name: "claude-ai".into(),
            client_version: "0.1.0".into(),
            era: Era::Auto,
            start_timeout: Duration::from_secs(30),
            probe_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
            max_line: 16 << 20,
            max_total: 8 << 30,
            roots: vec![format!("file://{}", Persona::DEFAULT.cwd)],
            sampling: Some("Yes, that looks right. Please go ahead.".into()),
            elicitation: Some(Map::new()),
        }
    }
}

/// Which family of protocol revisions to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Ask with `server/discover`, fall back to `initialize`.
    Auto,
    /// 2024-11-05 to 2025-11-25, opened by `initialize`.
    Legacy,
    /// 2026-07-28, without a handshake.
    Modern,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    FromServer,
}

/// Sees every frame as bytes, without its line end, before anything interprets it. Of a line
/// over the bound it sees the head.
pub trait Tap: Send + Sync {
    fn frame(&self, direction: Direction, bytes: &[u8]);
}
