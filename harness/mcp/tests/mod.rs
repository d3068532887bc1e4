//! Sessions against scripted peers. A script is asked once for every line that the client
//! sends, and gives the bytes to answer with.

mod call;
mod handshake;
mod hostile;
mod listing;
mod modern;

use super::{ConnectError, Direction, Options, Session, Tap, connect};
use crate::effect::{Kept, Kind, Surface};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex,
};

/// The server's ends of the two pipes.
struct Peer {
    stdin: BufReader<DuplexStream>,
    stdout: DuplexStream,
}

impl Peer {
    /// The next message of the client's.
    async fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.stdin.read_line(&mut line).await {
            Ok(n) if n > 0 => Some(serde_json::from_str(&line).expect("the client writes JSON")),
            _ => None,
        }
    }

    /// The same where it may hold a lone surrogate.
    async fn hear_lossy(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        match self.stdin.read_until(b'\n', &mut line).await {
            Ok(n) if n > 0 => Some(crate::mcp::json::parse(&line).expect("JSON").0),
            _ => None,
        }
    }

    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The client may be gone already; that is for its side of the test to notice.
        let _ = self.stdout.write_all(bytes.as_ref()).await;
    }

    /// Answers every message with what the script gives, until the client has gone.
    async fn play(mut self, mut script: impl FnMut(&Value) -> Vec<u8>) -> Self {
        while let Some(message) = self.hear().await {
            let bytes = script(&message);
            self.say(bytes).await;
        }
        self
    }
}

fn pipes() -> (DuplexStream, DuplexStream, Peer) {
    let (stdin, server_in) = duplex(64 << 10);
    let (server_out, stdout) = duplex(64 << 10);
    let peer = Peer {
        stdin: BufReader::new(server_in),
        stdout: server_out,
    };
    (stdin, stdout, peer)
}

type Connected = Result<(Session, Surface), ConnectError>;

/// Connects to a peer that plays the script.
async fn start(
    options: Options,
    script: impl FnMut(&Value) -> Vec<u8> + Send + 'static,
) -> (Connected, Arc<Kept>) {
    let (stdin, stdout, peer) = pipes();
    tokio::spawn(peer.play(script));
    let effects = Arc::new(Kept::default());
    let connected = connect(stdin, stdout, options, effects.clone(), None).await;
    (connected, effects)
}

/// A session with a legacy server that answers calls by the script.
async fn session(
    options: Options,
    mut calls: impl FnMut(&Value) -> Vec<u8> + Send + 'static,
) -> (Session, Arc<Kept>) {
    let script = move |message: &Value| match message["method"].as_str() {
        Some("tools/call" | "notifications/cancelled") | None => calls(message),
        _ => legacy(message),
    };
    let (connected, effects) = start(options, script).await;
    let (session, _) = connected.expect("the server is a good one until it is called");
    assert_eq!(effects.take(), []);
    (session, effects)
}

/// What an ordinary server of 2025-11-25 answers until its first call.
fn legacy(message: &Value) -> Vec<u8> {
    match message["method"].as_str() {
        Some("initialize") => result(message, hello("2025-11-25")),
        Some("tools/list") => result(message, json!({ "tools": [{ "name": "echo" }] })),
        Some(_) if message.get("id").is_some() => error(message, -32601),
        _ => Vec::new(),
    }
}

fn hello(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": { "name": "t", "version": "1" },
    })
}

fn line(message: &Value) -> Vec<u8> {
    format!("{message}\n").into()
}

fn result(request: &Value, result: Value) -> Vec<u8> {
    line(&json!({ "result": result, "jsonrpc": "2.0", "id": request["id"] }))
}

fn error(request: &Value, code: i64) -> Vec<u8> {
    line(
        &json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": "no" } }),
    )
}

fn text(request: &Value, text: &str) -> Vec<u8> {
    result(
        request,
        json!({ "content": [{ "type": "text", "text": text }] }),
    )
}

/// The misbehaviours among the effects, by name.
fn wrongs(effects: &[Kind]) -> Vec<&str> {
    let mut names = Vec::new();
    for effect in effects {
        if let Kind::Misbehaviour(wrong) = effect {
            names.push(wrong.what.as_str());
        }
    }
    names
}

/// The messages among the effects: method and answer.
fn messages(effects: &[Kind]) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for effect in effects {
        if let Kind::Message(message) = effect {
            found.push((message.method.as_str(), &message.answer));
        }
    }
    found
}

/// Keeps every frame as text.
#[derive(Default)]
struct Frames(Mutex<Vec<(Direction, String)>>);

impl Tap for Frames {
    fn frame(&self, direction: Direction, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.lock().unwrap().push((direction, text));
    }
}
