//! One JSON text (RFC 8259) from a stranger, into a value and a list of what was odd about it.
//!
//! Not `serde_json::from_slice`, because that refuses lone surrogates, which JavaScript servers
//! send whenever they cut a text in the middle of an emoji and which every host accepts; forgets
//! duplicate keys, where one reader's first is another's last; and makes floats of big integers
//! (its `arbitrary_precision` changes how every number in the program is read, and breaks
//! flattened structures). Numbers that no `serde_json::Number` holds stay as their digits.

use serde_json::{Map, Number, Value};
use std::ops::Range;

/// Nesting beyond this is refused. Below `serde_json`'s own 128, because values end up inside
/// the lines of a run folder, and must be readable from there.
pub(super) const MAX_DEPTH: usize = 100;

/// Values in one text: an array of zeros takes sixteen times its text in memory.
pub(super) const MAX_VALUES: usize = 1 << 19;

/// What a lenient reader overlooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    /// A member name occurs twice in one object; the last value was taken, as JSON.parse does.
    pub duplicate_key: bool,
    /// An escape such as `\ud83d` without its partner; U+FFFD was taken.
    pub lone_surrogate: bool,
    /// Bytes inside a string that are not UTF-8; U+FFFD was taken.
    pub invalid_utf8: bool,
    /// An integer outside 64 bits or a float outside f64; its digits were taken, as a string.
    pub big_number: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Syntax,
    TooDeep,
    TooManyValues,
}

/// Reads exactly one value, surrounded by nothing but white space.
pub(super) fn parse(text: &[u8]) -> Result<(Value, Odd), Refused> {
    let mut reader = Reader {
        text,
        at: 0,
        values: 0,
        odd: Odd::default(),
    };
    let value = reader.value(0)?;
    reader.space();
    match reader.at == text.len() {
        true => Ok((value, reader.odd)),
        false => Err(Refused::Syntax),
    }
}

