//! References settled beforehand: each leads, whatever it said, to a place in the one document.
//!
//! A `$ref` is read against the nearest `$id`, by pointer or by `$anchor`. Where `$dynamicRef` or
//! `$recursiveRef` leads depends on the way that led to it: for each such way the document gets a
//! copy of what is found there, in which it leads to one place. Nothing outside is ever fetched.

use super::{
    SchemaProblem, budget,
    parts::{REFERENCES, below},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use url::Url;

/// Dialects whose own schema may be referred to without being there.
const META: &[&str] = &["http://json-schema.org/", "https://json-schema.org/"];
/// What a schema is called that says nowhere what it is called.
const UNNAMED: &str = "json-schema:///";
/// Where copies lie, and what stands for a dialect's own schema.
const COPIES: &str = "$copies";
const KNOWN: &str = "$known";
/// What may stand beside a `$ref` that hides the rest.
const SHOWN: &[&str] = &[
    "$comment",
    "$defs",
    "$schema",
    "default",
    "definitions",
    "description",
    "example",
    "examples",
    "title",
];

/// The place in a settled document that `target` leads to.
pub(super) fn follow<'s>(root: &'s Value, target: &str) -> Option<&'s Value> {
    root.pointer(target.strip_prefix('#')?)
}

/// The schemas that `part` of a settled document refers to.
pub(super) fn referred<'s>(
    root: &'s Value,
    part: &'s Map<String, Value>,
) -> impl Iterator<Item = &'s Value> {
    let targets = REFERENCES.iter().filter_map(|key| part.get(*key)?.as_str());
    targets.filter_map(|target| follow(root, target))
}

/// `root` with every reference as `#` and a JSON pointer, undecorated. With `alone`, a `$ref` hides
/// what stands beside it, as it did up to draft-07.
pub(super) fn settle(root: &Value, alone: bool) -> Result<Value, SchemaProblem> {
    let mut document = Document {
        root,
        alone,
        resources: Vec::new(),
        addresses: HashMap::new(),
        anchors: HashMap::new(),
        nodes: BTreeMap::new(),
        moving: BTreeMap::new(),
        waiting: Vec::new(),
        found: BTreeMap::new(),
        known: false,
    };
    document.read(String::new(), None)?;
    while let Some((place, keyword, target)) = document.waiting.pop() {
        let found = document.find(&place, keyword, &target)?;
        document.found.insert((place, keyword), found);
    }
    document.few_ways()?;
    Ok(document.written())
}

/// A schema with an `$id`, or the whole document.
struct Resource {
    pointer: String,
    base: Option<Url>,
    within: Option<usize>,
}

/// Where a reference leads.
#[derive(Clone, Debug)]
enum Found {
    Place(String),
    /// To the outermost schema on the way that has this dynamic name; to the place if none has.
    Moving(String, String),
    /// A dialect's own schema.
    Known,
    /// Some part of a dialect's own schema: any value will do.
    Anything,
}

/// Which resource's schema a dynamic name stands for, on one way through the document.
type Bound = BTreeMap<String, usize>;

