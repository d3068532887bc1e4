//! Bytes into lines. A line over the bound is hashed and skimmed while it passes, never held.

use super::skim::Skim;
use crate::effect::{Body, Capture};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

/// Bytes kept of what is only kept as evidence.
pub(super) const HEAD: usize = 64 << 10;

#[derive(Debug)]
pub(super) enum Line {
    /// Without its line end.
    Whole(Bytes),
    /// What was left when the stream ended.
    Unterminated(Bytes),
    Long {
        body: Body,
        /// The id, where the line was an answer.
        answers: Option<Value>,
    },
}

/// Collects what was read and gives it out by line.
pub(super) struct Lines {
    buffer: BytesMut,
    /// Bytes of the buffer known to hold no line end.
    scanned: usize,
    max: usize,
    long: Option<Box<Long>>,
}

struct Long {
    capture: Capture,
    skim: Skim,
}

impl Lines {
    pub fn new(max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            max,
            long: None,
        }
    }

    /// Where to read to. Call [`next`](Self::next) until it gives nothing before reading more:
    /// that is what bounds the buffer to one line and one read.
    pub fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(16 << 10);
        &mut self.buffer
    }

    pub fn next(&mut self) -> Option<Line> {
        let end = memchr::memchr(b'\n', &self.buffer[self.scanned..]).map(|n| self.scanned + n);
        let Some(end) = end else {
            self.scanned = self.buffer.len();
            if self.scanned > self.max || self.long.is_some() {
                self.skip(self.scanned);
            }
            return None;
        };
        if end > self.max || self.long.is_some() {
            self.skip(end);
            let _line_end = self.buffer.split_to(1);
            return self.long.take().map(|long| long.finish());
        }
        let mut line = self.buffer.split_to(end + 1);
        self.scanned = 0;
        line.truncate(end - usize::from(end > 0 && line[end - 1] == b'\r'));
        Some(Line::Whole(line.freeze()))
    }

    /// What is left once the stream has ended.
    pub fn rest(&mut self) -> Option<Line> {
        if let Some(long) = self.long.take() {
            return Some(long.finish());
        }
        self.scanned = 0;
        match self.buffer.is_empty() {
            true => None,
            false => Some(Line::Unterminated(self.buffer.split().freeze())),
        }
    }

    fn skip(&mut self, bytes: usize) {
        let long = self.long.get_or_insert_with(|| {
            Box::new(Long {
                capture: Body::capture(HEAD),
                skim: Skim::default(),
            })
        });
        let piece = &self.buffer[..bytes];
        long.capture.push(piece);
        long.skim.push(piece);
        // A buffer that grew to the bound goes back; the next line is most likely short.
        let rest = BytesMut::from(&self.buffer[bytes..]);
        self.buffer = rest;
        self.scanned = 0;
    }
}

impl Long {
    fn finish(self) -> Line {
        Line::Long {
            body: self.capture.finish(),
            answers: self.skim.finish(),
        }
    }
}
