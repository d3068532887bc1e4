//! Which address of a server speaks the protocol, where nobody said so. Asks what a client of both
//! eras asks first (`server/discover`), then for the stream of the older transport.

use super::endpoint::{Dial, Endpoint, Flavour};
use super::events::Events;
use super::header;
use super::line::{Line, Trouble, is_stream, text};
use crate::mcp::era;
use crate::mcp::frame::{Line as Frame, Pieces};
use crate::mcp::options::Options;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Where servers usually are: what the SDKs' examples and frameworks use, most common first.
const USUAL: [&str; 7] = [
    "/mcp", "/sse", "/", "/mcp/", "/api/mcp", "/v1/mcp", "/mcp/sse",
];
/// Longest wait for one response.
const PATIENCE: Duration = Duration::from_secs(3);
/// Addresses that are tried at most.
const TRIED: usize = 24;
/// Bytes looked at of a response.
const LOOK: usize = 64 << 10;

/// The address at `authority` that speaks the protocol: of `paths`, in this order, or of the usual
/// ones. One that asks for credentials counts where no other is found.
pub async fn find(
    dial: Arc<dyn Dial>,
    authority: &str,
    paths: &[String],
    headers: &[(String, String)],
    options: &Options,
) -> Option<Endpoint> {
    let mut left: VecDeque<String> = paths.iter().cloned().collect();
    left.extend(USUAL.map(str::to_owned));
    let mut tried: Vec<String> = Vec::new();
    let mut guarded = None;
    while let Some(path) = left.pop_front() {
        if tried.contains(&path) || tried.len() == TRIED {
            continue;
        }
        tried.push(path.clone());
        let mut endpoint = Endpoint {
            authority: authority.to_owned(),
            path,
            flavour: Flavour::Streamable,
            headers: headers.to_vec(),
        };
        match glance(&dial, &endpoint, options).await {
            Seen::Protocol(flavour) => {
                endpoint.flavour = flavour;
                return Some(endpoint);
            }
            Seen::Elsewhere(path) => left.push_front(path),
            Seen::Guarded => guarded = guarded.or(Some(endpoint)),
            Seen::Other => {}
            Seen::Gone => return None,
        }
    }
    guarded
}

enum Seen {
    Protocol(Flavour),
    /// A redirection to another path (Starlette adds and removes final slashes so).
    Elsewhere(String),
    /// It asks for credentials.
    Guarded,
    Other,
    Gone,
}

/// Which transport stands at this address; none where neither does.
pub async fn look(dial: Arc<dyn Dial>, endpoint: &Endpoint, options: &Options) -> Option<Flavour> {
    match glance(&dial, endpoint, options).await {
        Seen::Protocol(flavour) => Some(flavour),
        _ => None,
    }
}

async fn glance(dial: &Arc<dyn Dial>, endpoint: &Endpoint, options: &Options) -> Seen {
    let (out, _never_full) = mpsc::channel(1);
    let line = Line::new(
        Arc::clone(dial),
        endpoint.clone(),
        options.max_line,
        options.max_total,
        out,
    );
    match timeout(PATIENCE, post(&line, endpoint, options)).await {
        Ok(Err(Trouble::Gone)) => return Seen::Gone,
        Ok(Ok(Some(seen))) => return seen,
        _ => {}
    }
    match timeout(PATIENCE, stream(&line, endpoint)).await {
        Ok(Some(flavour)) => Seen::Protocol(flavour),
        _ => Seen::Other,
    }
}

/// What a first request shows; nothing where it shows nothing.
async fn post(
    line: &Line,
    endpoint: &Endpoint,
    options: &Options,
) -> Result<Option<Seen>, Trouble> {
    let frame = era::probe_frame(options);
    let value: Value = serde_json::from_str(&frame).unwrap_or_default();
    let mut head = header::message();
    head.extend(header::standard(&value, &Default::default()));
    let path = &endpoint.path;
    let response = line
        .ask(Method::POST, path, head, Bytes::from(frame))
        .await?;
    let status = response.status();
    if is_stream(&response) {
        return Ok(Some(Seen::Protocol(Flavour::Streamable)));
    }
    if status.is_redirection() {
        let to = text(&response, "location").and_then(|to| line.path(&to));
        return Ok(to.map(Seen::Elsewhere));
    }
    let mut pieces = Pieces::default();
    line.gather(response, &mut pieces, LOOK).await;
    let speaks = match pieces.take() {
        Frame::Whole(bytes) => serde_json::from_slice::<Value>(&bytes)
            .is_ok_and(|value| value["jsonrpc"] == "2.0" || value[0]["jsonrpc"] == "2.0"),
        _ => false,
    };
    Ok(match status {
        _ if speaks => Some(Seen::Protocol(Flavour::Streamable)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Seen::Guarded),
        _ => None,
    })
}

/// The transport of a stream that can be opened.
async fn stream(line: &Line, endpoint: &Endpoint) -> Option<Flavour> {
    let head = vec![("accept".to_owned(), "text/event-stream".to_owned())];
    let asked = line.ask(Method::GET, &endpoint.path, head, Bytes::new());
    let response = asked.await.ok().filter(is_stream)?;
    let mut body = response.into_body();
    let mut events = Events::new(LOOK);
    let mut first = None;
    while first.is_none() {
        let bytes = body.frame().await?.ok()?.into_data().ok()?;
        events.push(&bytes, |event| {
            first.get_or_insert(event.kind);
        });
    }
    (first? == "endpoint").then_some(Flavour::Sse)
}
