//! What a connection becomes after an answer: a WebSocket, or a tunnel to somewhere else.

use super::serve::Conversation;
use super::{exchange::split_port, websocket};
use crate::effect::Peer;
use crate::internet::connection;
use crate::internet::link::Link;
use crate::internet::stream::Stream;
use hyper::Uri;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Tunnels within tunnels that are followed; nobody needs more.
const DEPTH: u8 = 4;

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
                if link.depth >= DEPTH {
                    return;
                }
                // The destination gets the address that a direct connection would have dialled.
                let (host, ip) = match target.host.parse::<IpAddr>() {
                    Ok(ip) => (shared.names.name_of(ip), ip),
                    Err(_) => match shared.names.resolve(&target.host) {
                        Some(at) => (Some(target.host), at.v4.into()),
                        None => return,
                    },
                };
                let inner = Link {
                    peer: Peer {
                        host,
                        address: SocketAddr::new(ip, target.port),
                    },
                    tls: None,
                    depth: link.depth + 1,
                };
                let stream = Stream::new(TokioIo::new(upgraded));
                let hold = shared.busy.hold();
                connection::serve(Arc::clone(shared), stream, inner, hold).await;
            }
        }
    }
}
