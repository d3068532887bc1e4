//! What is particular to the modern era.

use super::*;
use crate::mcp::Era;

fn discovery() -> Value {
    json!({
        "resultType": "complete",
        "supportedVersions": ["2026-07-28"],
        "capabilities": { "tools": { "listChanged": true } },
    })
}

/// A server of 2026-07-28 that refuses what lacks the metadata it needs.
fn modern(message: &Value) -> Vec<u8> {
    let meta = &message["params"]["_meta"];
    let good = meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        && meta["io.modelcontextprotocol/clientInfo"]["name"] == "claude-ai"
        && meta["io.modelcontextprotocol/clientCapabilities"].is_object();
    match message["method"].as_str() {
        _ if message.get("id").is_none() => Vec::new(),
        _ if !good => error(message, -32602),
        Some("server/discover") => result(message, discovery()),
        Some("tools/list") => result(
            message,
            json!({ "resultType": "complete", "tools": [{ "name": "echo" }] }),
        ),
        Some("subscriptions/listen") => line(&json!({
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": { "notifications": message["params"]["notifications"] },
        })),
        _ => error(message, -32601),
    }
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_is_found_and_asked_in_its_own_way() {
    for era in [Era::Auto, Era::Modern] {
        let options = Options {
            era,
            ..Options::default()
        };
        let (connected, effects) = start(options, modern).await;
        let (session, surface) = connected.unwrap();
        assert_eq!(
            (session.era(), session.revision()),
            (Era::Modern, "2026-07-28")
        );
        assert_eq!(surface.tools, [json!({ "name": "echo" })]);
        assert_eq!(surface.server, discovery());
        let effects = effects.take();
        assert_eq!(
            messages(&effects),
            [("notifications/subscriptions/acknowledged", &Value::Null)]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_modern_revision_is_no_reason_to_fall_back() {
    for (supported, expected) in [
        (
            json!(["2027-01-01"]),
            Err(ConnectError::Revision {
                offered: vec!["2027-01-01".into()],
            }),
        ),
        (json!(["2027-01-01", "2025-11-25"]), Ok(Era::Legacy)),
    ] {
        for as_error in [false, true] {
            let supported = supported.clone();
            let (connected, _) = start(Options::default(), move |message| match message["method"]
                .as_str()
            {
                Some("server/discover") if as_error => line(&json!({
                    "jsonrpc": "2.0", "id": message["id"],
                    "error": { "code": -32022, "message": "", "data": { "supported": supported } },
                })),
                Some("server/discover") => {
                    result(message, json!({ "supportedVersions": supported }))
                }
                _ => legacy(message),
            })
            .await;
            assert_eq!(connected.map(|(session, _)| session.era()), expected);
        }
    }
}

/// A session whose calls are answered by the script with a result.
async fn asking(
    mut script: impl FnMut(&Value) -> Vec<u8> + Send + 'static,
) -> (Session, Arc<Kept>) {
    let (connected, effects) = start(Options::default(), move |message| {
        match message["method"].as_str() {
            Some("tools/call") => script(message),
            _ => modern(message),
        }
    })
    .await;
    effects.take();
    (connected.unwrap().0, effects)
}

#[tokio::test(start_paused = true)]
async fn questions_are_answered_and_the_state_comes_back_to_the_byte() {
    let (stdin, stdout, mut peer) = pipes();
    let tap = Arc::new(Frames::default());
    // The same text as "é/", which a client that parses and prints would send back.
    let state = r#""\u00e9\/\ud83d""#;
    tokio::spawn(async move {
        let mut ids = Vec::new();
        while let Some(message) = peer.hear_lossy().await {
            if message["method"] != "tools/call" {
                peer.say(modern(&message)).await;
                continue;
            }
            ids.push(message["id"].clone());
            if message["params"].get("requestState").is_none() {
                assert!(message["params"].get("inputResponses").is_none());
                peer.say(format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"input_required","inputRequests":{{"who":{{"method":"elicitation/create","params":{{"requestedSchema":{{"properties":{{"n":{{"type":"integer"}}}}}}}}}},"bad":{{"method":"exec"}}}},"requestState":{state}}}}}{}"#,
                    message["id"], "\n"
                ))
                .await;
                continue;
            }
            assert_ne!(ids[0], ids[1]);
            assert_eq!(message["params"]["arguments"], json!({ "a": 1 }));
            let answers = message["params"]["inputResponses"].to_string();
            peer.say(text(&message, &answers)).await;
        }
    });
    let effects = Arc::new(Kept::default());
    let connected = connect(
        stdin,
        stdout,
        Options::default(),
        effects.clone(),
        Some(tap.clone()),
    )
    .await;
    let mut session = connected.unwrap().0;
    effects.take();
    let result = session.call("ask", &json!({ "a": 1 })).await;
    assert_eq!(
        result.value["content"][0]["text"],
        r#"{"who":{"action":"accept","content":{"n":1}}}"#
    );
    let frames = tap.0.lock().unwrap();
    let retry = frames
        .iter()
        .rfind(|(way, _)| *way == Direction::ToServer)
        .unwrap();
    assert!(
        retry.1.contains(&format!(r#","requestState":{state},"#)),
        "{}",
        retry.1
    );
    let effects = effects.take();
    let asked: Vec<_> = messages(&effects)
        .into_iter()
        .map(|(method, _)| method)
        .collect();
    assert_eq!(asked, ["elicitation/create", "exec"]);
    assert_eq!(wrongs(&effects), ["lone-surrogate"]);
}

#[tokio::test(start_paused = true)]
async fn questions_without_end_end() {
    let (mut session, effects) = asking(|message| {
        result(
            message,
            json!({ "resultType": "input_required", "requestState": "again" }),
        )
    })
    .await;
    assert_eq!(
        session.call("ask", &json!({})).await.outcome,
        "protocol-error"
    );
    assert_eq!(wrongs(&effects.take()), ["endless-input"]);
}

#[tokio::test(start_paused = true)]
async fn a_result_of_an_unknown_type_is_invalid() {
    let (mut session, effects) =
        asking(|message| result(message, json!({ "resultType": "task", "taskId": "1" }))).await;
    assert_eq!(
        session.call("ask", &json!({})).await.outcome,
        "protocol-error"
    );
    assert_eq!(wrongs(&effects.take()), ["result-type"]);
}

#[tokio::test(start_paused = true)]
async fn requests_are_not_answered_where_none_are_allowed() {
    let (mut session, effects) = asking(|message| {
        assert_eq!(message["method"], "tools/call");
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        [line(&ping), text(message, "")].concat()
    })
    .await;
    assert_eq!(session.call("a", &json!({})).await.outcome, "ok");
    session.close().await;
    let effects = effects.take();
    assert_eq!(wrongs(&effects), ["server-request"]);
    assert_eq!(messages(&effects), [("ping", &Value::Null)]);
}
