//! Server-sent events (HTML standard, section 9.2.6) from bytes in pieces. What is too long to keep is
//! skimmed while it passes; fields that nothing here uses are dropped.

use super::super::frame::{Line, Pieces};
use std::time::Duration;

/// Longest event type, identifier and number that are kept.
const SHORT: usize = 1024;
/// Longest name of a field that means something.
const NAME: usize = 5;

/// One event with data.
pub struct Event {
    /// Empty for the default, `message`.
    pub kind: String,
    pub data: Line,
}

/// Reads a stream of events.
pub struct Events {
    max: usize,
    /// Bytes of the present line so far, up to its colon.
    name: Vec<u8>,
    state: State,
    /// A `\r` was the last byte: a `\n` after it ends no further line.
    after_return: bool,
    value: Vec<u8>,
    kind: Vec<u8>,
    data: Pieces,
    has_data: bool,
    id: Option<String>,
    /// The last identifier that came (Last-Event-ID); none so far, or withdrawn.
    pub last_id: Option<String>,
    /// How long to wait before connecting again, where the server says so.
    pub retry: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before or in the name of a field.
    Name,
    /// Right after the colon, where one space does not count.
    Colon,
    Value,
    /// In a comment, or in a field that is unknown.
    Skip,
}

impl Events {
    /// Data longer than `max` bytes is not kept.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            name: Vec::new(),
            state: State::Name,
            after_return: false,
            value: Vec::new(),
            kind: Vec::new(),
            data: Pieces::default(),
            has_data: false,
            id: None,
            last_id: None,
            retry: None,
        }
    }

    /// Takes further bytes and hands over the events that are whole with them.
    pub fn push(&mut self, mut bytes: &[u8], mut event: impl FnMut(Event)) {
        if self.after_return && !bytes.is_empty() {
            self.after_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while !bytes.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            self.part(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { return };
            if let Some(whole) = self.line() {
                event(whole);
            }
            let crlf = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if crlf {
                self.after_return = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
    }

    /// A part of a line.
    fn part(&mut self, mut bytes: &[u8]) {
        if self.state == State::Name {
            let colon = memchr::memchr(b':', bytes);
            let name = &bytes[..colon.unwrap_or(bytes.len())];
            // One byte more than any name has is enough to know that it is none.
            let room = (NAME + 4).saturating_sub(self.name.len());
            self.name.extend_from_slice(&name[..name.len().min(room)]);
            let Some(colon) = colon else { return };
            bytes = &bytes[colon + 1..];
            self.begin();
        }
        if self.state == State::Colon && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
            self.state = State::Value;
        }
        if self.state == State::Value {
            if self.name == b"data" {
                self.data.push(bytes, self.max);
            } else {
                let room = SHORT.saturating_sub(self.value.len());
                self.value
                    .extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
    }

    /// The name of a field is whole.
    fn begin(&mut self) {
        if let Some(name) = self.name.strip_prefix("\u{feff}".as_bytes()) {
            // The mark at the beginning of a stream is no part of it.
            self.name = name.to_vec();
        }
        let known = [&b"data"[..], b"event", b"id", b"retry"].contains(&&self.name[..]);
        self.state = if known { State::Colon } else { State::Skip };
        if self.name == b"data" {
            if self.has_data {
                self.data.push(b"\n", self.max);
            }
            self.has_data = true;
        }
    }

    /// The present line ends.
    fn line(&mut self) -> Option<Event> {
        if self.state == State::Name {
            if self.name.is_empty() {
                return self.dispatch();
            }
            self.begin();
        }
        let value = std::mem::take(&mut self.value);
        match (self.state, &self.name[..]) {
            (State::Skip | State::Name, _) => {}
            (_, b"event") => self.kind = value,
            (_, b"id") if !value.contains(&0) => {
                let id = String::from_utf8_lossy(&value).into_owned();
                self.id = Some(id);
            }
            (_, b"retry") => {
                let text = String::from_utf8_lossy(&value);
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                if let (true, Ok(ms)) = (digits, text.parse()) {
                    self.retry = Some(Duration::from_millis(ms));
                }
            }
            _ => {}
        }
        self.name.clear();
        self.state = State::Name;
        None
    }

    /// A blank line came.
    fn dispatch(&mut self) -> Option<Event> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let kind = String::from_utf8_lossy(&std::mem::take(&mut self.kind)).into_owned();
        self.has_data = false;
        if self.data.is_empty() {
            return None;
        }
        Some(Event {
            kind,
            data: self.data.take(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]], max: usize) -> (Vec<(String, String)>, Events) {
        let mut events = Events::new(max);
        let mut all = Vec::new();
        for piece in pieces {
            events.push(piece, |event| {
                let text = match event.data {
                    Line::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Line::Long { body, .. } => format!("long {}", body.len),
                    Line::Unterminated(_) => unreachable!("events are dispatched whole"),
                };
                all.push((event.kind, text));
            });
        }
        (all, events)
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }

    #[test]
    fn the_standard_s_own_examples_are_read() {
        let stock = b"data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(read(&[stock], 99).0, pairs(&[("", "YHOO\n+2\n10")]));
        let four =
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        let (all, events) = read(&[four], 99);
        let expected = [
            ("", "first event"),
            ("", "second event"),
            ("", " third event"),
        ];
        assert_eq!(all, pairs(&expected));
        assert_eq!(events.last_id, None);
        // Two empty blocks: the standard dispatches them, and no message of ours is empty.
        assert_eq!(
            read(&[b"data\n\ndata\ndata\n\ndata:"], 99).0,
            pairs(&[("", "\n")])
        );
    }

    #[test]
    fn fields_that_mean_something_are_kept() {
        let (all, events) = read(
            &[b"\xef\xbb\xbfevent: endpoint\r\ndata: /m?s=1\r\nid: 7\r\nretry: 500\r\nretry: x\r\n\r\n"],
            99,
        );
        assert_eq!(all, pairs(&[("endpoint", "/m?s=1")]));
        assert_eq!(events.last_id.as_deref(), Some("7"));
        assert_eq!(events.retry, Some(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_too_long_is_skimmed() {
        let text = [
            b"data: ".to_vec(),
            vec![b'x'; 5000],
            b"\n\ndata: a\n\n".to_vec(),
        ]
        .concat();
        assert_eq!(
            read(&[&text], 100).0,
            pairs(&[("", "long 5000"), ("", "a")])
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_make_no_difference(text in "(data|id|event|retry|:|[ab: \r\n]){0,40}", size in 1usize..8) {
            let whole = read(&[text.as_bytes()], 20);
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let cut = read(&pieces, 20);
            prop_assert_eq!(whole.0, cut.0);
            prop_assert_eq!(whole.1.last_id, cut.1.last_id);
        }

        #[test]
        fn any_bytes_pass(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, events) = read(&[&bytes], 20);
            prop_assert!(events.name.len() <= NAME + 4 && events.value.len() <= SHORT);
        }
    }
}
