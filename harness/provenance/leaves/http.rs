//! An HTTP request: method, scheme, host and path are the operation; query, headers and body
//! are its values.

use super::{Dissected, Piece, destination, text};
use crate::effect::Http;
use crate::provenance::json_leaves;
use percent_encoding::percent_decode_str;

/// Header fields that follow from the rest of the message or from the connection (RFC 9110,
/// section 7.6.1; RFC 9112, section 6): they carry no value of their own. `host` is compared as
/// the authority.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
];

/// Whether a header carries no value of its own.
pub fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name) || name.starts_with(':')
}

pub fn dissect(request: &Http) -> Dissected {
    let default_port = if request.scheme == "https" { 443 } else { 80 };
    let host = destination(&request.peer, &[default_port]);
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let operation = vec![
        Piece::Fixed(format!("http {} ", request.method)),
        Piece::Url {
            scheme: request.scheme.clone(),
            host: host.clone(),
            path: path.trim_start_matches('/').to_owned(),
        },
    ];
    let mut parts = Dissected {
        operation,
        host: Some(host.clone()),
        ..Dissected::default()
    };
    let claimed = request
        .authority
        .trim_end_matches(&format!(":{default_port}"));
    if !claimed.is_empty() && claimed != host {
        // Domain fronting: the name in the request is not the one that was looked up.
        parts.leaf("authority", claimed);
    }
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        text::string(&mut parts, &format!("query.{name}"), &value, 1);
    }
    let mut media_type = "";
    for (name, value) in &request.headers {
        match name.as_str() {
            name if is_framing(name) => {}
            "content-type" => {
                media_type = value;
                parts.leaf("header content-type", without_boundary(value));
            }
            "cookie" => {
                for pair in value.split(';') {
                    let (key, value) = pair.trim().split_once('=').unwrap_or((pair.trim(), ""));
                    parts.leaf(format!("header cookie.{key}"), value);
                }
            }
            name => parts.leaf(format!("header {name}"), value.as_str()),
        }
    }
    text::body(&mut parts, "body", media_type, &request.body);
    parts
}

/// Leaves of the reply: JSON by field, other text as a whole, and telling headers.
pub fn learnt(request: &Http) -> Vec<(String, String)> {
    let reply = &request.reply;
    let mut found: Vec<(String, String)> = match serde_json::from_slice(&reply.body.kept) {
        Ok(value) => json_leaves(&value),
        Err(_) => vec![("body".to_owned(), reply.body.text().into_owned())],
    };
    for (name, value) in &reply.headers {
        if !matches!(name.as_str(), "date" | "content-type" | "content-length") {
            found.push((format!("header {name}"), value.clone()));
        }
    }
    found
}

fn without_boundary(value: &str) -> String {
    value
        .split(';')
        .filter(|parameter| {
            !parameter
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("boundary=")
        })
        .collect::<Vec<_>>()
        .join(";")
}

/// A path segment as text, for explaining it.
pub fn segment(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}
