//! JSON-RPC 2.0 messages: ours as text, theirs from values. Reads leniently and says what was
//! wrong, because hosts differ in what they let pass.

use serde_json::{Map, Value};

/// <https://www.jsonrpc.org/specification#error_object>
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

pub(super) enum Message {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Answer {
        id: Value,
        outcome: Outcome,
    },
    /// None of these.
    Other,
}

pub(super) enum Outcome {
    Result(Value),
    Error(Value),
}

/// What a message is, and the names of what is wrong with it.
pub(super) fn classify(value: Value) -> (Message, Vec<&'static str>) {
    let mut wrong = Vec::new();
    let Value::Object(mut map) = value else {
        return (Message::Other, vec!["not-json-rpc"]);
    };
    if map.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        wrong.push("not-json-rpc");
    }
    let id = map.remove("id");
    if let Some(Value::String(method)) = map.remove("method") {
        let params = map.remove("params").unwrap_or_default();
        return match id {
            None => (Message::Notification { method, params }, wrong),
            Some(id) if is_id(&id) => (Message::Request { id, method, params }, wrong),
            // Nothing can be answered under such an id, so it is heard like a notification.
            Some(_) => {
                wrong.push("id-type");
                (Message::Notification { method, params }, wrong)
            }
        };
    }
    let outcome = match (map.remove("result"), map.remove("error")) {
        (None, None) => {
            return (Message::Other, vec!["not-json-rpc"]);
        }
        (Some(result), None) => Outcome::Result(result),
        (None, Some(error)) => Outcome::Error(error),
        (Some(_), Some(error)) => {
            wrong.push("result-and-error");
            Outcome::Error(error)
        }
    };
    let id = id.unwrap_or_default();
    (Message::Answer { id, outcome }, wrong)
}

fn is_id(value: &Value) -> bool {
    matches!(value, Value::Number(_) | Value::String(_))
}

/// Which of our ids an answer means, and whether it says so in the type it was asked in. The
/// SDKs' clients take `"5"` and `5.0` for 5, so a server that sends them works.
pub(super) fn number(id: &Value) -> Option<(u64, bool)> {
    match id {
        Value::Number(n) => match n.as_u64() {
            Some(n) => Some((n, true)),
            None => {
                let float = n.as_f64()?;
                (float.fract() == 0.0 && (0.0..9e15).contains(&float))
                    .then_some((float as u64, false))
            }
        },
        Value::String(text) => text.parse().ok().map(|n| (n, false)),
        _ => None,
    }
}

/// A request with `params` as JSON text. The member order is the TypeScript SDK's, which most
/// hosts are built on: how a frame looks should not tell a server that this is no host.
pub(super) fn request(id: u64, method: &str, params: &str) -> String {
    format!(r#"{{"method":"{method}","params":{params},"jsonrpc":"2.0","id":{id}}}"#)
}

/// A notification with `params` as JSON text, or without.
pub(super) fn notification(method: &str, params: Option<&str>) -> String {
    match params {
        Some(params) => format!(r#"{{"method":"{method}","params":{params},"jsonrpc":"2.0"}}"#),
        None => format!(r#"{{"method":"{method}","jsonrpc":"2.0"}}"#),
    }
}

/// The answer to a request of the server's, under its own id.
pub(super) fn answer(id: Value, outcome: &Outcome) -> String {
    let (name, value) = match outcome {
        Outcome::Result(value) => ("result", value),
        Outcome::Error(value) => ("error", value),
    };
    let mut map = Map::new();
    map.insert(name.into(), value.clone());
    map.insert("jsonrpc".into(), "2.0".into());
    map.insert("id".into(), id);
    Value::Object(map).to_string()
}
