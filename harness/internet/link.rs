//! What is known about the other end of one connection before its first request.

use super::names::Names;
use crate::effect::Peer;
use std::net::{IpAddr, SocketAddr};

/// One connection: where it was dialled to and what carried it here.
#[derive(Clone, Debug)]
pub struct Link {
    /// The name the dialled address was given out for, or that a tunnel was asked for.
    pub peer: Peer,
    /// The handshake, where the bytes come out of TLS.
    pub tls: Option<Hello>,
    /// Tunnels around this connection: a tunnel in a tunnel has an end.
    pub depth: u8,
}

/// What a client said in its TLS handshake.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    pub sni: Option<String>,
    pub alpn: Vec<String>,
}

/// Tunnels within tunnels that are followed; nobody needs more.
const DEPTH: u8 = 4;

impl Link {
    /// A connection that was just accepted.
    pub fn to(host: Option<String>, address: SocketAddr) -> Self {
        Self {
            peer: Peer { host, address },
            tls: None,
            depth: 0,
        }
    }

    /// The connection that a proxy at the other end would make: its destination gets the address
    /// that a direct one would have dialled. None where there is no such host, or where tunnels
    /// do not end.
    pub fn beyond(&self, names: &Names, host: String, port: u16) -> Option<Self> {
        if self.depth >= DEPTH {
            return None;
        }
        let (host, ip) = match host.parse::<IpAddr>() {
            Ok(ip) => (names.name_of(ip), ip),
            Err(_) => {
                let at = names.resolve(&host)?;
                (Some(host), at.v4.into())
            }
        };
        Some(Self {
            peer: Peer {
                host,
                address: SocketAddr::new(ip, port),
            },
            tls: None,
            depth: self.depth + 1,
        })
    }

    /// The name a client meant, for choosing who answers: the dialled one, else TLS's.
    pub fn host(&self) -> Option<&str> {
        let sni = || self.tls.as_ref().and_then(|t| t.sni.as_deref());
        self.peer.host.as_deref().or_else(sni)
    }
}
