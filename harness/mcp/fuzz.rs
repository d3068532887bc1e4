//! What holds of everything that reads a server's words, whatever they are: asked by fuzzers, and
//! by the tests with the seeds that fuzzers start from.

use super::frame::{HEAD, Line, Lines};
use super::http::Events;
use super::json::{self, Odd, Refused};
use super::{Dial, Dialling, Endpoint, Era, Flavour, Options, connect, connect_http};
use crate::effect::{Kept, Kind, Surface};
use crate::mcp::{ConnectError, Session};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, copy, duplex, sink,
};

/// What stands between two things that a scripted server says.
const NEXT: u8 = 0;
/// Longer than every time-out of a session together.
const PATIENCE: Duration = Duration::from_secs(900);

/// Lines: the first byte is how many come at once, the second the longest line that is kept.
/// However they are cut up, they are those between the line ends.
pub fn lines(data: &[u8]) {
    let [size, max, bytes @ ..] = data else {
        return;
    };
    let max = usize::from(*max) + 1;
    let whole = lines_of(bytes, bytes.len().max(1), max);
    assert_eq!(lines_of(bytes, usize::from(*size) + 1, max), whole);

    let mut expected = Vec::new();
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = &rest[..end];
        expected.push(match end > max {
            true => ('l', line.to_vec()),
            false => ('w', line.strip_suffix(b"\r").unwrap_or(line).to_vec()),
        });
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        expected.push((if rest.len() > max { 'l' } else { 'u' }, rest.to_vec()));
    }
    let lines: Vec<_> = whole
        .into_iter()
        .map(|(kind, line, _)| (kind, line))
        .collect();
    assert_eq!(lines, expected);
}

fn lines_of(bytes: &[u8], size: usize, max: usize) -> Vec<(char, Vec<u8>, Option<Value>)> {
    let mut lines = Lines::new(max);
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        lines.space().extend_from_slice(piece);
        while let Some(line) = lines.next() {
            found.push(shown(line));
        }
    }
    found.extend(lines.rest().map(shown));
    found
}

/// A line, and of a long one what it answers.
fn shown(line: Line) -> (char, Vec<u8>, Option<Value>) {
    match line {
        Line::Whole(bytes) => ('w', bytes.to_vec(), None),
        Line::Unterminated(bytes) => ('u', bytes.to_vec(), None),
        Line::Long { body, answers } => {
            assert!(body.kept.len() <= HEAD);
            ('l', body.kept, answers)
        }
    }
}

/// JSON: what `serde_json` takes is taken with the same value, what it refuses is refused or told
/// as odd, and what was taken reads back as itself.
pub fn json(data: &[u8]) {
    let ours = json::parse(data);
    // A key of its own makes `serde_json` read a text within the text.
    if memchr::memmem::find(data, b"serde_json").is_none() {
        match (&ours, serde_json::from_slice::<Value>(data)) {
            (Ok((ours, odd)), Ok(theirs)) => {
                assert!(
                    *odd != Odd::default() || is_same(ours, &theirs),
                    "{ours} {theirs}"
                );
            }
            (Ok((_, odd)), Err(e)) => assert_ne!(*odd, Odd::default(), "{e}"),
            (Err(why), theirs) => assert!(*why != Refused::Syntax || theirs.is_err(), "{theirs:?}"),
        }
    }
    if let Ok((value, _)) = ours {
        let again = json::parse(value.to_string().as_bytes());
        assert_eq!(again, Ok((value, Odd::default())));
    }
}

/// `serde_json` reads a fraction fast rather than exactly.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            (a - b).abs() <= a.abs() * 1e-12 + f64::MIN_POSITIVE
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a)| b.get::<str>(key).is_some_and(|b| is_same(a, b));
            a.len() == b.len() && a.iter().map(|(key, a)| (key.as_str(), a)).all(same)
        }
        _ => a == b,
    }
}

/// Server-sent events: as [`lines`], and no identifier longer than is kept.
pub fn events(data: &[u8]) {
    let [size, max, bytes @ ..] = data else {
        return;
    };
    let max = usize::from(*max) + 1;
    let whole = events_of(bytes, bytes.len().max(1), max);
    assert_eq!(events_of(bytes, usize::from(*size) + 1, max), whole);
    let longest = bytes.len();
    assert!(
        whole
            .0
            .iter()
            .all(|(kind, line)| kind.len() <= 3 * 1024 && line.1.len() <= longest)
    );
}

type Told = (
    Vec<(String, (char, Vec<u8>, Option<Value>))>,
    Option<String>,
    Option<Duration>,
);

fn events_of(bytes: &[u8], size: usize, max: usize) -> Told {
    let mut events = Events::new(max);
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        events.push(piece, |event| found.push((event.kind, shown(event.data))));
    }
    (found, events.last_id, events.retry)
}

