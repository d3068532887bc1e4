//! Upstreams that answer inside the gateway, one file each.

mod answer;
mod json;
mod made;
mod postmark;

pub use answer::{Answer, Mock, Request};
pub use json::Json;
pub use postmark::Postmark;
