//! The grammar as JSON Schema (2020-12), for editors and for programs that write scenarios.
//! It covers what one value or table can get wrong; names of rules and mocks, and files that
//! must exist, are checked on loading only.

use super::grammar::{Key, Literal, Need, Node, ROOT, Table};
use super::model::FORMAT;
use serde_json::{Map, Value, json};

/// The schema of `turncoat.scenario/1`.
pub fn schema() -> Value {
    let mut schema = table(&ROOT);
    let mut whole = Map::new();
    whole.insert(
        "$schema".into(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    whole.insert("title".into(), json!(FORMAT));
    whole.insert(
        "description".into(),
        json!("A scenario of turncoat: which MCP server is run, in which world, with which calls, and what counts."),
    );
    if let Some(root) = schema.as_object_mut() {
        whole.append(root);
    }
    whole.insert("$defs".into(), json!({ "hints": hints() }));
    Value::Object(whole)
}

fn table(table: &Table) -> Value {
    let mut schema = Map::new();
    let mut insert = |key: &str, value: Value| {
        schema.insert(key.to_owned(), value);
    };
    insert("type", json!("object"));
    let properties: Map<_, _> = table
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    insert("properties", Value::Object(properties));
    insert("additionalProperties", json!(false));
    let required: Vec<_> = table
        .keys
        .iter()
        .filter(|key| matches!(key.need, Need::Required))
        .map(|key| key.name)
        .collect();
    if !required.is_empty() {
        insert("required", json!(required));
    }
    if !table.one_of.is_empty() {
        let one_of: Vec<_> = table
            .one_of
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        insert("oneOf", json!(one_of));
    }
    let companions: Map<_, _> = table
        .keys
        .iter()
        .filter_map(|key| match key.need {
            Need::With(other, value) => Some((
                key.name.to_owned(),
                json!({ "required": [other], "properties": { other: { "const": value } } }),
            )),
            _ => None,
        })
        .collect();
    if !companions.is_empty() {
        insert("dependentSchemas", Value::Object(companions));
    }
    Value::Object(schema)
}

fn property(key: &Key) -> Value {
    let mut property = Map::new();
    property.insert("description".into(), json!(key.doc));
    if let Some(default) = key.default {
        let default = match default {
            Literal::Text(text) => json!(text),
            Literal::Whole(number) => json!(number),
            Literal::Number(number) => json!(number),
            Literal::Flag(flag) => json!(flag),
        };
        property.insert("default".into(), default);
    }
    if let Value::Object(mut schema) = node(&key.node) {
        property.append(&mut schema);
    }
    Value::Object(property)
}

fn node(of: &Node) -> Value {
    match of {
        Node::Text(text) => text.schema(),
        Node::Choice(choices) => json!({ "enum": choices }),
        Node::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Node::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Node::Mode => json!({ "type": "integer", "minimum": 0, "maximum": 0o777 }),
        Node::Flag => json!({ "type": "boolean" }),
        Node::Json => json!({}),
        Node::List(least, each) => {
            json!({ "type": "array", "items": node(each), "minItems": least })
        }
        Node::Table(inner) => table(inner),
        Node::Map(keys, each) => json!({
            "type": "object",
            "propertyNames": keys.schema(),
            "additionalProperties": node(each),
        }),
        Node::Tree => json!({ "$ref": "#/$defs/hints" }),
        Node::Either(nodes) => {
            let each: Vec<_> = nodes.iter().map(node).collect();
            json!({ "anyOf": each })
        }
    }
}

/// Lists of any values, below as many keys as the path has.
fn hints() -> Value {
    json!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                { "type": "array", "minItems": 1 },
                { "$ref": "#/$defs/hints" },
            ]
        },
    })
}
