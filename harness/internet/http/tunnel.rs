//! What a connection becomes after an answer: a WebSocket, or a tunnel to somewhere else.

use super::serve::Conversation;
use super::{exchange::split_port, websocket};
use crate::internet::connection;
use crate::internet::stream::Stream;
use hyper::Uri;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

/// The rest of a connection's life.
pub enum Next {
    WebSocket(OnUpgrade),
    Tunnel(OnUpgrade, Target),
}

/// Where a tunnel leads.
pub struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// From the authority form of CONNECT (RFC 9110, section 9.3.6).
    pub fn of(uri: &Uri) -> Option<Self> {
        let (host, port) = split_port(uri.authority()?.as_str());
        Some(Self {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            port: port?,
        })
    }
}

impl Next {
    pub async fn run(self, conversation: Arc<Conversation>) {
        let Conversation { shared, link, .. } = &*conversation;
        match self {
            Self::WebSocket(on) => {
                if let Ok(upgraded) = on.await {
                    let stream = Stream::new(TokioIo::new(upgraded));
                    websocket::listen(shared, stream, link).await;
                }
            }
            Self::Tunnel(on, target) => {
                let Ok(upgraded) = on.await else { return };
                let Some(inner) = link.beyond(&shared.names, target.host, target.port) else {
                    return;
                };
                let stream = Stream::new(TokioIo::new(upgraded));
                let hold = shared.busy.hold();
                connection::serve(Arc::clone(shared), stream, inner, hold).await;
            }
        }
    }
}
