//! Upstreams that answer inside the gateway, one file or folder each.
//!
//! [`builtin`] makes those that a scenario names; [`OpenApi`] answers as a document says, [`Har`] as
//! was recorded, [`Stubs`] as WireMock's files say;
//! [`Mounted`] come from Rust, and [`Json::sink`] answers for every host that nobody claims.
//! Each opens with its table of routes. All of them answer as functions of the seed, the request
//! and what was created before: no clock, no chance, no network of their own.

mod answer;
mod form;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod github;
mod har;
mod json;
mod made;
mod mailgun;
mod mounted;
mod openapi;
mod paging;
mod postmark;
mod resend;
mod rest;
mod sendgrid;
mod slack;
mod store;
mod stub;

pub use answer::{Answer, Mock, Request};
pub use har::{Har, HarError, HarProblem, Recording};
pub use json::Json;
pub(in crate::internet) use made::Made;
pub use mounted::{MountError, Mounted, RECYCLE};
pub use openapi::{Document, OpenApi, OpenApiError, OpenApiProblem};
pub use postmark::Postmark;
pub use stub::{StubError, StubProblem, Stubs};

use crate::secret::Seed;
use github::GitHub;
use rest::Rest;
use std::sync::Arc;

type Make = fn(Seed) -> Arc<dyn Mock>;

const BUILTIN: [(&str, Make); 7] = [
    ("github", |seed| Arc::new(GitHub::new(seed))),
    ("json", |seed| Arc::new(Json::new(seed))),
    ("mailgun", |seed| {
        Arc::new(Rest::new(&mailgun::SERVICE, seed))
    }),
    ("postmark", |seed| Arc::new(Postmark::new(seed))),
    ("resend", |seed| Arc::new(Rest::new(&resend::SERVICE, seed))),
    ("sendgrid", |seed| {
        Arc::new(Rest::new(&sendgrid::SERVICE, seed))
    }),
    ("slack", |seed| Arc::new(Rest::new(&slack::SERVICE, seed))),
];

/// The built-in upstream that a scenario names, fresh: it remembers nothing of other runs.
pub fn builtin(name: &str, seed: Seed) -> Option<Arc<dyn Mock>> {
    let (_, make) = BUILTIN.iter().find(|(known, _)| *known == name)?;
    Some(make(seed))
}

/// The names that [`builtin`] knows, for error messages and the published schema.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_upstream_of_that_name() {
        for name in names() {
            assert_eq!(
                builtin(name, Seed(1))
                    .map(|m| m.name().to_owned())
                    .as_deref(),
                Some(name)
            );
        }
        assert!(builtin("postmrak", Seed(1)).is_none());
    }
}
