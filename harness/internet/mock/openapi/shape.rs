//! What several schemas that must hold together say of a value: references followed, `allOf`
//! taken in, alternatives set apart.

use super::document::Node;
use serde_json::Value;
use std::collections::HashSet;

/// Schemas that are taken together; beyond it the rest is not looked at.
const MOST: usize = 256;

/// All that is said of one value.
#[derive(Default)]
pub struct Shape<'d> {
    /// The schemas, flat.
    pub schemas: Vec<Node<'d>>,
    /// By name, in the order first told, with all schemas for it.
    pub properties: Vec<(&'d str, Vec<Node<'d>>)>,
    pub required: Vec<&'d str>,
    /// One of each must hold as well.
    pub choices: Vec<Choice<'d>>,
    /// What a property must be, as that is how schemas are told apart.
    pub told: Vec<(&'d str, String)>,
}

/// Alternatives.
pub struct Choice<'d> {
    pub schemas: Vec<Node<'d>>,
    pub discriminator: Option<Node<'d>>,
}

impl<'d> Shape<'d> {
    pub fn of(nodes: &[Node<'d>]) -> Self {
        let mut shape = Self::default();
        let mut seen = HashSet::new();
        // The component that a schema was reached by first names what it is.
        let mut todo: Vec<(Node<'d>, Option<String>)> = nodes
            .iter()
            .rev()
            .map(|node| (node.clone(), None))
            .collect();
        while let Some((node, named)) = todo.pop() {
            if shape.schemas.len() >= MOST || !seen.insert(node.pointer.clone()) {
                continue;
            }
            let named = named.or_else(|| node.component().map(str::to_owned));
            if let Some(all) = node.get("allOf") {
                let mut all: Vec<_> = all.items().map(|n| (n, named.clone())).collect();
                all.reverse();
                todo.extend(all);
            }
            todo.extend(node.referred().map(|n| (n, named.clone())));
            shape.add(node, named.as_deref());
        }
        shape
    }

    fn add(&mut self, node: Node<'d>, named: Option<&str>) {
        if let Some(properties) = node.get("properties") {
            for (name, property) in properties.members() {
                match self.properties.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, nodes)) => nodes.push(property),
                    None => self.properties.push((name, vec![property])),
                }
            }
        }
        let required = node.value.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        self.required.extend(required);
        let discriminator = node.get("discriminator");
        for key in ["oneOf", "anyOf"] {
            if let Some(list) = node.get(key) {
                self.choices.push(Choice {
                    schemas: list.items().collect(),
                    discriminator: discriminator.clone(),
                });
            }
        }
        // A parent that its children take in by `allOf`.
        if let Some(discriminator) = &discriminator
            && let Some(named) = named.filter(|named| node.component() != Some(named))
            && let Some(property) = discriminator.text("propertyName")
        {
            self.told.push((property, spelling(discriminator, named)));
        }
        self.schemas.push(node);
    }

    /// The first value of a keyword, in the order of the schemas.
    pub fn first(&self, keyword: &str) -> Option<&'d Value> {
        self.schemas.iter().find_map(|node| node.value.get(keyword))
    }

    pub fn text(&self, keyword: &str) -> Option<&'d str> {
        self.first(keyword)?.as_str()
    }

    /// The greatest of all lower bounds, or the least of all upper ones.
    pub fn bound(&self, keyword: &str, tighter: fn(f64, f64) -> f64) -> Option<f64> {
        let values = self
            .schemas
            .iter()
            .filter_map(|n| n.value.get(keyword)?.as_f64());
        values.reduce(tighter)
    }

    /// A bound on a length; what no memory holds is no bound.
    pub fn size(&self, keyword: &str, tighter: fn(f64, f64) -> f64) -> Option<usize> {
        let bound = self.bound(keyword, tighter)?;
        (0.0..1e9).contains(&bound).then_some(bound as usize)
    }

    /// Whether a value of this type may stand here.
    pub fn allows(&self, kind: &str) -> bool {
        self.schemas
            .iter()
            .all(|node| match node.value.get("type") {
                Some(Value::String(only)) => only == kind || only == "number" && kind == "integer",
                Some(Value::Array(any)) => any
                    .iter()
                    .any(|t| t == kind || t == "number" && kind == "integer"),
                _ => true,
            })
    }

    /// The type that a value takes: the first that is told and that all allow, else what the
    /// keywords are about.
    pub fn kind(&self) -> Option<&'d str> {
        let types = self
            .schemas
            .iter()
            .filter_map(|node| node.value.get("type"));
        let told = types.flat_map(|kind| match kind {
            Value::Array(any) => any.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        });
        let mut told: Vec<&str> = told.filter(|kind| self.allows(kind)).collect();
        told.sort_by_key(|kind| *kind == "null");
        let about = [
            ("properties", "object"),
            ("additionalProperties", "object"),
            ("required", "object"),
            ("items", "array"),
            ("prefixItems", "array"),
            ("format", "string"),
            ("pattern", "string"),
            ("minLength", "string"),
            ("maxLength", "string"),
            ("minimum", "number"),
            ("maximum", "number"),
        ];
        let about = || {
            about
                .iter()
                .find(|(keyword, _)| self.first(keyword).is_some())
        };
        told.first()
            .copied()
            .or_else(|| about().map(|(_, kind)| *kind))
    }

    pub fn property(&self, name: &str) -> Option<&[Node<'d>]> {
        let mut properties = self.properties.iter();
        properties
            .find(|(known, _)| *known == name)
            .map(|(_, nodes)| &nodes[..])
    }

    /// The schemas of every item after the tuple's.
    pub fn items(&self) -> Vec<Node<'d>> {
        self.schemas
            .iter()
            .filter_map(|node| node.get("items"))
            .collect()
    }
}

/// Whether `value` fits all of them.
pub fn fits(nodes: &[Node<'_>], value: &Value) -> bool {
    nodes.iter().all(|node| node.fits(value))
}

/// What a discriminator calls the schema of this name (OpenAPI 3.1, section 4.8.25).
pub fn spelling(discriminator: &Node<'_>, named: &str) -> String {
    let mapping = discriminator
        .value
        .get("mapping")
        .and_then(Value::as_object);
    let spelt = mapping.into_iter().flatten().find(|(_, target)| {
        let target = target.as_str().unwrap_or_default();
        target.rsplit('/').next() == Some(named)
    });
    spelt.map_or_else(|| named.to_owned(), |(key, _)| key.clone())
}
