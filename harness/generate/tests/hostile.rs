//! Schemas made to cost time, memory or trust.

use super::*;
use serde_json::json;

/// Twelve cases of anything a server may show: they end, and none is larger than it may be.
fn survive(schema: &Value) -> Vec<Case> {
    match Generator::new("tool", schema, &Hints::default(), Seed(7)) {
        Err(_) => Vec::new(),
        Ok(generator) => {
            let cases = cases(&generator, 12);
            for case in &cases {
                assert!(case.arguments.to_string().len() < 4 << 20);
                assert_eq!(case.valid, generator.accepts(&case.arguments));
            }
            cases
        }
    }
}

fn property(schema: Value) -> Value {
    json!({"type": "object", "required": ["x"], "properties": {"x": schema}})
}

#[test]
fn what_is_too_large_is_honestly_invalid() {
    for schema in [
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000}),
        json!({"type": "string", "minLength": 1_000_000_000}),
        json!({"type": "object", "minProperties": 1_000_000_000}),
        json!({"type": "array", "contains": {"const": 1}, "minContains": 1e300}),
    ] {
        let cases = survive(&property(schema.clone()));
        assert!(cases.iter().all(|case| !case.valid), "{schema}");
    }
}

#[test]
fn far_bounds_are_met() {
    for schema in [
        json!({"type": "number", "maximum": 1e308, "minimum": -1e308}),
        json!({"type": "number", "minimum": 1e300}),
        json!({"type": "integer", "minimum": 9_007_199_254_740_991_i64, "maximum": u64::MAX}),
        json!({"type": "integer", "minimum": i64::MIN, "maximum": -9_007_199_254_740_999_i64}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e-9}),
        json!({"type": "integer", "multipleOf": 2.5, "minimum": 11, "maximum": 19}),
        json!({"type": "number", "multipleOf": 0.01, "minimum": 0.1, "maximum": 0.2}),
        json!({"type": "string", "minLength": 5_000, "maxLength": 5_001}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "array", "maxItems": 0, "items": {"type": "string"}}),
    ] {
        let cases = survive(&property(schema.clone()));
        let bad = cases.iter().find(|case| !case.valid);
        assert!(!cases.is_empty() && bad.is_none(), "{schema} {bad:?}");
    }
}

#[test]
fn recursion_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
        json!({"type": "object", "additionalProperties": {"$ref": "#"}, "minProperties": 9}),
        json!({"type": "object", "properties": {"x": {"type": "array", "minItems": 3, "items": {"$ref": "#"}}}, "required": ["x"]}),
    ] {
        survive(&schema);
    }
}

#[test]
fn a_tree_with_an_end_is_valid() {
    let schema = json!({
        "type": "object",
        "required": ["filter"],
        "properties": {"filter": {"$ref": "#/$defs/filter"}},
        "$defs": {"filter": {"oneOf": [
            {"type": "object", "required": ["and"], "additionalProperties": false,
             "properties": {"and": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/filter"}}}},
            {"type": "object", "required": ["field", "value"], "additionalProperties": false,
             "properties": {"field": {"type": "string"}, "value": {"type": "string"}}},
        ]}},
    });
    assert!(survive(&schema).iter().all(|case| case.valid));
}

#[test]
fn branching_that_doubles_ends() {
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let mut defs = serde_json::Map::new();
        for i in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
            defs.insert(format!("d{i}"), json!({keyword: [next, next]}));
        }
        defs.insert("d40".into(), json!({"type": "string"}));
        survive(
            &json!({"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": defs}),
        );
    }
}

#[test]
fn deep_and_wide_schemas_end() {
    let mut deep = json!({"type": "string"});
    for _ in 0..400 {
        deep = json!({"type": "object", "required": ["x"], "properties": {"x": deep}});
    }
    assert!(survive(&deep).is_empty());
    let names: Vec<_> = (0..20_000).map(|i| format!("value{i}")).collect();
    assert!(
        survive(&property(json!({"enum": names})))
            .iter()
            .all(|case| case.valid)
    );
    let properties: serde_json::Map<_, _> = names
        .iter()
        .take(3_000)
        .map(|name| (name.clone(), json!({"type": "string"})))
        .collect();
    survive(&json!({"type": "object", "properties": properties}));
}

