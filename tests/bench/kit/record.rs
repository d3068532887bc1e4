//! A recorded run, read for its calls and its times.

use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use turncoat::effect::Kind;
use turncoat::event::Event;
use turncoat::run::log;

/// The calls of one run, and when things happened, since the run began.
#[derive(Default)]
pub struct Record {
    pub calls: Vec<(String, Value)>,
    pub answered: Vec<Duration>,
    /// The listings: after the handshake, and after the last call.
    pub listed: Vec<Duration>,
    /// After the end and the harvest of files.
    pub ended: Duration,
}

impl Record {
    pub fn read(run: &Path) -> Self {
        let mut record = Self::default();
        for event in log::read(run).expect("a recorded run") {
            match event.expect("an event") {
                Event::Call {
                    tool, arguments, ..
                } => record.calls.push((tool, arguments)),
                Event::Effect(effect) => {
                    let at = Duration::from_micros(effect.at_us);
                    match effect.kind {
                        Kind::Result(_) => record.answered.push(at),
                        Kind::Surface(_) => record.listed.push(at),
                        Kind::Exit(_) => record.ended = at,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        record
    }
}
