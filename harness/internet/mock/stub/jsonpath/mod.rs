//! JSON paths as WireMock's users write them (Jayway's dialect), as far as
//! `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `..`, unions, filters such as
//! `[?(@.a == 'x' && @.b)]`, and a final `.length()` or `.size()`. Anything else is refused when
//! it is read.

mod parse;

use parse::Parser;
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;

/// Values that one path finds.
const MAX_FOUND: usize = 10_000;

#[derive(Debug)]
pub(super) struct JsonPath {
    steps: Vec<Step>,
    length: bool,
}

#[derive(Debug)]
enum Step {
    Name(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    /// Every value below, and itself.
    Below,
    Union(Vec<Step>),
    Filter(Test),
}

#[derive(Debug)]
enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Exists(Operand),
    Compare(Operand, Order, Operand),
    Like(Operand, Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug)]
enum Operand {
    Literal(Value),
    Here(JsonPath),
    Root(JsonPath),
}

impl JsonPath {
    /// Reads a path; the error says what is not understood, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        Parser::new(text).whole()
    }

    /// What the path finds in a document.
    pub fn find<'v>(&self, root: &'v Value) -> Vec<Cow<'v, Value>> {
        let found = self.select(root, root);
        if self.length {
            let lengths = found.iter().filter_map(|v| match v {
                Value::Array(items) => Some(items.len()),
                Value::Object(map) => Some(map.len()),
                Value::String(text) => Some(text.chars().count()),
                _ => None,
            });
            return lengths.map(|n| Cow::Owned(n.into())).collect();
        }
        found.into_iter().map(Cow::Borrowed).collect()
    }

    /// WireMock's idea of a match: a value that is neither null nor an empty list or object;
    /// of several, one value at all.
    pub fn is_something(&self, found: &[Cow<'_, Value>]) -> bool {
        let one = self
            .steps
            .iter()
            .all(|s| matches!(s, Step::Name(_) | Step::Index(_)));
        match found {
            [] => false,
            [value] if one => match value.as_ref() {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(map) => !map.is_empty(),
                _ => true,
            },
            _ => true,
        }
    }

    fn select<'v>(&self, start: &'v Value, root: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![start];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                step.apply(value, root, &mut next);
            }
            next.truncate(MAX_FOUND);
            found = next;
        }
        found
    }
}

impl Step {
    fn apply<'v>(&self, value: &'v Value, root: &'v Value, found: &mut Vec<&'v Value>) {
        if found.len() >= MAX_FOUND {
            return;
        }
        match self {
            Self::Name(name) => found.extend(value.get(name)),
            Self::Index(i) => found.extend(place(*i, value).and_then(|i| value.get(i))),
            Self::Slice(from, to) => {
                let items = value.as_array().map_or(&[][..], Vec::as_slice);
                let bound = |i: i64| match usize::try_from(i) {
                    Ok(i) => i.min(items.len()),
                    Err(_) => items.len().saturating_sub(i.unsigned_abs() as usize),
                };
                let (from, to) = (from.map_or(0, bound), to.map_or(items.len(), bound));
                found.extend(items.get(from..to).unwrap_or_default());
            }
            Self::All => children(value, |child| found.push(child)),
            Self::Below => {
                found.push(value);
                children(value, |child| self.apply(child, root, found));
            }
            Self::Union(steps) => steps.iter().for_each(|s| s.apply(value, root, found)),
            Self::Filter(test) => children(value, |child| {
                if test.holds(child, root) {
                    found.push(child);
                }
            }),
        }
    }
}

fn children<'v>(value: &'v Value, mut each: impl FnMut(&'v Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(&mut each),
        Value::Object(map) => map.values().for_each(&mut each),
        _ => {}
    }
}

/// An index from the end counts from -1.
fn place(i: i64, value: &Value) -> Option<usize> {
    let len = value.as_array()?.len();
    match usize::try_from(i) {
        Ok(i) => Some(i),
        Err(_) => len.checked_sub(usize::try_from(i.unsigned_abs()).ok()?),
    }
}

