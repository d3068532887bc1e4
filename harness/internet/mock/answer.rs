//! What an upstream mock is asked and what it answers, apart from any transport.

use bytes::Bytes;
use std::time::Duration;

/// A request as it reached the fake internet: complete, content codings undone.
#[derive(Clone, Debug)]
pub struct Request {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host name the server meant, lower case, without a port.
    pub host: String,
    pub port: u16,
    pub method: String,
    /// Path as sent (percent-encoding untouched), always starting with `/`.
    pub path: String,
    /// Query as sent, without `?`; empty where there is none.
    pub query: String,
    /// In the order sent, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body up to the gateway's bound.
    pub body: Bytes,
    /// How many requests with the same method, host and path came before in this run. Answers
    /// may depend on it and on the request itself, on nothing else: a version that makes one
    /// request more must not change the answers to all the others.
    pub nth: u64,
}

impl Request {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// What an upstream answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Who answered, for the effect: `postmark POST /email`.
    pub by: String,
    /// How long to wait before answering.
    pub delay: Duration,
}

impl Answer {
    /// A JSON answer at once.
    pub fn json(status: u16, body: &serde_json::Value, by: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from(body.to_string()),
            by: by.into(),
            delay: Duration::ZERO,
        }
    }

    /// Bytes of any media type at once; an empty type sends no `content-type`.
    pub fn bytes(
        status: u16,
        content_type: &str,
        body: impl Into<Bytes>,
        by: impl Into<String>,
    ) -> Self {
        let typed =
            (!content_type.is_empty()).then(|| ("content-type".into(), content_type.into()));
        Self {
            status,
            headers: typed.into_iter().collect(),
            body: body.into(),
            by: by.into(),
            delay: Duration::ZERO,
        }
    }
}

/// An upstream that stands behind one host.
///
/// Implementations are deterministic: the same requests in the same order get the same answers.
/// State (what was created earlier) is allowed and must be bounded. Bytes are hostile.
pub trait Mock: Send + Sync {
    /// The name that reports use, such as `postmark`.
    fn name(&self) -> &str;

    /// The answer, or nothing where this upstream has no such route; the gateway then answers
    /// through the sink and records the request as unmatched.
    fn answer(&self, request: &Request) -> Option<Answer>;

    /// Whether `answer` may wait for something other than a short lock. The gateway calls such
    /// a mock on a thread that may block.
    fn blocking(&self) -> bool {
        false
    }
}
