//! Upstreams that answer inside the gateway, one file each.

mod answer;
mod json;
mod made;
mod postmark;
mod stub;

pub use answer::{Answer, Mock, Request};
pub use json::Json;
pub use postmark::Postmark;
pub use stub::{StubError, StubProblem, Stubs};
