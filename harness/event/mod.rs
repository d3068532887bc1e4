//! What a run tells its listeners: the one vocabulary between running and reporting. A
//! recorded run is these events as JSON Lines, so it can be shown again without a server.

use crate::effect::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the line format below.
pub const FORMAT: &str = "turncoat.run/1";

/// One line of a run folder's `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line.
    Started {
        format: String,
        /// Which of the runs this is: `old`, `old-again`, `new`.
        role: String,
        target: String,
        seed: u64,
        isolation: String,
        blind_spots: Vec<String>,
    },
    /// A tool is about to be called.
    Call {
        call: u32,
        tool: String,
        arguments: Value,
    },
    /// Something was observed.
    Effect(Box<Effect>),
    /// The last line. Its absence means the run was cut short.
    Finished {
        calls: u32,
        calls_ok: u32,
        lost_effects: u64,
    },
}

/// What a person watching hears while runs go on.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A step that takes a while: resolving, installing, starting.
    Step { what: String },
    /// Calls done in one of the runs.
    Calls {
        role: &'static str,
        done: u32,
        of: u32,
    },
    /// Something worth knowing that stops nothing.
    Note { what: String },
}

/// Who listens to progress. Implementations must not block.
pub trait Listener: Send + Sync {
    fn hear(&self, progress: Progress);
}

/// Nobody.
impl Listener for () {
    fn hear(&self, _: Progress) {}
}
