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

/// Whether the old version's tool declared the argument at a path (`files[].name`). A schema that
/// names no properties takes any: what it was given before is not known, so it counts as declared.
pub fn had_argument(tools: &[Value], tool: &str, path: &str) -> bool {
    let schema = tools
        .iter()
        .find(|t| t.get("name").and_then(Value::as_str) == Some(tool))
        .and_then(|t| t.get("inputSchema"));
    schema.is_some_and(|schema| {
        let mut steps = MAX_SCHEMA_STEPS;
        declares(schema, schema, path, &mut steps)
    })
}

/// Schemas looked at on the way to one argument; beyond it, it counts as declared.
const MAX_SCHEMA_STEPS: u32 = 2_000;

fn declares(root: &Value, schema: &Value, path: &str, steps: &mut u32) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 || path.is_empty() {
        return true;
    }
    // JSON Schema 2020-12 core, section 8.2.3.1: a local reference is a JSON pointer.
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|at| root.pointer(at));
        return target.is_none_or(|target| declares(root, target, path, steps));
    }
    let branches: Vec<&Value> = ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|key| schema.get(*key).and_then(Value::as_array))
        .flatten()
        // `null` beside the real schema is how an optional argument is written.
        .filter(|branch| branch.get("type").and_then(Value::as_str) != Some("null"))
        .collect();
    if branches
        .iter()
        .any(|branch| declares(root, branch, path, steps))
    {
        return true;
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let mut items = ["items", "prefixItems"]
            .iter()
            .filter_map(|key| schema.get(*key));
        return match items.next() {
            Some(Value::Array(items)) => items.iter().any(|item| declares(root, item, rest, steps)),
            Some(item) => declares(root, item, rest, steps),
            None => branches.is_empty(),
        };
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let rest = path[end..].strip_prefix('.').unwrap_or(&path[end..]);
    match schema.get("properties") {
        Some(properties) => properties
            .get(&path[..end])
            .is_some_and(|property| declares(root, property, rest, steps)),
        None => branches.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::had_argument;
    use serde_json::json;

    #[test]
    fn arguments_are_looked_up_as_deep_as_they_lie() {
        let schema = json!({
            "properties": {
                "to": {"type": "string"},
                "any": {"type": "object"},
                "files": {"anyOf": [
                    {"type": "null"},
                    {"type": "array", "items": {"$ref": "#/$defs/file"}},
                ]},
            },
            "$defs": {"file": {"properties": {"name": {"type": "string"}, "again": {"$ref": "#/$defs/file"}}}},
        });
        let tools = [
            json!({"name": "send", "inputSchema": schema}),
            json!({"name": "open", "inputSchema": {"type": "object"}}),
        ];
        for (tool, path, expected) in [
            ("send", "to", true),
            ("send", "cc", false),
            ("send", "files[].name", true),
            ("send", "files[].again.name", true),
            ("send", "files[].line", false),
            ("send", "any.thing", true),
            ("open", "thing", true),
            ("gone", "to", false),
        ] {
            assert_eq!(had_argument(&tools, tool, path), expected, "{tool} {path}");
        }
        let endless = [json!({"name": "x", "inputSchema": {"$ref": "#"}})];
        assert!(had_argument(&endless, "x", "a"));
    }
}
