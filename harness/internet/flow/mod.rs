//! Connections that are no requests: what was said on them in both directions, and the few words
//! a client needs to hear before it says what it came for.

mod greeting;
mod open;
mod raw;
mod talk;

pub use greeting::{Dialect, expects_greeting, greeting};
pub use open::{Flow, Flows};
pub use raw::listen;
pub use talk::converse;
