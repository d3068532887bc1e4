//! HTTP/1.x and HTTP/2: every request whole, answered by the upstream that stands at its host.
//! A request is an effect before the first byte of its answer leaves.

mod body;
pub(super) mod coding;
mod date;
mod exchange;
mod message;
mod serve;
mod tunnel;
mod websocket;

pub use serve::{serve1, serve2};
