//! Calls and their outcomes, and what happens beside them.

use super::*;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn outcomes_are_told_apart() {
    let (mut session, effects) =
        session(
            Options::default(),
            |message| match message["params"]["name"].as_str() {
                Some("ok") => text(message, "fine"),
                Some("error") => result(message, json!({ "content": [], "isError": true })),
                Some("protocol-error") => error(message, -32602),
                _ => Vec::new(),
            },
        )
        .await;
    for (tool, value) in [
        (
            "ok",
            json!({ "content": [{ "type": "text", "text": "fine" }] }),
        ),
        ("error", json!({ "content": [], "isError": true })),
        ("protocol-error", json!({ "code": -32602, "message": "no" })),
        ("timeout", Value::Null),
    ] {
        let result = session.call(tool, &json!({})).await;
        assert_eq!((result.outcome.as_str(), result.value), (tool, value));
        assert_eq!(result.bytes == 0, tool == "timeout");
    }
    assert!(session.close().await);
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn arguments_arrive_as_they_are() {
    let arguments = json!({ "z": 1, "a": [u64::MAX, 1.5, "é\u{2028}\n"], "": null });
    let expected = arguments.clone();
    let (mut session, _) = session(Options::default(), move |message| {
        assert_eq!(message["params"]["arguments"], expected);
        assert_eq!(message["params"]["name"], "a \"tool\"");
        text(message, "")
    })
    .await;
    assert_eq!(session.call("a \"tool\"", &arguments).await.outcome, "ok");
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_its_time_is_noted_and_answers_nothing() {
    let mut late = Vec::new();
    let (mut session, effects) =
        session(Options::default(), move |message| {
            match message["method"].as_str() {
                Some("notifications/cancelled") => {
                    assert_eq!(message["params"]["requestId"], 3);
                    Vec::new()
                }
                _ if late.is_empty() => {
                    late = text(message, "late");
                    Vec::new()
                }
                _ => [late.clone(), late.clone(), text(message, "in time")].concat(),
            }
        })
        .await;
    assert_eq!(session.call("a", &json!({})).await.outcome, "timeout");
    let second = session.call("b", &json!({})).await;
    assert_eq!(second.value["content"][0]["text"], "in time");
    assert_eq!(wrongs(&effects.take()), ["late-answer", "duplicate-answer"]);
}

#[tokio::test(start_paused = true)]
async fn the_server_s_requests_are_answered_while_a_call_waits() {
    let mut call = Value::Null;
    let mut heard = Vec::new();
    let (mut session, effects) = session(Options::default(), move |message| {
        if message["method"] == "tools/call" {
            call = message.clone();
            let ask = |id: Value, method: &str, params: Value| {
                line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            };
            let form = json!({ "properties": { "login": { "type": "string" } } });
            return [
                ask(json!("a"), "ping", json!({})),
                ask(json!(1), "roots/list", json!({})),
                ask(
                    json!(2),
                    "sampling/createMessage",
                    json!({ "messages": [] }),
                ),
                ask(
                    json!(3),
                    "elicitation/create",
                    json!({ "requestedSchema": form }),
                ),
                ask(
                    json!(4),
                    "elicitation/create",
                    json!({ "mode": "url", "url": "https://x.example" }),
                ),
                ask(json!(-5), "secrets/list", json!({})),
            ]
            .concat();
        }
        heard.push(message["id"].clone());
        match heard.len() {
            6 => text(&call, &Value::from(heard.clone()).to_string()),
            _ => Vec::new(),
        }
    })
    .await;
    let result = session.call("ask", &json!({})).await;
    assert_eq!(result.value["content"][0]["text"], r#"["a",1,2,3,4,-5]"#);
    let effects = effects.take();
    let messages = messages(&effects);
    let answers: Vec<_> = messages
        .iter()
        .map(|(_, answer)| (*answer).clone())
        .collect();
    assert_eq!(answers[0], json!({}));
    assert_eq!(
        answers[1],
        json!({ "roots": [{ "uri": "file:///home/alex/work", "name": "work" }] })
    );
    assert_eq!(answers[2]["content"]["type"], "text");
    assert_eq!(
        answers[3],
        json!({ "action": "accept", "content": { "login": "Alex Meyer" } })
    );
    assert_eq!(answers[4], json!({ "action": "accept" }));
    assert_eq!(answers[5]["error"]["code"], -32601);
    assert_eq!(messages.len(), effects.len());
}

#[tokio::test(start_paused = true)]
async fn notifications_are_effects_whenever_they_come() {
    let note = |method: &str| line(&json!({ "jsonrpc": "2.0", "method": method }));
    let (mut session, effects) = session(Options::default(), move |message| {
        [
            note("notifications/message"),
            text(message, ""),
            note("notifications/tools/list_changed"),
        ]
        .concat()
    })
    .await;
    assert_eq!(session.call("a", &json!({})).await.outcome, "ok");
    session.listen(Duration::from_millis(10)).await;
    assert_eq!(session.list_changed(), 1);
    let effects = effects.take();
    let methods: Vec<_> = messages(&effects).into_iter().map(|(m, _)| m).collect();
    assert_eq!(
        methods,
        ["notifications/message", "notifications/tools/list_changed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_during_a_call_is_gone_for_all_later_ones() {
    let (stdin, stdout, mut peer) = pipes();
    tokio::spawn(async move {
        loop {
            let message = peer.hear().await.unwrap();
            if message["method"] == "tools/call" {
                // Its last words have no line end.
                peer.say(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#)
                    .await;
                return;
            }
            peer.say(legacy(&message)).await;
        }
    });
    let effects = Arc::new(Kept::default());
    let connected = connect(stdin, stdout, Options::default(), effects.clone(), None).await;
    let mut session = connected.unwrap().0;
    assert!(!session.is_gone());
    assert_eq!(session.call("a", &json!({})).await.outcome, "gone");
    assert!(session.is_gone());
    assert_eq!(session.call("a", &json!({})).await.outcome, "gone");
    let effects = effects.take();
    assert_eq!(wrongs(&effects), ["unterminated"]);
    assert_eq!(messages(&effects).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn last_words_after_stdin_s_end_are_effects() {
    let (stdin, stdout, peer) = pipes();
    tokio::spawn(async move {
        let mut peer = peer.play(legacy).await;
        peer.say("{\"jsonrpc\":\"2.0\",\"method\":\"bye\"}\n").await;
    });
    let effects = Arc::new(Kept::default());
    let connected = connect(stdin, stdout, Options::default(), effects.clone(), None).await;
    assert!(connected.unwrap().0.close().await);
    assert_eq!(messages(&effects.take()), [("bye", &Value::Null)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_after_stdin_s_end_is_left_behind() {
    let (stdin, stdout, peer) = pipes();
    tokio::spawn(async move {
        let _peer = peer.play(legacy).await;
        std::future::pending::<()>().await
    });
    let effects = Arc::new(Kept::default());
    let connected = connect(stdin, stdout, Options::default(), effects, None).await;
    assert!(!connected.unwrap().0.close().await);
}
