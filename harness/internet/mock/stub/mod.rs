//! WireMock stub mappings, read as they are from JSON files. Everything is checked when it is
//! loaded: a key, matcher or helper that is not known here is an error with its file and place,
//! for a stub that silently matched less, or answered otherwise, would be worse than none.
//!
//! | part | read |
//! | --- | --- |
//! | files | one mapping or `{"mappings": […]}` a file; `mappings/` and `__files/` as WireMock lays them out |
//! | request | `method`, one of five `url…` keys, `scheme`, `host`, `port`, `headers`, `queryParameters`, `pathParameters`, `formParameters`, `cookies`, `basicAuthCredentials`, `bodyPatterns` |
//! | patterns | `equalTo`, `contains`, `doesNotContain`, `matches`, `doesNotMatch`, `absent`, `equalToJson`, `matchesJsonPath`, `binaryEqualTo`, the five number patterns, `and`, `or`, `not`, `hasExactly`, `includes` |
//! | response | `status`, `headers`, one of `body`, `jsonBody`, `base64Body`, `bodyFileName`; `fixedDelayMilliseconds`, `transformers: ["response-template"]` with `request.*` and `jsonPath` |
//! | order | `priority`, then the latest; `scenarioName` and its states |
//!
//! Refused: faults, proxying, random delays, webhooks, XML, JSON Schema and date patterns.

mod error;
mod jsonpath;
mod load;
mod matcher;
mod read;
mod request;
mod response;
mod template;

pub use error::{StubError, StubProblem};

use super::{Answer, Mock, Request};
use matcher::Body;
use request::Pattern;
use response::Response;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

/// The state in which every scenario starts.
const STARTED: &str = "Started";
/// WireMock's priority where a mapping has none; 1 is the highest.
const DEFAULT_PRIORITY: u64 = 5;

/// The mappings for one host.
#[derive(Debug)]
pub struct Stubs {
    /// In the order of matching.
    stubs: Vec<Stub>,
    /// The scenarios that have left their first state; bounded by the files.
    states: Mutex<HashMap<String, String>>,
}

#[derive(Debug)]
struct Stub {
    name: String,
    priority: u64,
    request: Pattern,
    response: Response,
    scenario: Option<Scenario>,
}

#[derive(Debug)]
struct Scenario {
    name: String,
    required: Option<String>,
    next: Option<String>,
}

impl Stubs {
    /// Reads the mappings of a file, or of a folder with all that is below it. Body files are
    /// read now: nothing is opened later.
    pub fn load(path: &Path) -> Result<Self, StubError> {
        let mut stubs = load::load(path)?;
        // Of two that match, WireMock takes the one that was added last.
        stubs.reverse();
        stubs.sort_by_key(|stub| stub.priority);
        Ok(Self {
            stubs,
            states: Mutex::default(),
        })
    }

    /// How many mappings there are.
    pub fn len(&self) -> usize {
        self.stubs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stubs.is_empty()
    }
}

impl Mock for Stubs {
    fn name(&self) -> &str {
        "stub"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let body = Body::new(&request.body);
        let mut states = self.states.lock().unwrap_or_else(|e| e.into_inner());
        let stub = self.stubs.iter().find(|stub| {
            let in_state = stub.scenario.as_ref().is_none_or(|scenario| {
                let state = states.get(&scenario.name).map_or(STARTED, String::as_str);
                scenario
                    .required
                    .as_deref()
                    .is_none_or(|required| required == state)
            });
            in_state && stub.request.matches(request, &body)
        })?;
        if let Some(Scenario {
            name,
            next: Some(next),
            ..
        }) = &stub.scenario
        {
            states.insert(name.clone(), next.clone());
        }
        drop(states);
        let by = format!("stub {}", stub.name);
        Some(stub.response.answer(request, &body, &stub.request, by))
    }
}

#[cfg(test)]
mod tests;