/// The text of the member that a path of names leads to, exactly as it stands.
pub(super) fn text_at<'a>(text: &'a [u8], path: &[&str]) -> Option<&'a str> {
    let mut found = text;
    for name in path {
        let mut reader = Reader {
            text: found,
            at: 0,
            values: 0,
            odd: Odd::default(),
        };
        found = &found[reader.member(name)?];
    }
    std::str::from_utf8(found).ok()
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    values: usize,
    odd: Odd,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, token: &[u8]) -> Result<(), Refused> {
        match self.text[self.at..].starts_with(token) {
            true => {
                self.at += token.len();
                Ok(())
            }
            false => Err(Refused::Syntax),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Refused> {
        if depth > MAX_DEPTH {
            return Err(Refused::TooDeep);
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Refused::TooManyValues);
        }
        self.space();
        match self.peek().ok_or(Refused::Syntax)? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.expect(b"true").map(|()| Value::Bool(true)),
            b'f' => self.expect(b"false").map(|()| Value::Bool(false)),
            b'n' => self.expect(b"null").map(|()| Value::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Refused> {
        let mut map = Map::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Refused::Syntax);
            }
            let name = self.string()?;
            self.space();
            self.expect(b":")?;
            let value = self.value(depth + 1)?;
            self.odd.duplicate_key |= map.insert(name, value).is_some();
            if self.ends(b'}')? {
                return Ok(Value::Object(map));
            }
        }
    }

    /// Where the value of an object's member stands; of several with its name, of the last.
    fn member(&mut self, wanted: &str) -> Option<Range<usize>> {
        let mut found = None;
        self.space();
        self.expect(b"{").ok()?;
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return found;
            }
            let name = self.string().ok()?;
            self.space();
            self.expect(b":").ok()?;
            self.space();
            let start = self.at;
            self.value(1).ok()?;
            if name == wanted {
                found = Some(start..self.at);
            }
            if self.ends(b'}').ok()? {
                return found;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Refused> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    /// After an item: a comma, or the end.
    fn ends(&mut self, close: u8) -> Result<bool, Refused> {
        self.space();
        let found = self.peek();
        self.at += 1;
        match found {
            Some(b',') => Ok(false),
            Some(b) if b == close => Ok(true),
            _ => Err(Refused::Syntax),
        }
    }

    fn number(&mut self) -> Result<Value, Refused> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let digits =
            std::str::from_utf8(&self.text[start..self.at]).map_err(|_| Refused::Syntax)?;
        let number = match integer && digits != "-0" {
            true => match digits.parse::<u64>() {
                Ok(n) => Some(Number::from(n)),
                Err(_) => digits.parse::<i64>().ok().map(Number::from),
            },
            false => digits.parse().ok().and_then(Number::from_f64),
        };
        Ok(match number {
            Some(number) => Value::Number(number),
            None => {
                self.odd.big_number = true;
                Value::String(digits.to_owned())
            }
        })
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Refused> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at > start {
            true => Ok(()),
            false => Err(Refused::Syntax),
        }
    }

    fn string(&mut self) -> Result<String, Refused> {
        self.at += 1;
        let first = self.plain()?;
        if self.peek() == Some(b'"') {
            // Nearly every string has no escape: one copy, straight from the frame.
            let bytes = &self.text[first..self.at];
            self.at += 1;
            return Ok(match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => self.repair(bytes),
            });
        }
        let mut bytes = self.text[first..self.at].to_vec();
        loop {
            self.at += 1;
            self.escape(&mut bytes)?;
            let from = self.plain()?;
            bytes.extend_from_slice(&self.text[from..self.at]);
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(match String::from_utf8(bytes) {
                    Ok(text) => text,
                    Err(e) => self.repair(e.as_bytes()),
                });
            }
        }
    }

    fn repair(&mut self, bytes: &[u8]) -> String {
        self.odd.invalid_utf8 = true;
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Skips to the next quote or backslash and tells where it began; control characters are
    /// not allowed in a string.
    fn plain(&mut self) -> Result<usize, Refused> {
        let from = self.at;
        let rest = &self.text[from..];
        match rest
            .iter()
            .position(|b| matches!(b, b'"' | b'\\' | 0..0x20))
        {
            Some(n) if rest[n] >= 0x20 => {
                self.at += n;
                Ok(from)
            }
            _ => Err(Refused::Syntax),
        }
    }

    fn escape(&mut self, to: &mut Vec<u8>) -> Result<(), Refused> {
        let code = self.peek().ok_or(Refused::Syntax)?;
        self.at += 1;
        to.push(match code {
            b'"' | b'\\' | b'/' => code,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.unicode()?;
                to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(Refused::Syntax),
        });
        Ok(())
    }

    /// Four hex digits, and four more where they are the first half of a pair.
    fn unicode(&mut self) -> Result<char, Refused> {
        let unit = self.hex()?;
        if let 0xd800..0xdc00 = unit
            && self.text[self.at..].starts_with(b"\\u")
        {
            let before = self.at;
            self.at += 2;
            let low = self.hex()?;
            if let 0xdc00..0xe000 = low {
                let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(code).ok_or(Refused::Syntax);
            }
            self.at = before;
        }
        Ok(char::from_u32(unit).unwrap_or_else(|| {
            self.odd.lone_surrogate = true;
            char::REPLACEMENT_CHARACTER
        }))
    }

    fn hex(&mut self) -> Result<u32, Refused> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Refused::Syntax)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, &b| {
            let digit = char::from(b).to_digit(16).ok_or(Refused::Syntax)?;
            Ok(sum << 4 | digit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, MAX_VALUES, Odd, Refused, parse, text_at};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn oddities_are_told_and_survived() {
        let odd = Odd::default();
        for (text, value, told) in [
            (
                &br#"{"a":1,"b":2,"a":3}"#[..],
                json!({"a": 3, "b": 2}),
                Odd {
                    duplicate_key: true,
                    ..odd
                },
            ),
            (
                br#""x\ud83d""#,
                json!("x\u{fffd}"),
                Odd {
                    lone_surrogate: true,
                    ..odd
                },
            ),
            (
                br#""\ud83d\u0041""#,
                json!("\u{fffd}A"),
                Odd {
                    lone_surrogate: true,
                    ..odd
                },
            ),
            (br#""\ud83d\ude00""#, json!("\u{1f600}"), odd),
            (
                b"\"\xff\"",
                json!("\u{fffd}"),
                Odd {
                    invalid_utf8: true,
                    ..odd
                },
            ),
            (
                b"18446744073709551617",
                json!("18446744073709551617"),
                Odd {
                    big_number: true,
                    ..odd
                },
            ),
            (
                b"1e400",
                json!("1e400"),
                Odd {
                    big_number: true,
                    ..odd
                },
            ),
            (b"18446744073709551615", json!(u64::MAX), odd),
            (b"-9223372036854775808", json!(i64::MIN), odd),
        ] {
            assert_eq!(parse(text), Ok((value, told)), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn nesting_and_number_of_values_are_bounded() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(deep(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(deep(1 << 20).as_bytes()), Err(Refused::TooDeep));
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert_eq!(parse(many.as_bytes()), Err(Refused::TooManyValues));
    }

    #[test]
    fn a_member_is_found_as_it_stands() {
        let text =
            br#" {"a": 1, "r": {"s": "x"}, "r" : { "s":  {"\u00e9": [1.50, "\ud83d"]} , "t": 2} }"#;
        let found = text_at(text, &["r", "s"]);
        assert_eq!(found, Some(r#"{"\u00e9": [1.50, "\ud83d"]}"#));
        assert_eq!(text_at(text, &["a"]), Some("1"));
        for path in [&["s"][..], &["a", "s"], &["r", "x"]] {
            assert_eq!(text_at(text, path), None, "{path:?}");
        }
        assert_eq!(text_at(b"{}", &["r"]), None);
        assert_eq!(text_at(b"{\"r\":", &["r"]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2048, ..ProptestConfig::default() })]

        /// Texts close to JSON: wherever serde_json takes one, so do we, with the same value;
        /// and what we take without an oddity, it takes.
        #[test]
        fn agrees_with_serde_json(text in r#"([\[\]{},: ]|"(a|\\\\|\\"|\\u00e9|\\ud83d|\\ude00|\\n|\\x|\n)?"|-?(0|1|42)(\.5|\.)?(e[+-]?2)?|true|null){0,12}"#) {
            let ours = parse(text.as_bytes());
            let theirs = serde_json::from_str::<Value>(&text);
            match (ours, theirs) {
                (Ok((ours, _)), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                (Err(_), Err(_)) => {}
                (Ok((_, odd)), Err(e)) => prop_assert!(odd.lone_surrogate, "{} {}", text, e),
                (Err(e), Ok(_)) => prop_assert!(false, "{:?} {}", e, text),
            }
        }

        #[test]
        fn any_value_comes_back(value in value()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()), Ok((value, Odd::default())));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
