//! Peers that break the protocol in every way they can.

use super::*;
use crate::effect::Misbehaviour;
use crate::mcp::Era;
use proptest::prelude::*;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_wrong_is_an_effect_and_ends_nothing() {
    let deep = "[".repeat(50_000);
    let wide = format!("[{}0]", "0,".repeat(1 << 19));
    for (frame, expected) in [
        (&b"Server listening on stdio"[..], &["not-json"][..]),
        (b"", &["not-json"]),
        (b"\xff\xfe", &["invalid-utf8"]),
        (
            b"{\"jsonrpc\":\"2.0\",\"method\":\"a\xff\"}",
            &["invalid-utf8"],
        ),
        (
            br#"{"jsonrpc":"2.0","method":"a","method":"b"}"#,
            &["duplicate-key"],
        ),
        (
            br#"{"jsonrpc":"2.0","method":"a","params":{"n":123456789012345678901}}"#,
            &["big-number"],
        ),
        (
            br#"{"jsonrpc":"2.0","method":"a","params":{"n":"\ud800"}}"#,
            &["lone-surrogate"],
        ),
        (br#"{"method":"a"}"#, &["not-json-rpc"]),
        (br#"{"jsonrpc":"2.0","method":"a","id":null}"#, &["id-type"]),
        (br#"{"jsonrpc":"2.0","id":3}"#, &["not-json-rpc"]),
        (b"7", &["not-json-rpc"]),
        (b"[]", &["not-json-rpc"]),
        (b"[1]", &["batch", "not-json-rpc"]),
        (br#"{"jsonrpc":"2.0","id":99,"result":{}}"#, &["unknown-id"]),
        (
            br#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
            &["unknown-id"],
        ),
        (
            br#"{"jsonrpc":"2.0","id":null,"error":{}}"#,
            &["unknown-id"],
        ),
        (
            br#"{"jsonrpc":"2.0","id":0,"result":{}}"#,
            &["duplicate-answer"],
        ),
        (deep.as_bytes(), &["too-deep"]),
        (wide.as_bytes(), &["too-many-values"]),
    ] {
        let frame = frame.to_vec();
        let (mut session, effects) = session(Options::default(), {
            let frame = frame.clone();
            move |message| [&frame[..], b"\n", &text(message, "")].concat()
        })
        .await;
        let result = session.call("a", &json!({})).await;
        let shown = frame.escape_ascii().to_string();
        assert_eq!(result.outcome, "ok", "{shown:.80}");
        let effects = effects.take();
        assert_eq!(wrongs(&effects), expected, "{shown:.80}");
        for effect in effects {
            if let Kind::Misbehaviour(wrong) = effect {
                assert_eq!(wrong.bytes.len, frame.len() as u64);
                assert!(frame.starts_with(&wrong.bytes.kept));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_wrong_still_answers() {
    for (answer, outcome, expected) in [
        (
            r#"{"jsonrpc":"2.0","id":"ID","result":{}}"#,
            "ok",
            "id-type",
        ),
        (
            r#"{"jsonrpc":"2.0","id":ID.0,"result":{}}"#,
            "ok",
            "id-type",
        ),
        (r#"{"id":ID,"result":{}}"#, "ok", "not-json-rpc"),
        (
            r#"{"jsonrpc":"2.0","id":ID,"result":{},"error":{}}"#,
            "protocol-error",
            "result-and-error",
        ),
        (r#"[{"jsonrpc":"2.0","id":ID,"result":{}}]"#, "ok", "batch"),
    ] {
        let (mut session, effects) = session(Options::default(), move |message| {
            (answer.replace("ID", &message["id"].to_string()) + "\n").into()
        })
        .await;
        assert_eq!(
            session.call("a", &json!({})).await.outcome,
            outcome,
            "{answer}"
        );
        assert_eq!(wrongs(&effects.take()), [expected], "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn batches_are_right_in_the_one_revision_that_has_them() {
    let (connected, effects) = start(Options::default(), |message| {
        match message["method"].as_str() {
            Some("initialize") => result(message, hello("2025-03-26")),
            Some("tools/call") => {
                let note = json!({ "jsonrpc": "2.0", "method": "note" });
                let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": {} });
                line(&json!([note, answer]))
            }
            _ => legacy(message),
        }
    })
    .await;
    let mut session = connected.unwrap().0;
    assert_eq!(session.call("a", &json!({})).await.outcome, "ok");
    assert_eq!(messages(&effects.take()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_to_keep_ends_its_call() {
    let options = Options {
        max_line: 1000,
        ..Options::default()
    };
    let (mut session, effects) = session(options, |message| {
        match message["params"]["name"].as_str() {
            Some("long") => text(message, &"x".repeat(1 << 20)),
            Some("deep") => {
                let deep = "[".repeat(400) + &"]".repeat(400);
                format!(r#"{{"result":{deep},"id":{}}}{}"#, message["id"], "\n").into()
            }
            _ => text(message, "small"),
        }
    })
    .await;
    for (tool, wrong) in [("long", "line-too-long"), ("deep", "too-deep")] {
        let result = session.call(tool, &json!({})).await;
        assert_eq!(
            (result.outcome.as_str(), result.value),
            ("oversized", Value::Null)
        );
        assert!(result.bytes > 800);
        assert_eq!(wrongs(&effects.take()), [wrong]);
        assert_eq!(session.call("small", &json!({})).await.outcome, "ok");
    }
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_kept_in_part_and_counted_in_whole() {
    let junk = b"chatter\n";
    let (mut session, effects) =
        session(Options::default(), move |message| {
            match message["params"]["name"].as_str() {
                Some("flood") => [&junk.repeat(100_000)[..], &text(message, "")].concat(),
                _ => text(message, ""),
            }
        })
        .await;
    assert_eq!(session.call("flood", &json!({})).await.outcome, "ok");
    assert_eq!(session.call("calm", &json!({})).await.outcome, "ok");
    let effects = effects.take();
    assert_eq!(wrongs(&effects)[..256], ["not-json"; 256]);
    let Some(Kind::Misbehaviour(Misbehaviour { what, bytes })) = effects.get(256) else {
        panic!("no total");
    };
    assert_eq!(
        (what.as_str(), bytes.len),
        ("stdout-flood", (100_000 - 256) * 7)
    );
    assert_eq!(effects.len(), 257);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_holds_nobody_up() {
    let (stdin, stdout, mut peer) = pipes();
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        loop {
            let message = peer.hear().await.unwrap();
            peer.say(legacy(&message)).await;
            if message["method"] == "tools/list" {
                break;
            }
        }
        // Asks and asks, and reads no answer.
        let ping = line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "roots/list" }));
        for _ in 0..100_000 {
            peer.say(&ping).await;
        }
        let _ = tell.send(());
        std::future::pending::<()>().await
    });
    let effects = Arc::new(Kept::default());
    let options = Options {
        call_timeout: Duration::from_secs(5),
        ..Options::default()
    };
    let connected = connect(stdin, stdout, options, effects.clone(), None).await;
    let mut session = connected.unwrap().0;
    let big = json!({ "text": "x".repeat(1 << 20) });
    for _ in 0..8 {
        assert_eq!(session.call("a", &big).await.outcome, "timeout");
    }
    told.await.unwrap();
    assert!(!session.close().await);
    let effects = effects.take();
    assert!(effects.len() < 9 * 260, "{}", effects.len());
    let unread = wrongs(&effects)
        .iter()
        .filter(|&&what| what == "stdin-unread")
        .count();
    assert!(unread <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_the_session_usable() {
    let (mut session, effects) =
        session(
            Options::default(),
            |message| match message["params"]["name"].as_str() {
                Some("slow") => Vec::new(),
                Some("both") => {
                    let mut slow = message.clone();
                    slow["id"] = json!(message["id"].as_u64().unwrap() - 1);
                    [text(&slow, "slow"), text(message, "both")].concat()
                }
                _ => Vec::new(),
            },
        )
        .await;
    let arguments = json!({});
    let cut = tokio::time::timeout(Duration::from_secs(1), session.call("slow", &arguments));
    assert!(cut.await.is_err());
    let result = session.call("both", &json!({})).await;
    assert_eq!(result.value["content"][0]["text"], "both");
    assert_eq!(wrongs(&effects.take()), ["late-answer"]);
}

/// What a peer does in answer to one message.
#[derive(Clone, Debug)]
enum Move {
    /// What an ordinary server says, behind these bytes.
    Good(Vec<u8>),
    Bytes(Vec<u8>),
    Leave,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let scrap = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        prop_oneof![
            Just("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"),
            Just("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"elicitation/create\",\"params\":"),
            Just("{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{}},\"nextCursor\":1,\"tools\":["),
            Just("\"supportedVersions\":[\"2026-07-28\"]"),
            Just("{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"tools\":{},\"resources\":{}}"),
            Just("]"),
            Just("}"),
            Just("}}\n"),
            Just("\n"),
            Just("\r\n"),
            Just(","),
            Just("\"\\ud800\""),
            Just("123456789012345678901"),
        ]
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let scraps = proptest::collection::vec(scrap, 0..6).prop_map(|scraps| scraps.concat());
    let one = prop_oneof![
        4 => scraps.clone().prop_map(Move::Good),
        4 => scraps.prop_map(Move::Bytes),
        1 => Just(Move::Leave),
    ];
    proptest::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a peer says, the client neither panics nor waits beyond its time, and the
    /// surface and results it gives can be read back from a log.
    #[test]
    fn any_peer_is_survived(moves in moves(), era in 0..3usize) {
        let era = [Era::Auto, Era::Legacy, Era::Modern][era];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (stdin, stdout, mut peer) = pipes();
            tokio::spawn(async move {
                for next in moves {
                    let mut line = Vec::new();
                    if peer.stdin.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let message = serde_json::from_slice(&line).unwrap_or_default();
                    match next {
                        Move::Good(bytes) => {
                            peer.say(&bytes).await;
                            peer.say("\n").await;
                            peer.say(legacy(&message)).await;
                        }
                        Move::Bytes(bytes) => peer.say(&bytes).await,
                        Move::Leave => return,
                    }
                }
                let _ = peer.stdin.read_to_end(&mut Vec::new()).await;
            });
            let started = tokio::time::Instant::now();
            let effects = Arc::new(Kept::default());
            let options = Options { era, max_line: 300, ..Options::default() };
            let connected = connect(stdin, stdout, options, effects.clone(), None).await;
            if let Ok((mut session, surface)) = connected {
                readable(&Kind::Surface(surface));
                for _ in 0..3 {
                    readable(&Kind::Result(session.call("a", &json!({ "x": 1 })).await));
                }
                readable(&Kind::Surface(session.list().await.unwrap_or_default()));
                session.close().await;
            }
            effects.take().iter().for_each(readable);
            assert!(started.elapsed() < Duration::from_secs(30 * 5 + 3));
        });
    }
}

/// A key by which a library of JSON marks texts within texts is a key like others.
#[test]
fn a_library_s_own_key_is_nothing_special() {
    let inner = json!({"$serde_json::private::RawValue": "["});
    readable(&Kind::Surface(Surface {
        server: inner,
        ..Surface::default()
    }));
}

fn readable(kind: &Kind) {
    let text = serde_json::to_string(kind).unwrap();
    serde_json::from_str::<Kind>(&text).unwrap();
}
