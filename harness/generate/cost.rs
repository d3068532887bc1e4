//! How much work a validation would be, found out before it is done.
//!
//! A validator visits a subschema once for every way that leads to it; `anyOf` over references to
//! `anyOf` doubles that at each step. Counting the visits with an end to the counting is cheap and
//! keeps a hostile schema from stopping the run.

use super::{budget, refs};
use serde_json::Value;

/// Whether checking `value` takes at most [`budget::VISITS`] visits.
pub(super) fn affordable(root: &Value, value: &Value) -> bool {
    let mut left = budget::VISITS;
    Count { root }.visit(root, value, 0, &mut left)
}

struct Count<'s> {
    root: &'s Value,
}

impl Count<'_> {
    /// False once there is nothing left or the way goes round in circles.
    fn visit(&self, schema: &Value, value: &Value, depth: usize, left: &mut usize) -> bool {
        *left = left.saturating_sub(1);
        if *left == 0 || depth > 256 {
            return false;
        }
        let Value::Object(map) = schema else {
            return true;
        };
        map.iter().all(|(key, sub)| {
            let mut here = |sub| self.visit(sub, value, depth + 1, left);
            match (key.as_str(), sub) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => {
                    refs::follow(self.root, target).is_none_or(here)
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(subs)) => subs.iter().all(here),
                ("not" | "if" | "then" | "else", _) => here(sub),
                ("dependentSchemas" | "dependencies", Value::Object(subs)) => {
                    subs.values().all(here)
                }
                _ => self.inside(key, sub, value, depth + 1, left),
            }
        })
    }

    fn inside(
        &self,
        key: &str,
        sub: &Value,
        value: &Value,
        depth: usize,
        left: &mut usize,
    ) -> bool {
        match (key, sub, value) {
            ("properties", Value::Object(subs), Value::Object(map)) => {
                map.iter().all(|(name, v)| {
                    subs.get(name)
                        .is_none_or(|sub| self.visit(sub, v, depth, left))
                })
            }
            ("patternProperties", Value::Object(subs), Value::Object(map)) => map
                .values()
                .all(|v| subs.values().all(|sub| self.visit(sub, v, depth, left))),
            ("additionalProperties" | "unevaluatedProperties", _, Value::Object(map)) => {
                map.values().all(|v| self.visit(sub, v, depth, left))
            }
            ("items" | "prefixItems", Value::Array(subs), Value::Array(list)) => subs
                .iter()
                .zip(list)
                .all(|(sub, v)| self.visit(sub, v, depth, left)),
            (
                "items" | "contains" | "additionalItems" | "unevaluatedItems",
                _,
                Value::Array(list),
            ) => list.iter().all(|v| self.visit(sub, v, depth, left)),
            _ => true,
        }
    }
}
