//! Patterns for one value of a request, and for several under one name.

use super::StubProblem;
use super::jsonpath::JsonPath;
use super::read::{Mistake, Node};
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Nested `and`, `or`, `not`; and arrays that are compared without their order.
const MAX_DEPTH: usize = 32;
const MAX_UNORDERED: usize = 10_000;
const KEYS: [&str; 21] = [
    "equalTo",
    "equalToIgnoreCase",
    "contains",
    "doesNotContain",
    "matches",
    "doesNotMatch",
    "absent",
    "equalToJson",
    "matchesJsonPath",
    "binaryEqualTo",
    "equalToNumber",
    "greaterThanNumber",
    "greaterThanEqualNumber",
    "lessThanNumber",
    "lessThanEqualNumber",
    "and",
    "or",
    "not",
    "anything",
    "hasExactly",
    "includes",
];
const OPTIONS: [(&str, &str); 3] = [
    ("caseInsensitive", "equalTo"),
    ("ignoreArrayOrder", "equalToJson"),
    ("ignoreExtraElements", "equalToJson"),
];
const UNSUPPORTED: [&str; 7] = [
    "equalToXml",
    "matchesXPath",
    "matchesJsonSchema",
    "before",
    "after",
    "equalToDateTime",
    "custom",
];

/// A value that patterns look at; what needs decoding is decoded once.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    text: OnceCell<Cow<'a, str>>,
    json: OnceCell<Option<Value>>,
}

impl<'a> Body<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            text: OnceCell::new(),
            json: OnceCell::new(),
        }
    }

    pub fn text(&self) -> &str {
        self.text
            .get_or_init(|| String::from_utf8_lossy(self.bytes))
    }

    pub fn json(&self) -> Option<&Value> {
        self.json
            .get_or_init(|| serde_json::from_slice(self.bytes).ok())
            .as_ref()
    }
}

#[derive(Debug)]
pub(super) enum Matcher {
    Equal {
        text: String,
        ignore_case: bool,
    },
    Contains(String),
    Matches(Regex),
    Absent,
    Present,
    Json {
        want: Value,
        any_order: bool,
        extra: bool,
    },
    JsonPath {
        path: JsonPath,
        then: Option<Box<Matcher>>,
    },
    Bytes(Vec<u8>),
    Number {
        order: fn(f64, f64) -> bool,
        than: f64,
    },
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    /// Of a value that is there.
    Not(Box<Matcher>),
}

