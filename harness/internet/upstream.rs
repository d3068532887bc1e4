//! Which mock stands behind a host.

use super::git;
use super::mock::{Answer, Mock, Request};
use super::shared::names_host;
use super::weather::Weather;
use std::sync::Arc;

/// An HTTP service of the fake internet.
#[derive(Clone)]
pub struct Upstream {
    /// A name in lower case, `*.suffix`, or an address.
    pub host: String,
    /// None for any port.
    pub port: Option<u16>,
    pub mock: Arc<dyn Mock>,
    /// How it does, request by request, and then from the start. Empty where it always does well.
    pub moods: Vec<Weather>,
}

/// All services, and what answers where there is none.
pub struct Upstreams {
    pub named: Vec<Upstream>,
    pub sink: Arc<dyn Mock>,
}

impl Upstreams {
    /// How the first service at a request's host that has moods does in its `nth` request.
    pub fn mood(&self, request: &Request, nth: impl FnOnce() -> u64) -> Option<Weather> {
        let at = |u: &&Upstream| {
            names_host(&u.host, &request.host) && u.port.is_none_or(|p| p == request.port)
        };
        let mut moody = self.named.iter().filter(at).filter(|u| !u.moods.is_empty());
        let moods = &moody.next()?.moods;
        Some(moods[(nth() % moods.len() as u64) as usize])
    }

    /// Whether a host's certificate is one that is not good any more.
    pub fn is_expired(&self, host: &str, port: u16) -> bool {
        let at = |u: &&Upstream| names_host(&u.host, host) && u.port.is_none_or(|p| p == port);
        let mut here = self.named.iter().filter(at);
        here.any(|upstream| upstream.moods.contains(&Weather::Expired))
    }

    /// The answer to a request: of the first service that stands at its host and knows it, else
    /// of the sink.
    pub fn answer(&self, request: &Request) -> Answer {
        let at = |u: &&Upstream| {
            names_host(&u.host, &request.host) && u.port.is_none_or(|p| p == request.port)
        };
        let mut unmatched = None;
        for upstream in self.named.iter().filter(at) {
            let answer = if upstream.mock.blocking() {
                tokio::task::block_in_place(|| upstream.mock.answer(request))
            } else {
                upstream.mock.answer(request)
            };
            if let Some(answer) = answer {
                return answer;
            }
            unmatched = unmatched.or_else(|| Some(format!("{} unmatched", upstream.mock.name())));
        }
        let mut answer = git::answer(request)
            .or_else(|| self.sink.answer(request))
            .unwrap_or_else(|| Answer::json(200, &serde_json::json!({}), "sink"));
        if let Some(by) = unmatched {
            answer.by = by;
        }
        answer
    }
}
