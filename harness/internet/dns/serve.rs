//! DNS over streams (RFC 7766, RFC 7858) and the JSON interface that public resolvers offer.

use super::answer::{ask, resolve};
use super::message::{Query, kind_of};
use crate::internet::busy::Hold;
use crate::internet::flow::Flow;
use crate::internet::limits::Limits;
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use bytes::{Buf, BytesMut};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Answers messages with a length before each until the client is done. A connection that asks
/// nothing, and bytes that are no whole message, are a flow.
pub async fn over_stream(shared: Arc<Shared>, mut stream: Stream, link: Link, hold: Hold) {
    let transport = if link.tls.is_some() { "dot" } else { "tcp" };
    let mut flow = Some(Flow::open(&shared, &link, "dns"));
    let Limits { fresh, idle, .. } = shared.limits;
    let mut hold = Some(hold);
    loop {
        while let Some(packet) = message(&mut stream) {
            if let Some(flow) = flow.take() {
                flow.forget();
            }
            let Some(reply) = resolve(&shared, &packet, transport, link.peer.address) else {
                return;
            };
            let framed = [&(reply.len() as u16).to_be_bytes()[..], &reply].concat();
            if stream.write_all(&framed).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
        let read = match timeout(fresh, stream.look()).await {
            Ok(read) => read,
            Err(_) => {
                hold = None;
                match timeout(idle, stream.look()).await {
                    Ok(read) => read,
                    Err(_) => Ok(0),
                }
            }
        };
        if !matches!(read, Ok(1..)) {
            let rest = stream.take_ahead();
            if !rest.is_empty() {
                let flow = flow.unwrap_or_else(|| Flow::open(&shared, &link, "dns"));
                flow.sent(&rest);
            }
            return;
        }
        hold = hold.or_else(|| Some(shared.busy.hold()));
    }
}

/// The next whole message that has come.
fn message(stream: &mut Stream) -> Option<BytesMut> {
    let [high, low] = *stream.ahead().first_chunk()?;
    let end = 2 + usize::from(u16::from_be_bytes([high, low]));
    if stream.ahead().len() < end {
        return None;
    }
    let mut packet = stream.take_ahead();
    stream.put_back(packet.split_off(end));
    packet.advance(2);
    Some(packet)
}

/// The answer of the JSON interface (`?name=…&type=…`) to a query string.
pub fn over_json(shared: &Shared, query: &str, server: SocketAddr) -> Option<Value> {
    let mut name = None;
    let mut kind = 1;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "name" => name = Some(value.into_owned()),
            "type" => kind = kind_of(&value)?,
            _ => {}
        }
    }
    let name = name?;
    let query = Query::of_name(&name, kind)?;
    let (code, records) = ask(shared, &query, "doh", server);
    let answers: Vec<Value> = records
        .iter()
        .map(|r| json!({"name": name, "type": kind, "TTL": 300, "data": r.text()}))
        .collect();
    Some(json!({
        "Status": code, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
        "Question": [{"name": name, "type": kind}], "Answer": answers,
    }))
}
