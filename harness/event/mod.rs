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
        /// The sandbox's level.
        isolation: String,
        /// What could not be seen in this run.
        blind_spots: Vec<String>,
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

#[cfg(test)]
mod tests {
    use super::Event;
    use crate::effect::{Body, Effect, FileAction, FileChange, Kind, Phase};

    #[test]
    fn a_file_effect_survives_the_log() {
        let change = FileChange {
            path: "/home/alex/.bashrc".into(),
            action: FileAction::Modified,
            mode: 0o644,
            content: Body::new(b"x\xff"),
            planted: Some(Body::new(b"x")),
        };
        let event = Event::Effect(Box::new(Effect {
            seq: 0,
            at_us: 0,
            phase: Phase::Call,
            stage: None,
            call: Some(0),
            kind: Kind::File(change),
        }));
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }
}
