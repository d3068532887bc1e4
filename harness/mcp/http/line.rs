//! One server over HTTP: requests to it, and what comes back, as arrivals.

use super::endpoint::{Dial, Endpoint, Flavour, Stream};
use super::events::Events;
use super::header::{self, Repeated};
use crate::mcp::frame::{Line as Frame, Pieces};
use crate::mcp::skim::Skim;
use crate::mcp::wire::Arrival;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode, header as names};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// Connections kept for later requests, and for how long: servers close idle ones after five
/// seconds, and a request into a closing one is lost.
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(2);
/// Before a stream is taken up again, where the server names no time, and at most.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(10);
/// How often that is tried with nothing coming of it.
const TRIES: u32 = 3;
/// Bytes kept of an error that is no frame.
const ERROR: usize = 64 << 10;
/// The part of it that is told.
const TOLD: usize = 300;

pub struct Line {
    dial: Arc<dyn Dial>,
    endpoint: Endpoint,
    max_line: usize,
    /// Bytes that may still come.
    left: AtomicU64,
    out: mpsc::Sender<Arrival>,
    known: Mutex<Known>,
    /// Where messages are sent to.
    messages: watch::Sender<Option<String>>,
}

/// What was learnt of a server.
#[derive(Default)]
struct Known {
    idle: Vec<(SendRequest<Full<Bytes>>, Instant)>,
    session: Option<String>,
    revision: Option<String>,
    repeated: Repeated,
}

/// Why a request got no response.
pub enum Trouble {
    /// Nobody listens any more.
    Gone,
    Broken(String),
}

type Head = Vec<(String, String)>;

impl Line {
    pub fn new(
        dial: Arc<dyn Dial>,
        endpoint: Endpoint,
        max_line: usize,
        max_total: u64,
        out: mpsc::Sender<Arrival>,
    ) -> Self {
        let messages = match endpoint.flavour {
            Flavour::Streamable => Some(endpoint.path.clone()),
            Flavour::Sse => None,
        };
        Self {
            dial,
            endpoint,
            max_line,
            left: AtomicU64::new(max_total),
            out,
            known: Mutex::default(),
            messages: watch::channel(messages).0,
        }
    }

    pub fn flavour(&self) -> Flavour {
        self.endpoint.flavour
    }

    pub fn agreed(&self, revision: &str) {
        self.known().revision = Some(revision.to_owned());
    }

    pub fn repeat(&self, repeated: Repeated) {
        self.known().repeated = repeated;
    }

    /// Sends one frame, which is the request `id` or no request, and hands on what comes back.
    pub async fn post(&self, frame: Bytes, id: Option<u64>) {
        let Some(path) = self.messages_path().await else {
            return;
        };
        let value: Value = serde_json::from_slice(&frame).unwrap_or_default();
        let mut head = header::message();
        let opens = value["method"] == "initialize";
        if header::version(&value).is_some() {
            head.extend(header::standard(&value, &self.known().repeated));
        } else if !opens {
            head.extend(self.session());
        }
        let response = match self.ask(Method::POST, &path, head, frame).await {
            Ok(response) => response,
            Err(trouble) => return self.failed(id, trouble).await,
        };
        if opens && let Some(session) = text(&response, "mcp-session-id") {
            self.known().session = Some(session);
        }
        let status = response.status();
        if !status.is_success() {
            self.refused(id, status, response).await;
        } else if self.endpoint.flavour == Flavour::Sse {
            // The answer comes by the other stream.
        } else if is_stream(&response) {
            self.streamed(response, id).await;
        } else {
            let mut pieces = Pieces::default();
            if self.gather(response, &mut pieces, self.max_line).await && !pieces.is_empty() {
                self.hand_on(pieces.take()).await;
            }
            self.unanswered(id, &format!("answered {status}, and not the request"))
                .await;
        }
    }

    async fn messages_path(&self) -> Option<String> {
        let mut messages = self.messages.subscribe();
        let path = messages.wait_for(Option::is_some).await.ok()?;
        path.clone()
    }

