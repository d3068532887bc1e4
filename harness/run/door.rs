//! Where a server is spoken to: at its pipes, or at a port on which it listens. Nobody has to say
//! which: one that listens and says nothing on its pipes is asked there.

use crate::mcp::{self, ConnectError, Dial, Direction, Endpoint, Era, Flavour, Options, Tap};
use crate::sandbox::{Child, Dialled, Dialler, Lease};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// How long a server may have listened and said nothing on its pipes until it is asked there.
const GRACE: Duration = Duration::from_secs(1);
/// Between two looks for who listens.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of what a server writes in which addresses are looked for.
const HEARD: usize = 16 << 10;
/// Ports that are asked at most.
const PORTS: usize = 8;

/// How a server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    pub era: Era,
    pub door: Door,
}

/// Where a server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    Unknown,
    Pipes,
    /// At a loopback port, at this address.
    Http {
        port: u16,
        endpoint: Endpoint,
    },
    /// The same; which of the transports stands there is still to be found out.
    Named {
        port: u16,
        endpoint: Endpoint,
    },
}

impl Door {
    /// The door that a user named: `path` at a loopback port.
    pub fn named(port: u16, path: &str, headers: Vec<(String, String)>) -> Self {
        Self::Named {
            port,
            endpoint: Endpoint {
                authority: authority(port),
                path: path.to_owned(),
                flavour: Flavour::Streamable,
                headers,
            },
        }
    }

    pub fn is_http(&self) -> bool {
        matches!(self, Self::Http { .. } | Self::Named { .. })
    }
}

/// What servers expect in `Host`, those that look at it against DNS rebinding as well.
fn authority(port: u16) -> String {
    format!("localhost:{port}")
}

/// Waits until somebody listens on `port`. Gives what is left of the time then.
pub async fn listens(
    child: &mut Child,
    port: u16,
    whole: Duration,
) -> Result<Duration, ConnectError> {
    let began = Instant::now();
    loop {
        if child.listens().contains(&port) {
            return Ok(whole.saturating_sub(began.elapsed()));
        }
        if child.wait_main(Duration::ZERO) {
            let method = "a connection";
            return Err(ConnectError::Gone { method });
        }
        if began.elapsed() > whole {
            return Err(ConnectError::Deaf {
                port,
                waited: whole,
            });
        }
        sleep(LOOK).await;
    }
}

/// Looks for a port at which a server that is silent on its pipes speaks the protocol.
pub struct Looker {
    dialler: Dialler,
    heard: Arc<Heard>,
    headers: Vec<(String, String)>,
    options: Options,
    /// Since when somebody listens there.
    since: HashMap<u16, Instant>,
    asked: BTreeSet<u16>,
}

impl Looker {
    pub fn new(
        dialler: Dialler,
        heard: Arc<Heard>,
        headers: Vec<(String, String)>,
        options: Options,
    ) -> Self {
        Self {
            dialler,
            heard,
            headers,
            options,
            since: HashMap::new(),
            asked: BTreeSet::new(),
        }
    }

    /// Whether any port was asked: the server has heard from us twice.
    pub fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Waits a moment and looks once.
    pub async fn look(&mut self, child: &Child) -> Option<Door> {
        sleep(LOOK).await;
        if self.heard.speaks() {
            return None;
        }
        for port in child.listens() {
            let since = *self.since.entry(port).or_insert_with(Instant::now);
            let due = since.elapsed() >= GRACE && self.asked.len() < PORTS;
            if due && self.asked.insert(port) {
                let found = self.ask(port).await;
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    async fn ask(&self, port: u16) -> Option<Door> {
        let dial: Arc<dyn Dial> = Arc::new(Inside {
            dialler: self.dialler.clone(),
            port,
        });
        let (authority, paths) = (authority(port), self.heard.paths(port));
        let found = mcp::find(dial, &authority, &paths, &self.headers, &self.options);
        let endpoint = found.await?;
        Some(Door::Http { port, endpoint })
    }
}

/// What a server has written beside the protocol so far: its head.
#[derive(Default)]
pub struct Heard(Mutex<(Vec<u8>, bool)>);

impl Heard {
    pub fn add(&self, bytes: &[u8]) {
        let (head, _) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEARD.saturating_sub(head.len()).min(bytes.len());
        head.extend_from_slice(&bytes[..room]);
    }

    /// Whether something like a frame came over the pipes.
    fn speaks(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Paths of the addresses at `port` that it has named, in this order.
    fn paths(&self, port: u16) -> Vec<String> {
        let (head, _) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paths(&String::from_utf8_lossy(head), port)
    }
}

impl Tap for Heard {
    fn frame(&self, direction: Direction, bytes: &[u8]) {
        if direction == Direction::FromServer {
            self.add(bytes);
            self.add(b"\n");
            if bytes.trim_ascii_start().starts_with(b"{") {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            }
        }
    }
}

fn paths(text: &str, port: u16) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let at = text.match_indices("http://").map(|(at, _)| &text[at..]);
    for rest in at.take(32) {
        let end = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>()[]{}|\\,;".contains(c);
        // An address in brackets is IPv6, and the only place where brackets are fine.
        let skip = rest
            .find(']')
            .filter(|_| rest.starts_with("http://["))
            .map_or(0, |at| at + 1);
        let length = rest[skip..].find(end).map_or(rest.len(), |at| at + skip);
        let named = url::Url::parse(rest[..length].trim_end_matches(['.', ':', '!']));
        if let Ok(url) = named
            && url.port_or_known_default() == Some(port)
            && !all.iter().any(|known| known == url.path())
        {
            all.push(url.path().to_owned());
        }
    }
    // A bare address says where it is, not which part of it speaks the protocol.
    all.sort_by_key(|path| path == "/");
    all
}

/// Dials a loopback port of the sandbox.
pub struct Inside {
    pub dialler: Dialler,
    pub port: u16,
}

impl Dial for Inside {
    fn dial(&self) -> mcp::Dialling<'_> {
        Box::pin(async {
            let dialled = tokio::task::block_in_place(|| self.dialler.dial(self.port))?;
            let Dialled { stream, lease } = dialled;
            stream.set_nonblocking(true)?;
            let stream = TcpStream::from_std(stream)?;
            let held = Held {
                stream,
                _lease: lease,
            };
            Ok(Box::new(held) as Box<dyn mcp::Stream>)
        })
    }
}

/// A connection whose socket goes back afterwards: fields are dropped in their order.
struct Held {
    stream: TcpStream,
    _lease: Lease,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_found_in_what_servers_say() {
        let said = "INFO: Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)\n\
            MCP endpoint: \"http://localhost:8000/api/v2/mcp\".\n\
            SSE at http://[::1]:8000/sse!\nmetrics on http://localhost:9090/metrics";
        assert_eq!(paths(said, 8000), ["/api/v2/mcp", "/sse", "/"]);
        assert_eq!(paths(said, 9090), ["/metrics"]);
        assert_eq!(paths("http://", 80), [""; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_read(text in "(http://|\\PC|[\\[\\]:/]){0,30}") {
            let all = paths(&text, 80);
            prop_assert!(all.iter().all(|path| path.starts_with('/')));
        }
    }
}
