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
        let long = self.long.get_or_insert_with(Long::new);
        let piece = &self.buffer[..bytes];
        long.capture.push(piece);
        long.skim.push(piece);
        // A buffer that grew to the bound goes back; the next line is most likely short.
        let rest = BytesMut::from(&self.buffer[bytes..]);
        self.buffer = rest;
        self.scanned = 0;
    }
}

/// A frame that comes in pieces whose end somebody else knows.
#[derive(Default)]
pub(super) struct Pieces {
    buffer: BytesMut,
    long: Option<Box<Long>>,
}

impl Pieces {
    pub fn push(&mut self, bytes: &[u8], max: usize) {
        if self.long.is_none() && self.buffer.len() + bytes.len() <= max {
            self.buffer.extend_from_slice(bytes);
            return;
        }
        let head = std::mem::take(&mut self.buffer);
        let long = self.long.get_or_insert_with(Long::new);
        for piece in [&head[..], bytes] {
            long.capture.push(piece);
            long.skim.push(piece);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.long.is_none()
    }

    /// What has come so far, and begins anew.
    pub fn take(&mut self) -> Line {
        match self.long.take() {
            Some(long) => long.finish(),
            None => Line::Whole(self.buffer.split().freeze()),
        }
    }
}

impl Long {
    fn new() -> Box<Self> {
        Box::new(Self {
            capture: Body::capture(HEAD),
            skim: Skim::default(),
        })
    }

    fn finish(self) -> Line {
        Line::Long {
            body: self.capture.finish(),
            answers: self.skim.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};
    use proptest::prelude::*;

    fn shown(line: Line) -> (char, Vec<u8>) {
        match line {
            Line::Whole(bytes) => ('w', bytes.to_vec()),
            Line::Unterminated(bytes) => ('u', bytes.to_vec()),
            Line::Long { body, .. } => ('l', body.kept),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However the bytes are cut up, the lines are those between the line ends.
        #[test]
        fn pieces_make_no_difference(text in "[ab\\r\\n]{0,60}", size in 1usize..20, max in 1usize..12) {
            let mut lines = Lines::new(max);
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                lines.space().extend_from_slice(piece);
                while let Some(line) = lines.next() {
                    found.push(shown(line));
                }
                prop_assert!(lines.buffer.len() <= max + size);
            }
            found.extend(lines.rest().map(shown));

            let mut expected = Vec::new();
            let mut rest = text.as_str();
            while let Some((line, after)) = rest.split_once('\n') {
                expected.push(match line.len() > max {
                    true => ('l', line.into()),
                    false => ('w', line.strip_suffix('\r').unwrap_or(line).into()),
                });
                rest = after;
            }
            if !rest.is_empty() {
                expected.push((if rest.len() > max { 'l' } else { 'u' }, rest.into()));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
