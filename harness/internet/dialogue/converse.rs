//! Holds one dialogue to its end. What is no message of its protocol is listened to as any bytes.

use super::{Dialogue, Heard, Message, Then};
use crate::internet::busy::Hold;
use crate::internet::flow::{self, Flow};
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use crate::internet::tls;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Longest message that is waited for.
const MESSAGE: usize = 1 << 20;
/// Bytes of one that every connection may hold; more are taken from what all have in common.
const FREE: usize = 16 << 10;

/// Where a connection leads that its client had tunnelled.
pub struct Target {
    pub stream: Stream,
    pub host: String,
    pub port: u16,
    pub hold: Hold,
}

/// Talks until the client leaves. Gives what is left of a connection that leads elsewhere.
pub async fn converse(
    shared: Arc<Shared>,
    mut stream: Stream,
    mut link: Link,
    flow: Flow,
    mut dialogue: Box<dyn Dialogue>,
    hold: Option<Hold>,
) -> Option<Target> {
    let (mut flow, mut hold) = (flow, hold);
    flow.is(dialogue.name());
    say(&mut stream, &flow, &dialogue.greeting()).await?;
    let mut room = Room {
        shared: Arc::clone(&shared),
        taken: 0,
    };
    let mut left = shared.limits.flow;
    loop {
        match dialogue.hear(stream.ahead(), link.tls.is_some()) {
            Heard::Message(message) => {
                hold = hold.or_else(|| Some(shared.busy.hold()));
                let Message {
                    len,
                    fields,
                    answer,
                    then,
                } = message;
                let mut said = stream.take_ahead();
                let rest = said.split_off(len.clamp(1, said.len()));
                stream.put_back(rest);
                flow.sent(&said);
                for (place, value) in &fields {
                    flow.says(place, value);
                }
                say(&mut stream, &flow, &answer).await?;
                match then {
                    Then::Go => {}
                    Then::End => return None,
                    Then::Tls => {
                        let (inner, within, _) = tls::accept(&shared, stream, &link).await?;
                        // Nothing was said yet but that the rest is to be a secret.
                        flow.forget();
                        (stream, link) = (inner, within);
                        flow = Flow::open(&shared, &link, dialogue.name());
                    }
                    Then::Tunnel(host, port) => {
                        let hold = hold.take().unwrap_or_else(|| shared.busy.hold());
                        return Some(Target {
                            stream,
                            host,
                            port,
                            hold,
                        });
                    }
                }
                continue;
            }
            Heard::More if stream.ahead().len() < MESSAGE && room.holds(stream.ahead().len()) => {}
            _ => {
                // What was understood stays what it is; the rest is bytes.
                if flow.is_empty() {
                    flow.is("raw");
                } else {
                    flow = Flow::open(&shared, &link, "raw");
                }
                let hold = hold.unwrap_or_else(|| shared.busy.hold());
                flow::listen(shared, stream, flow, hold).await;
                return None;
            }
        }
        let read = match timeout(shared.limits.fresh, stream.look()).await {
            Ok(read) => read,
            Err(_) => {
                hold = None;
                match timeout(shared.limits.idle, stream.look()).await {
                    Ok(read) => read,
                    Err(_) => Ok(0),
                }
            }
        };
        match read {
            Ok(n @ 1..) => left = left.saturating_sub(n as u64),
            _ => {
                flow.sent(&stream.take_ahead());
                return None;
            }
        }
        if left == 0 {
            return None;
        }
    }
}

async fn say(stream: &mut Stream, flow: &Flow, words: &[u8]) -> Option<()> {
    if words.is_empty() {
        return Some(());
    }
    flow.received(words);
    stream.write_all(words).await.ok()?;
    stream.flush().await.ok()
}

/// What a connection holds of the memory that all share.
struct Room {
    shared: Arc<Shared>,
    taken: usize,
}

impl Room {
    /// Whether so many bytes may be held.
    fn holds(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(FREE + self.taken);
        let got = more == 0 || self.shared.budget.take(more);
        if got {
            self.taken += more;
        }
        got
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.budget.give(self.taken);
    }
}
