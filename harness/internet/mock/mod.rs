//! Upstreams that answer inside the gateway, one file each.

mod answer;

pub use answer::{Answer, Mock, Request};
