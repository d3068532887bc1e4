//! What a request carries, and whether it lacks or misstates what its operation requires.

use super::super::{Request, form};
use super::document::Node;
use super::route::Matched;
use super::shape::{Shape, fits};
use serde_json::{Map, Value};

/// Values of one parameter that are looked at.
const MOST: usize = 1_000;

/// The body's schemas, where the request's media type is declared or looks like JSON.
pub fn body_schema<'d>(operation: &Node<'d>, request: &Request) -> Option<Node<'d>> {
    let content = operation.get("requestBody")?.get("content")?;
    let kind = request.header("content-type").unwrap_or("application/json");
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let wild = |range: &str| match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((main, "*")) => essence.split('/').next() == Some(main),
        _ => false,
    };
    let exact = content.members().find(|(name, _)| {
        let name = name.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case(essence)
    });
    let range = || content.members().find(|(name, _)| wild(name));
    let json = || {
        content
            .members()
            .find(|(name, _)| is_json(name) && is_json(essence))
    };
    let (_, media) = exact.or_else(range).or_else(json)?;
    media.get("schema")
}

/// Whether a media type is JSON's (RFC 6839, section 3.1).
pub fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json") || kind == "text/json"
}

/// The body's value. Fields of forms are text; they become what the schema wants.
pub fn body(operation: &Node<'_>, request: &Request) -> Option<Value> {
    let mut value = form::value(request)?;
    let kind = request.header("content-type").unwrap_or_default();
    if !is_json(kind)
        && let (Value::Object(fields), Some(schema)) = (&mut value, body_schema(operation, request))
    {
        let shape = Shape::of(&[schema]);
        for (name, value) in fields.iter_mut() {
            if let (Some(text), Some(nodes)) = (value.as_str(), shape.property(name)) {
                *value = coerced(text, nodes);
            }
        }
    }
    Some(value)
}

/// A text as what the schemas allow.
pub fn coerced(text: &str, nodes: &[Node<'_>]) -> Value {
    let plain = Value::from(text);
    let shape = Shape::of(nodes);
    if shape.allows("string") && fits(nodes, &plain) {
        return plain;
    }
    let read = serde_json::from_str::<Value>(text).ok();
    read.filter(|value| fits(nodes, value)).unwrap_or(plain)
}

/// What is wrong with a request: the place, for people. None where everything required is there.
pub fn complaint(
    matched: &Matched<'_>,
    item: &Node<'_>,
    operation: &Node<'_>,
    request: &Request,
) -> Option<String> {
    let query = form::query(request);
    for parameter in parameters(item, operation) {
        let (name, place) = (parameter.text("name")?, parameter.text("in")?);
        let required = parameter.value["required"] == true || place == "path";
        let values: Vec<String> = match place {
            "path" => matched
                .params
                .iter()
                .filter(|(n, _)| *n == name)
                .map(|(_, v)| v.clone())
                .collect(),
            "query" => texts(&query, name),
            "header" => request
                .header(&name.to_ascii_lowercase())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            _ => continue,
        };
        // A template's mistake is not the client's.
        if !required || place == "path" && values.is_empty() {
            continue;
        }
        if values.is_empty() {
            let deep =
                place == "query" && query.keys().any(|key| key.starts_with(&format!("{name}[")));
            if deep {
                continue;
            }
            return Some(format!("{name} is missing"));
        }
        if let Some(schema) = parameter.get("schema")
            && !takes(&schema, &values)
        {
            return Some(format!("{name} is invalid"));
        }
    }
    let declared = operation.get("requestBody")?;
    if declared.value["required"] != true {
        return None;
    }
    if request.body.is_empty() {
        return Some("the body is missing".to_owned());
    }
    let schema = body_schema(operation, request)?;
    let kind = request.header("content-type").unwrap_or("application/json");
    let Some(value) = body(operation, request) else {
        let too_long = request.body.len() > form::MAX_BODY;
        return (is_json(kind) && !too_long).then(|| "the body is not JSON".to_owned());
    };
    let place = schema.misfit(&value)?;
    Some(match place.trim_start_matches('/') {
        "" => "the body is invalid".to_owned(),
        place => format!("{} is invalid", place.replace('/', ".")),
    })
}

/// The operation's own and those of its path that it does not replace.
fn parameters<'d>(item: &Node<'d>, operation: &Node<'d>) -> Vec<Node<'d>> {
    let key = |node: &Node<'d>| (node.text("name"), node.text("in"));
    let list = |node: &Node<'d>| {
        node.get("parameters")
            .map_or(Vec::new(), |list| list.items().collect())
    };
    let own: Vec<Node<'d>> = list(operation);
    let mut all: Vec<Node<'d>> = list(item);
    all.retain(|node| own.iter().all(|other| key(other) != key(node)));
    all.extend(own);
    all
}

fn texts(fields: &Map<String, Value>, name: &str) -> Vec<String> {
    let found = fields
        .get(name)
        .or_else(|| fields.get(&format!("{name}[]")));
    match found {
        Some(Value::Array(items)) => items
            .iter()
            .take(MOST)
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Whether the texts are a value of this schema in any of the styles of parameters.
fn takes(schema: &Node<'_>, values: &[String]) -> bool {
    let one = std::slice::from_ref(schema);
    let shape = Shape::of(one);
    if let [value] = values
        && (schema.misfit(&coerced(value, one)).is_none()
            || shape.allows("object") && shape.kind() == Some("object"))
    {
        return true;
    }
    if !shape.allows("array") {
        return false;
    }
    let items = shape.items();
    let split = |separator: char| -> Value {
        let parts = values
            .iter()
            .flat_map(|value| value.split(separator))
            .take(MOST);
        parts.map(|part| coerced(part, &items)).collect()
    };
    [',', '|', ' ']
        .into_iter()
        .any(|separator| schema.misfit(&split(separator)).is_none())
}
