//! Shapes of made-up credentials: real enough that a server's own format check lets them pass.

use super::Rng;
use std::ops::Range;
use std::str::FromStr;

const HEX: &[u8] = b"0123456789abcdef";
const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";
/// RFC 4648, section 6.
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The shape of a made-up secret, as a scenario names it in `{ secret = "…" }`.
///
/// Beside the named shapes, a pattern made of literal text and `{hex:N}`, `{alnum:N}`,
/// `{digits:N}`, `{base32:N}` or `{uuid}` describes any vendor's format: `"ghp_{alnum:36}"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Hex(usize),
    Alnum(usize),
    Digits(usize),
    Base32(usize),
    Uuid,
}

/// Named shapes and the patterns they stand for.
const NAMED: &[(&str, &str)] = &[
    ("uuid", "{uuid}"),
    ("hex", "{hex:32}"),
    ("token", "{alnum:40}"),
    ("password", "{alnum:20}"),
    ("github", "ghp_{alnum:36}"),
    ("slack", "xoxb-{digits:12}-{digits:12}-{alnum:24}"),
    ("resend", "re_{alnum:8}_{alnum:24}"),
    ("sendgrid", "SG.{alnum:22}.{alnum:43}"),
    ("stripe", "sk_live_{alnum:24}"),
    ("openai", "sk-proj-{alnum:48}"),
    ("anthropic", "sk-ant-api03-{alnum:93}AA"),
    ("aws-access-key", "AKIA{base32:16}"),
    ("aws-secret-key", "{alnum:40}"),
    ("notion", "ntn_{alnum:46}"),
    ("npm", "npm_{alnum:36}"),
];

/// A shape's name or pattern that means nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown secret shape `{0}`")]
pub struct UnknownShape(pub String);

impl Shape {
    /// The names a scenario may use, for error messages and the published schema.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// Which bytes of a secret of this shape, `len` bytes long, are made up: all but the literal
    /// text it begins and ends with.
    pub fn unknown(&self, len: usize) -> Range<usize> {
        let literal = |part: Option<&Part>| match part {
            Some(Part::Literal(text)) => text.len(),
            _ => 0,
        };
        let start = literal(self.0.first()).min(len);
        start..len.saturating_sub(literal(self.0.last())).max(start)
    }

    /// Makes one secret of this shape from `rng`.
    pub fn make(&self, rng: &mut Rng) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.clone(),
                Part::Hex(n) => rng.text(*n, HEX),
                Part::Alnum(n) => rng.text(*n, ALNUM),
                Part::Digits(n) => rng.text(*n, DIGITS),
                Part::Base32(n) => rng.text(*n, BASE32),
                Part::Uuid => uuid(rng),
            })
            .collect()
    }
}

/// A version 4 UUID (RFC 9562, section 5.4).
fn uuid(rng: &mut Rng) -> String {
    let raw = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let raw = raw & !(0xf << 76) | 0x4 << 76;
    let raw = raw & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{raw:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(text: &str) -> Result<Self, UnknownShape> {
        let unknown = || UnknownShape(text.to_owned());
        let named = NAMED.iter().find(|(name, _)| *name == text);
        let pattern = named.map_or(text, |(_, pattern)| pattern);
        if named.is_none() && !pattern.contains('{') {
            return Err(unknown());
        }
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Literal(rest[..open].to_owned()));
            }
            let close = rest[open..].find('}').ok_or_else(unknown)? + open;
            parts.push(placeholder(&rest[open + 1..close]).ok_or_else(unknown)?);
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}

fn placeholder(text: &str) -> Option<Part> {
    if text == "uuid" {
        return Some(Part::Uuid);
    }
    let (kind, n) = text.split_once(':')?;
    let n = n.parse().ok().filter(|n| (1..=4096).contains(n))?;
    match kind {
        "hex" => Some(Part::Hex(n)),
        "alnum" => Some(Part::Alnum(n)),
        "digits" => Some(Part::Digits(n)),
        "base32" => Some(Part::Base32(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Seed;

    #[test]
    fn every_named_shape_parses_and_makes_a_fresh_value() {
        for name in Shape::names() {
            let shape: Shape = name.parse().unwrap();
            let mut rng = Seed(1).stream(name);
            assert_ne!(shape.make(&mut rng), shape.make(&mut rng), "{name}");
        }
    }

    #[test]
    fn a_uuid_is_version_4() {
        let shape: Shape = "uuid".parse().unwrap();
        let value = shape.make(&mut Seed(3).stream("u"));
        assert_eq!(value.len(), 36);
        assert_eq!(&value[14..15], "4");
        assert!(matches!(&value[19..20], "8" | "9" | "a" | "b"));
    }

    #[test]
    fn what_everybody_knows_is_told_from_what_was_made_up() {
        let unknown = |shape: &str, len| shape.parse::<Shape>().unwrap().unknown(len);
        assert_eq!(unknown("github", 40), 4..40);
        assert_eq!(unknown("anthropic", 108), 13..106);
        assert_eq!(unknown("uuid", 36), 0..36);
        assert_eq!(unknown("github", 2), 2..2);
    }

    #[test]
    fn mistakes_are_refused() {
        for bad in ["uuuid", "x{hex}", "x{hex:0}", "x{hex:8", "{colour:3}"] {
            assert_eq!(bad.parse::<Shape>(), Err(UnknownShape(bad.to_owned())));
        }
    }
}
