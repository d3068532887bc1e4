//! What the server left in the writable file system, as differences from what it found: the
//! planted files and the lower sides of overlays. Reads through the descriptor of that file
//! system's root, alive or long after the sandbox's end, and follows no link.

mod entry;
mod walk;
mod writable;

pub use walk::{Bound, Harvest};
pub(super) use writable::Writable;
