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

use crate::secret::Seed;
use std::sync::Arc;

/// The built-in mock of this name.
pub fn builtin(name: &str, seed: Seed) -> Option<Arc<dyn Mock>> {
    Some(match name {
        "postmark" => Arc::new(Postmark::new(seed)),
        "json" => Arc::new(Json::new(seed)),
        _ => return None,
    })
}

/// Names of the built-in mocks.
pub fn names() -> &'static [&'static str] {
    &["json", "postmark"]
}
