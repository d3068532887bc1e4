//! A form filled in: one value for each field of an elicitation's `requestedSchema`, which is a
//! flat object of strings, numbers, booleans and choices (2025-11-25, client/elicitation).

use crate::secret::Persona;
use serde_json::{Map, Number, Value, json};

/// Fields filled in, and characters or choices in one of them: a schema is a stranger's.
const MOST: u64 = 1024;

/// A value for every field, wanted or not, in the schema's order. A field's own `default` comes
/// first, then what is `known` under its name and fits its type, then the first that its
/// schema allows. A `pattern` is not looked at.
pub(super) fn fill(schema: &Value, known: &Map<String, Value>) -> Value {
    let Some(fields) = schema["properties"].as_object() else {
        return json!({});
    };
    let filled = fields.iter().take(MOST as usize).map(|(name, field)| {
        let value = field.get("default").cloned().unwrap_or_else(|| {
            known
                .get(name)
                .filter(|value| fits(value, field))
                .cloned()
                .unwrap_or_else(|| first(field))
        });
        (name.clone(), value)
    });
    Value::Object(filled.collect())
}

fn kind(field: &Value) -> &str {
    field["type"].as_str().unwrap_or("string")
}

fn fits(value: &Value, field: &Value) -> bool {
    let choices = choices(field);
    let allowed = |value: &Value| choices.is_empty() || choices.contains(value);
    match (value, kind(field)) {
        (Value::Array(items), "array") => items.iter().all(allowed),
        (Value::String(_), "string") | (Value::Number(_), "number") => allowed(value),
        (Value::Number(n), "integer") => !n.is_f64() && allowed(value),
        (Value::Bool(_), "boolean") => true,
        _ => false,
    }
}

/// What a single or multiple choice chooses from, in all four spellings.
fn choices(field: &Value) -> Vec<Value> {
    [field, &field["items"]]
        .into_iter()
        .flat_map(|at| [&at["enum"], &at["oneOf"], &at["anyOf"]])
        .filter_map(Value::as_array)
        .flatten()
        .take(MOST as usize)
        .map(|choice| choice.get("const").unwrap_or(choice).clone())
        .collect()
}

fn first(field: &Value) -> Value {
    let mut choices = choices(field);
    match kind(field) {
        "array" => {
            let least = field["minItems"].as_u64().unwrap_or(1).clamp(1, MOST);
            choices.truncate(least as usize);
            Value::Array(choices)
        }
        _ if !choices.is_empty() => choices.swap_remove(0),
        "boolean" => Value::Bool(true),
        "integer" => {
            let least = number(field, "minimum").unwrap_or(1.0);
            let most = number(field, "maximum").unwrap_or(f64::MAX);
            json!(1.0f64.max(least.ceil()).min(most.floor()) as i64)
        }
        "number" => {
            let least = number(field, "minimum").unwrap_or(1.0);
            let most = number(field, "maximum").unwrap_or(f64::MAX);
            let value = 1.0f64.max(least).min(most);
            match value.fract() == 0.0 && value.abs() < 9e15 {
                true => json!(value as i64),
                false => Number::from_f64(value).map_or(json!(1), Value::Number),
            }
        }
        _ => Value::String(text(field)),
    }
}

fn number(field: &Value, name: &str) -> Option<f64> {
    field[name].as_f64()
}

fn text(field: &Value) -> String {
    let persona = Persona::DEFAULT;
    let (text, free) = match field["format"].as_str() {
        Some("email") => (persona.email, false),
        Some("uri") => ("https://www.example.com/", false),
        Some("date") => ("2026-05-18", false),
        Some("date-time") => ("2026-05-18T09:30:00Z", false),
        _ => (persona.full_name, true),
    };
    if !free {
        return text.into();
    }
    let least = field["minLength"].as_u64().unwrap_or(0).min(MOST) as usize;
    let most = field["maxLength"].as_u64().unwrap_or(MOST).min(MOST) as usize;
    let length = text.chars().count().max(least).min(most);
    text.chars().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::fill;
    use serde_json::{Map, Value, json};

    #[test]
    fn every_kind_of_field_gets_a_value_that_its_schema_allows() {
        let schema = json!({ "type": "object", "properties": {
            "name": { "type": "string", "minLength": 12, "maxLength": 14 },
            "short": { "type": "string", "maxLength": 2 },
            "mail": { "type": "string", "format": "email" },
            "age": { "type": "integer", "minimum": 18 },
            "share": { "type": "number", "maximum": 0.5 },
            "set": { "type": "string", "default": "kept" },
            "colour": { "type": "string", "enum": ["red", "green"] },
            "titled": { "type": "string", "oneOf": [{ "const": "#f00", "title": "Red" }] },
            "many": { "type": "array", "minItems": 2, "items": { "anyOf": [
                { "const": "a", "title": "A" }, { "const": "b", "title": "B" }, { "const": "c", "title": "C" }
            ] } },
            "sure": { "type": "boolean" }
        } });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let filled = fill(&schema, &Map::new());
        assert!(validator.is_valid(&filled), "{filled}");
        assert_eq!(
            filled,
            json!({
                "name": "Alex MeyerAl", "short": "Al", "mail": "alex.meyer@example.com",
                "age": 18, "share": 0.5, "set": "kept", "colour": "red", "titled": "#f00",
                "many": ["a", "b"], "sure": true
            })
        );
    }

    #[test]
    fn known_values_are_used_where_they_fit() {
        let schema =
            json!({ "properties": { "login": { "type": "string" }, "n": { "type": "integer" } } });
        let Value::Object(known) = json!({ "login": "alexm", "n": "seven" }) else {
            unreachable!()
        };
        assert_eq!(fill(&schema, &known), json!({ "login": "alexm", "n": 1 }));
    }

    #[test]
    fn schemas_that_are_none_get_an_empty_form() {
        for schema in [json!(null), json!(7), json!({ "properties": [] })] {
            assert_eq!(fill(&schema, &Map::new()), json!({}));
        }
    }
}
