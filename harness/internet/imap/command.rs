//! One command of a client, taken apart (RFC 3501, section 9).

use std::ops::RangeInclusive;

/// Lists in lists; beyond it a command is malformed.
const DEPTH: u8 = 8;

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// With what stands in brackets behind it: `BODY.PEEK[HEADER.FIELDS (TO)]<0.10>`.
    Atom(String),
    /// Quoted, or a literal.
    Text(Vec<u8>),
    List(Vec<Word>),
}

impl Word {
    /// As text, whichever way it was written.
    pub fn text(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::List(_) => String::new(),
        }
    }

    /// The words of a list; another word alone.
    pub fn words(&self) -> &[Self] {
        match self {
            Self::List(words) => words,
            one => std::slice::from_ref(one),
        }
    }
}

/// The length of a literal that a line ends with, and whether the client waits to be told to go
/// on (RFC 7888, section 3).
pub fn literal(line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line
        .strip_suffix(b"\r")
        .unwrap_or(line)
        .strip_suffix(b"}")?;
    let start = line.iter().rposition(|b| *b == b'{')?;
    let inner = std::str::from_utf8(&line[start + 1..]).ok()?;
    let digits = inner.strip_suffix('+');
    let number = digits.unwrap_or(inner);
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    Some((number.parse().ok().filter(|_| plain)?, digits.is_none()))
}

/// The words of a whole command, literals included; none where it is malformed.
pub fn words(command: &[u8]) -> Option<Vec<Word>> {
    let mut reader = Reader { rest: command };
    let words = reader.words(0, None)?;
    Some(words)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn words(&mut self, depth: u8, end: Option<u8>) -> Option<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            match self.rest {
                [] => return end.is_none().then_some(words),
                [b' ' | b'\r' | b'\n', rest @ ..] => self.rest = rest,
                [b, rest @ ..] if Some(*b) == end => {
                    self.rest = rest;
                    return Some(words);
                }
                [b'(', rest @ ..] => {
                    if depth >= DEPTH {
                        return None;
                    }
                    self.rest = rest;
                    words.push(Word::List(self.words(depth + 1, Some(b')'))?));
                }
                [b')', ..] => return None,
                [b'"', ..] => words.push(Word::Text(self.quoted()?)),
                [b'{', ..] => words.push(Word::Text(self.literal()?)),
                _ => words.push(Word::Atom(self.atom()?)),
            }
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((i, b)) = bytes.next() {
            match b {
                b'"' => {
                    self.rest = &self.rest[i + 1..];
                    return Some(text);
                }
                b'\\' => text.push(*bytes.next()?.1),
                b'\r' | b'\n' => return None,
                b => text.push(*b),
            }
        }
        None
    }

    fn literal(&mut self) -> Option<Vec<u8>> {
        let line = memchr::memchr(b'\n', self.rest)?;
        let (len, _) = literal(&self.rest[..=line])?;
        let text = self.rest.get(line + 1..)?.get(..len)?;
        self.rest = &self.rest[line + 1 + len..];
        Some(text.to_vec())
    }

    fn atom(&mut self) -> Option<String> {
        let mut inside = false;
        let end = self.rest.iter().position(|b| {
            match b {
                b'[' => inside = true,
                b']' => inside = false,
                _ => {}
            }
            matches!(b, b'\r' | b'\n') || !inside && matches!(b, b' ' | b'(' | b')' | b'"')
        });
        let (atom, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!atom.is_empty()).then(|| String::from_utf8_lossy(atom).into_owned())
    }
}

/// The ranges of a set (RFC 3501, section 9, `sequence-set`), of which `last` is `*`.
pub fn ranges(set: &str, last: u32) -> Option<Vec<RangeInclusive<u32>>> {
    let number = |text: &str| match text {
        "*" => Some(last),
        text => text.parse::<u32>().ok(),
    };
    let range = |part: &str| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        Some(from.min(to)..=from.max(to))
    };
    set.split(',').map(range).collect()
}

/// Which of `numbers` are in a set, as positions.
pub fn chosen(set: &str, numbers: &[u32]) -> Option<Vec<usize>> {
    let ranges = ranges(set, numbers.last().copied().unwrap_or(0))?;
    let inside = |n: &u32| ranges.iter().any(|range| range.contains(n));
    Some(
        (0..numbers.len())
            .filter(|i| inside(&numbers[*i]))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_taken_apart() {
        let atom = |text: &str| Word::Atom(text.to_owned());
        let text = |text: &str| Word::Text(text.as_bytes().to_vec());
        let words = words(
            b"a1 FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (TO)]<0.9>) \"a \\\"b\" {3+}\r\nx)y\r\n",
        );
        let items = vec![atom("FLAGS"), atom("BODY.PEEK[HEADER.FIELDS (TO)]<0.9>")];
        let expected = vec![
            atom("a1"),
            atom("FETCH"),
            atom("1:*"),
            Word::List(items),
            text("a \"b"),
            text("x)y"),
        ];
        assert_eq!(words, Some(expected));
        assert_eq!(literal(b"a APPEND x {310}\r\n"), Some((310, true)));
        assert_eq!(literal(b"a APPEND x {31+}\r\n"), Some((31, false)));
        assert_eq!(literal(b"a LOGIN {x}\r\n"), None);
    }

    #[test]
    fn sets_choose_positions() {
        let numbers = [3, 5, 9];
        for (set, expected) in [
            ("1:*", vec![0, 1, 2]),
            ("5", vec![1]),
            ("*", vec![2]),
            ("3,9:7", vec![0, 2]),
            ("1", vec![]),
        ] {
            assert_eq!(chosen(set, &numbers), Some(expected), "{set}");
        }
        assert_eq!(chosen("x", &numbers), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(bytes in "[a-c\\[\\]{}()+\"\\\\ 0-9\r\n*é]{0,60}") {
            let _ = words(bytes.as_bytes());
            let _ = literal(bytes.as_bytes());
            let _ = chosen(&bytes, &[1, 2]);
        }
    }
}
