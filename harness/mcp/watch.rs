//! What a server says without being asked, and what it says wrongly, as effects: whole up to a
//! bound, counted beyond it.

use super::frame::HEAD;
use crate::effect::{Body, Capture, Kind, Misbehaviour, ServerMessage, Sink};
use std::sync::Arc;

/// Between two requests of ours, this much is handed on whole; the rest becomes one total.
pub(super) const FRAMES: usize = 256;
const BYTES: usize = 4 << 20;

pub(super) struct Watch {
    effects: Arc<dyn Sink>,
    frames: usize,
    bytes: usize,
    flood: Option<Flood>,
}

/// What was not handed on: its head, and how long it was.
struct Flood {
    head: Capture,
    bytes: u64,
}

impl Watch {
    pub fn new(effects: Arc<dyn Sink>) -> Self {
        Self {
            effects,
            frames: 0,
            bytes: 0,
            flood: None,
        }
    }

    /// Begins anew, and tells what went beyond the bound until now: its length in all, its head.
    pub fn reset(&mut self) {
        (self.frames, self.bytes) = (0, 0);
        if let Some(flood) = self.flood.take() {
            let mut body = flood.head.finish();
            body.len = flood.bytes;
            self.tell("stdout-flood", body);
        }
    }

    /// Something wrong in `bytes`, or about them.
    pub fn misbehaviour(&mut self, what: &str, bytes: &[u8]) {
        if self.admit(bytes, bytes.len() as u64) {
            self.tell(what, body(bytes));
        }
    }

    /// The same for bytes that were not kept.
    pub fn misbehaviour_of(&mut self, what: &str, bytes: Body) {
        if self.admit(&bytes.kept, bytes.len) {
            self.tell(what, bytes);
        }
    }

    /// A message that came in as `frame`.
    pub fn message(&mut self, message: ServerMessage, frame: &[u8]) {
        if self.admit(frame, frame.len() as u64) {
            self.effects.emit(Kind::Message(message));
        }
    }

    fn admit(&mut self, frame: &[u8], len: u64) -> bool {
        let fits = self.frames < FRAMES && self.bytes < BYTES;
        if fits {
            self.frames += 1;
            self.bytes += frame.len();
        } else {
            let flood = self.flood.get_or_insert_with(|| Flood {
                head: Body::capture(HEAD),
                bytes: 0,
            });
            flood.head.push(frame);
            flood.bytes += len;
        }
        fits
    }

    fn tell(&self, what: &str, bytes: Body) {
        self.effects.emit(Kind::Misbehaviour(Misbehaviour {
            what: what.into(),
            bytes,
        }));
    }
}

fn body(bytes: &[u8]) -> Body {
    let mut capture = Body::capture(HEAD);
    capture.push(bytes);
    capture.finish()
}