struct Document<'s> {
    root: &'s Value,
    alone: bool,
    resources: Vec<Resource>,
    /// Where the resource of an address is, and which place in it an anchor names.
    addresses: HashMap<String, usize>,
    anchors: HashMap<(usize, String), String>,
    /// The pointer of each schema, and in which resource it lies.
    nodes: BTreeMap<String, usize>,
    /// Dynamic names, and where each resource has them; `$recursiveAnchor` is the empty name.
    moving: BTreeMap<String, BTreeMap<usize, String>>,
    waiting: Vec<(String, &'static str, String)>,
    found: BTreeMap<(String, &'static str), Found>,
    known: bool,
}

impl<'s> Document<'s> {
    /// Reads the schema at `pointer` and those below it.
    fn read(&mut self, pointer: String, within: Option<usize>) -> Result<(), SchemaProblem> {
        let Some(schema) = self.root.pointer(&pointer) else {
            return Ok(());
        };
        let mut stack = vec![(pointer, schema, within)];
        while let Some((pointer, schema, within)) = stack.pop() {
            if self.nodes.len() > budget::SCHEMA_NODES {
                return Err(SchemaProblem::TooLarge {
                    place: format!("#{pointer}"),
                    limit: budget::SCHEMA_NODES,
                    unit: "subschemas",
                });
            }
            let Value::Object(map) = schema else {
                self.nodes.insert(pointer, within.unwrap_or(0));
                continue;
            };
            let resource = self.named_by(map, &pointer, within);
            for keyword in REFERENCES {
                if let Some(target) = map.get(keyword).and_then(Value::as_str) {
                    self.waiting
                        .push((pointer.clone(), keyword, target.to_owned()));
                }
            }
            let below = below(map, &pointer).into_iter();
            stack.extend(below.map(|(pointer, sub)| (pointer, sub, Some(resource))));
            self.nodes.insert(pointer, resource);
        }
        Ok(())
    }

    /// Remembers the names that `map` gives itself; the resource that it lies in.
    fn named_by(
        &mut self,
        map: &Map<String, Value>,
        pointer: &str,
        within: Option<usize>,
    ) -> usize {
        let text = |key| map.get(key).and_then(Value::as_str);
        let hidden = self.alone && map.contains_key("$ref");
        let id = text("$id").filter(|_| !hidden);
        let old_anchor = id
            .and_then(|id| id.strip_prefix('#'))
            .filter(|name| !name.is_empty());
        let id = id.filter(|id| !id.starts_with('#'));
        let resource = match (within, id) {
            (Some(within), None) => within,
            _ => {
                let above = within.and_then(|within| self.resources[within].base.clone());
                let above = above.or_else(|| Url::parse(UNNAMED).ok());
                let base = match id {
                    Some(id) => above.as_ref().and_then(|above| above.join(id).ok()),
                    None => above,
                };
                let base = base.filter(|base| base.as_str().len() <= budget::ADDRESS);
                if let Some(base) = &base {
                    let next = self.resources.len();
                    self.addresses.entry(address(base)).or_insert(next);
                }
                self.resources.push(Resource {
                    pointer: pointer.to_owned(),
                    base,
                    within,
                });
                self.resources.len() - 1
            }
        };
        let dynamic = text("$dynamicAnchor");
        let names = [text("$anchor"), dynamic, old_anchor];
        for name in names.into_iter().flatten() {
            let name = (resource, name.to_owned());
            self.anchors
                .entry(name)
                .or_insert_with(|| pointer.to_owned());
        }
        let recursive = map.get("$recursiveAnchor") == Some(&Value::Bool(true));
        let recursive = (recursive && self.resources[resource].pointer == pointer).then_some("");
        for name in dynamic.into_iter().chain(recursive) {
            let holders = self.moving.entry(name.to_owned()).or_default();
            holders.insert(resource, pointer.to_owned());
        }
        resource
    }

    fn find(
        &mut self,
        place: &str,
        keyword: &'static str,
        target: &str,
    ) -> Result<Found, SchemaProblem> {
        let here = || (format!("#{place}/{keyword}"), target.to_owned());
        let outside = || {
            let (place, target) = here();
            SchemaProblem::Outside { place, target }
        };
        let dangling = || {
            let (place, target) = here();
            SchemaProblem::Dangling { place, target }
        };
        let (_, fragment) = target.split_once('#').unwrap_or((target, ""));
        let base = &self.resources[self.nodes[place]].base;
        let url = base.as_ref().and_then(|base| base.join(target).ok());
        let address = address(&url.ok_or_else(outside)?);
        let Some(resource) = self.addresses.get(&address).copied() else {
            if !META.iter().any(|meta| address.starts_with(meta)) {
                return Err(outside());
            }
            self.known = true;
            return Ok(if fragment.is_empty() {
                Found::Known
            } else {
                Found::Anything
            });
        };
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        let pointer = if fragment.is_empty() || fragment.starts_with('/') {
            format!("{}{fragment}", self.resources[resource].pointer)
        } else {
            let name = (resource, fragment.clone().into_owned());
            self.anchors.get(&name).ok_or_else(dangling)?.clone()
        };
        if !matches!(
            self.root.pointer(&pointer),
            Some(Value::Object(_) | Value::Bool(_))
        ) {
            return Err(dangling());
        }
        if !self.nodes.contains_key(&pointer) {
            // Below a keyword that no dialect knows: a schema all the same, as it is referred to.
            let within = super::place::pointer_ancestors(&pointer)
                .find_map(|above| self.nodes.get(above).copied());
            self.read(pointer.clone(), within)?;
        }
        let name = match keyword {
            "$dynamicRef" => Some(fragment.as_ref()),
            "$recursiveRef" => Some(""),
            _ => None,
        };
        let holder = |name: &&str| {
            let holders = self.moving.get(*name)?;
            holders
                .get(self.nodes.get(&pointer)?)
                .filter(|at| **at == pointer)
        };
        match name.filter(|name| holder(name).is_some()) {
            Some(name) => Ok(Found::Moving(name.to_owned(), pointer)),
            None => Ok(Found::Place(pointer)),
        }
    }

    /// What a dynamic reference means depends on the resources on the way to it, so that who checks
    /// a value goes each way by itself: that there are few of them.
    fn few_ways(&self) -> Result<(), SchemaProblem> {
        let mut leads: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.resources.len()];
        for (index, resource) in self.resources.iter().enumerate() {
            let Some(within) = resource.within else {
                continue;
            };
            // What is only kept there is led to by those who refer to it.
            let step = &resource.pointer[self.resources[within].pointer.len()..];
            let kept = ["/$defs/", "/definitions/"];
            if !kept.iter().any(|keyword| step.starts_with(keyword)) {
                leads[within].insert(index);
            }
        }
        for ((place, _), found) in &self.found {
            let from = self.nodes[place];
            if let Found::Place(to) | Found::Moving(_, to) = found {
                leads[from].insert(self.nodes[to]);
            }
            if let Found::Moving(name, _) = found {
                leads[from].extend(self.moving[name].keys());
            }
        }
        let mut ways = 0;
        let mut open = vec![vec![0]];
        while let Some(way) = open.pop() {
            ways += 1;
            if ways + open.len() > budget::WAYS {
                return Err(SchemaProblem::TooLarge {
                    place: "#".to_owned(),
                    limit: budget::WAYS,
                    unit: "ways through its resources",
                });
            }
            let last = way.last().copied().unwrap_or_default();
            for next in leads[last].iter().filter(|next| !way.contains(*next)) {
                open.push([way.as_slice(), &[*next]].concat());
            }
        }
        Ok(())
    }

    /// The document with all its references as they were found, and the copies that they need.
    fn written(self) -> Value {
        let mut out = self.root.clone();
        // A name that one resource alone has always leads there.
        let several: BTreeSet<&String> = self
            .moving
            .iter()
            .filter(|(_, holders)| holders.len() > 1)
            .map(|(name, _)| name)
            .take(budget::MOVING)
            .collect();
        let mut left = budget::SCHEMA_NODES;
        let entered = |mut bound: Bound, resource: usize| {
            for name in &several {
                if self.moving[*name].contains_key(&resource) {
                    bound.entry((*name).clone()).or_insert(resource);
                }
            }
            bound
        };
        let mut copies: Vec<(usize, Bound, String)> =
            vec![(0, entered(Bound::new(), 0), String::new())];
        let mut made: HashMap<(usize, Bound), String> = HashMap::new();
        let mut next = 0;
        while let Some((from, bound, to)) = copies.get(next).cloned() {
            next += 1;
            let start = &self.resources[from].pointer;
            if !to.is_empty() {
                let copy = self.root.pointer(start).cloned().unwrap_or_default();
                if let Some(copies) = out[COPIES].as_array_mut() {
                    copies.push(copy);
                }
            }
            // What is bound in each resource that lies in this one.
            let mut inside: BTreeMap<usize, Bound> = BTreeMap::from([(from, bound)]);
            for (index, resource) in self.resources.iter().enumerate().skip(from + 1) {
                let above = resource
                    .within
                    .and_then(|within| inside.get(&within))
                    .cloned();
                if let Some(above) = above.filter(|_| lies_in(&resource.pointer, start)) {
                    inside.insert(index, entered(above, index));
                }
            }
            for (resource, bound) in &inside {
                let at = format!("{to}{}", &self.resources[*resource].pointer[start.len()..]);
                made.entry((*resource, bound.clone())).or_insert(at);
            }
            let found = self
                .found
                .iter()
                .filter(|((place, _), _)| lies_in(place, start));
            for ((place, keyword), found) in found {
                let Some(bound) = self.nodes.get(place).and_then(|r| inside.get(r)) else {
                    continue;
                };
                let target = match found {
                    Found::Place(pointer) => Some(pointer),
                    Found::Moving(name, pointer) => {
                        let moved = bound.get(name).and_then(|r| self.moving.get(name)?.get(r));
                        Some(moved.unwrap_or(pointer))
                    }
                    Found::Known | Found::Anything => None,
                };
                let target = target.map(|pointer| {
                    let resource = self.nodes[pointer];
                    let bound = entered(bound.clone(), resource);
                    let start = &self.resources[resource].pointer;
                    let rest = &pointer[start.len()..];
                    let at = made.entry((resource, bound.clone())).or_insert_with(|| {
                        let nodes = self.nodes.keys().filter(|place| lies_in(place, start));
                        let size = nodes.take(left + 1).count();
                        if copies.len() > budget::COPIES || size > left {
                            return start.clone();
                        }
                        left -= size;
                        if copies.len() == 1 {
                            out[COPIES] = json!([]);
                        }
                        let to = format!("/{COPIES}/{}", copies.len() - 1);
                        copies.push((resource, bound, to.clone()));
                        to
                    });
                    format!("#{at}{rest}")
                });
                let target = match found {
                    Found::Known => Some(format!("#/{KNOWN}")),
                    _ => target,
                };
                let at = format!("{to}{}", &place[start.len()..]);
                let Some(Value::Object(map)) = out.pointer_mut(&at) else {
                    continue;
                };
                match target {
                    Some(target) => map.insert((*keyword).to_owned(), Value::from(target)),
                    None => map.shift_remove(*keyword),
                };
                if self.alone && *keyword == "$ref" {
                    map.retain(|key, _| key == keyword || SHOWN.contains(&key.as_str()));
                }
            }
        }
        if self.known {
            out[KNOWN] = json!({ "enum": [
                { "type": "string" },
                { "type": "object", "properties": { "name": { "type": "string" } } },
                {},
            ] });
        }
        out
    }
}

