//! Arguments that are wrong in one known way.

use super::*;
use crate::generate::Invalid;
use serde_json::json;
use std::collections::BTreeSet;

fn all(generator: &Generator, n: u32) -> Vec<Invalid> {
    (0..n).filter_map(|nth| generator.invalid(nth)).collect()
}

#[test]
fn each_keyword_is_broken_by_itself() {
    let schema = json!({
        "type": "object",
        "required": ["to", "count"],
        "properties": {
            "to": { "$ref": "#/$defs/address" },
            "count": { "type": "integer", "minimum": 3, "maximum": 40, "multipleOf": 2 },
            "share": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 },
            "tags": {
                "type": "array", "items": { "type": "string", "minLength": 2, "maxLength": 20 },
                "minItems": 1, "maxItems": 4, "uniqueItems": true,
            },
            "kind": { "enum": ["letter", "note"] },
            "version": { "const": 2 },
            "either": { "anyOf": [{ "type": "string", "maxLength": 80 }, { "type": "boolean" }] },
            "one": { "oneOf": [{ "type": "integer" }, { "type": "number", "minimum": 10 }] },
            "never": { "not": { "type": "string" }, "type": ["string", "integer"] },
            "code": { "type": "string", "pattern": "^[A-Z]{3}$" },
            "flags": { "type": "array", "contains": { "const": "x" }, "maxContains": 2 },
            "labels": {
                "type": "object", "additionalProperties": { "type": "string" },
                "propertyNames": { "pattern": "^[a-z]+$" }, "minProperties": 1, "maxProperties": 3,
            },
        },
        "dependentRequired": { "code": ["kind"] },
        "if": { "required": ["share"] },
        "then": { "required": ["version"] },
        "additionalProperties": false,
        "$defs": { "address": { "type": "string", "format": "email" } },
    });
    let generator = generator(&schema);
    let cases = all(&generator, 400);
    let broken: BTreeSet<&str> = cases
        .iter()
        .map(|case| case.breaks.keyword.as_str())
        .collect();
    let wanted = [
        "additionalProperties",
        "anyOf",
        "const",
        "contains",
        "dependentRequired",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "if",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "propertyNames",
        "required",
        "type",
        "uniqueItems",
    ];
    let missing: Vec<_> = wanted
        .iter()
        .filter(|word| !broken.contains(*word))
        .collect();
    assert_eq!(missing, [&""; 0]);
    let format = cases
        .iter()
        .find(|case| case.breaks.keyword == "format")
        .unwrap();
    assert_eq!(format.breaks.schema, "/properties/to/$ref/format");
    assert_eq!(format.breaks.at, "/to");
    assert!(cases.len() > 390, "{}", cases.len());
}

#[test]
fn what_is_wrong_can_be_made_again_and_is_all_that_is_wrong() {
    for (label, tool) in real::tools() {
        let name = tool["name"].as_str().unwrap();
        let schema = &tool["inputSchema"];
        let make = || Generator::new(name, schema, &Hints::default(), Seed(7)).unwrap();
        let (generator, again) = (make(), make());
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(schema)
            .unwrap();
        let mut found = 0;
        for nth in 0..24 {
            let Some(case) = generator.invalid(nth) else {
                continue;
            };
            found += 1;
            assert_eq!(
                generator.replay_invalid(&case.choices),
                case.arguments,
                "{label}"
            );
            assert_eq!(again.invalid(nth).as_ref(), Some(&case), "{label}");
            let errors: Vec<_> = validator.iter_errors(&case.arguments).collect();
            assert!(!errors.is_empty(), "{label} {:?}", case.breaks);
            for error in errors {
                let (at, way) = (
                    error.instance_path().as_str(),
                    error.evaluation_path().as_str(),
                );
                assert!(
                    at.starts_with(&case.breaks.at),
                    "{label} {:?} {error}",
                    case.breaks
                );
                let wrong = case.breaks.keyword.as_str();
                // What an `if` asks for is said by its `then` and `else`.
                let named = way.contains(wrong) || wrong == "if";
                assert!(named, "{label} {:?} {error}", case.breaks);
            }
        }
        let takes = schema["properties"].as_object();
        let nothing = takes.is_none_or(serde_json::Map::is_empty);
        assert!(found >= 20 || nothing, "{label} {found}");
    }
}

#[test]
fn nothing_breaks_what_lets_everything_pass() {
    assert_eq!(all(&generator(&json!({ "type": "object" })), 8), []);
}
