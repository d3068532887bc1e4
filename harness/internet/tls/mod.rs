//! TLS of the fake internet: an authority that the sandbox trusts, certificates minted as names
//! come up, and handshakes that fail told as what the server did.

mod authority;
mod client;
mod handshake;
mod root;
mod store;

pub use authority::{Ca, CaError, Period};
pub use handshake::{Acceptors, accept, silent};
