//! A tool's schema made ready: read once, bounded, its references known, its validator built.
//!
//! What a server shows may be odd and still meant well (a keyword of another dialect, a pattern no
//! engine takes): such a keyword is set aside and named. What cannot be used at all is an error.

use super::{
    SchemaProblem, budget, cost,
    facets::Types,
    outright,
    parts::{below, escape},
    pattern::Pattern,
    refs,
};
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Odd keywords set aside before the schema counts as broken.
const ODDITIES: usize = 64;

pub(super) struct Schema {
    /// With its references settled: what values are made by.
    pub(super) root: Value,
    pub(super) patterns: HashMap<String, Pattern>,
    pub(super) formats: HashMap<String, Validator>,
    validator: Validator,
    outright: OnceLock<Value>,
    /// Keywords set aside, as JSON pointers.
    pub(super) odd: Vec<String>,
}

impl Schema {
    pub(super) fn new(schema: &Value) -> Result<Self, SchemaProblem> {
        if !schema.is_object() {
            return Err(not_a_schema("#", schema));
        }
        let mut odd = Vec::new();
        let mut scan = Scan::default();
        // Before anything that goes as deep as the schema does.
        scan.run(schema, &mut odd)?;
        let mut root = schema.clone();
        remove_all(&mut root, &odd);
        let draft = dialect(&root, scan.tuples);
        let alone = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        // First, as a reference that leads nowhere is told by its place.
        let mut settled = refs::settle(&root, alone)?;
        let before = odd.len();
        let validator = build(&mut root, draft, &mut odd)?;
        if odd.len() > before {
            settled = refs::settle(&root, alone)?;
        }
        let formats = scan
            .formats
            .into_iter()
            .filter_map(|format| {
                let check = options(Draft::Draft202012)
                    .build(&json!({ "format": format }))
                    .ok()?;
                Some((format, check))
            })
            .collect();
        Ok(Self {
            root: settled,
            patterns: scan.patterns,
            formats,
            validator,
            outright: OnceLock::new(),
            odd,
        })
    }

    /// Whether `value` was checked and is what the schema asks for.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.affordable(value) && self.validator.is_valid(value)
    }

    /// Whether the schema's own `type` leaves room for an object.
    pub(super) fn allows_an_object(&self) -> bool {
        let types = self.root.as_object().map_or(Types::ANY, Types::of);
        types.has(Types::OBJECT)
    }

    /// Where `value` is wrong: path segments and the keyword's name, a few of them.
    pub(super) fn complaints(&self, value: &Value) -> Vec<(Vec<Segment>, &'static str)> {
        if !self.affordable(value) {
            return Vec::new();
        }
        let kind = |error: &jsonschema::ValidationError<'_>| match error.kind().keyword() {
            "additionalProperties" | "unevaluatedProperties" | "false_schema" | "falseSchema" => {
                "extra"
            }
            _ => "value",
        };
        self.validator
            .iter_errors(value)
            .take(8)
            .map(|error| (segments(error.instance_path()), kind(&error)))
            .collect()
    }

    /// What is wrong with `value`, a few of it: where, and by which keyword as evaluation led there.
    pub(super) fn wrongs(&self, value: &Value) -> Vec<(String, String)> {
        if !self.affordable(value) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(value).take(8);
        let told = errors.map(|error| {
            let at = error.instance_path().as_str().to_owned();
            (at, error.evaluation_path().as_str().to_owned())
        });
        told.collect()
    }

    /// Whether checking `value` takes a bounded amount of work.
    pub(super) fn affordable(&self, value: &Value) -> bool {
        cost::affordable(&self.root, value)
    }

    /// What values are made by when the root has not led to a valid one.
    pub(super) fn outright(&self) -> &Value {
        self.outright.get_or_init(|| outright::whole(&self.root))
    }
}

/// One step from a value into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Property(String),
    Index(usize),
}

fn segments(location: &jsonschema::paths::Location) -> Vec<Segment> {
    location
        .iter()
        .map(|segment| match segment {
            jsonschema::paths::LocationSegment::Property(name) => {
                Segment::Property(name.into_owned())
            }
            jsonschema::paths::LocationSegment::Index(index) => Segment::Index(index),
        })
        .collect()
}

fn options(draft: Draft) -> jsonschema::ValidationOptions<'static> {
    jsonschema::options()
        .with_draft(draft)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(budget::BACKTRACK))
}

/// A validator for one keyword's value, as for the whole: the same engine, the same limits.
pub(super) fn checker(keyword: &str, value: &str) -> Option<Validator> {
    options(Draft::Draft202012)
        .build(&json!({ keyword: value }))
        .ok()
}