#[test]
fn patterns_that_backtrack_end() {
    for pattern in [
        "^(a+)+$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?=(a+))a*b\\1",
        "^(?:(?:(?:a?){30}){30}){30}$",
        "(x+x+)+y",
        "(?!)",
        "^\\p{Lu}\\p{Ll}+$",
    ] {
        survive(&property(
            json!({"type": "string", "pattern": pattern, "minLength": 40}),
        ));
        survive(
            &json!({"type": "object", "patternProperties": {pattern: {"type": "string"}}, "minProperties": 2}),
        );
    }
}

#[test]
fn a_pattern_past_the_limit_is_set_aside() {
    let schema = property(json!({"type": "string", "pattern": "^(a{1000}){1000}$"}));
    assert_eq!(generator(&schema).odd(), ["/properties/x/pattern"]);
}

#[test]
fn names_are_only_names() {
    let schema = json!({
        "type": "object",
        "required": ["__proto__", "a.b", "c[0]", "", "$ref"],
        "properties": {"__proto__": {"type": "string"}, "a.b": {"type": "string"}, "$ref": {"type": "string"}},
    });
    assert!(survive(&schema).iter().all(|case| case.valid));
}

#[test]
fn what_nothing_satisfies_is_given_up() {
    let branches = |next: &str| {
        let next = json!({ "$ref": next });
        json!({ "oneOf": vec![json!({ "not": { "anyOf": vec![next; 12] } }); 12] })
    };
    let defs: serde_json::Map<_, _> = (0..30)
        .map(|i| {
            (
                format!("d{i}"),
                branches(&format!("#/$defs/d{}", (i + 1) % 30)),
            )
        })
        .collect();
    let mut deep = json!({ "type": "string" });
    for _ in 0..90 {
        deep = json!({ "not": { "not": deep } });
    }
    let no = json!({ "allOf": [{ "type": "string" }, { "not": { "type": "string" } }] });
    for schema in [
        json!({ "$ref": "#/$defs/d0" }),
        json!({ "type": "array", "minItems": 400, "items": { "oneOf": [no, no] } }),
        json!({ "oneOf": vec![json!({ "anyOf": vec![no; 200] }); 12] }),
        deep,
    ] {
        let mut schema = property(schema);
        schema["$defs"] = json!(defs);
        survive(&schema);
        if let Ok(generator) = Generator::new("tool", &schema, &Hints::default(), Seed(7)) {
            for nth in 0..4 {
                let _ = generator.invalid(nth);
            }
        }
    }
}

#[test]
fn names_that_multiply_end() {
    let resource = |n: usize, all: usize| {
        let refs = (0..all).map(|m| json!({ "$ref": format!("r{}", (n + m) % all) }));
        let names: serde_json::Map<_, _> = (0..40)
            .filter(|m| m % 7 == n % 7)
            .map(|m| {
                (
                    format!("d{m}"),
                    json!({ "$dynamicAnchor": format!("n{m}") }),
                )
            })
            .collect();
        json!({ "$id": format!("r{n}"), "anyOf": refs.collect::<Vec<_>>(), "$defs": names })
    };
    for all in [5, 40] {
        let defs = (0..all).map(|n| (format!("r{n}"), resource(n, all)));
        let mut schema = property(json!({ "$ref": "r0" }));
        schema["$defs"] = json!(defs.collect::<serde_json::Map<_, _>>());
        assert_eq!(survive(&schema).is_empty(), all == 40);
    }
    let mut long = json!({});
    for _ in 0..60 {
        long = json!({ "$id": format!("{}/", "a".repeat(500)), "properties": { "x": long } });
    }
    survive(&property(long));
}
