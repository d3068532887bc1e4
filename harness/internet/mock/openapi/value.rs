//! Values that fit a schema: the author's own where there are any, else made up.

use super::super::made::Made;
use super::document::Node;
use super::shape::{Choice, Shape, fits, spelling};
use super::text::{is_id, number, string};
use serde_json::{Map, Value};
use std::cell::Cell;

/// Levels down to which properties are given that need not be there.
const GENEROUS: usize = 5;
/// Levels down to which anything is given.
const DEEPEST: usize = 24;
/// Values of one answer.
const MOST: usize = 20_000;
/// Alternatives that are tried.
const TRIES: usize = 16;
const MOST_ITEMS: usize = 100;

/// Makes the values of one answer.
pub struct Maker {
    left: Cell<usize>,
    /// Whether examples may stand for what tells things apart.
    examples: bool,
}

impl Maker {
    /// `examples`: whether the author's examples are used for identifiers, too. Two things with
    /// the same one would be one.
    pub fn new(examples: bool) -> Self {
        Self {
            left: Cell::new(MOST),
            examples,
        }
    }

    /// A value that fits all of `nodes`, for a property called `name`.
    pub fn value(&self, nodes: &[Node<'_>], name: &str, made: &Made) -> Value {
        self.make(nodes, name, made, 0)
    }

    fn make(&self, nodes: &[Node<'_>], name: &str, made: &Made, depth: usize) -> Value {
        let left = self.left.get();
        if left == 0 || depth > DEEPEST {
            return Value::Null;
        }
        self.left.set(left - 1);
        let shape = Shape::of(nodes);
        if self.examples || !is_id(name) {
            let told = example(&shape).or_else(|| shape.first("default").filter(|v| !v.is_null()));
            if let Some(value) = told.filter(|value| fits(nodes, value)) {
                return value.clone();
            }
        }
        if let Some(value) = shape.first("const") {
            return value.clone();
        }
        if let Some(Value::Array(values)) = shape.first("enum") {
            let each = || values.iter().filter(|value| !value.is_null());
            let fitting = each()
                .find(|value| fits(nodes, value))
                .or_else(|| each().next());
            return fitting.or(values.first()).cloned().unwrap_or_default();
        }
        // What a thing has only later, or only where there is more: pages end here.
        if is_later(name) && shape.allows("null") && fits(nodes, &Value::Null) {
            return Value::Null;
        }
        if let Some(choice) = shape.choices.iter().find(|c| !taken(c, nodes)) {
            return self.choose(choice, nodes, name, made, depth);
        }
        match shape.kind() {
            Some("object") => self.object(&shape, made, depth),
            Some("array") => self.list(&shape, name, made, depth),
            Some("integer") => number(&shape, name, made, true),
            Some("number") => number(&shape, name, made, false),
            Some("boolean") => is_true(name).into(),
            Some("null") => Value::Null,
            _ => string(&shape, name, made).into(),
        }
    }

    /// The first alternative that leads to a fitting value.
    fn choose(
        &self,
        choice: &Choice<'_>,
        nodes: &[Node<'_>],
        name: &str,
        made: &Made,
        depth: usize,
    ) -> Value {
        let mut first = None;
        let real = |node: &&Node<'_>| node.text("type") != Some("null");
        for alternative in choice.schemas.iter().filter(real).take(TRIES) {
            let mut all = nodes.to_vec();
            all.push(alternative.clone());
            let mut value = self.make(&all, name, made, depth + 1);
            if let Some(discriminator) = &choice.discriminator
                && let Some(property) = discriminator.text("propertyName")
                && let Some(component) = alternative.component()
                && let Value::Object(map) = &mut value
            {
                map.insert(
                    property.to_owned(),
                    spelling(discriminator, component).into(),
                );
                if !fits(nodes, &value) {
                    // The property may say itself what it is.
                    value = self.make(&all, name, made, depth + 1);
                }
            }
            if fits(nodes, &value) {
                return value;
            }
            first.get_or_insert(value);
        }
        first.unwrap_or_default()
    }

    fn object(&self, shape: &Shape<'_>, made: &Made, depth: usize) -> Value {
        let mut map = Map::new();
        for (name, nodes) in &shape.properties {
            let required = shape.required.contains(name);
            let write_only = nodes.iter().any(|node| node.value["writeOnly"] == true);
            if write_only || !required && depth >= GENEROUS {
                continue;
            }
            let value = self.make(nodes, name, &made.part(name), depth + 1);
            if required || fits(nodes, &value) {
                map.insert((*name).to_owned(), value);
            }
        }
        for (name, value) in &shape.told {
            let nodes = shape.property(name).unwrap_or_default();
            let value = Value::from(value.as_str());
            if fits(nodes, &value) {
                map.insert((*name).to_owned(), value);
            }
        }
        let others: Vec<Node<'_>> = shape
            .schemas
            .iter()
            .filter_map(|node| node.get("additionalProperties"))
            .filter(|node| node.value.is_object())
            .collect();
        for name in &shape.required {
            // What is told of it above and left out is for requests alone.
            if !map.contains_key(*name) && shape.property(name).is_none() {
                let value = self.make(&others, name, &made.part(name), depth + 1);
                map.insert((*name).to_owned(), value);
            }
        }
        let closed = shape.first("additionalProperties") == Some(&Value::Bool(false));
        let least = shape
            .size("minProperties", f64::max)
            .unwrap_or(0)
            .min(MOST_ITEMS);
        let wanted = if others.is_empty() || depth >= GENEROUS {
            least
        } else {
            least.max(1)
        };
        let patterned = shape.first("patternProperties").is_some();
        for i in 0.. {
            if closed || patterned && least == 0 || map.len() >= wanted || i > MOST_ITEMS {
                break;
            }
            let name = made.token(&format!("name {i}"));
            let value = self.make(&others, &name, &made.part(&name), depth + 1);
            map.insert(name, value);
        }
        let most = shape.size("maxProperties", f64::min).unwrap_or(usize::MAX);
        let spare: Vec<String> = map
            .keys()
            .rev()
            .filter(|name| !shape.required.contains(&name.as_str()))
            .take(map.len().saturating_sub(most))
            .cloned()
            .collect();
        for name in spare {
            map.shift_remove(&name);
        }
        Value::Object(map)
    }

    fn list(&self, shape: &Shape<'_>, name: &str, made: &Made, depth: usize) -> Value {
        let least = shape
            .size("minItems", f64::max)
            .unwrap_or(0)
            .min(MOST_ITEMS);
        let most = shape.size("maxItems", f64::min).unwrap_or(MOST_ITEMS);
        let tuple: Vec<Node<'_>> = shape
            .schemas
            .iter()
            .find_map(|node| node.get("prefixItems"))
            .map(|list| list.items().collect())
            .unwrap_or_default();
        let items = shape.items();
        let none = items.iter().any(|node| node.value == &Value::Bool(false));
        let generous = usize::from(depth < GENEROUS && !none);
        let wanted = least.max(tuple.len().max(generous)).min(most);
        let singular = name.strip_suffix('s').unwrap_or(name);
        let mut list: Vec<Value> = Vec::new();
        for i in 0..wanted {
            let nodes = match tuple.get(i) {
                Some(node) => std::slice::from_ref(node),
                None => &items,
            };
            let value = self.make(nodes, singular, &made.part(i), depth + 1);
            if i >= least && !fits(nodes, &value) {
                break;
            }
            list.push(value);
        }
        if shape.first("uniqueItems") == Some(&Value::Bool(true)) {
            distinct(&mut list, &items, least);
        }
        Value::Array(list)
    }
}

/// Makes members differ: other values of an enumeration stand for those that are there twice.
fn distinct(list: &mut Vec<Value>, items: &[Node<'_>], least: usize) {
    let mut seen: Vec<Value> = Vec::new();
    for value in std::mem::take(list) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    let shape = Shape::of(items);
    let others = shape.first("enum").and_then(Value::as_array);
    for value in others.into_iter().flatten() {
        if seen.len() < least && !seen.contains(value) {
            seen.push(value.clone());
        }
    }
    *list = seen;
}

/// The author's own value.
fn example<'d>(shape: &Shape<'d>) -> Option<&'d Value> {
    let examples = || shape.first("examples")?.as_array()?.first();
    shape.first("example").or_else(examples)
}

/// Whether one of the alternatives was chosen before.
fn taken(choice: &Choice<'_>, nodes: &[Node<'_>]) -> bool {
    let chosen = |node: &Node<'_>| nodes.iter().any(|known| known.pointer == node.pointer);
    choice.schemas.is_empty() || choice.schemas.iter().any(chosen)
}

/// Names of what an ordinary thing does not have yet, and of further pages.
fn is_later(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace(['_', '-'], "");
    let later = [
        "deletedat",
        "closedat",
        "archivedat",
        "cancelledat",
        "canceledat",
        "completedat",
        "expiresat",
        "mergedat",
        "error",
        "errors",
    ];
    later.contains(&lower.as_str()) || lower.starts_with("next") || lower.starts_with("prev")
}

/// Names of flags that are up where all is well.
fn is_true(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let up = [
        "ok",
        "success",
        "active",
        "enabled",
        "verified",
        "is_active",
        "isactive",
        "available",
        "public",
        "valid",
    ];
    up.contains(&lower.as_str())
}
