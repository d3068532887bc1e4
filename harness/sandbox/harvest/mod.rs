//! What the server left in the writable file system, as differences from what it found: the
//! planted files and the lower sides of overlays, and after the first look what that look
//! found. Reads through the descriptor of that file system's root, alive or long after the
//! sandbox's end, and follows no link.

mod compare;
mod entry;
mod look;
mod tally;
mod tree;
mod writable;

pub use tally::{Bound, Harvest};
pub(super) use writable::Writable;