    /// Opens the stream by which a server says what nobody asked for, and keeps it open. `opened` is
    /// dropped once it is open, or will not be.
    pub async fn listen(&self, opened: watch::Sender<()>) {
        let mut opened = Some(opened);
        let mut last = None;
        let mut tries = 0;
        while tries < TRIES {
            let Ok(response) = self.get(&self.endpoint.path, last.clone()).await else {
                break;
            };
            if !response.status().is_success() || !is_stream(&response) {
                break;
            }
            opened = None;
            let mut events = Events::new(self.max_line);
            events.last_id.clone_from(&last);
            let came = self.events(response, &mut events, None).await;
            tries = if came == Came::Nothing { tries + 1 } else { 0 };
            last = events.last_id.take();
            if self.endpoint.flavour == Flavour::Sse {
                break;
            }
            sleep(pause(&events)).await;
        }
        drop(opened);
        if self.endpoint.flavour == Flavour::Sse {
            let _ = self.out.send(Arrival::End).await;
        }
    }

    /// Ends the session, where the server keeps one.
    pub async fn end_session(&self) {
        let head = self.session();
        if self.known().session.take().is_some() {
            let path = &self.endpoint.path;
            let _ = self.ask(Method::DELETE, path, head, Bytes::new()).await;
        }
    }

    /// Takes a stream to its end, and takes it up again where it broke off before the answer.
    async fn streamed(&self, response: Response<Incoming>, id: Option<u64>) {
        let mut events = Events::new(self.max_line);
        let mut came = self.events(response, &mut events, id).await;
        let mut tries = 0;
        while came != Came::Answer && events.last_id.is_some() && tries < TRIES {
            sleep(pause(&events)).await;
            let last = events.last_id.clone();
            match self.get(&self.endpoint.path, last).await {
                Ok(response) if response.status().is_success() && is_stream(&response) => {
                    came = self.events(response, &mut events, id).await;
                    tries = if came == Came::Nothing { tries + 1 } else { 0 };
                }
                Ok(_) => break,
                Err(trouble) => return self.failed(id, trouble).await,
            }
        }
        self.unanswered(id, "ended its stream before the answer")
            .await;
    }

    /// Hands on the events of a stream. Ends with it, or with the answer to `id`.
    async fn events(
        &self,
        response: Response<Incoming>,
        events: &mut Events,
        id: Option<u64>,
    ) -> Came {
        let mut body = response.into_body();
        let mut came = Came::Nothing;
        while came != Came::Answer {
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            if !self.take(bytes.len()).await {
                return Came::Answer;
            }
            let mut all = Vec::new();
            events.push(&bytes, |event| all.push(event));
            for event in all {
                came = came.max(Came::Something);
                if event.kind == "endpoint" && self.endpoint.flavour == Flavour::Sse {
                    let Frame::Whole(uri) = &event.data else {
                        continue;
                    };
                    let path = self.path(&String::from_utf8_lossy(uri));
                    self.messages.send_replace(path);
                    continue;
                }
                if !matches!(event.kind.as_str(), "" | "message") {
                    continue;
                }
                let answers = match &event.data {
                    Frame::Whole(bytes) | Frame::Unterminated(bytes) => Skim::answered(bytes),
                    Frame::Long { answers, .. } => answers.clone(),
                };
                if id.is_some() && answers.and_then(|id| id.as_u64()) == id {
                    came = Came::Answer;
                }
                self.hand_on(event.data).await;
            }
        }
        came
    }

    /// The path of an address that a server named: one of its own, or none.
    pub fn path(&self, uri: &str) -> Option<String> {
        let base = format!("http://{}{}", self.endpoint.authority, self.endpoint.path);
        let base = url::Url::parse(&base).ok()?;
        let named = base.join(uri).ok()?;
        let query = named.query().map(|query| format!("?{query}"));
        let path = format!("{}{}", named.path(), query.unwrap_or_default());
        (named.host() == base.host()).then_some(path)
    }

    async fn get(&self, path: &str, last: Option<String>) -> Result<Response<Incoming>, Trouble> {
        let mut head = vec![("accept".to_owned(), "text/event-stream".to_owned())];
        head.extend(self.session());
        head.extend(last.map(|id| ("last-event-id".to_owned(), id)));
        self.ask(Method::GET, path, head, Bytes::new()).await
    }

    /// What names the session.
    fn session(&self) -> Head {
        let known = self.known();
        let named = [
            ("mcp-session-id", &known.session),
            ("mcp-protocol-version", &known.revision),
        ];
        let named = named.into_iter();
        named
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect()
    }

