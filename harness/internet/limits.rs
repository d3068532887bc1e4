//! Every bound of the gateway in one place.

use std::time::Duration;

/// What one world spends at most on its server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long a fresh connection counts as busy while nothing has come.
    pub fresh: Duration,
    /// How long a connection to a port without a custom may be silent before it is spoken to.
    pub silence: Duration,
    /// How long a connection may be idle.
    pub idle: Duration,
    /// How long a TLS handshake or a message's next piece may take.
    pub handshake: Duration,
    /// Bytes accepted of one request's body.
    pub body: u64,
    /// Bytes of one body or mail that are held whole, for mocks and parsers.
    pub whole: usize,
    /// Bytes held in all for bodies and mails under way; what goes beyond is hashed and dropped.
    pub memory: usize,
    /// Bytes accepted on one connection of no known protocol.
    pub flow: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            fresh: Duration::from_millis(50),
            silence: Duration::from_millis(1500),
            idle: Duration::from_secs(300),
            handshake: Duration::from_secs(10),
            body: 1 << 30,
            whole: 32 << 20,
            memory: 256 << 20,
            flow: 1 << 30,
        }
    }
}
