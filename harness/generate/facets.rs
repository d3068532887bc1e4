//! What a place in the arguments asks for, once `$ref`, `allOf` and a chosen branch of every
//! `anyOf`, `oneOf` and `if` are laid side by side.

use serde_json::{Map, Value};
use std::ops::{BitAnd, BitOr};

/// A set of JSON types; `number` includes `integer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ANY: Self = Self(127);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self(0),
        }
    }

    /// What a schema's `type` says; every type when it says nothing.
    pub(super) fn of(schema: &Map<String, Value>) -> Self {
        match schema.get("type") {
            Some(Value::String(name)) => Self::named(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Self(0), |set, name| Self(set.0 | Self::named(name).0)),
            _ => Self::ANY,
        }
    }

    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(n) if n.is_f64() && n.as_f64().is_some_and(|f| f.fract() != 0.0) => {
                Self(8)
            }
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types a value can be made of, the more telling first.
    pub(super) fn each(self) -> Vec<Self> {
        let number = Self(self.0 & Self::NUMBER.0);
        let number = if number.0 & 8 == 0 {
            number
        } else {
            Self::NUMBER
        };
        [
            Self::STRING,
            Self::OBJECT,
            Self::ARRAY,
            number,
            Self::BOOLEAN,
            Self::NULL,
        ]
        .into_iter()
        .filter(|one| self.has(*one))
        .collect()
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The flat subschemas that all hold at one place.
#[derive(Clone, Debug)]
pub(super) struct Facets<'s> {
    pub(super) types: Types,
    pub(super) parts: Vec<&'s Map<String, Value>>,
    /// Values of every `enum` and `const`, as far as they agree.
    pub(super) allowed: Option<Vec<&'s Value>>,
    /// Properties a `not` forbids.
    pub(super) forbidden: Vec<&'s str>,
    /// Types that other branches of the same choice would have had.
    pub(super) beside: Types,
    excluded: Vec<&'s Value>,
    /// Nothing can stand here, and no other branch would help.
    pub(super) impossible: bool,
}

impl<'s> Facets<'s> {
    pub(super) fn new() -> Self {
        Self {
            types: Types::ANY,
            parts: Vec::new(),
            allowed: None,
            forbidden: Vec::new(),
            beside: Types::NONE,
            excluded: Vec::new(),
            impossible: false,
        }
    }

    /// Adds what `part` says by itself, without what it refers to.
    pub(super) fn add(&mut self, part: &'s Map<String, Value>) {
        self.parts.push(part);
        self.types = self.types & Types::of(part);
        if let Some(Value::Array(values)) = part.get("enum") {
            self.allow(values.iter().collect());
        }
        if let Some(value) = part.get("const") {
            self.allow(vec![value]);
        }
        if let Some(Value::Object(not)) = part.get("not") {
            self.exclude(not);
        }
    }

    fn allow(&mut self, values: Vec<&'s Value>) {
        self.allowed = Some(match self.allowed.take() {
            None => values,
            Some(old) => old.into_iter().filter(|v| values.contains(v)).collect(),
        });
    }

    /// The forms of `not` that can be kept without trial and error, and mean one thing only.
    fn exclude(&mut self, not: &'s Map<String, Value>) {
        let (Some((key, value)), 1) = (not.iter().next(), not.len()) else {
            return;
        };
        match (key.as_str(), value) {
            ("const", value) => self.excluded.push(value),
            ("enum", Value::Array(values)) => self.excluded.extend(values),
            ("type", _) => self.types = self.types.without(Types::of(not)),
            ("required", Value::Array(names)) if names.len() == 1 => {
                self.forbidden
                    .extend(names.iter().filter_map(Value::as_str));
            }
            _ => {}
        }
    }

    /// The `enum` and `const` values that every part lets stand; `None` when none is listed.
    pub(super) fn listed(&self) -> Option<Vec<&'s Value>> {
        let allowed = self.allowed.as_ref()?;
        let fits = |v: &&&Value| self.types.has(Types::of_value(v)) && !self.excluded.contains(*v);
        Some(allowed.iter().filter(fits).copied().collect())
    }

    /// Whether there may be a value for all parts.
    pub(super) fn leave_something(&self) -> bool {
        let listed = self.listed();
        !self.impossible && !self.types.is_empty() && listed.is_none_or(|list| !list.is_empty())
    }

    pub(super) fn excludes(&self, value: &Value) -> bool {
        self.excluded.contains(&value)
    }

    /// Every part's value of `key`.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &'s Value> {
        self.parts.iter().filter_map(move |part| part.get(key))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    /// The strictest lower bound among the parts, for lengths and counts.
    pub(super) fn at_least(&self, key: &str) -> usize {
        self.all(key).filter_map(count).max().unwrap_or(0)
    }

    /// The strictest upper bound among the parts, for lengths and counts.
    pub(super) fn at_most(&self, key: &str) -> Option<usize> {
        self.all(key).filter_map(count).min()
    }

    pub(super) fn texts(&self, key: &str) -> impl Iterator<Item = &'s str> {
        self.all(key).filter_map(Value::as_str)
    }

    /// What people are told about the place: titles and descriptions.
    pub(super) fn about(&self) -> String {
        let mut out = String::new();
        for text in self.texts("title").chain(self.texts("description")) {
            out.extend(text.chars().take(1_000).flat_map(char::to_lowercase));
            out.push(' ');
        }
        out
    }

    /// Values the schema itself shows: `examples`, `example`, `default`.
    pub(super) fn shown(&self) -> Vec<&'s Value> {
        let lists = self.all("examples").filter_map(Value::as_array).flatten();
        lists
            .chain(self.all("example"))
            .chain(self.all("default"))
            .filter(|v| self.types.has(Types::of_value(v)) && !v.is_null())
            .take(32)
            .collect()
    }
}

/// A count as schemas write it; `3.0` is 3, what does not fit is as large as can be.
fn count(value: &Value) -> Option<usize> {
    let n = value.as_f64()?;
    (n >= 0.0).then_some(n as usize)
}
