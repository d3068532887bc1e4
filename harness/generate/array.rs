//! Lists: one item in the simplest call, two where everything is given, few otherwise.

use super::{budget, facets::Facets, place::Place, walk::Walk};
use serde_json::Value;

/// Draws for an item that must differ from those before it.
const DIFFERENT: usize = 8;

impl<'s> Walk<'s, '_> {
    pub(super) fn array(&mut self, facets: &Facets<'s>, at: &Place, depth: usize) -> Value {
        let listed: usize = tuple_length(facets);
        let min = facets.at_least("minItems").max(self.contained(facets));
        let closed = facets
            .all("items")
            .chain(facets.all("additionalItems"))
            .any(|v| *v == Value::Bool(false));
        let most = facets.at_most("maxItems").unwrap_or(usize::MAX);
        let max = if closed { most.min(listed) } else { most };
        // Nothing can stand where nothing may.
        let end = (0..listed).find(|index| {
            let here = item_schemas(facets, *index);
            here.iter().any(|schema| **schema == Value::Bool(false))
        });
        let max = max.min(end.unwrap_or(max));
        let deep = self.deep(depth);
        let options = [1, 2, 0, 3, usize::MAX];
        let choice = self
            .choices
            .planned(at, options.len() as u64, |plan| match plan.nth() {
                nth @ 0..=1 => u64::from(nth),
                _ => plan.cover(at.as_str(), options.len() as u64),
            });
        let wish = match options[choice as usize] {
            _ if deep => min,
            n => self.fed_length(at).unwrap_or(n),
        };
        let wish = match wish {
            usize::MAX if max <= 5 => max,
            usize::MAX => 2,
            n => n,
        };
        // A tuple is given whole: its parts have names in people's heads.
        let count = wish
            .max(min)
            .max(if deep { 0 } else { listed.min(max) })
            .min(max.max(min))
            .min(budget::ITEMS);
        if min > budget::ITEMS {
            self.budget.refuse();
            return Value::Array(Vec::new());
        }
        let unique = facets.all("uniqueItems").any(|v| *v == Value::Bool(true));
        let contains: Vec<&Value> = facets.all("contains").collect();
        let needed = if contains.is_empty() {
            0
        } else {
            self.contained(facets)
        };
        let mut out: Vec<Value> = Vec::with_capacity(count.min(16));
        for index in 0..count {
            let mut schemas = item_schemas(facets, index);
            if index < needed {
                schemas.extend(&contains);
            }
            let place = at.item(index);
            let marked = self.marked();
            let mut item = self.value(&schemas, &place, depth + 1);
            if unique {
                for _ in 0..DIFFERENT {
                    if !out.contains(&item) {
                        break;
                    }
                    self.forget(marked);
                    self.freely = true;
                    item = self.value(&schemas, &place, depth + 1);
                    self.freely = false;
                }
                if out.contains(&item) {
                    self.forget(marked);
                    break;
                }
            }
            out.push(item);
        }
        let twice = |not: &Value| not.get("uniqueItems") == Some(&Value::Bool(true));
        if facets.all("not").any(twice)
            && let [first, .., last] = &mut out[..]
        {
            last.clone_from(first);
        }
        Value::Array(out)
    }

    /// How many items `contains` asks for.
    fn contained(&self, facets: &Facets<'s>) -> usize {
        let asked = facets
            .parts
            .iter()
            .filter(|part| part.contains_key("contains"));
        let least = |part: &serde_json::Map<String, Value>| {
            part.get("minContains")
                .and_then(Value::as_f64)
                .map_or(1, |n| n.max(0.0) as usize)
        };
        asked
            .map(|part| least(part))
            .max()
            .unwrap_or(0)
            .min(budget::ITEMS)
    }
}

fn tuple_length(facets: &Facets<'_>) -> usize {
    let lists = facets
        .all("prefixItems")
        .chain(facets.all("items"))
        .filter_map(Value::as_array);
    lists.map(Vec::len).max().unwrap_or(0)
}

/// Everything that holds for the item at `index`.
fn item_schemas<'s>(facets: &Facets<'s>, index: usize) -> Vec<&'s Value> {
    let mut out = Vec::new();
    for part in &facets.parts {
        let tuple = part
            .get("prefixItems")
            .or_else(|| part.get("items"))
            .and_then(Value::as_array);
        let own = tuple.and_then(|tuple| tuple.get(index));
        let rest = || {
            let after = part.get("additionalItems").filter(|_| tuple.is_some());
            part.get("items")
                .filter(|items| !items.is_array())
                .or(after)
        };
        out.extend(own.or_else(rest));
    }
    out
}
