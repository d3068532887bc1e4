//! Upstreams that answer inside the gateway, one file each.

mod answer;
mod made;
mod postmark;

pub use answer::{Answer, Mock, Request};
pub use postmark::Postmark;
