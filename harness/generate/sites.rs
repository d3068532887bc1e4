//! The keywords that hold at some place of a value, whatever branches are chosen elsewhere.

use super::{
    parts::{REFERENCES, escape},
    refs,
    schema::{Schema, Segment},
};
use serde_json::{Map, Value};

/// Most places and schemas looked at.
const LOOKS: usize = 4_000;
/// Most schemas that hold at one place.
const TOGETHER: usize = 32;
/// Keywords whose schemas are looked into themselves.
const LOOKED_INTO: &[&str] = &[
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "allOf",
    "items",
    "patternProperties",
    "prefixItems",
    "properties",
];
/// As long as they are schemas and not a plain no.
const UNLESS_FALSE: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// A schema that holds at a place, and the way that led to it, as validators write it.
#[derive(Clone, Debug)]
pub(super) struct Holding<'s> {
    pub(super) way: String,
    pub(super) map: &'s Map<String, Value>,
}

/// One place in a value, with all that holds there.
pub(super) struct Spot<'s> {
    pub(super) at: Vec<Segment>,
    pub(super) together: Vec<Holding<'s>>,
}

/// One keyword that holds at a spot.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    /// The number of its spot, and of its schema there.
    pub(super) spot: usize,
    pub(super) holding: usize,
    pub(super) keyword: &'s str,
}

/// Every spot of `value`.
pub(super) fn spots<'s>(schema: &'s Schema, value: &Value) -> Vec<Spot<'s>> {
    let mut out = Vec::new();
    let mut looks = LOOKS;
    let mut stack = vec![(Vec::new(), value, vec![(String::new(), &schema.root)])];
    while let Some((at, value, start)) = stack.pop() {
        let together = together(schema, start);
        looks = looks.saturating_sub(1 + together.len());
        if looks == 0 {
            break;
        }
        match value {
            Value::Object(properties) => {
                for (name, value) in properties {
                    let below = of_property(schema, &together, name);
                    stack.push((then(&at, Segment::Property(name.clone())), value, below));
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    let below = of_item(&together, index);
                    stack.push((then(&at, Segment::Index(index)), value, below));
                }
            }
            _ => {}
        }
        if !together.is_empty() {
            out.push(Spot { at, together });
        }
    }
    out
}

/// Every keyword at every spot that may be broken by itself.
pub(super) fn sites<'s>(spots: &[Spot<'s>]) -> Vec<Site<'s>> {
    let mut out = Vec::new();
    for (spot, Spot { at, together }) in spots.iter().enumerate() {
        for (holding, here) in together.iter().enumerate() {
            for (key, value) in here.map {
                let inner = UNLESS_FALSE.contains(&key.as_str()) && *value != Value::Bool(false);
                // Arguments are an object, or no arguments.
                let whole = at.is_empty() && key == "type";
                if !inner && !whole && !LOOKED_INTO.contains(&key.as_str()) {
                    out.push(Site {
                        spot,
                        holding,
                        keyword: key,
                    });
                }
            }
        }
    }
    out
}

fn then(at: &[Segment], segment: Segment) -> Vec<Segment> {
    at.iter().cloned().chain([segment]).collect()
}

/// `start` with all that its references and `allOf` add.
fn together<'s>(schema: &'s Schema, start: Vec<(String, &'s Value)>) -> Vec<Holding<'s>> {
    let mut out: Vec<Holding<'s>> = Vec::new();
    let mut waiting = start;
    while let Some((way, schema_here)) = waiting.pop() {
        let Value::Object(map) = schema_here else {
            continue;
        };
        if out.len() == TOGETHER || out.iter().any(|known| std::ptr::eq(known.map, map)) {
            continue;
        }
        for key in REFERENCES {
            let target = map.get(key).and_then(Value::as_str);
            if let Some(found) = target.and_then(|target| refs::follow(&schema.root, target)) {
                waiting.push((format!("{way}/{key}"), found));
            }
        }
        let parts = map
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let parts = parts
            .enumerate()
            .map(|(n, part)| (format!("{way}/allOf/{n}"), part));
        waiting.extend(parts);
        out.push(Holding { way, map });
    }
    out
}

fn of_property<'s>(
    schema: &'s Schema,
    together: &[Holding<'s>],
    name: &str,
) -> Vec<(String, &'s Value)> {
    let mut out = Vec::new();
    for Holding { way, map } in together {
        let before = out.len();
        if let Some(part) = map.get("properties").and_then(|parts| parts.get(name)) {
            out.push((format!("{way}/properties/{}", escape(name)), part));
        }
        if let Some(Value::Object(parts)) = map.get("patternProperties") {
            for (source, part) in parts.iter().take(TOGETHER) {
                let pattern = schema.patterns.get(source);
                if pattern.is_some_and(|pattern| pattern.matches(name)) {
                    out.push((format!("{way}/patternProperties/{}", escape(source)), part));
                }
            }
        }
        let rest = map
            .get("additionalProperties")
            .filter(|_| out.len() == before);
        out.extend(rest.map(|part| (format!("{way}/additionalProperties"), part)));
    }
    out
}

fn of_item<'s>(together: &[Holding<'s>], index: usize) -> Vec<(String, &'s Value)> {
    let mut out = Vec::new();
    for Holding { way, map } in together {
        let lists = ["prefixItems", "items"].iter();
        let mut lists = lists.filter_map(|key| Some((key, map.get(*key)?.as_array()?)));
        let tuple = lists.next();
        let own =
            tuple.and_then(|(key, list)| Some((format!("{way}/{key}/{index}"), list.get(index)?)));
        let after = match tuple {
            Some((&"items", _)) => "additionalItems",
            _ => "items",
        };
        let rest = || Some((format!("{way}/{after}"), map.get(after)?));
        out.extend(own.or_else(rest));
    }
    out
}
