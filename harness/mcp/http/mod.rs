//! The protocol over HTTP: streamable HTTP (2025-03-26, basic/transports, and later; 2026-07-28,
//! basic/transports/streamable-http) and the older HTTP with server-sent events (2024-11-05).
//!
//! It opens no socket itself: whoever uses it says how a connection comes about. Everything that a
//! server sends is bounded before it is kept. Redirects are not followed, and nothing but what
//! these documents name is sent: no cookie, no credential that was not given.
//!
//! ```text
//! endpoint  where a server is, and how connections to it are made
//! events    bytes → server-sent events, bounded      header   what goes into a request's head
//! line      one request and what comes back          wire     frames out, arrivals in
//! find      which address of a server speaks the protocol
//! ```

mod endpoint;
mod events;
mod find;
pub(super) mod header;
mod line;
mod wire;

pub use endpoint::{Dial, Dialling, Endpoint, Flavour, Stream};
#[cfg(any(test, fuzzing))]
pub(super) use events::Events;
pub use find::{find, look};
pub(super) use wire::Http;
