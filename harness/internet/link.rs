//! What is known about the other end of one connection before its first request.

use crate::effect::Peer;

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

impl Link {
    /// The name a client meant, for choosing who answers: the dialled one, else TLS's.
    pub fn host(&self) -> Option<&str> {
        let sni = || self.tls.as_ref().and_then(|t| t.sni.as_deref());
        self.peer.host.as_deref().or_else(sni)
    }
}