    /// Makes one request.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        head: Head,
        body: Bytes,
    ) -> Result<Response<Incoming>, Trouble> {
        let broken = |why: &dyn std::fmt::Display| Trouble::Broken(why.to_string());
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(names::HOST, &self.endpoint.authority);
        for (name, value) in head.iter().chain(&self.endpoint.headers) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|e| broken(&e))?;
        let mut sender = match self.kept() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await;
        let response = match response {
            Ok(response) => response,
            // Broken by its end, or by a crash: whether anybody is left shows in another attempt.
            Err(e) => return Err(self.connect().await.err().unwrap_or_else(|| broken(&e))),
        };
        let mut known = self.known();
        if known.idle.len() < KEPT {
            known.idle.push((sender, Instant::now()));
        }
        Ok(response)
    }

    /// A connection that is free and was used a moment ago.
    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut known = self.known();
        let idle = &mut known.idle;
        idle.retain(|(sender, used)| !sender.is_closed() && used.elapsed() < KEPT_FOR);
        let at = idle.iter().position(|(sender, _)| sender.is_ready())?;
        Some(idle.swap_remove(at).0)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let stream = match self.dial.dial().await {
            Ok(stream) => stream,
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => return Err(Trouble::Gone),
            Err(e) => return Err(Trouble::Broken(e.to_string())),
        };
        let broken = |e: hyper::Error| Trouble::Broken(e.to_string());
        let io = TokioIo::new(Boxed(stream));
        let (sender, connection) = http1::handshake(io).await.map_err(broken)?;
        // Ends with the last of its senders and bodies.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Reads a body to its end, keeping `max` bytes at most. False where it broke off, or was too much.
    pub async fn gather(
        &self,
        response: Response<Incoming>,
        into: &mut Pieces,
        max: usize,
    ) -> bool {
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            if let Ok(bytes) = frame.into_data() {
                if !self.take(bytes.len()).await {
                    return false;
                }
                into.push(&bytes, max);
            }
        }
        true
    }

    /// Whether so many bytes more may come.
    async fn take(&self, n: usize) -> bool {
        let fits = |left: u64| left.checked_sub(n as u64);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if taken.is_err() {
            let _ = self.out.send(Arrival::TooMuch).await;
        }
        taken.is_ok()
    }

    async fn hand_on(&self, frame: Frame) {
        let _ = self.out.send(Arrival::Line(frame)).await;
    }

    /// A request was answered with a status that is an error.
    async fn refused(&self, id: Option<u64>, status: StatusCode, response: Response<Incoming>) {
        let mut pieces = Pieces::default();
        self.gather(response, &mut pieces, ERROR).await;
        let Some(id) = id else { return };
        let (said, bytes) = match pieces.take() {
            Frame::Whole(bytes) | Frame::Unterminated(bytes) => (bytes.clone(), bytes.len() as u64),
            Frame::Long { body, .. } => (Bytes::from(body.kept), body.len),
        };
        let own = serde_json::from_slice::<Value>(&said).ok();
        let own = own.and_then(|mut own| own.get_mut("error").map(Value::take));
        let error = own.filter(|error| error["code"].is_i64());
        let error = error.unwrap_or_else(|| {
            let text: String = String::from_utf8_lossy(&said).chars().take(TOLD).collect();
            json!({"code": status.as_u16(), "message": format!("HTTP {status}"), "data": text})
        });
        let _ = self.out.send(Arrival::Failed { id, error, bytes }).await;
    }

    async fn failed(&self, id: Option<u64>, trouble: Trouble) {
        match trouble {
            Trouble::Gone => {
                let _ = self.out.send(Arrival::End).await;
            }
            Trouble::Broken(why) => self.unanswered(id, &why).await,
        }
    }

    /// No answer came, and none will; means nothing where one did.
    async fn unanswered(&self, id: Option<u64>, why: &str) {
        let Some(id) = id else { return };
        let error = json!({"code": 0, "message": format!("the server {why}")});
        let failed = Arrival::Failed {
            id,
            error,
            bytes: 0,
        };
        let _ = self.out.send(failed).await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came by a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Nothing,
    Something,
    Answer,
}

fn pause(events: &Events) -> Duration {
    events.retry.unwrap_or(RETRY).min(LONGEST_RETRY)
}

/// Whether a response is a stream of events.
pub fn is_stream<B>(response: &Response<B>) -> bool {
    text(response, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// A header field as text.
pub fn text<B>(response: &Response<B>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// A connection of whatever kind, as hyper takes it.
struct Boxed(Box<dyn Stream>);

impl AsyncRead for Boxed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Boxed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