/// A session over pipes with a server that says one piece for each line it hears: with a `+`
/// before it, an ordinary answer follows. The session ends in its time, and what it saw reads
/// back from a log.
pub fn session(data: &[u8]) {
    let Some((era, script)) = data.split_first() else {
        return;
    };
    let script: Vec<Vec<u8>> = script.split(|b| *b == NEXT).map(<[u8]>::to_vec).collect();
    within_its_time(|effects| async move {
        let (stdin, server_in) = duplex(64 << 10);
        let (mut server_out, stdout) = duplex(64 << 10);
        tokio::spawn(async move {
            let mut heard = BufReader::new(server_in);
            for piece in script {
                let mut line = Vec::new();
                if heard.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                let said = match piece.strip_prefix(b"+") {
                    Some(piece) => [piece, b"\n", &ordinary(&line), b"\n"].concat(),
                    None => piece,
                };
                if server_out.write_all(&said).await.is_err() {
                    return;
                }
            }
            let _ = copy(&mut heard, &mut sink()).await;
        });
        connect(stdin, stdout, options(*era), effects, None).await
    });
}

/// The same over HTTP: one piece for each connection. With a `+` before it, it stands in an
/// ordinary response before the ordinary answer; with a `=`, in a stream of events; else it is the
/// response.
pub fn http(data: &[u8]) {
    let Some((mode, script)) = data.split_first() else {
        return;
    };
    let script = script.split(|b| *b == NEXT).map(<[u8]>::to_vec).collect();
    let dial = Arc::new(Scripted(Mutex::new(script)));
    let flavour = match mode & 4 {
        0 => Flavour::Streamable,
        _ => Flavour::Sse,
    };
    let endpoint = Endpoint {
        authority: "mcp.example".to_owned(),
        path: "/mcp".to_owned(),
        flavour,
        headers: Vec::new(),
    };
    within_its_time(|effects| async move {
        connect_http(dial, endpoint, options(*mode), effects, None).await
    });
}

/// Who answers connections, piece by piece, until nothing is left.
struct Scripted(Mutex<VecDeque<Vec<u8>>>);

impl Dial for Scripted {
    fn dial(&self) -> Dialling<'_> {
        let piece = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        Box::pin(async move {
            let Some(piece) = piece else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let (ours, theirs) = duplex(64 << 10);
            tokio::spawn(respond(theirs, piece));
            Ok(Box::new(ours) as Box<dyn super::Stream>)
        })
    }
}

/// Hears one request and says the piece.
async fn respond(mut stream: DuplexStream, piece: Vec<u8>) {
    let mut heard = Vec::new();
    let frame = loop {
        if let Some(end) = memchr::memmem::find(&heard, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&heard[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length = length.and_then(|n| n.trim().parse().ok()).unwrap_or(0);
            if let Some(frame) = heard.get(end + 4..end + 4 + length) {
                break frame.to_vec();
            }
        }
        if !matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
            return;
        }
    };
    let with = |kind: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let said = match piece.split_first() {
        Some((b'+', rest)) => with("application/json", &[rest, &ordinary(&frame)].concat()),
        Some((b'=', rest)) => with("text/event-stream", rest),
        _ => piece,
    };
    let _ = stream.write_all(&said).await;
}

/// What an ordinary server of the first era answers.
fn ordinary(frame: &[u8]) -> Vec<u8> {
    let request: Value = serde_json::from_slice(frame).unwrap_or_default();
    let Some(id) = request.get("id") else {
        return Vec::new();
    };
    let result = match request["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": {"name": "t", "version": "1"},
        }),
        Some("tools/list") => {
            json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]})
        }
        Some("tools/call") => json!({"content": [{"type": "text", "text": "x"}]}),
        _ => {
            let error = json!({"code": -32601, "message": "no"});
            return json!({"jsonrpc": "2.0", "id": id, "error": error})
                .to_string()
                .into();
        }
    };
    json!({"jsonrpc": "2.0", "id": id, "result": result})
        .to_string()
        .into()
}

fn options(mode: u8) -> Options {
    Options {
        era: [Era::Auto, Era::Legacy, Era::Modern, Era::Legacy][usize::from(mode & 3)],
        max_line: 300,
        ..Options::default()
    }
}

/// Goes through a session on a clock that jumps.
fn within_its_time<F>(start: impl FnOnce(Arc<Kept>) -> F)
where
    F: Future<Output = Result<(Session, Surface), ConnectError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let started = tokio::time::Instant::now();
        let effects = Arc::new(Kept::default());
        if let Ok((mut session, surface)) = start(Arc::clone(&effects)).await {
            reads_back(&Kind::Surface(surface));
            for _ in 0..3 {
                reads_back(&Kind::Result(session.call("echo", &json!({"x": 1})).await));
            }
            reads_back(&Kind::Surface(session.list().await.unwrap_or_default()));
            session.close().await;
        }
        effects.take().iter().for_each(reads_back);
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    });
}

fn reads_back(kind: &Kind) {
    let text = serde_json::to_string(kind).unwrap_or_default();
    let again = serde_json::from_str::<Kind>(&text);
    assert!(again.is_ok(), "{again:?} of {text}");
}
