//! A schema said outright: what `not`, `oneOf` and `if` leave to chance, as parts to choose from.
//!
//! To find a value by chance for which a part does *not* hold may take forever. What breaks a
//! keyword is a schema as well: `not {maximum: 3}` asks for a number above 3, `not {required: [a]}`
//! for an object without `a`. The same schemas make the values that break one keyword on purpose.
//!
//! What is made here is only ever walked, never asked: a part that cannot be said so is left out.

use super::{budget, parts::REFERENCES, refs};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};

/// Where references lead in what is written.
const PLACE: &str = "$outright";
/// What another schema may lie in without holding here.
const SHELVES: &[&str] = &["$defs", "definitions", "$copies", "$known"];
/// Branches up to which `oneOf` is said outright.
const BRANCHES: usize = 12;
/// A property that no schema lists.
const UNLISTED: [&str; 3] = ["unlisted", "unlisted_2", "9"];

/// Writes parts of one settled schema outright.
pub(super) struct Outright<'s> {
    root: &'s Value,
    known: HashMap<(String, bool), usize>,
    waiting: VecDeque<(&'s Value, bool)>,
    left: usize,
}

/// The whole schema.
pub(super) fn whole(root: &Value) -> Value {
    let mut writer = Outright::new(root);
    let whole = writer.holds(root, 0);
    writer.finish(whole)
}

