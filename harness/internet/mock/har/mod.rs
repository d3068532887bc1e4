//! Recordings (HAR 1.2) whose answers are given again. Method, path and query tell requests
//! apart, the query in any order; of several with another body, the one that has most in common.
//! The same request again gets the next answer that was recorded for it, at the end the last.
//!
//! | part | read |
//! | --- | --- |
//! | request | `method`, `url`, `postData` with `mimeType`, `text`, `params` |
//! | response | `status`, `headers`, `content` with `text` and `encoding` |
//! | left out | headers of one connection, of the framing or of a content coding, and dates; entries without an answer |
//!
//! Where the recording knows the host that is asked, the answers of other hosts are not given.

mod error;
mod load;

pub use error::{HarError, HarProblem};

use super::{Answer, Mock, Request, form};
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A recording that was read.
#[derive(Clone, Debug)]
pub struct Recording(Arc<[Entry]>);

/// One recorded request and its answer.
#[derive(Debug)]
struct Entry {
    host: String,
    method: String,
    path: String,
    /// Sorted.
    query: Vec<(String, String)>,
    body: Sent,
    status: u16,
    headers: Vec<(String, String)>,
    content: Bytes,
}

/// The body of a request, as text and as what it says.
#[derive(Debug, Default, PartialEq)]
struct Sent {
    text: Bytes,
    value: Option<Value>,
}

impl Recording {
    /// Reads a recording. Nothing is opened later.
    pub fn load(path: &Path) -> Result<Self, HarError> {
        load::load(path).map(|entries| Self(entries.into()))
    }
}

/// The mock; one for each run, since it remembers what was given.
pub struct Har {
    recording: Recording,
    /// How often an entry's request was answered, by the entry that stands for it. Bounded by
    /// the recording.
    given: Mutex<HashMap<usize, usize>>,
}

impl Har {
    pub fn new(recording: Recording) -> Self {
        Self {
            recording,
            given: Mutex::default(),
        }
    }
}

impl Mock for Har {
    fn name(&self) -> &str {
        "har"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let entries = &*self.recording.0;
        let known = entries.iter().any(|entry| entry.host == request.host);
        let query = sorted(&request.query);
        let same = |entry: &Entry| {
            (!known || entry.host == request.host)
                && entry.path == request.path
                && entry.query == query
                // RFC 9110, section 9.3.2: a head is that of a GET.
                && (entry.method == request.method || request.method == "HEAD" && entry.method == "GET")
        };
        let alike: Vec<usize> = (0..entries.len()).filter(|i| same(&entries[*i])).collect();
        let sent = Sent {
            text: request.body.clone(),
            value: form::value(request),
        };
        let mut best = (*alike.first()?, 0);
        for i in &alike {
            let score = sent.likeness(&entries[*i].body);
            if score > best.1 {
                best = (*i, score);
            }
        }
        let (first, _) = best;
        let same_body = |i: &usize| entries[*i].body == entries[first].body;
        let turns: Vec<usize> = alike.into_iter().filter(same_body).collect();
        let mut given = self.given.lock().unwrap_or_else(|e| e.into_inner());
        let count = given.entry(first).or_default();
        let turn = (*count).min(turns.len().saturating_sub(1));
        *count += 1;
        let entry = &entries[*turns.get(turn)?];
        let head = request.method == "HEAD";
        Some(Answer {
            headers: entry.headers.clone(),
            by: format!("har {} {}", request.method, entry.path),
            ..Answer::bytes(
                entry.status,
                "",
                if head {
                    Bytes::new()
                } else {
                    entry.content.clone()
                },
                "",
            )
        })
    }
}

impl Sent {
    /// More for what has more in common: the same text, the same value, the same fields.
    fn likeness(&self, other: &Self) -> usize {
        const SAME: usize = usize::MAX;
        if self.text == other.text {
            return SAME;
        }
        match (&self.value, &other.value) {
            (Some(a), Some(b)) if a == b => SAME - 1,
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                1 + a
                    .iter()
                    .filter(|(name, value)| b.get(*name) == Some(value))
                    .count()
            }
            (Some(_), Some(_)) => 1,
            _ => 0,
        }
    }
}

fn sorted(query: &str) -> Vec<(String, String)> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[cfg(test)]
mod tests;
