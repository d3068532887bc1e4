//! 2026-07-28: no handshake, everything in the `_meta` of each request, and questions that come
//! back as results (basic/index, server/discover, basic/patterns/mrtr, .../subscriptions).

use super::Agreed;
use crate::effect::ServerMessage;
use crate::mcp::answer::Answers;
use crate::mcp::exchange::{Allowed, Exchange};
use crate::mcp::json::text_at;
use crate::mcp::options::{Era, Options};
use crate::mcp::rpc::{self, Outcome};
use serde_json::{Map, Value, json};

pub(super) const DISCOVER: &str = "server/discover";
const REVISION: &str = "2026-07-28";

/// `UnsupportedProtocolVersionError`.
const UNSUPPORTED_VERSION: i64 = -32022;

/// Asks what the server is.
pub(super) fn probe(exchange: &mut Exchange, options: &Options) -> Option<u64> {
    let params = format!(r#"{{"_meta":{}}}"#, meta(&exchange.answers, options));
    exchange.send(DISCOVER, &params)
}

/// The same as a frame.
pub(in crate::mcp) fn probe_frame(options: &Options) -> String {
    let meta = meta(&Answers::new(options), options);
    rpc::request(0, DISCOVER, &format!(r#"{{"_meta":{meta}}}"#))
}

/// The revisions in a `DiscoverResult`; none where it is no such thing.
pub(super) fn offers(result: &Value) -> Option<Vec<String>> {
    revisions(&result["supportedVersions"])
}

/// The revisions in an error that only a modern server gives.
pub(super) fn supported(error: &Value) -> Option<Vec<String>> {
    match error["code"].as_i64() {
        Some(UNSUPPORTED_VERSION) => revisions(&error["data"]["supported"]),
        _ => None,
    }
}

fn revisions(list: &Value) -> Option<Vec<String>> {
    let list = list.as_array()?.iter();
    Some(list.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Whether our revision is among these.
pub(super) fn knows(offered: &[String]) -> bool {
    offered.iter().any(|revision| revision == REVISION)
}

/// Takes up the modern era, if the server offers our revision of it.
pub(super) fn agree(
    exchange: &mut Exchange,
    options: &Options,
    result: Value,
    offered: &[String],
) -> Option<Agreed> {
    if !knows(offered) {
        return None;
    }
    exchange.allowed = Allowed::default();
    Some(Agreed {
        era: Era::Modern,
        revision: REVISION.into(),
        server: result,
        meta: Some(meta(&exchange.answers, options)),
    })
}

fn meta(answers: &Answers, options: &Options) -> String {
    json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {
            "name": options.client_name,
            "version": options.client_version,
        },
        "io.modelcontextprotocol/clientCapabilities": answers.capabilities(),
    })
    .to_string()
}

/// Asks to hear of changed lists, where the server says that it tells.
pub(in crate::mcp) fn subscribe(exchange: &mut Exchange, agreed: &Agreed) {
    let mut filter = Map::new();
    for (capability, name) in [
        ("tools", "toolsListChanged"),
        ("prompts", "promptsListChanged"),
        ("resources", "resourcesListChanged"),
    ] {
        if agreed.server["capabilities"][capability]["listChanged"] == true {
            filter.insert(name.into(), true.into());
        }
    }
    if agreed.era == Era::Modern && !filter.is_empty() {
        let members = format!(r#""notifications":{}"#, Value::Object(filter));
        exchange.open_stream("subscriptions/listen", &agreed.params(&members));
    }
}

/// What the result of a call asks for.
pub(in crate::mcp) enum Round {
    Done,
    /// Ask again, with these further members of `params`, as JSON text.
    Again(String),
    /// A `resultType` that no extension of ours defines.
    Invalid,
}

/// Looks at a result, answers what it asks, and hands the questions on as effects.
pub(in crate::mcp) fn round(exchange: &mut Exchange, result: &Value, frame: &[u8]) -> Round {
    match result.get("resultType").map(Value::as_str) {
        None | Some(Some("complete")) => return Round::Done,
        Some(Some("input_required")) => {}
        Some(_) => return Round::Invalid,
    }
    let mut members = String::new();
    if let Some(requests) = result["inputRequests"].as_object() {
        let mut responses = Map::new();
        for (key, request) in requests {
            let method = request["method"].as_str().unwrap_or_default();
            let outcome = exchange.answers.to(method, &request["params"]);
            let answer = match outcome {
                Outcome::Result(value) => {
                    responses.insert(key.clone(), value.clone());
                    value
                }
                Outcome::Error(error) => json!({ "error": error }),
            };
            let message = ServerMessage {
                method: method.into(),
                params: request["params"].clone(),
                answer,
            };
            exchange.watch.message(message, frame);
        }
        members += &format!(r#","inputResponses":{}"#, Value::Object(responses));
    }
    if let Some(state) = result.get("requestState") {
        // The exact text where it can be had: the parsed value has lost how it was escaped.
        let state_text = text_at(frame, &["result", "requestState"]);
        let state = state_text.map_or_else(|| state.to_string(), str::to_owned);
        members += &format!(r#","requestState":{state}"#);
    }
    Round::Again(members)
}
