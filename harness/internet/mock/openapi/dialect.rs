//! The schemas of OpenAPI 3.0 in the words of 3.1, which are those of JSON Schema 2020-12; what
//! authors of either often write by mistake is mended on the way, or no schema of such a document
//! could be checked against.

use super::load::{target, visit};
use serde_json::{Map, Value, json};
use std::convert::Infallible;

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Rewrites every schema of `document`.
pub fn modernise(document: &mut Value) {
    let done: Result<(), Infallible> = visit(document, &mut |map, _| {
        schema(map);
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// Takes out of `required` what is marked by `mark`: `readOnly` in requests, `writeOnly` in
/// responses.
pub fn relax(document: &Value, mark: &str) -> Value {
    let mut relaxed = document.clone();
    let done: Result<(), Infallible> = visit(&mut relaxed, &mut |map, _| {
        let Some(Value::Object(properties)) = map.get("properties") else {
            return Ok(());
        };
        let marked = |name: &str| {
            let Some(property) = properties.get(name) else {
                return false;
            };
            let reference = property.get("$ref").and_then(Value::as_str);
            let behind = reference.and_then(|r| target(document, r));
            property[mark] == true || behind.is_some_and(|(_, schema)| schema[mark] == true)
        };
        let mut required = map.get("required").cloned().unwrap_or_default();
        if let Value::Array(names) = &mut required {
            names.retain(|name| !name.as_str().is_some_and(marked));
            map.insert("required".to_owned(), required);
        }
        Ok(())
    });
    match done {
        Ok(()) => relaxed,
        Err(never) => match never {},
    }
}

fn schema(map: &mut Map<String, Value>) {
    // Names of its own would lead references away from the document.
    if map.get("$id").is_some_and(Value::is_string) {
        map.shift_remove("$id");
    }
    if map.get("required").is_some_and(Value::is_boolean)
        && !["in", "content", "schema"]
            .iter()
            .any(|key| map.contains_key(*key))
    {
        map.shift_remove("required");
    }
    for (exclusive, bound) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match map.get(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(value) = map.shift_remove(bound) {
                    map.insert(exclusive.to_owned(), value);
                } else {
                    map.shift_remove(exclusive);
                }
            }
            Some(Value::Bool(false)) => {
                map.shift_remove(exclusive);
            }
            _ => {}
        }
    }
    if let Some(Value::String(kind)) = map.get("type")
        && !TYPES.contains(&kind.as_str())
        && !map.contains_key("scheme")
        && !map.contains_key("flows")
        && !map.contains_key("in")
    {
        map.shift_remove("type");
    }
    if map.get("nullable") == Some(&Value::Bool(true)) {
        map.shift_remove("nullable");
        nullable(map);
    }
}

/// Lets null in, beside what the schema says.
fn nullable(map: &mut Map<String, Value>) {
    let absent = json!({"type": "null"});
    if let Some(reference) = map.shift_remove("$ref") {
        map.insert("anyOf".to_owned(), json!([{ "$ref": reference }, absent]));
        return;
    }
    match map.get_mut("enum") {
        Some(Value::Array(values)) if !values.contains(&Value::Null) => values.push(Value::Null),
        _ => {}
    }
    match map.get_mut("type") {
        Some(kind @ Value::String(_)) => {
            let before = kind.take();
            *kind = json!([before, "null"]);
            return;
        }
        Some(_) => return,
        None => {}
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(Value::Array(each)) = map.get_mut(key) {
            each.push(absent);
            return;
        }
    }
    if let Some(all) = map.shift_remove("allOf") {
        map.insert("anyOf".to_owned(), json!([{ "allOf": all }, absent]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_of_3_0_say_the_same_in_3_1() {
        for (before, after) in [
            (
                json!({"type": "string", "nullable": true}),
                json!({"type": ["string", "null"]}),
            ),
            (
                json!({"type": "string", "enum": ["a"], "nullable": true}),
                json!({"type": ["string", "null"], "enum": ["a", null]}),
            ),
            (
                json!({"nullable": true, "allOf": [{"type": "object"}]}),
                json!({"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]}),
            ),
            (
                json!({"minimum": 1, "exclusiveMinimum": true, "exclusiveMaximum": false}),
                json!({"exclusiveMinimum": 1}),
            ),
            // A property of that name is no keyword.
            (
                json!({"properties": {"nullable": {"type": "boolean"}}}),
                json!({"properties": {"nullable": {"type": "boolean"}}}),
            ),
            (
                json!({"properties": {"a": {"type": "integer", "required": true}}}),
                json!({"properties": {"a": {"type": "integer"}}}),
            ),
        ] {
            let mut value = before;
            modernise(&mut value);
            assert_eq!(value, after);
        }
    }

    #[test]
    fn what_only_one_side_sends_is_required_of_that_side() {
        let document = json!({
            "required": ["id", "name"],
            "properties": {"id": {"$ref": "#/$defs/id"}, "name": {}},
            "$defs": {"id": {"readOnly": true}},
        });
        assert_eq!(relax(&document, "readOnly")["required"], json!(["name"]));
        assert_eq!(
            relax(&document, "writeOnly")["required"],
            json!(["id", "name"])
        );
    }
}
