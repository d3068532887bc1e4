//! How a session begins, with servers of both eras and of none.

use super::*;
use crate::mcp::Era;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_legacy_server_is_found_by_its_error_whatever_the_code() {
    for code in [-32601, -32602, -32600, 0] {
        let (connected, effects) =
            start(Options::default(), move |message| {
                match message["method"].as_str() {
                    Some("server/discover") => error(message, code),
                    _ => legacy(message),
                }
            })
            .await;
        let (session, surface) = connected.unwrap();
        assert_eq!(
            (session.era(), session.revision()),
            (Era::Legacy, "2025-11-25")
        );
        assert_eq!(surface.tools, [json!({ "name": "echo" })]);
        assert_eq!(surface.server["serverInfo"]["name"], "t");
        assert_eq!(effects.take(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn frames_look_like_those_of_an_ordinary_host() {
    let (stdin, stdout, peer) = pipes();
    tokio::spawn(peer.play(legacy));
    let tap = Arc::new(Frames::default());
    let effects = Arc::new(Kept::default());
    let options = Options {
        era: Era::Legacy,
        ..Options::default()
    };
    let connected = connect(stdin, stdout, options, effects, Some(tap.clone())).await;
    connected.unwrap().0.close().await;
    let frames = tap.0.lock().unwrap();
    let sent: Vec<_> = frames
        .iter()
        .filter(|(way, _)| *way == Direction::ToServer)
        .collect();
    assert_eq!(
        sent.iter()
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>(),
        [
            r#"{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}}},"clientInfo":{"name":"claude-ai","version":"0.1.0"}},"jsonrpc":"2.0","id":0}"#,
            r#"{"method":"notifications/initialized","jsonrpc":"2.0"}"#,
            r#"{"method":"tools/list","params":{},"jsonrpc":"2.0","id":1}"#,
        ]
    );
    assert_eq!(frames.len() - sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn silence_on_the_probe_means_legacy() {
    let (connected, effects) = start(Options::default(), |message| {
        match message["method"].as_str() {
            Some("server/discover") => Vec::new(),
            _ => legacy(message),
        }
    })
    .await;
    assert_eq!(connected.unwrap().0.era(), Era::Legacy);
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn every_legacy_revision_is_accepted_and_no_other() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let (connected, _) = start(Options::default(), move |message| {
            match message["method"].as_str() {
                Some("initialize") => result(message, hello(revision)),
                _ => legacy(message),
            }
        })
        .await;
        assert_eq!(connected.unwrap().0.revision(), revision);
    }
    let (connected, _) = start(Options::default(), |message| {
        match message["method"].as_str() {
            Some("initialize") => result(message, hello("2031-01-01")),
            _ => legacy(message),
        }
    })
    .await;
    let error = connected.err().unwrap();
    assert_eq!(
        error.to_string(),
        "the server speaks only revisions unknown here: `2031-01-01`"
    );
    assert_eq!(error.retry(), None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_of_the_probe_is_to_be_started_again() {
    let (stdin, stdout, mut peer) = pipes();
    tokio::spawn(async move { peer.hear().await });
    let error = connect(
        stdin,
        stdout,
        Options::default(),
        Arc::new(Kept::default()),
        None,
    )
    .await
    .err()
    .unwrap();
    assert_eq!(error, ConnectError::DiedOnDiscover);
    assert_eq!(error.retry(), Some(Era::Legacy));
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_that_starts_slowly_is_to_be_started_again_as_one() {
    let (stdin, stdout, mut peer) = pipes();
    tokio::spawn(async move {
        let (probe, _) = (peer.hear().await.unwrap(), peer.hear().await);
        peer.say(result(
            &probe,
            json!({ "supportedVersions": ["2026-07-28"] }),
        ))
        .await;
        peer.hear().await
    });
    let error = connect(
        stdin,
        stdout,
        Options::default(),
        Arc::new(Kept::default()),
        None,
    )
    .await
    .err()
    .unwrap();
    assert_eq!(error, ConnectError::LateDiscover);
    assert_eq!(error.retry(), Some(Era::Modern));
}

#[tokio::test(start_paused = true)]
async fn a_slow_legacy_server_may_answer_the_probe_late() {
    let (stdin, stdout, mut peer) = pipes();
    tokio::spawn(async move {
        let probe = peer.hear().await.unwrap();
        let initialize = peer.hear().await.unwrap();
        peer.say([error(&probe, -32601), legacy(&initialize)].concat())
            .await;
        peer.play(legacy).await
    });
    let effects = Arc::new(Kept::default());
    let connected = connect(stdin, stdout, Options::default(), effects.clone(), None).await;
    assert_eq!(connected.unwrap().0.era(), Era::Legacy);
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_mute_server_leaves_time_for_another_start() {
    for (noise, hint) in [
        (Vec::new(), "it may need more time"),
        (
            b"listening on port 3000\n".to_vec(),
            "what it wrote to stdout is no JSON-RPC",
        ),
    ] {
        let began = tokio::time::Instant::now();
        let (connected, _) = start(Options::default(), move |_| noise.clone()).await;
        let error = connected.err().unwrap();
        assert_eq!(began.elapsed().as_secs(), 20);
        assert_eq!(error.retry(), Some(Era::Legacy));
        assert_eq!(
            error.to_string(),
            "the server answered neither `server/discover` nor `initialize` within 20 s"
        );
        let told = error.hint("").unwrap();
        assert!(told.starts_with(hint), "{told}");
        let told = error.hint("no config").unwrap();
        assert!(told.ends_with("it wrote to stderr: no config"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_server_from_being_talked_to_is_said() {
    let quiet = |_: &Value| Vec::new();
    let refusing = |message: &Value| error(message, -32000);
    let odd = |message: &Value| result(message, json!(7));
    let unlisted = |message: &Value| match message["method"].as_str() {
        Some("tools/list") => error(message, -32603),
        _ => legacy(message),
    };
    let legacy_only = Options {
        era: Era::Legacy,
        ..Options::default()
    };
    for (script, expected) in [
        (
            Box::new(quiet) as Box<dyn FnMut(&Value) -> Vec<u8> + Send>,
            "the server did not answer `initialize` within 30 s",
        ),
        (
            Box::new(refusing),
            r#"the server refused `initialize`: `{"code":-32000,"message":"no"}`"#,
        ),
        (
            Box::new(odd),
            "the server answered `initialize` with something else than its result",
        ),
        (
            Box::new(unlisted),
            r#"the server declares tools, but does not list them: error `{"code":-32603,"message":"no"}`"#,
        ),
    ] {
        let (connected, _) = start(legacy_only.clone(), script).await;
        assert_eq!(connected.err().unwrap().to_string(), expected);
    }
    let (stdin, stdout, peer) = pipes();
    drop(peer);
    let effects = Arc::new(Kept::default());
    let error = connect(stdin, stdout, legacy_only, effects, None)
        .await
        .err();
    assert_eq!(
        error.unwrap().to_string(),
        "the server ended before it answered `initialize`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_without_end_before_its_first_answer_is_cut_off() {
    let (stdin, stdout, mut peer) = pipes();
    tokio::spawn(async move {
        loop {
            peer.say(b"npm warn starting\n".repeat(100)).await;
            if peer.stdout.write_all(b"\n").await.is_err() {
                return;
            }
        }
    });
    let effects = Arc::new(Kept::default());
    let options = Options {
        max_total: 1 << 20,
        era: Era::Legacy,
        ..Options::default()
    };
    let error = connect(stdin, stdout, options, effects.clone(), None)
        .await
        .err();
    assert_eq!(
        error,
        Some(ConnectError::Gone {
            method: "initialize"
        })
    );
    let effects = effects.take();
    assert!(effects.len() < 300, "{}", effects.len());
    assert_eq!(wrongs(&effects).last(), Some(&"stdout-flood"));
    tokio::time::advance(Duration::from_secs(1)).await;
}