impl Matcher {
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        Self::read_below(node, &[], MAX_DEPTH)
    }

    /// Reads the pattern in an object that may have the keys `beside` as well.
    fn read_below(node: &Node<'_>, beside: &[&str], depth: usize) -> Result<Self, Mistake> {
        if depth == 0 {
            return Err(node.fail(StubProblem::Unsupported("deeper nesting".to_owned())));
        }
        let options = OPTIONS.map(|(option, _)| option);
        let known = [&KEYS[..], &options[..], beside].concat();
        node.only(&known, &UNSUPPORTED)?;
        let mut patterns = KEYS.iter().filter_map(|key| Some((*key, node.get(key)?)));
        let none = || node.fail(StubProblem::Missing("equalTo"));
        let (key, value) = patterns.next().ok_or_else(none)?;
        if let Some((other, _)) = patterns.next() {
            return Err(node.fail(StubProblem::Together(other.to_owned(), key.to_owned())));
        }
        for (option, owner) in OPTIONS {
            if node.get(option).is_some() && key != owner {
                return Err(node.fail(StubProblem::Together(option.to_owned(), key.to_owned())));
            }
        }
        let option = |name: &str| {
            Ok::<_, Mistake>(node.get(name).map(|n| n.flag()).transpose()? == Some(true))
        };
        let text = || value.text().map(str::to_owned);
        let list = || -> Result<Vec<Self>, Mistake> {
            value
                .items()?
                .iter()
                .map(|item| Self::read_below(item, &[], depth - 1))
                .collect()
        };
        Ok(match key {
            "equalTo" => Self::Equal {
                text: text()?,
                ignore_case: option("caseInsensitive")?,
            },
            "equalToIgnoreCase" => Self::Equal {
                text: text()?,
                ignore_case: true,
            },
            "contains" => Self::Contains(text()?),
            "doesNotContain" => Self::Not(Box::new(Self::Contains(text()?))),
            "matches" => Self::Matches(whole_regex(&value)?),
            "doesNotMatch" => Self::Not(Box::new(Self::Matches(whole_regex(&value)?))),
            "absent" => {
                if value.flag()? {
                    Self::Absent
                } else {
                    Self::Present
                }
            }
            "anything" => Self::Present,
            "equalToJson" => Self::Json {
                want: expected_json(&value)?,
                any_order: option("ignoreArrayOrder")?,
                extra: option("ignoreExtraElements")?,
            },
            "matchesJsonPath" => json_path(&value, depth)?,
            "binaryEqualTo" => Self::Bytes(base64(&value)?),
            "and" => Self::All(list()?),
            "or" => Self::Any(list()?),
            "not" => Self::Not(Box::new(Self::read_below(&value, &[], depth - 1)?)),
            "equalToNumber" => number(&value, |a, b| a == b)?,
            "greaterThanNumber" => number(&value, |a, b| a > b)?,
            "greaterThanEqualNumber" => number(&value, |a, b| a >= b)?,
            "lessThanNumber" => number(&value, |a, b| a < b)?,
            "lessThanEqualNumber" => number(&value, |a, b| a <= b)?,
            _ => return Err(node.fail(StubProblem::Unsupported(format!("{key} here")))),
        })
    }

    /// Whether a value, or its absence, fits.
    pub fn matches(&self, value: Option<&Body<'_>>) -> bool {
        match self {
            Self::All(all) => return all.iter().all(|m| m.matches(value)),
            Self::Any(any) => return any.iter().any(|m| m.matches(value)),
            Self::Absent => return value.is_none(),
            _ => {}
        }
        let Some(value) = value else {
            return false;
        };
        match self {
            Self::Equal {
                text,
                ignore_case: false,
            } => value.text() == text,
            Self::Equal {
                text,
                ignore_case: true,
            } => value.text().to_lowercase() == text.to_lowercase(),
            Self::Contains(part) => value.text().contains(part),
            Self::Matches(regex) => regex.is_match(value.text()),
            Self::Json {
                want,
                any_order,
                extra,
            } => value
                .json()
                .is_some_and(|got| same_json(want, got, *any_order, *extra)),
            Self::JsonPath { path, then } => value.json().is_some_and(|json| {
                let found = path.find(json);
                match then {
                    None => path.is_something(&found),
                    Some(then) if found.is_empty() => then.matches(None),
                    Some(then) => found.iter().any(|v| {
                        let text = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
                        then.matches(Some(&Body::new(text.as_bytes())))
                    }),
                }
            }),
            Self::Bytes(bytes) => value.bytes == bytes.as_slice(),
            Self::Number { order, than } => value
                .text()
                .trim()
                .parse()
                .is_ok_and(|number| order(number, *than)),
            Self::Not(inner) => !inner.matches(Some(value)),
            Self::Present => true,
            Self::Absent | Self::All(_) | Self::Any(_) => false,
        }
    }
}

/// A pattern for all values under one name, as headers and queries have them.
#[derive(Debug)]
pub(super) enum Values {
    /// One of the values fits, or there is none and that fits.
    Some(Matcher),
    /// Every pattern has a value, and there are no others.
    Exactly(Vec<Matcher>),
    /// Every pattern has a value.
    Include(Vec<Matcher>),
}

impl Values {
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        for (key, make) in [
            ("hasExactly", Self::Exactly as fn(_) -> _),
            ("includes", Self::Include),
        ] {
            if let Some(list) = node.get(key) {
                node.only(&[key], &[])?;
                let patterns = list.items()?;
                let patterns: Result<Vec<_>, _> = patterns.iter().map(Matcher::read).collect();
                return Ok(make(patterns?));
            }
        }
        Ok(Self::Some(Matcher::read(node)?))
    }

    pub fn matches(&self, values: &[Cow<'_, str>]) -> bool {
        let fits = |m: &Matcher, v: &Cow<'_, str>| m.matches(Some(&Body::new(v.as_bytes())));
        let each = |all: &[Matcher]| all.iter().all(|m| values.iter().any(|v| fits(m, v)));
        match self {
            Self::Some(m) if values.is_empty() => m.matches(None),
            Self::Some(m) => values.iter().any(|v| fits(m, v)),
            Self::Exactly(all) => all.len() == values.len() && each(all),
            Self::Include(all) => each(all),
        }
    }
}

/// Java's `matches` is of the whole text.
pub(super) fn whole_regex(node: &Node<'_>) -> Result<Regex, Mistake> {
    let pattern = format!(r"\A(?:{})\z", node.text()?);
    Regex::new(&pattern).map_err(|_| {
        // The parser's own message spans lines and shows the wrapped pattern.
        let given = node.text().unwrap_or_default();
        let why = Regex::new(given)
            .err()
            .map_or_else(String::new, |e| e.to_string());
        let why = why
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        node.fail(StubProblem::BadRegex(why))
    })
}

