//! Things and lists of them: where they stand in a response, what tells them apart, and how what
//! a request said of them gets into what is answered.

use super::super::made::Made;
use super::document::Node;
use super::request::coerced;
use super::shape::{Shape, fits};
use super::value::Maker;
use serde_json::{Map, Value};

/// Properties that hold a list or a thing where a response is an envelope.
const ENVELOPES: [&str; 8] = [
    "data", "items", "results", "values", "records", "entries", "list", "rows",
];
const ENVELOPE_OF_ONE: [&str; 5] = ["data", "result", "item", "record", "payload"];
/// Properties that tell things apart where nothing better does.
const KEYS: [&str; 9] = [
    "id", "uuid", "_id", "sid", "key", "slug", "number", "code", "name",
];
/// How deep what was sent is laid over what is answered.
const DEPTH: usize = 16;

/// One thing: its collection and its name there.
#[derive(Clone, Debug)]
pub struct Thing {
    pub collection: String,
    pub id: String,
}

/// Where a list stands in a response.
pub struct ListPlace<'d> {
    /// The property; none where the response is the list.
    pub property: Option<&'d str>,
    pub items: Vec<Node<'d>>,
}

/// The list in a response to a request for a collection.
pub fn list_place<'d>(schema: &Node<'d>, noun: &str) -> Option<ListPlace<'d>> {
    let shape = shape_of(schema);
    if shape.kind() == Some("array") {
        let items = shape.items();
        return Some(ListPlace {
            property: None,
            items,
        });
    }
    let lists: Vec<(&'d str, Vec<Node<'d>>)> = shape
        .properties
        .iter()
        .filter_map(|(name, nodes)| {
            let inner = Shape::of(nodes);
            (inner.kind() == Some("array")).then(|| (*name, inner.items()))
        })
        .collect();
    let named = |name: &&str| {
        name.eq_ignore_ascii_case(noun) || ENVELOPES.contains(&name.to_ascii_lowercase().as_str())
    };
    // Lists of texts are properties of a thing more often than the things themselves.
    let of_objects = |items: &[Node<'d>]| Shape::of(items).kind() == Some("object");
    let best = lists.iter().find(|(name, _)| named(name)).or_else(|| {
        lists
            .iter()
            .find(|(_, items)| of_objects(items) && shape.property("id").is_none())
    })?;
    Some(ListPlace {
        property: Some(best.0),
        items: best.1.clone(),
    })
}

/// The property in which a response holds the one thing it is about; none where it is the thing.
pub fn thing_place<'d>(
    schema: &Node<'d>,
    param: Option<&str>,
    noun: &str,
    sent: &Map<String, Value>,
) -> Option<&'d str> {
    let shape = shape_of(schema);
    let known = |shape: &Shape<'_>| sent.keys().any(|name| shape.property(name).is_some());
    if key_of(&shape, param).is_some() || known(&shape) {
        return None;
    }
    let singular = noun.strip_suffix('s').unwrap_or(noun);
    let objects = shape
        .properties
        .iter()
        .filter(|(_, nodes)| Shape::of(nodes).kind() == Some("object"));
    let named = |name: &str| {
        name.eq_ignore_ascii_case(singular)
            || ENVELOPE_OF_ONE.contains(&name.to_ascii_lowercase().as_str())
    };
    let objects: Vec<_> = objects.collect();
    let found = objects.iter().find(|(name, _)| named(name)).or_else(|| {
        let mut objects = objects.iter();
        objects.find(|(_, nodes)| key_of(&Shape::of(nodes), param).is_some())
    });
    found.map(|(name, _)| *name)
}

/// The shape of a response; of alternatives, the first.
pub fn shape_of<'d>(schema: &Node<'d>) -> Shape<'d> {
    let shape = Shape::of(std::slice::from_ref(schema));
    let first = shape
        .choices
        .first()
        .and_then(|choice| choice.schemas.first());
    match first {
        Some(first) if shape.properties.is_empty() => Shape::of(&[schema.clone(), first.clone()]),
        _ => shape,
    }
}