impl<'s> Outright<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self {
            root,
            known: HashMap::new(),
            waiting: VecDeque::new(),
            left: budget::OUTRIGHT,
        }
    }

    /// `whole` with all that was referred to while it was written.
    pub(super) fn finish(mut self, whole: Value) -> Value {
        let mut written = Vec::new();
        while let Some((schema, holds)) = self.waiting.pop_front() {
            written.push(if holds {
                self.holds(schema, 0)
            } else {
                self.breaks(schema, 0)
            });
        }
        match whole {
            Value::Object(mut map) => {
                map.insert(PLACE.to_owned(), Value::Array(written));
                Value::Object(map)
            }
            other => other,
        }
    }

    fn refer(&mut self, target: &str, holds: bool) -> Option<Value> {
        let found = refs::follow(self.root, target)?;
        let next = self.known.len();
        let index = *self.known.entry((target.to_owned(), holds)).or_insert(next);
        if index == next {
            self.waiting.push_back((found, holds));
        }
        Some(Value::from(format!("#/{PLACE}/{index}")))
    }

    /// A schema for values that `schema` lets stand.
    pub(super) fn holds(&mut self, schema: &'s Value, depth: usize) -> Value {
        match schema {
            Value::Object(map) => self.holds_of(map, depth),
            other => other.clone(),
        }
    }

    fn holds_of(&mut self, map: &'s Map<String, Value>, depth: usize) -> Value {
        self.holds_but(map, &[], depth)
    }

    /// As [`Outright::holds`], without the keywords `but`.
    pub(super) fn holds_but(
        &mut self,
        map: &'s Map<String, Value>,
        but: &[&str],
        depth: usize,
    ) -> Value {
        self.left = self.left.saturating_sub(1);
        let mut out = Map::new();
        if self.left == 0 || depth > budget::SCHEMA_DEPTH {
            return Value::Object(out);
        }
        let mut all: Vec<Value> = Vec::new();
        for (key, value) in map.iter().filter(|(key, _)| !but.contains(&key.as_str())) {
            let below = depth + 1;
            match (key.as_str(), value) {
                (key, _) if SHELVES.contains(&key) || ["then", "else"].contains(&key) => {}
                (key, Value::String(target)) if REFERENCES.contains(&key) => {
                    if let Some(target) = self.refer(target, true) {
                        out.insert(key.to_owned(), target);
                    }
                }
                ("allOf", Value::Array(parts)) => {
                    all.extend(parts.iter().map(|part| self.holds(part, below)));
                }
                ("not", not) => {
                    out.insert(key.clone(), not.clone());
                    all.push(self.breaks(not, below));
                }
                ("if", condition) => all.push(self.condition(map, condition, below, true)),
                ("oneOf", Value::Array(parts)) if parts.len() <= BRANCHES => {
                    let ways = (0..parts.len())
                        .map(|one| self.only(parts, one, below))
                        .collect();
                    all.push(any(ways));
                }
                _ => {
                    out.insert(key.clone(), self.inner(value, below, key));
                }
            }
        }
        if !all.is_empty() {
            out.insert("allOf".to_owned(), Value::Array(all));
        }
        Value::Object(out)
    }

    /// A keyword's value, whose schemas hold further down.
    fn inner(&mut self, value: &'s Value, depth: usize, key: &str) -> Value {
        let one = [
            "items",
            "additionalProperties",
            "additionalItems",
            "contains",
            "propertyNames",
        ];
        let more = ["unevaluatedItems", "unevaluatedProperties"];
        match value {
            Value::Object(_) if one.contains(&key) || more.contains(&key) => {
                self.holds(value, depth)
            }
            Value::Array(parts) if ["anyOf", "oneOf", "items", "prefixItems"].contains(&key) => {
                parts.iter().map(|part| self.holds(part, depth)).collect()
            }
            Value::Object(parts)
                if [
                    "properties",
                    "patternProperties",
                    "dependentSchemas",
                    "dependencies",
                ]
                .contains(&key) =>
            {
                let parts = parts.iter();
                Value::Object(
                    parts
                        .map(|(name, part)| (name.clone(), self.holds(part, depth)))
                        .collect(),
                )
            }
            other => other.clone(),
        }
    }

    /// The first branch holds and no other does.
    fn only(&mut self, parts: &'s [Value], one: usize, depth: usize) -> Value {
        let mut all = vec![self.holds(&parts[one], depth)];
        for (index, part) in parts.iter().enumerate() {
            if index != one {
                all.push(self.breaks(part, depth));
            }
        }
        json!({ "allOf": all })
    }

    fn condition(
        &mut self,
        map: &'s Map<String, Value>,
        condition: &'s Value,
        depth: usize,
        holds: bool,
    ) -> Value {
        let met = [self.holds(condition, depth), self.breaks(condition, depth)];
        let ways = met.into_iter().zip(["then", "else"]).map(|(met, key)| {
            let then = match map.get(key) {
                Some(then) if holds => self.holds(then, depth),
                Some(then) => self.breaks(then, depth),
                None => Value::Bool(holds),
            };
            json!({ "allOf": [met, then] })
        });
        any(ways.collect())
    }

    /// A schema for values that `schema` does not let stand.
    pub(super) fn breaks(&mut self, schema: &'s Value, depth: usize) -> Value {
        let map = match schema {
            Value::Object(map) => map,
            Value::Bool(holds) => return Value::Bool(!holds),
            _ => return Value::Bool(false),
        };
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || depth > budget::SCHEMA_DEPTH {
            return Value::Bool(true);
        }
        let ways = map
            .keys()
            .flat_map(|key| self.breaking(map, key, depth + 1))
            .collect();
        any(ways)
    }

    /// The ways to break the keyword `key` of `map`.
    pub(super) fn breaking(
        &mut self,
        map: &'s Map<String, Value>,
        key: &str,
        depth: usize,
    ) -> Vec<Value> {
        let Some(value) = map.get(key) else {
            return Vec::new();
        };
        match (key, value) {
            (key, Value::String(target)) if REFERENCES.contains(&key) => {
                let target = self.refer(target, false);
                target
                    .map(|target| json!({ "$ref": target }))
                    .into_iter()
                    .collect()
            }
            ("const" | "enum", _) => vec![json!({ "not": { key: value } })],
            ("type", _) => of_other_types(value),
            ("not", not) => vec![self.holds(not, depth)],
            ("allOf", Value::Array(parts)) => {
                parts.iter().map(|part| self.breaks(part, depth)).collect()
            }
            ("anyOf", Value::Array(parts)) => vec![self.none(parts, depth)],
            ("oneOf", Value::Array(parts)) => {
                let mut ways = vec![self.none(parts, depth)];
                for two in parts.windows(2).take(BRANCHES) {
                    let both = [self.holds(&two[0], depth), self.holds(&two[1], depth)];
                    ways.push(json!({ "allOf": both }));
                }
                ways
            }
            ("if", condition) if map.contains_key("then") || map.contains_key("else") => {
                vec![self.condition(map, condition, depth, false)]
            }
            _ => {
                let of_lists = self.breaking_lists(map, key, value, depth);
                let of_objects = self.breaking_objects(map, key, value, depth);
                let mut ways: Vec<Value> = simple(key, value).into_iter().collect();
                ways.extend(of_lists.into_iter().chain(of_objects));
                ways
            }
        }
    }

    fn none(&mut self, parts: &'s [Value], depth: usize) -> Value {
        let none: Vec<Value> = parts.iter().map(|part| self.breaks(part, depth)).collect();
        json!({ "allOf": none })
    }

    fn breaking_lists(
        &mut self,
        map: &'s Map<String, Value>,
        key: &str,
        value: &'s Value,
        depth: usize,
    ) -> Vec<Value> {
        let tuple = map.get("prefixItems").or_else(|| map.get("items"));
        let tuple = tuple.and_then(Value::as_array).map_or(0, Vec::len);
        let item = |at: usize, item: Value| {
            let mut list = vec![Value::Bool(true); at];
            list.push(item);
            json!({ "type": "array", "minItems": at + 1, "prefixItems": list })
        };
        match (key, value) {
            ("items" | "prefixItems", Value::Array(parts)) => {
                let parts = parts.iter().enumerate();
                parts
                    .map(|(at, part)| item(at, self.breaks(part, depth)))
                    .collect()
            }
            ("items" | "additionalItems" | "unevaluatedItems", rest) if tuple <= BRANCHES => {
                vec![item(tuple, self.breaks(rest, depth))]
            }
            ("contains", _) if map.get("minContains") == Some(&json!(0)) => Vec::new(),
            ("contains", part) => {
                vec![json!({ "type": "array", "items": self.breaks(part, depth) })]
            }
            ("maxContains", Value::Number(most)) => {
                let (Some(part), Some(most)) = (map.get("contains"), most.as_f64()) else {
                    return Vec::new();
                };
                let part = self.holds(part, depth);
                vec![json!({ "type": "array", "contains": part, "minContains": most + 1.0 })]
            }
            _ => Vec::new(),
        }
    }

    fn breaking_objects(
        &mut self,
        map: &'s Map<String, Value>,
        key: &str,
        value: &'s Value,
        depth: usize,
    ) -> Vec<Value> {
        let unlisted = || {
            let listed = |name: &&&str| {
                map.get("properties")
                    .is_none_or(|listed| listed.get(**name).is_none())
            };
            UNLISTED.iter().find(listed).copied().unwrap_or(UNLISTED[0])
        };
        let with = |name: &str, part: Value| json!({ "type": "object", "required": [name], "properties": { name: part } });
        let without = |name: &Value| json!({ "type": "object", "not": { "required": [name] } });
        match (key, value) {
            ("required", Value::Array(names)) => names.iter().map(without).collect(),
            ("properties", Value::Object(parts)) => {
                let parts = parts.iter();
                parts
                    .map(|(name, part)| with(name, self.breaks(part, depth)))
                    .collect()
            }
            ("patternProperties", Value::Object(parts)) => {
                let parts = parts.iter().map(|(source, part)| {
                    json!({
                        "type": "object",
                        "minProperties": 1,
                        "propertyNames": { "pattern": source },
                        "patternProperties": { source: self.breaks(part, depth) },
                    })
                });
                parts.collect()
            }
            ("additionalProperties" | "unevaluatedProperties", part) => {
                vec![with(unlisted(), self.breaks(part, depth))]
            }
            ("propertyNames", part) => {
                let names = self.breaks(part, depth);
                vec![json!({ "type": "object", "minProperties": 1, "propertyNames": names })]
            }
            ("dependentRequired" | "dependentSchemas" | "dependencies", Value::Object(parts)) => {
                let mut ways = Vec::new();
                for (name, part) in parts {
                    let needed = part.as_array().into_iter().flatten().map(without);
                    let mut broken: Vec<Value> = needed.collect();
                    if !part.is_array() {
                        broken.push(self.breaks(part, depth));
                    }
                    let given = broken.into_iter().map(
                        |broken| json!({ "type": "object", "required": [name], "allOf": [broken] }),
                    );
                    ways.extend(given);
                }
                ways
            }
            _ => Vec::new(),
        }
    }
}

