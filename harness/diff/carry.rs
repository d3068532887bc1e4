//! What an operation carries, and where the old version may have carried it.

use super::values::shown;
use crate::provenance::{Expr, Source};
use crate::snapshot::{Calls, Operation};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An operation with what it carries, in a few words.
pub fn summary(name: &str, operation: &Operation) -> String {
    let places: Vec<String> = operation
        .places
        .iter()
        .filter(|(place, _)| !place.starts_with("address in") && !place.starts_with("mention in"))
        .take(12)
        .map(|(place, values)| {
            let value = values.values.keys().next().map(shown).unwrap_or_default();
            format!("{place} = {value}")
        })
        .collect();
    let more = if operation.places.len() > 12 {
        " …"
    } else {
        ""
    };
    format!("{name} [{}{more}]", places.join("; "))
}

/// Arguments that an operation carried in whatever place, with the calls in which it did.
/// Places that only some runs showed prove nothing.
pub fn carried(operation: &Operation) -> BTreeMap<&Source, Calls> {
    let mut found: BTreeMap<&Source, Calls> = BTreeMap::new();
    for place in operation.places.values().filter(|place| place.steady) {
        for (value, seen) in &place.values {
            for source in value.sources() {
                if matches!(source, Source::Argument(_)) {
                    let calls = found.entry(source).or_default();
                    *calls = calls.union(&seen.calls);
                }
            }
        }
    }
    found
}

/// Sources that stood in a place which is gone or holds something else: they may have moved.
pub fn departed(was: &Operation, now: &Operation) -> Vec<Source> {
    let mut gone = Vec::new();
    for (name, before) in &was.places {
        let left: BTreeSet<&Source> = now
            .places
            .get(name)
            .map(|place| place.values.keys().flat_map(Expr::sources).collect())
            .unwrap_or_default();
        for source in before.values.keys().flat_map(Expr::sources) {
            if !left.contains(source) {
                gone.push(source.clone());
            }
        }
    }
    gone
}

/// The place to compare a member of a list with: the same place, or where the old version had
/// no list, the value as a whole.
pub fn whole_of<'a>(was: &Operation, place: &'a str) -> &'a str {
    let known = was.places.contains_key(place);
    let whole = place
        .strip_prefix("address in ")
        .or(place.strip_prefix("mention in "));
    whole.filter(|_| !known).unwrap_or(place)
}

/// Whether the old version's tool declared the argument that a path begins with.
pub fn had_argument(tools: &[Value], tool: &str, path: &str) -> bool {
    let root = path.split(['.', '[']).next().unwrap_or(path);
    let Some(schema) = tools
        .iter()
        .find(|t| t.get("name").and_then(Value::as_str) == Some(tool))
        .and_then(|t| t.get("inputSchema"))
    else {
        return false;
    };
    match schema.get("properties") {
        Some(properties) => properties.get(root).is_some(),
        None => true,
    }
}
