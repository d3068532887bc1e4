//! The permissive upstream: a plausible answer with status 200 to any request to any host, so
//! that a server goes on and shows what it does next. Every host is one store in which every
//! object exists: an object's values follow from host, collection and id, so that lists, single
//! objects and what is created agree, whatever else is asked in between. Lists have one page,
//! or clients that read to the end would never come to it.
//!
//! | request | answer |
//! | --- | --- |
//! | JSON-RPC, GraphQL | `result`; `data` along the selection set |
//! | OAuth token, device and discovery endpoints, JWKS | as RFC 6749, 8628, 8414, 7517 say |
//! | package registries, latest releases, language models | version `0.0.1`; one short message |
//! | GET of a plural, or any search, query or list | an object that holds the list under the likely names |
//! | GET of anything else | one object, its id from the path |
//! | POST, PUT, PATCH | the fields that were sent, with what the store adds |
//! | DELETE | the id, marked as deleted |
//! | HEAD, OPTIONS | the headers alone; 204 and what CORS wants |
//! | Accept or a path's suffix of HTML, text, XML, feeds, images and so on | a small document |
//!
//! Every made-up text carries a token that is found nowhere else in the run. Queries pick no
//! values: only paging parameters matter, so that a parameter more is not a changed reply.

mod graphql;
mod known;
mod object;
mod page;
mod target;

use super::{Answer, Mock, Request, made::Made};
use crate::secret::Seed;
use object::Objects;
use serde_json::{Map, Value, json};
use target::Target;

/// Request bodies beyond this are not read for fields to echo.
const MAX_ECHO: usize = 256 * 1024;
/// Operations of one GraphQL or JSON-RPC batch that are answered.
const MAX_BATCH: usize = 100;

/// The permissive upstream.
pub struct Json {
    seed: Seed,
    name: &'static str,
}

impl Json {
    /// As the upstream that a scenario names `json`.
    pub fn new(seed: Seed) -> Self {
        Self { seed, name: "json" }
    }

    /// As what stands behind every host that no upstream claims.
    pub fn sink(seed: Seed) -> Self {
        Self { seed, name: "sink" }
    }

    fn respond(&self, request: &Request) -> Answer {
        let method = request.method.as_str();
        if method == "OPTIONS" {
            return self.preflight(request);
        }
        let target = Target::read(request);
        let form = page::Form::of(request, &target);
        let made = Made::new(self.seed, format!("json {}", request.host));
        if let Some(page) = page::render(form, request, &target, &made.part(&target.path)) {
            return Answer::bytes(200, page.content_type, page.body, self.name);
        }
        let sent = Sent::read(request);
        let objects = Objects::new(made, request, &target);
        match self.value(request, &target, &sent, &objects) {
            Some(value) => page::json(form, &value, self.name),
            None => Answer::bytes(200, "", "", self.name),
        }
    }

    /// The JSON of an answer; nothing where the protocol wants silence.
    fn value(
        &self,
        request: &Request,
        target: &Target,
        sent: &Sent,
        objects: &Objects<'_>,
    ) -> Option<Value> {
        if let Sent::Many(items) = sent
            && items.iter().any(is_call)
        {
            let answers = items.iter().take(MAX_BATCH).zip(0..);
            let answers = answers.filter_map(|(item, i)| call(item, &objects.member(i)));
            let answers: Vec<Value> = answers.collect();
            return (!answers.is_empty()).then_some(Value::Array(answers));
        }
        if let Sent::One(fields) = sent
            && is_call(&Value::Object(fields.clone()))
        {
            return call(&Value::Object(fields.clone()), objects);
        }
        if let Some(value) = known::value(request, target, sent, objects) {
            return Some(value);
        }
        Some(match request.method.as_str() {
            "DELETE" => objects.deleted(),
            _ if target.is_list => objects.list(sent),
            "GET" | "HEAD" => Value::Object(objects.found()),
            _ => match sent {
                Sent::Many(items) => {
                    let items = items.iter().take(MAX_BATCH).zip(0..);
                    items
                        .map(|(item, i)| objects.member(i).stored(item.as_object()))
                        .collect()
                }
                Sent::One(fields) => objects.stored(Some(fields)),
                Sent::Other => objects.stored(None),
            },
        })
    }

    fn preflight(&self, request: &Request) -> Answer {
        let mut answer = Answer::bytes(204, "", "", self.name);
        let asked = |name| {
            request
                .header(name)
                .filter(|v| v.len() < 1024)
                .unwrap_or("*")
        };
        let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        for (name, value) in [
            ("allow", methods),
            ("access-control-allow-origin", asked("origin")),
            ("access-control-allow-methods", methods),
            (
                "access-control-allow-headers",
                asked("access-control-request-headers"),
            ),
            ("access-control-max-age", "600"),
        ] {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
        answer
    }
}

impl Mock for Json {
    fn name(&self) -> &str {
        self.name
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let mut answer = self.respond(request);
        if let Some(origin) = request.header("origin").filter(|v| v.len() < 1024) {
            let allowed = ("access-control-allow-origin".to_owned(), origin.to_owned());
            answer.headers.push(allowed);
        }
        if request.method == "HEAD" {
            // RFC 9110, section 9.3.2: the length that a GET would have.
            let length = ("content-length".to_owned(), answer.body.len().to_string());
            answer.headers.push(length);
            answer.body.clear();
        }
        Some(answer)
    }
}

/// The fields that a request's body carries.
enum Sent {
    One(Map<String, Value>),
    Many(Vec<Value>),
    Other,
}

impl Sent {
    fn read(request: &Request) -> Self {
        let body = &request.body;
        if body.is_empty() || body.len() > MAX_ECHO {
            return Self::Other;
        }
        let kind = request.header("content-type").unwrap_or_default();
        if kind.contains("x-www-form-urlencoded") {
            let fields = url::form_urlencoded::parse(body);
            let fields = fields.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
            return Self::One(fields.collect());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Self::One(fields),
            Ok(Value::Array(items)) => Self::Many(items),
            _ => Self::Other,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self {
            Self::One(fields) => fields.get(name)?.as_str(),
            _ => None,
        }
    }
}

/// A remote call in a protocol of its own: JSON-RPC 2.0 (section 4) or GraphQL over HTTP.
fn is_call(item: &Value) -> bool {
    item["jsonrpc"].is_string() && item["method"].is_string()
        || item["query"].as_str().is_some_and(graphql::is_document)
}

/// The answer to a call, or nothing for a JSON-RPC notification.
fn call(item: &Value, objects: &Objects<'_>) -> Option<Value> {
    if let Some(document) = item["query"].as_str() {
        let data = graphql::answer(document, item, &objects.made);
        return Some(json!({ "data": data }));
    }
    let id = item.get("id")?;
    let result = objects.stored(item["params"].as_object());
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

#[cfg(test)]
mod tests;
