//! Which values of a schema are schemas themselves.

use serde_json::{Map, Value};

/// Keywords whose value is a schema, a list of schemas, or a map of schemas.
const ONE: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LIST: &[&str] = &["allOf", "anyOf", "items", "oneOf", "prefixItems"];
const MAP: &[&str] = &[
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// The keywords that say: what stands there holds here as well.
pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Every value right below the schema at `pointer` that is meant as one, with its own pointer.
pub(super) fn below<'s>(map: &'s Map<String, Value>, pointer: &str) -> Vec<(String, &'s Value)> {
    let mut out = Vec::new();
    for (key, value) in map {
        let at = || format!("{pointer}/{}", escape(key));
        match value {
            Value::Array(list) if LIST.contains(&key.as_str()) => {
                let at = at();
                let items = list.iter().enumerate();
                out.extend(items.map(|(index, sub)| (format!("{at}/{index}"), sub)));
            }
            Value::Object(subs) if MAP.contains(&key.as_str()) => {
                let at = at();
                // `dependencies` maps to names as well as to schemas.
                let subs = subs.iter().filter(|(_, sub)| !sub.is_array());
                out.extend(subs.map(|(name, sub)| (format!("{at}/{}", escape(name)), sub)));
            }
            Value::Object(_) if ONE.contains(&key.as_str()) => out.push((at(), value)),
            _ => {}
        }
    }
    out
}

/// A name as one step of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