/// What needs no look at other schemas.
fn simple(key: &str, value: &Value) -> Option<Value> {
    let count = || {
        value
            .as_f64()
            .filter(|n| (0.0..1e15).contains(n))
            .map(|n| n as u64)
    };
    let fewer = |kind: &str, most: &str| {
        let most_now = count()?.checked_sub(1)?;
        Some(json!({ "type": kind, most: most_now }))
    };
    let more = |kind: &str, least: &str| Some(json!({ "type": kind, least: count()? + 1 }));
    let number = |bound: &str| {
        value
            .is_number()
            .then(|| json!({ "type": "number", bound: value }))
    };
    let but = |kind: &str| Some(json!({ "type": kind, "not": { key: value } }));
    match key {
        "minimum" => number("exclusiveMaximum"),
        "maximum" => number("exclusiveMinimum"),
        "exclusiveMinimum" => number("maximum"),
        "exclusiveMaximum" => number("minimum"),
        "multipleOf" => but("number"),
        "minLength" => fewer("string", "maxLength"),
        "maxLength" => more("string", "minLength"),
        "pattern" | "format" | "contentEncoding" | "contentMediaType" => but("string"),
        "minItems" => fewer("array", "maxItems"),
        "maxItems" => more("array", "minItems"),
        "uniqueItems" if *value == Value::Bool(true) => {
            Some(json!({ "type": "array", "minItems": 2, "not": { key: value } }))
        }
        "minProperties" => fewer("object", "maxProperties"),
        "maxProperties" => more("object", "minProperties"),
        _ => None,
    }
}

/// A schema for each type that `named` leaves out, the plainest first.
fn of_other_types(named: &Value) -> Vec<Value> {
    let names = |name: &str| match named {
        Value::Array(names) => names.iter().any(|known| known == name),
        known => known == name,
    };
    let kinds = ["integer", "string", "boolean", "null", "array", "object"];
    let plain = kinds
        .iter()
        .filter(|kind| !(names(kind) || (**kind == "integer" && names("number"))));
    let mut ways: Vec<Value> = plain.map(|kind| json!({ "type": kind })).collect();
    if names("integer") && !names("number") {
        ways.push(json!({ "type": "number", "not": { "type": "integer" } }));
    }
    ways
}

/// One of `ways`, those that nothing can take left out.
fn any(mut ways: Vec<Value>) -> Value {
    ways.retain(|way| *way != Value::Bool(false));
    match ways.len() {
        0 => Value::Bool(false),
        1 => ways.remove(0),
        _ if ways.contains(&Value::Bool(true)) => Value::Bool(true),
        _ => json!({ "anyOf": ways }),
    }
}