/// Without its fragment.
fn address(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    url.into()
}

fn lies_in(pointer: &str, start: &str) -> bool {
    pointer
        .strip_prefix(start)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the reference at `place` leads.
    fn settled(root: &Value, place: &str) -> Value {
        let settled = settle(root, false).unwrap();
        let target = settled.pointer(place).unwrap().as_str().unwrap();
        follow(&settled, target).unwrap().clone()
    }

    #[test]
    fn references_stay_in_the_document() {
        let root = |target: &str| {
            json!({
                "$id": "https://schemas.example/tool.json",
                "$defs": {"a/b": {"$id": "item.json", "type": "string"}, "c": {"$anchor": "here"}},
                "properties": {"x": {"$ref": target}},
            })
        };
        let place = "/properties/x/$ref";
        for target in [
            "#/$defs/a~1b",
            "#/%24defs/a~1b",
            "item.json",
            "https://schemas.example/item.json#",
        ] {
            assert_eq!(settled(&root(target), place)["type"], "string", "{target}");
        }
        assert_eq!(settled(&root("#here"), place)["$anchor"], "here");
        let whole = settled(&root("#"), place);
        assert_eq!(whole["$id"], "https://schemas.example/tool.json");
        let known = settled(&root("http://json-schema.org/draft-07/schema#"), place);
        assert!(known["enum"].is_array());
        let problem = |target: &str| settle(&root(target), false).unwrap_err();
        let at = || "#/properties/x/$ref".to_owned();
        for target in ["https://other.example/x", "file:///etc/passwd"] {
            let (place, target) = (at(), target.to_owned());
            assert_eq!(problem(&target), SchemaProblem::Outside { place, target });
        }
        for target in ["#/$defs/d", "#there"] {
            let (place, target) = (at(), target.to_owned());
            assert_eq!(problem(&target), SchemaProblem::Dangling { place, target });
        }
    }

    #[test]
    fn the_nearest_name_is_what_a_reference_is_read_against() {
        let root = json!({
            "properties": {"x": {
                "$id": "https://schemas.example/inner/",
                "$defs": {"a": {"const": "inner"}},
                "properties": {"y": {"$ref": "#/$defs/a"}, "z": {"$ref": "leaf"}},
                "items": {"$id": "leaf", "const": "leaf"},
            }},
            "$defs": {"a": {"const": "outer"}},
        });
        let at = |name: &str| settled(&root, &format!("/properties/x/properties/{name}/$ref"));
        assert_eq!(at("y")["const"], "inner");
        assert_eq!(at("z")["const"], "leaf");
    }

    #[test]
    fn what_moves_leads_to_the_outermost_on_the_way() {
        let list = json!({
            "$id": "list", "items": {"$dynamicRef": "#item"},
            "$defs": {"any": {"$dynamicAnchor": "item", "const": "any"}},
        });
        let of = |id: &str| {
            json!({
                "$id": id, "$ref": "list",
                "$defs": {"own": {"$dynamicAnchor": "item", "const": id}},
            })
        };
        let root = json!({
            "$defs": {"list": list},
            "properties": {"a": of("a"), "b": of("b"), "c": {"$ref": "list"}},
        });
        let settled = settle(&root, false).unwrap();
        let at = |name: &str| {
            let list = &settled["properties"][name]["$ref"];
            let list = follow(&settled, list.as_str().unwrap()).unwrap();
            let item = list["items"]["$dynamicRef"].as_str().unwrap();
            follow(&settled, item).unwrap()["const"].clone()
        };
        assert_eq!([at("a"), at("b"), at("c")], ["a", "b", "any"]);
    }

    #[test]
    fn ways_that_multiply_end() {
        let resource = |n: usize| {
            let others = (0..12).map(|m| json!({"$ref": format!("r{m}")}));
            let names: Map<String, Value> = (0..12)
                .filter(|m| m % 3 == n % 3)
                .map(|m| (format!("d{m}"), json!({"$dynamicAnchor": format!("n{m}")})))
                .collect();
            json!({"$id": format!("r{n}"), "anyOf": others.collect::<Vec<_>>(), "$defs": names})
        };
        let root = json!({"$ref": "r0", "$defs": (0..12).map(|n| (n.to_string(), resource(n))).collect::<Map<_, _>>()});
        let refused = settle(&root, false).unwrap_err();
        assert!(
            matches!(refused, SchemaProblem::TooLarge { .. }),
            "{refused}"
        );
        // Many resources that lead to few others are what bundlers write.
        let chain =
            |n: usize| json!({"$id": format!("r{n}"), "items": {"$ref": format!("r{}", n + 1)}});
        let bundled: Map<_, _> = (0..200).map(|n| (n.to_string(), chain(n))).collect();
        let mut root = json!({"$ref": "r0", "$defs": bundled});
        root["$defs"]["200"] = json!({"$id": "r200"});
        assert!(settle(&root, false).is_ok());
    }
}
