//! Finding out what a server speaks, and saying hello in it.
//!
//! With [`Era::Auto`](super::Era::Auto), `server/discover` goes first, as a client of both eras
//! SHOULD (2026-07-28, basic/transports/stdio, "Backward Compatibility"); every host that speaks
//! both does so, so it tells a server nothing. It costs a legacy server one round trip, a
//! tenth of a millisecond: the SDKs of the legacy era answer at once, TypeScript's with -32601,
//! Python's with -32602. Asking `initialize` first would be no cheaper for them, and would pin a
//! server of both eras to the old one.

mod auto;
mod legacy;
mod modern;

pub(super) use auto::open;
pub(super) use modern::{Round, probe_frame, round, subscribe};

use super::options::Era;
use serde_json::Value;

/// What was agreed on.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// `Legacy` or `Modern`.
    pub era: Era,
    pub revision: String,
    /// Result of `initialize` or `server/discover`.
    pub server: Value,
    /// JSON text of the `_meta` that each modern request carries.
    meta: Option<String>,
}

impl Agreed {
    /// Request parameters with these members, given as JSON text without braces.
    pub fn params(&self, members: &str) -> String {
        match &self.meta {
            None => format!("{{{members}}}"),
            Some(meta) if members.is_empty() => format!(r#"{{"_meta":{meta}}}"#),
            Some(meta) => format!(r#"{{{members},"_meta":{meta}}}"#),
        }
    }

    /// Whether the server declares this capability.
    pub fn has(&self, capability: &str) -> bool {
        self.server["capabilities"]
            .get(capability)
            .is_some_and(Value::is_object)
    }
}
