//! Values that are tried where those made for a place are refused: small ones of every type, and the
//! neighbours of what its parts name.

use super::facets::Facets;
use serde_json::{Number, Value, json};

/// Most values that parts name.
const NAMED: usize = 48;

pub(super) fn values(facets: &Facets<'_>) -> Vec<Value> {
    let mut stock = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(2),
        json!(""),
        json!("a"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1]),
        json!({ "a": 1 }),
    ];
    let bounds = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ];
    let mut named = Vec::new();
    for part in &facets.parts {
        let parts = [Some(*part), part.get("not").and_then(Value::as_object)];
        for part in parts.into_iter().flatten() {
            let listed = part
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            named.extend(listed.chain(part.get("const")).take(NAMED).cloned());
            for bound in bounds.iter().filter_map(|key| part.get(*key)?.as_f64()) {
                let near = [
                    bound,
                    bound + 1.0,
                    bound - 1.0,
                    bound + 0.5,
                    bound - 0.5,
                    bound * 2.0,
                ];
                named.extend(near.into_iter().filter_map(number));
            }
        }
    }
    named.truncate(NAMED);
    stock.append(&mut named);
    stock
}

/// A whole number as one.
fn number(value: f64) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        Some(Value::from(value as i64))
    } else {
        Number::from_f64(value).map(Value::Number)
    }
}
