//! Taking bodies apart by what they are: JSON (also inside strings), forms, multipart, text by
//! the line, bytes by their hash.

use super::named::Named;
use super::{Dissected, MAX_LEAVES, Weight};
use crate::effect::Body;
use serde_json::Value;

/// JSON strings inside JSON strings that are opened.
const DEPTH: u8 = 3;
/// Lines of one text that are leaves of their own.
pub const MAX_LINES: usize = 500;

/// Adds the leaves of a body of the given media type (parameters included) under `place`.
pub fn body(parts: &mut Dissected, place: &str, media_type: &str, body: &Body) {
    if body.is_empty() {
        return;
    }
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let Ok(text) = std::str::from_utf8(&body.kept) else {
        return bytes(parts, place, body);
    };
    if essence == "application/x-www-form-urlencoded" {
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            string(parts, &format!("{place}.{name}"), &value, DEPTH);
        }
    } else if let Some(boundary) = boundary(media_type) {
        multipart(parts, place, text, boundary);
    } else if !body.is_whole() {
        lines(parts, place, text);
        parts.plain(format!("{place} (cut)"), "longer than what is kept");
    } else {
        string(parts, place, text, DEPTH);
    }
}

/// A value that a protocol holds as text.
pub fn value(parts: &mut Dissected, place: &str, text: &str) {
    string(parts, place, text, DEPTH);
}

/// A string that may itself be JSON, or one JSON text a line.
pub fn string(parts: &mut Dissected, place: &str, text: &str, depth: u8) {
    let trimmed = text.trim_start();
    if depth > 0 && trimmed.starts_with(['{', '[']) {
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            return json(parts, place, &value, depth - 1);
        }
        let rows: Result<Vec<Value>, _> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(serde_json::from_str)
            .collect();
        if let Ok(rows) = rows {
            for row in &rows {
                json(parts, &format!("{place}[]"), row, depth - 1);
            }
            return;
        }
    }
    lines(parts, place, text);
}

/// Every scalar of a JSON value.
pub fn json(parts: &mut Dissected, place: &str, value: &Value, depth: u8) {
    if parts.leaves.len() > MAX_LEAVES {
        return;
    }
    match value {
        Value::Null => parts.plain(place, "null"),
        Value::Bool(b) => parts.plain(place, b.to_string()),
        Value::Number(n) => parts.plain(place, n.to_string()),
        Value::String(text) => string(parts, place, text, depth),
        Value::Array(items) if items.is_empty() => parts.plain(place, "[]"),
        Value::Array(items) => {
            let place = format!("{place}[]");
            for item in items {
                match Named::read(item) {
                    Some(named) => named_value(parts, &place, &named, depth),
                    None => json(parts, &place, item, depth),
                }
            }
        }
        Value::Object(map) if map.is_empty() => parts.plain(place, "{}"),
        Value::Object(map) => {
            for (key, item) in map {
                json(parts, &format!("{place}.{key}"), item, depth);
            }
        }
    }
}

/// A member of a list that has a name of its own: the value goes by it.
fn named_value(parts: &mut Dissected, list: &str, named: &Named, depth: u8) {
    parts.leaves.push(super::Leaf {
        place: format!("{list}.{}", named.key),
        label: None,
        value: named.label.to_owned(),
        weight: Weight::Label,
    });
    let from = parts.leaves.len();
    json(parts, list, named.value, depth);
    // A value that is JSON itself has places below this one, and names there.
    let own = |place: &str| place.trim_end_matches("[]") == list.trim_end_matches("[]");
    for leaf in &mut parts.leaves[from..] {
        if own(&leaf.place) && leaf.label.is_none() {
            leaf.label = Some(named.label.to_owned());
        }
    }
    for (key, other) in &named.others {
        json(parts, &format!("{list}.{key}"), other, depth);
    }
}

/// Text by the line: a line that was added or altered is then a difference of its own.
pub fn lines(parts: &mut Dissected, place: &str, text: &str) {
    let mut rest = text.lines();
    let mut any = false;
    for line in rest
        .by_ref()
        .take(MAX_LINES)
        .filter(|line| !line.is_empty())
    {
        any = true;
        parts.leaf(place, line);
    }
    let more = rest.count();
    if more > 0 {
        parts.plain(format!("{place} (cut)"), format!("{more} more lines"));
    } else if !any {
        parts.plain(place, "");
    }
}

/// Bytes that are no text: their hash identifies them, and what is readable in them is searched.
fn bytes(parts: &mut Dissected, place: &str, body: &Body) {
    parts.leaf(place, format!("{} bytes, sha256 {}", body.len, body.sha256));
    let mut run = String::new();
    let mut runs = 0;
    for byte in body.kept.iter().copied().chain([0]) {
        if (0x20..0x7f).contains(&byte) {
            run.push(char::from(byte));
        } else if run.len() >= 8 && runs < MAX_LINES {
            runs += 1;
            parts.leaves.push(super::Leaf {
                place: format!("{place} text"),
                label: None,
                value: std::mem::take(&mut run),
                weight: Weight::ConfidentialOnly,
            });
        } else {
            run.clear();
        }
    }
}

/// The boundary parameter of a multipart type (RFC 2046, section 5.1.1).
fn boundary(media_type: &str) -> Option<&str> {
    let rest = media_type.trim_start();
    if !rest.get(..10)?.eq_ignore_ascii_case("multipart/") {
        return None;
    }
    let at = rest.to_ascii_lowercase().find("boundary=")? + 9;
    let value = rest[at..].trim_start_matches('"');
    Some(value.split(['"', ';']).next().unwrap_or(value).trim())
}

/// RFC 7578: each part is named by its disposition.
fn multipart(parts: &mut Dissected, place: &str, text: &str, boundary: &str) {
    for section in text.split(&format!("--{boundary}")).skip(1) {
        let section = section.trim_start_matches("\r\n");
        if section.starts_with("--") {
            break;
        }
        let Some((head, content)) = section
            .split_once("\r\n\r\n")
            .or(section.split_once("\n\n"))
        else {
            continue;
        };
        let parameter = |name: &str| {
            let at = head.find(&format!(" {name}=\""))? + name.len() + 3;
            head[at..].split('"').next()
        };
        let place = format!("{place}.{}", parameter("name").unwrap_or("(unnamed)"));
        if let Some(file) = parameter("filename") {
            parts.leaf(format!("{place} filename"), file);
        }
        string(parts, &place, content.trim_end_matches("\r\n"), DEPTH);
    }
}
