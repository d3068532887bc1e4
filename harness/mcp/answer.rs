//! What the server asks of its client: pings, roots, a model's words, a form filled in. The
//! answers are fixed, so that two runs differ by the server and not by us.

use super::elicit;
use super::options::Options;
use super::rpc::{METHOD_NOT_FOUND, Outcome};
use serde_json::{Map, Value, json};

/// What there is to answer with.
pub(super) struct Answers {
    roots: Vec<String>,
    sampling: Option<String>,
    elicitation: Option<Map<String, Value>>,
}

impl Answers {
    pub fn new(options: &Options) -> Self {
        Self {
            roots: options.roots.clone(),
            sampling: options.sampling.clone(),
            elicitation: options.elicitation.clone(),
        }
    }

    /// `ClientCapabilities`. Declaring them is what brings out a server that would use them;
    /// `form` and `url` also read as the plain `elicitation` of 2025-06-18.
    pub fn capabilities(&self) -> Value {
        let mut map = Map::new();
        if !self.roots.is_empty() {
            map.insert("roots".into(), json!({}));
        }
        if self.sampling.is_some() {
            map.insert("sampling".into(), json!({}));
        }
        if self.elicitation.is_some() {
            map.insert("elicitation".into(), json!({ "form": {}, "url": {} }));
        }
        Value::Object(map)
    }

    pub fn to(&self, method: &str, params: &Value) -> Outcome {
        let answer = match method {
            "ping" => Some(json!({})),
            "roots/list" => Some(self.list_roots()),
            "sampling/createMessage" => self.sampling.as_deref().map(message),
            "elicitation/create" => self
                .elicitation
                .as_ref()
                .map(|known| elicitation(params, known)),
            _ => None,
        };
        match answer {
            Some(result) => Outcome::Result(result),
            None => {
                Outcome::Error(json!({ "code": METHOD_NOT_FOUND, "message": "Method not found" }))
            }
        }
    }

    fn list_roots(&self) -> Value {
        let root = |uri: &String| {
            let name = uri.trim_end_matches('/').rsplit('/').next();
            json!({ "uri": uri, "name": name })
        };
        json!({ "roots": self.roots.iter().map(root).collect::<Vec<_>>() })
    }
}

fn message(text: &str) -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "stopReason": "endTurn",
        "role": "assistant",
        "content": { "type": "text", "text": text },
    })
}

fn elicitation(params: &Value, known: &Map<String, Value>) -> Value {
    match params["mode"].as_str() {
        // Agreeing to open the address says no more than that; nobody opens it.
        Some("url") => json!({ "action": "accept" }),
        _ => json!({
            "action": "accept",
            "content": elicit::fill(&params["requestedSchema"], known),
        }),
    }
}