pub(super) fn base64(node: &Node<'_>) -> Result<Vec<u8>, Mistake> {
    let decoded = data_encoding::BASE64.decode(node.text()?.as_bytes());
    decoded.map_err(|_| node.wrong("base64"))
}

fn number(node: &Node<'_>, order: fn(f64, f64) -> bool) -> Result<Matcher, Mistake> {
    Ok(Matcher::Number {
        order,
        than: node.number()?,
    })
}

/// The path as text, or `{"expression": PATH}` with a pattern for what it finds.
fn json_path(node: &Node<'_>, depth: usize) -> Result<Matcher, Mistake> {
    let expression = if node.value.is_object() {
        node.need("expression")?
    } else {
        node.clone()
    };
    let path = JsonPath::parse(expression.text()?);
    let path = path.map_err(|why| expression.fail(StubProblem::BadJsonPath(why)))?;
    let then = match node.value.is_object() {
        true => Some(Box::new(Matcher::read_below(
            node,
            &["expression"],
            depth - 1,
        )?)),
        false => None,
    };
    Ok(Matcher::JsonPath { path, then })
}

/// JSON as such or as text; placeholders of JSON Unit are known or refused.
fn expected_json(node: &Node<'_>) -> Result<Value, Mistake> {
    let want = match node.value {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|e| node.fail(StubProblem::NotJson(e)))?
        }
        other => other.clone(),
    };
    match unknown_placeholder(&want) {
        Some(text) => Err(node.fail(StubProblem::Unsupported(text))),
        None => Ok(want),
    }
}

const PLACEHOLDER: &str = "${json-unit.";

fn unknown_placeholder(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.starts_with(PLACEHOLDER) => placeholder(text, &Value::Null)
            .is_none()
            .then(|| text.clone()),
        Value::Array(items) => items.iter().find_map(unknown_placeholder),
        Value::Object(map) => map.values().find_map(unknown_placeholder),
        _ => None,
    }
}

/// Whether `got` is what a placeholder stands for; nothing where it is none.
fn placeholder(text: &str, got: &Value) -> Option<bool> {
    let name = text.strip_prefix(PLACEHOLDER)?.strip_suffix('}')?;
    match name {
        "ignore" | "ignore-element" => Some(true),
        "any-string" => Some(got.is_string()),
        "any-number" => Some(got.is_number()),
        "any-boolean" => Some(got.is_boolean()),
        _ => None,
    }
}

fn same_json(want: &Value, got: &Value, any_order: bool, extra: bool) -> bool {
    let same = |want: &Value, got: &Value| same_json(want, got, any_order, extra);
    match (want, got) {
        (Value::String(text), got) if text.starts_with(PLACEHOLDER) => {
            placeholder(text, got) == Some(true)
        }
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Object(a), Value::Object(b)) => {
            (extra || a.len() == b.len())
                && a.iter()
                    .all(|(key, want)| b.get(key).is_some_and(|got| same(want, got)))
        }
        (Value::Array(a), Value::Array(b)) => {
            let lengths = if extra {
                a.len() <= b.len()
            } else {
                a.len() == b.len()
            };
            lengths
                && if any_order {
                    pairs_up(a, b, same)
                } else {
                    a.iter().zip(b).all(|(want, got)| same(want, got))
                }
        }
        (want, got) => want == got,
    }
}

/// Whether every wanted item has a given one of its own (augmenting paths, after Kuhn).
fn pairs_up(want: &[Value], got: &[Value], same: impl Fn(&Value, &Value) -> bool) -> bool {
    if got.len() > MAX_UNORDERED {
        return false;
    }
    let mut owner: Vec<Option<usize>> = vec![None; got.len()];
    (0..want.len()).all(|first| {
        // Breadth first: `from` remembers through which wanted item a place was reached.
        let mut from: Vec<Option<usize>> = vec![None; got.len()];
        let mut queue = std::collections::VecDeque::from([first]);
        while let Some(item) = queue.pop_front() {
            for place in 0..got.len() {
                if from[place].is_some() || !same(&want[item], &got[place]) {
                    continue;
                }
                from[place] = Some(item);
                if let Some(other) = owner[place] {
                    queue.push_back(other);
                    continue;
                }
                // A free place: hand the places along the path over.
                let mut place = place;
                while let Some(item) = from[place] {
                    let before = owner.iter().position(|o| *o == Some(item));
                    owner[place] = Some(item);
                    match before {
                        Some(before) if item != first => place = before,
                        _ => return true,
                    }
                }
                return true;
            }
        }
        false
    })
}