impl Test {
    fn holds(&self, here: &Value, root: &Value) -> bool {
        match self {
            Self::Any(tests) => tests.iter().any(|t| t.holds(here, root)),
            Self::All(tests) => tests.iter().all(|t| t.holds(here, root)),
            Self::Not(test) => !test.holds(here, root),
            Self::Exists(operand) => operand.value(here, root).is_some(),
            Self::Compare(a, order, b) => {
                let (a, b) = (a.value(here, root), b.value(here, root));
                order.holds(a.as_deref(), b.as_deref())
            }
            Self::Like(a, regex) => {
                let value = a.value(here, root);
                value
                    .as_deref()
                    .and_then(Value::as_str)
                    .is_some_and(|text| regex.is_match(text))
            }
        }
    }
}

impl Order {
    fn holds(self, a: Option<&Value>, b: Option<&Value>) -> bool {
        let numbers = a.and_then(Value::as_f64).zip(b.and_then(Value::as_f64));
        let order = match numbers {
            Some((a, b)) => a.partial_cmp(&b),
            None => {
                let texts = a.and_then(Value::as_str).zip(b.and_then(Value::as_str));
                texts.map(|(a, b)| a.cmp(b))
            }
        };
        let equal = order.map_or(a == b, |o| o.is_eq());
        match self {
            Self::Equal => equal,
            Self::Unequal => !equal,
            Self::Less => order.is_some_and(|o| o.is_lt()),
            Self::LessEqual => order.is_some_and(|o| o.is_le()),
            Self::Greater => order.is_some_and(|o| o.is_gt()),
            Self::GreaterEqual => order.is_some_and(|o| o.is_ge()),
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, here: &'v Value, root: &'v Value) -> Option<Cow<'v, Value>> {
        match self {
            Self::Literal(value) => Some(Cow::Borrowed(value)),
            Self::Here(path) => path.find(here).into_iter().next(),
            Self::Root(path) => path.find(root).into_iter().next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn find(path: &str) -> Value {
        let document = json!({
            "a": {"b c": 1}, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 5, "w": true}, 7],
            "empty": [], "null": null,
        });
        let found = JsonPath::parse(path).expect(path).find(&document);
        found.into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn paths_find_what_they_name() {
        let cases = [
            ("$.a['b c']", json!([1])),
            ("$.list[0].n", json!(["x"])),
            ("$.list[-1]", json!([7])),
            ("$.list[0:2].v", json!([1, 5])),
            ("$.list[*].n", json!(["x", "y"])),
            ("$..n", json!(["x", "y"])),
            ("$.list[?(@.v > 2)].n", json!(["y"])),
            ("$.list[?(@.n == 'x' || @.w)].v", json!([1, 5])),
            ("$.list[?(@.n =~ /X/i)].v", json!([1])),
            ("$.list[?(!@.w && @.v)].n", json!(["x"])),
            ("$.list.length()", json!([3])),
            ("$.none", json!([])),
        ];
        for (path, want) in cases {
            assert_eq!(find(path), want, "{path}");
        }
    }

    #[test]
    fn nothing_and_emptiness_are_no_match() {
        let document = json!({"null": null, "empty": [], "zero": 0});
        let is = |path: &str| {
            let path = JsonPath::parse(path).unwrap();
            path.is_something(&path.find(&document))
        };
        assert!(!is("$.null") && !is("$.empty") && !is("$.none"));
        assert!(is("$.zero") && is("$[?(@ == 0)]"));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let why = |path: &str| JsonPath::parse(path).unwrap_err();
        insta::assert_snapshot!(why("a.b"), @"expected `$` at `a.b`");
        insta::assert_snapshot!(why("$.a.max()"), @"function `max()`");
        insta::assert_snapshot!(why("$.a[?(@.b in ['x'])]"), @"expected `)` at `in ['x'])]`");
        insta::assert_snapshot!(why("$.a["), @"it ends too early");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_read_or_refused(path in "\\$?[\\[\\].a*?()@=!<>&|'0-9:,/ -]{0,40}") {
            if let Ok(path) = JsonPath::parse(&path) {
                path.find(&json!({"a": [1, {"a": [2, 3]}]}));
            }
        }
    }
}
