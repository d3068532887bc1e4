//! An MCP client over a byte stream or HTTP, for servers that may be hostile: both eras of the
//! protocol, every frame seen as bytes and bounded, every oddity an effect.
//!
//! It starts no process, opens no socket, keeps no file and trusts nothing that it reads. What a server does
//! is never an error of [`Session`]'s methods, only a server that cannot be talked to at all is
//! one, and only from [`connect`].
//!
//! ```text
//! frame    bytes → lines, bounded           skim     the id of a line too long to keep
//! json     line → value and its oddities    rpc      value → request, notification, answer
//! stdio    both directions at once          watch    oddities and messages → effects, bounded
//! http     frames as requests               wire     either of the two
//! exchange one request, one answer          answer   what the server asks of its client
//! era      handshakes                       surface  listings, page by page
//! request  what is asked for
//! ```

mod answer;
mod connect;
mod elicit;
mod era;
mod exchange;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod http;
mod json;
mod options;
mod request;
mod rpc;
mod session;
mod skim;
mod stdio;
mod surface;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

pub use connect::{ConnectError, Probe, connect, connect_http};
pub use http::{Dial, Dialling, Endpoint, Flavour, Stream, find, look};
pub use options::{Direction, Era, Options, Tap};
pub use request::{Reference, Request};
pub use session::Session;
