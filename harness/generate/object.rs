//! Objects: what is required, what the plan gives, and what follows from it.

use super::{facets::Facets, place::Place, walk::Walk, words};
use serde_json::{Map, Value};

/// Properties without a declaration that are made when the schema asks for some.
const EXTRAS: usize = 64;

/// One property of the object to be made.
struct Property<'s> {
    name: String,
    schemas: Vec<&'s Value>,
    required: bool,
    given: bool,
    /// Its first choice, when the plan was asked.
    start: Option<usize>,
}

impl<'s> Walk<'s, '_> {
    pub(super) fn object(&mut self, facets: &mut Facets<'s>, at: &Place, depth: usize) -> Value {
        let mut properties = self.properties(facets, at, depth);
        let max = facets.at_most("maxProperties").unwrap_or(usize::MAX);
        self.follow(facets, &mut properties, at, depth);
        keep_apart(&mut properties);
        let mut given = properties.iter().filter(|p| p.given).count();
        for property in properties.iter_mut().rev() {
            if given > max && property.given && !property.required {
                property.given = false;
                given -= 1;
            }
        }
        let min = facets.at_least("minProperties");
        if min > EXTRAS.max(properties.len()) {
            self.budget.refuse();
            return Value::Object(Map::new());
        }
        for property in &mut properties {
            if given < min && !property.given {
                property.given = true;
                given += 1;
            }
        }
        let extra = self.extra(facets, at, depth, given, min, max);
        let mut out = Map::new();
        for property in properties.iter().filter(|property| property.given) {
            let place = at.property(&property.name);
            let before = self.choices.position();
            let value = self.value(&property.schemas, &place, depth + 1);
            if let Some(start) = property.start {
                self.choices.close(start, before);
            }
            out.insert(property.name.clone(), value);
        }
        for (name, schemas) in extra {
            if !out.contains_key(&name) {
                let value = self.value(&schemas, &at.property(&name), depth + 1);
                out.insert(name, value);
            }
        }
        Value::Object(out)
    }

    /// Every declared or required property, in the schema's order, and whether it is given.
    fn properties(&mut self, facets: &Facets<'s>, at: &Place, depth: usize) -> Vec<Property<'s>> {
        let required: Vec<&str> = facets
            .all("required")
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let declared = facets
            .all("properties")
            .filter_map(Value::as_object)
            .flat_map(Map::keys);
        let mut names: Vec<&str> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for name in declared.map(String::as_str).chain(required.iter().copied()) {
            if seen.insert(name) {
                names.push(name);
            }
        }
        let required: std::collections::HashSet<&str> = required.into_iter().collect();
        let deep = self.deep(depth);
        let mut out = Vec::with_capacity(names.len());
        for name in names {
            let schemas = self.schemas_of(facets, name);
            let closed = schemas.iter().any(|schema| **schema == Value::Bool(false))
                || facets.forbidden.contains(&name);
            let must = required.contains(name);
            if closed {
                if must {
                    self.dead_end(&at.property(name), "it is both required and forbidden");
                }
                continue;
            }
            let start = self.choices.position();
            let place = at.property(name);
            let wanted = self.wanted(&place);
            let given = must || (!deep && self.choices.present(&place, wanted));
            let asked = self.choices.position() > start;
            out.push(Property {
                name: name.to_owned(),
                schemas,
                required: must,
                given,
                start: asked.then_some(start),
            });
        }
        out
    }

    /// Everything that holds for the property `name`.
    fn schemas_of(&self, facets: &Facets<'s>, name: &str) -> Vec<&'s Value> {
        let mut out = Vec::new();
        for part in &facets.parts {
            let own = part.get("properties").and_then(|p| p.get(name));
            let before = out.len();
            out.extend(own);
            if let Some(Value::Object(patterns)) = part.get("patternProperties") {
                let hit = |source: &String| {
                    self.schema
                        .patterns
                        .get(source)
                        .is_some_and(|pattern| pattern.matches(name))
                };
                out.extend(
                    patterns
                        .iter()
                        .filter(|(source, _)| hit(source))
                        .map(|(_, sub)| sub),
                );
            }
            if out.len() == before {
                out.extend(part.get("additionalProperties"));
            }
        }
        out
    }

    /// What a given property brings with it: `dependentRequired`, `dependentSchemas`, `dependencies`.
    fn follow(
        &mut self,
        facets: &mut Facets<'s>,
        properties: &mut Vec<Property<'s>>,
        at: &Place,
        depth: usize,
    ) {
        for _ in 0..4 {
            let mut needed: Vec<&str> = Vec::new();
            let mut added: Vec<&'s Value> = Vec::new();
            for key in ["dependentRequired", "dependentSchemas", "dependencies"] {
                for (name, follows) in facets.all(key).filter_map(Value::as_object).flatten() {
                    if !properties.iter().any(|p| p.given && p.name == *name) {
                        continue;
                    }
                    match follows {
                        Value::Array(names) => {
                            needed.extend(names.iter().filter_map(Value::as_str));
                        }
                        schema if !self.followed.contains(&std::ptr::from_ref(schema)) => {
                            self.followed.push(std::ptr::from_ref(schema));
                            added.push(schema);
                        }
                        _ => {}
                    }
                }
            }
            let mut changed = !added.is_empty();
            if changed {
                let more = self.flatten(&added, at, depth);
                facets.parts.extend(more.parts);
                let known: Vec<(String, bool)> = properties
                    .iter()
                    .map(|p| (p.name.clone(), p.given))
                    .collect();
                *properties = self.properties(facets, at, depth);
                for property in properties.iter_mut() {
                    if let Some((_, given)) = known.iter().find(|(name, _)| *name == property.name)
                    {
                        property.given = *given || property.required;
                    }
                }
            }
            for name in needed {
                match properties.iter_mut().find(|p| p.name == name) {
                    Some(property) => {
                        changed |= !property.given;
                        (property.given, property.required) = (true, true);
                    }
                    None => {
                        changed = true;
                        let schemas = self.schemas_of(facets, name);
                        let name = name.to_owned();
                        properties.push(Property {
                            name,
                            schemas,
                            required: true,
                            given: true,
                            start: None,
                        });
                    }
                }
            }
            if !changed {
                break;
            }
        }
        self.followed.clear();
    }

    /// Properties nobody declared, where the schema is about such.
    fn extra(
        &mut self,
        facets: &Facets<'s>,
        at: &Place,
        depth: usize,
        given: usize,
        min: usize,
        max: usize,
    ) -> Vec<(String, Vec<&'s Value>)> {
        let shaped = facets.all("additionalProperties").any(Value::is_object)
            || facets.has("patternProperties")
            || facets.has("propertyNames");
        let free = !at.as_str().is_empty()
            && !facets.has("properties")
            && facets
                .all("additionalProperties")
                .all(|v| *v != Value::Bool(false));
        let missing = min.saturating_sub(given);
        let wish = if (shaped || free) && !self.deep(depth) {
            self.choices.planned(at, 3, |plan| match plan.nth() {
                0 => 0,
                1 => 1,
                _ => plan.cover(at.as_str(), 3),
            }) as usize
        } else {
            0
        };
        let count = wish.max(missing).min(max.saturating_sub(given));
        let mut out: Vec<(String, Vec<&'s Value>)> = Vec::new();
        for index in 0..count {
            for attempt in 0..8 {
                let Some(name) = self.key(facets, at, index + attempt * count) else {
                    continue;
                };
                let schemas = self.schemas_of(facets, &name);
                let closed = schemas.iter().any(|schema| **schema == Value::Bool(false));
                if !closed && !out.iter().any(|(known, _)| *known == name) {
                    out.push((name, schemas));
                    break;
                }
            }
        }
        out
    }

    /// A name for an undeclared property.
    fn key(&mut self, facets: &Facets<'s>, at: &Place, index: usize) -> Option<String> {
        let names: Vec<&'s Value> = facets.all("propertyNames").collect();
        let bound = |schema: &&Value| match schema {
            Value::Object(map) => map
                .keys()
                .any(|key| !["type", "description"].contains(&key.as_str())),
            _ => false,
        };
        if names.iter().any(bound) {
            let place = at.property("key").item(index);
            return match self.value(&names, &place, 0) {
                Value::String(name) => Some(name),
                _ => None,
            };
        }
        let patterns = facets.all("patternProperties").filter_map(Value::as_object);
        let sources: Vec<&String> = patterns.flat_map(Map::keys).collect();
        if let Some(source) = sources.get(index % sources.len().max(1)) {
            let mark = self.mark(&at.item(index), "key");
            let choices = &mut self.choices;
            let pattern = self.schema.patterns.get(*source)?;
            return (0..8)
                .filter_map(|_| pattern.sample(&mark, 0, &mut |bound| choices.draw(at, bound)))
                .find(|name| pattern.matches(name));
        }
        let stock = if at.name().to_lowercase().contains("header") {
            words::HEADER_KEYS
        } else {
            words::KEYS
        };
        let round = index / stock.len();
        let name = stock[index % stock.len()];
        Some(if round == 0 {
            name.to_owned()
        } else {
            format!("{name}{round}")
        })
    }
}

/// Leaves out what a description says cannot go with another property that is given.
fn keep_apart(properties: &mut [Property<'_>]) {
    const SAYS: &[&str] = &[
        "cannot be used with",
        "can't be used with",
        "cannot be combined with",
        "mutually exclusive with",
        "not together with",
    ];
    for index in 0..properties.len() {
        let property = &properties[index];
        if property.required || !property.given {
            continue;
        }
        let texts = property
            .schemas
            .iter()
            .filter_map(|schema| schema.get("description")?.as_str());
        let conflict = texts.map(str::to_lowercase).any(|text| {
            SAYS.iter()
                .filter_map(|say| text.split_once(say))
                .any(|(_, after)| {
                    let others = properties
                        .iter()
                        .filter(|other| other.name != property.name && other.given);
                    let sentence = after.split(". ").next().unwrap_or(after);
                    let mut words = sentence.split(|c: char| !c.is_alphanumeric() && c != '_');
                    others
                        .into_iter()
                        .any(|other| words.any(|word| word == other.name.to_lowercase()))
                })
        });
        if conflict {
            properties[index].given = false;
        }
    }
}
