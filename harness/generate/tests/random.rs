//! Schemas nobody wrote: whatever keywords meet, the cases are valid, repeatable and recorded.

use super::*;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, json};

/// Schemas that some value satisfies, by how they are put together.
fn schema() -> impl Strategy<Value = Value> {
    let text = (
        0..12_usize,
        option::of(0..30_usize),
        option::of(select(vec![
            "email",
            "uri",
            "date",
            "date-time",
            "uuid",
            "ipv4",
            "hostname",
            "time",
            "duration",
            "regex",
            "json-pointer",
        ])),
    )
        .prop_map(|(min, more, format)| match format {
            Some(format) => json!({"type": "string", "format": format}),
            None => match more {
                Some(more) => json!({"type": "string", "minLength": min, "maxLength": min + more}),
                None => json!({"type": "string", "minLength": min}),
            },
        });
    let pattern = select(vec![
        "^[a-z]{3,12}$",
        "^[A-Z]{2}\\d{4}$",
        "^\\d+$",
        "x",
        "^(foo|bar)-[0-9a-f]{8}$",
        "^[^@\\s]+@[^@\\s]+$",
    ])
    .prop_map(|pattern| json!({"type": "string", "pattern": pattern}));
    let whole = (-1_000..1_000_i64, 0..5_000_i64, 1..9_i64)
        .prop_map(|(low, more, step)| json!({"type": "integer", "minimum": low, "maximum": low + more + step, "multipleOf": step}));
    let number = (-1e6..1e6_f64, 1e-3..1e6_f64).prop_map(
        |(low, more)| json!({"type": "number", "exclusiveMinimum": low, "maximum": low + more}),
    );
    let listed = vec("[a-z]{1,6}", 1..6).prop_map(|values| json!({"enum": values}));
    let leaf = prop_oneof![
        text,
        pattern,
        whole,
        number,
        listed,
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["string", "null"]})),
        Just(json!({})),
        Just(json!({"const": {"a": [1, null]}})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            object(inner.clone()),
            (inner.clone(), 0..4_usize, 0..4_usize).prop_map(|(items, min, more)| json!({"type": "array", "items": items, "minItems": min, "maxItems": min + more})),
            (vec(inner.clone(), 1..4)).prop_map(|items| json!({"type": "array", "prefixItems": items, "items": false, "minItems": items.len()})),
            vec(inner.clone(), 1..4).prop_map(|branches| json!({"anyOf": branches})),
            inner.clone().prop_map(|one| json!({"allOf": [one, {"description": "The URL of it"}]})),
            inner.clone().prop_map(|one| json!({"oneOf": [{"type": "null"}, {"allOf": [one, {"not": {"type": "null"}}]}]})),
            inner.prop_map(|one| json!({"type": "object", "additionalProperties": one, "propertyNames": {"pattern": "^[a-z_]+$"}, "minProperties": 1})),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let names = vec![
        "to",
        "subject",
        "htmlBody",
        "limit",
        "url",
        "tags",
        "created_at",
        "x",
    ];
    vec((select(names), inner, any::<bool>()), 0..6).prop_map(|entries| {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, schema, must) in entries {
            if !properties.contains_key(name) {
                properties.insert(name.to_owned(), schema);
                required.extend(must.then_some(name));
            }
        }
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cases_are_valid_and_repeatable(schema in object(schema()), nth in 0..200_u32) {
        let generator = generator(&schema);
        let case = generator.case(nth);
        prop_assert!(case.valid, "{} {}", schema, case.arguments);
        prop_assert_eq!(&case, &generator.case(nth));
        prop_assert_eq!(&generator.replay(&case.choices), &case.arguments);
    }

    #[test]
    fn any_bytes_and_any_choices_are_a_case(
        schema in object(schema()),
        bytes in vec(any::<u8>(), 0..200),
        choices in vec(any::<u64>(), 0..60),
    ) {
        let generator = generator(&schema);
        let case = generator.case_from_bytes(&bytes);
        prop_assert_eq!(generator.replay(&case.choices), case.arguments);
        prop_assert!(generator.replay(&choices).is_object());
    }

    #[test]
    fn shrinking_ends_where_it_should(schema in object(schema()), nth in 0..50_u32) {
        let generator = generator(&schema);
        let case = generator.case(nth);
        let small = generator.shrink(&case.choices, &mut |_| true);
        prop_assert!(small.len() <= case.choices.len());
        prop_assert!(!case.valid || generator.accepts(&generator.replay(&small)));
    }
}
