//! WebSocket (RFC 6455), the side that was called: every message is a flow of its own, with what it
//! is answered, so that it belongs to the call in which it was sent.

use super::message;
use crate::internet::flow::Flow;
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use data_encoding::BASE64;
use hyper::http::header::{self, HeaderMap};
use sha1::{Digest, Sha1};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// The longest message that is taken; a longer one ends the connection, recorded as far as it came.
const MESSAGE: u64 = 64 << 20;

/// The opcode of a text.
const TEXT: u8 = 1;

/// Whether a request asks for the protocol.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).map(|v| v.as_bytes());
    upgrade.is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"))
}

/// The headers of the answer (section 4.2.2) to a request that asks for the protocol.
pub fn accept(headers: &HeaderMap) -> Option<Vec<(String, String)>> {
    if !is_asked_for(headers) {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut answer = vec![
        ("upgrade".to_owned(), "websocket".to_owned()),
        ("connection".to_owned(), "Upgrade".to_owned()),
        (
            "sec-websocket-accept".to_owned(),
            BASE64.encode(&hash.finalize()),
        ),
    ];
    // The first protocol offered is as good as any, and a client that asked for one expects one.
    let offered = headers
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(|v| v.to_str().ok());
    if let Some(first) = offered.and_then(|o| o.split(',').next()) {
        answer.push(("sec-websocket-protocol".to_owned(), first.trim().to_owned()));
    }
    Some(answer)
}

/// Records messages until the client closes.
pub async fn listen(shared: &Arc<Shared>, mut stream: Stream, link: &Link) {
    let mut message: Option<Message> = None;
    loop {
        let Ok(Ok(frame)) = timeout(shared.limits.idle, Frame::read(&mut stream)).await else {
            return;
        };
        let _hold = shared.busy.hold();
        match frame.opcode {
            // A continuation, text, or binary data.
            0..=2 => {
                let mut whole = message.take().unwrap_or_else(|| Message {
                    flow: Flow::open(shared, link, "websocket"),
                    len: 0,
                    text: (frame.opcode == 1).then(Vec::new),
                });
                whole.len = whole.len.saturating_add(frame.len);
                let read = frame.payload(&mut stream, |part| whole.take(part));
                match timeout(shared.limits.idle, read).await {
                    Ok(Ok(())) if whole.len <= MESSAGE => {}
                    _ => return,
                }
                if !frame.last {
                    message = Some(whole);
                } else if let Some(words) = whole.text.as_deref().and_then(message::answer) {
                    whole.flow.received(words.as_bytes());
                    if write(&mut stream, TEXT, words.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
            control => {
                let mut payload = Vec::new();
                if frame.len > 125 {
                    return;
                }
                let read = frame.payload(&mut stream, |part| payload.extend_from_slice(part));
                if !matches!(timeout(shared.limits.handshake, read).await, Ok(Ok(()))) {
                    return;
                }
                let answer = match control {
                    8 => 8,
                    9 => 10,
                    _ => continue,
                };
                // Data in control frames travels like any other.
                let code = if control == 8 {
                    payload.len().min(2)
                } else {
                    0
                };
                if payload.len() > code {
                    Flow::open(shared, link, "websocket").sent(&payload[code..]);
                }
                if write(&mut stream, answer, &payload).await.is_err() {
                    return;
                }
                if control == 8 {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    }
}

/// A message under way.
struct Message {
    flow: Flow,
    len: u64,
    /// Of a text, as much as is read.
    text: Option<Vec<u8>>,
}

impl Message {
    fn take(&mut self, part: &[u8]) {
        self.flow.sent(part);
        if let Some(text) = &mut self.text {
            match text.len() + part.len() <= message::READ {
                true => text.extend_from_slice(part),
                false => self.text = None,
            }
        }
    }
}

/// Sends one frame, which is not masked and shorter than 64 KiB.
async fn write(stream: &mut Stream, opcode: u8, payload: &[u8]) -> io::Result<()> {
    let len = payload.len().min(usize::from(u16::MAX));
    let mut bytes = vec![0x80 | opcode];
    match u8::try_from(len) {
        Ok(short @ ..=125) => bytes.push(short),
        _ => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&payload[..len]);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// The head of a frame (section 5.2).
struct Frame {
    last: bool,
    opcode: u8,
    len: u64,
    mask: [u8; 4],
}

impl Frame {
    async fn read(stream: &mut Stream) -> io::Result<Self> {
        let [first, second] = {
            let mut head = [0; 2];
            stream.read_exact(&mut head).await?;
            head
        };
        let len = match second & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        if second & 0x80 != 0 {
            stream.read_exact(&mut mask).await?;
        }
        Ok(Self {
            last: first & 0x80 != 0,
            opcode: first & 0x0f,
            len,
            mask,
        })
    }

    /// Reads the payload in pieces, unmasked, as far as the longest message goes.
    async fn payload(&self, stream: &mut Stream, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut piece = vec![0; 16 << 10];
        let mut at = 0u64;
        while at < self.len {
            let want = (self.len - at).min(piece.len() as u64) as usize;
            let n = stream.read(&mut piece[..want]).await?;
            if n == 0 || at > MESSAGE {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            for (i, byte) in piece[..n].iter_mut().enumerate() {
                *byte ^= self.mask[(at as usize + i) % 4];
            }
            take(&piece[..n]);
            at += n as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_standard() {
        let mut headers = HeaderMap::new();
        headers.insert("upgrade", "WebSocket".parse().unwrap());
        headers.insert(
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap(),
        );
        let answer = accept(&headers).unwrap();
        assert_eq!(answer[2].1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept(&HeaderMap::new()), None);
    }
}