/// The property that tells the things of a shape apart: that of the path's parameter, or one of
/// the usual names.
pub fn key_of<'d>(shape: &Shape<'d>, param: Option<&str>) -> Option<&'d str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let scalar = |nodes: &[Node<'_>]| {
        let shape = Shape::of(nodes);
        ["string", "integer"].iter().any(|kind| shape.allows(kind))
            && !matches!(shape.kind(), Some("object" | "array"))
    };
    let mut candidates = shape.properties.iter().filter(|(_, nodes)| scalar(nodes));
    if let Some(param) = param.map(plain) {
        let same = candidates.clone().find(|(name, _)| plain(name) == param);
        // `issue_number` is an issue's `number`.
        let rest = || {
            let ends = |name: &str| plain(name).len() > 1 && param.ends_with(&plain(name));
            candidates
                .clone()
                .find(|(name, _)| KEYS.contains(&name.to_ascii_lowercase().as_str()) && ends(name))
        };
        if let Some((name, _)) = same.or_else(rest) {
            return Some(name);
        }
    }
    let usual = KEYS
        .iter()
        .take(if param.is_some() { KEYS.len() } else { 4 });
    let found = usual.filter_map(|key| {
        candidates
            .clone()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
    });
    found.map(|(name, _)| *name).next().or_else(|| {
        let mut ids = candidates
            .by_ref()
            .filter(|(name, _)| super::text::is_id(name));
        param?;
        ids.next().map(|(name, _)| *name)
    })
}

/// A name for a new thing, of the form that its key has.
pub fn new_id(items: &[Node<'_>], param: Option<&str>, made: &Made) -> String {
    let shape = with_choice(items);
    let key = key_of(&shape, param);
    let nodes = key.and_then(|key| shape.property(key)).unwrap_or_default();
    let name = key.filter(|key| *key != "name").unwrap_or("id");
    match Maker::new(false).value(nodes, name, made) {
        Value::String(text) if !text.is_empty() => text,
        Value::Number(number) => number.to_string(),
        _ => made.token("id"),
    }
}

/// The thing as the schemas want it: what was sent for it and what the path says stand in place
/// of what is made up.
pub fn thing(
    items: &[Node<'_>],
    thing: &Thing,
    param: Option<&str>,
    known: &Known<'_>,
    base: Option<&Value>,
    made: &Made,
) -> Value {
    let made = made.part(&thing.collection).part(&thing.id);
    let mut value = match base {
        Some(base) => base.clone(),
        None => Maker::new(false).value(items, "", &made),
    };
    let Value::Object(map) = &mut value else {
        return value;
    };
    let shape = with_choice(items);
    lay(&shape, map, known.sent, 0);
    for (name, text) in known.params {
        if let Some(nodes) = shape.property(name) {
            set(map, name, coerced(text, nodes), nodes);
        }
    }
    if let Some(key) = key_of(&shape, param)
        && let Some(nodes) = shape.property(key)
    {
        set(map, key, coerced(&thing.id, nodes), nodes);
    }
    value
}

/// What requests said of a thing.
pub struct Known<'a> {
    pub sent: &'a Map<String, Value>,
    pub params: &'a [(&'a str, String)],
}

/// The shape of these schemas, with the first of each choice taken in: what its properties are
/// called is then known.
fn with_choice<'d>(items: &[Node<'d>]) -> Shape<'d> {
    let shape = Shape::of(items);
    let firsts = shape
        .choices
        .iter()
        .filter_map(|choice| choice.schemas.first().cloned());
    let mut all = items.to_vec();
    all.extend(firsts);
    if all.len() == items.len() {
        shape
    } else {
        Shape::of(&all)
    }
}

/// Lays over a value what was sent and what its schemas know and allow.
fn lay(shape: &Shape<'_>, map: &mut Map<String, Value>, sent: &Map<String, Value>, depth: usize) {
    for (name, value) in sent {
        let Some(nodes) = shape.property(name) else {
            continue;
        };
        if nodes
            .iter()
            .any(|node| node.value["writeOnly"] == true || node.value["readOnly"] == true)
        {
            continue;
        }
        match (map.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(sent))
                if depth < DEPTH && !fits(nodes, value) =>
            {
                lay(&with_choice(nodes), inner, sent, depth + 1);
            }
            _ => set(map, name, value.clone(), nodes),
        }
    }
}

fn set(map: &mut Map<String, Value>, name: &str, value: Value, nodes: &[Node<'_>]) {
    if fits(nodes, &value) {
        map.insert(name.to_owned(), value);
    }
}

/// Tells a list's length where the envelope has a place for it.
pub fn count(shape: &Shape<'_>, map: &mut Map<String, Value>, len: usize) {
    for (name, nodes) in &shape.properties {
        let plain = name.replace('_', "").to_ascii_lowercase();
        if [
            "total",
            "totalcount",
            "count",
            "totalitems",
            "totalresults",
            "size",
        ]
        .contains(&plain.as_str())
        {
            set(map, name, len.into(), nodes);
        }
    }
}