/// Builds the validator, setting aside keyword after keyword that the dialect does not know so.
fn build(
    root: &mut Value,
    draft: Draft,
    odd: &mut Vec<String>,
) -> Result<Validator, SchemaProblem> {
    if let Some(map) = root.as_object_mut() {
        map.shift_remove("$schema");
    }
    let before = odd.len();
    loop {
        let error = match options(draft).build(root) {
            Ok(validator) => return Ok(validator),
            Err(error) => error,
        };
        let place = error.instance_path().to_string();
        if odd.len() - before >= ODDITIES || place.is_empty() || !remove(root, &place) {
            return Err(SchemaProblem::Broken {
                place: format!("#{place}"),
                why: clip(&error.to_string()),
            });
        }
        odd.push(place);
    }
}

/// `items` as a list is draft-07's way, which schemas that name no dialect still use.
fn dialect(root: &Value, tuples: bool) -> Draft {
    let name = root.get("$schema").and_then(Value::as_str).unwrap_or("");
    let known = [
        ("draft-04", Draft::Draft4),
        ("draft-06", Draft::Draft6),
        ("draft-07", Draft::Draft7),
        ("2019-09", Draft::Draft201909),
    ];
    let found = known.iter().find(|(text, _)| name.contains(text));
    let other = if tuples && !name.contains("2020-12") {
        Draft::Draft7
    } else {
        Draft::Draft202012
    };
    found.map_or(other, |(_, draft)| *draft)
}

fn remove_all(root: &mut Value, pointers: &[String]) {
    for pointer in pointers {
        remove(root, pointer);
    }
}

/// Removes the keyword, list entry or map entry at `pointer`.
fn remove(root: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return false;
    };
    let key = last.replace("~1", "/").replace("~0", "~");
    match root.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&key).is_some(),
        Some(Value::Array(list)) => match key.parse::<usize>() {
            Ok(index) if index < list.len() => {
                list.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn clip(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short + "…"
    } else {
        short
    }
}

fn not_a_schema(place: &str, found: &Value) -> SchemaProblem {
    SchemaProblem::NotASchema {
        place: place.to_owned(),
        found: match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        },
    }
}

/// One look at every subschema.
#[derive(Default)]
struct Scan {
    patterns: HashMap<String, Pattern>,
    formats: Vec<String>,
    /// Some `items` is a list.
    tuples: bool,
}

impl Scan {
    fn run(&mut self, root: &Value, odd: &mut Vec<String>) -> Result<(), SchemaProblem> {
        let mut stack = vec![(String::new(), root, 0)];
        let mut nodes = 0;
        while let Some((pointer, schema, depth)) = stack.pop() {
            nodes += 1;
            let past = |limit, unit| SchemaProblem::TooLarge {
                place: format!("#{pointer}"),
                limit,
                unit,
            };
            if nodes > budget::SCHEMA_NODES {
                return Err(past(budget::SCHEMA_NODES, "subschemas"));
            }
            if depth > budget::SCHEMA_DEPTH {
                return Err(past(budget::SCHEMA_DEPTH, "levels"));
            }
            let map = match schema {
                Value::Object(map) => map,
                Value::Bool(_) => continue,
                other => return Err(not_a_schema(&format!("#{pointer}"), other)),
            };
            self.read(map, &pointer, odd);
            let below = below(map, &pointer).into_iter();
            stack.extend(below.map(|(pointer, sub)| (pointer, sub, depth + 1)));
        }
        Ok(())
    }

    fn read(&mut self, map: &Map<String, Value>, pointer: &str, odd: &mut Vec<String>) {
        self.tuples |= map.get("items").is_some_and(Value::is_array);
        let text = |key| map.get(key).and_then(Value::as_str);
        if let Some(format) = text("format")
            && !self.formats.iter().any(|known| known == format)
            && self.formats.len() < 64
        {
            self.formats.push(format.to_owned());
        }
        if let Some(source) = text("pattern")
            && !self.learn(source)
        {
            odd.push(format!("{pointer}/pattern"));
        }
        if let Some(Value::Object(named)) = map.get("patternProperties") {
            for source in named.keys() {
                if !self.learn(source) {
                    odd.push(format!("{pointer}/patternProperties/{}", escape(source)));
                }
            }
        }
    }

    fn learn(&mut self, source: &str) -> bool {
        if self.patterns.contains_key(source) {
            return true;
        }
        let Some(pattern) = Pattern::new(source) else {
            return false;
        };
        self.patterns.insert(source.to_owned(), pattern);
        true
    }
}
