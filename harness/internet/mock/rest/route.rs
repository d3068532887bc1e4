//! Paths of services and the collections below them.

use super::super::made::Made;
use super::call::{Call, Reply};
use serde_json::{Map, Value};

/// What is done for a route of its own.
pub type Act = fn(&mut Call<'_>) -> Reply;

/// One route. In a path `{}` or `{name}` stands for a segment, and `{name*}` at its end for all
/// that is left.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub act: Act,
}

/// A row of a table of routes.
pub const fn route(method: &'static str, path: &'static str, act: Act) -> Route {
    Route { method, path, act }
}

/// Members of one kind.
pub struct Collection {
    pub path: &'static str,
    /// What one member is called.
    pub noun: &'static str,
    /// Methods on the collection and on a member, of `GET POST` and `GET PUT PATCH DELETE`.
    pub methods: (&'static str, &'static str),
    pub id: Id,
    /// A member without its key. Of what is sent, the fields that it has are taken over.
    pub make: fn(&Made) -> Value,
}

/// How members are told apart.
#[derive(Clone, Copy)]
pub enum Id {
    Uuid(&'static str),
    Number(&'static str),
    Token(&'static str),
    /// By what is sent under this name.
    Sent(&'static str),
}

impl Id {
    /// The property.
    pub fn key(self) -> &'static str {
        match self {
            Self::Uuid(key) | Self::Number(key) | Self::Token(key) | Self::Sent(key) => key,
        }
    }

    /// An identifier as the service writes it.
    pub fn value(self, id: &str) -> Value {
        match self {
            Self::Number(_) => id.parse::<u64>().map_or_else(|_| id.into(), Value::from),
            _ => id.into(),
        }
    }
}

impl Collection {
    /// The parameters of the collection's path, and the member, where a request is about this.
    pub(super) fn doing(&self, method: &str, path: &str) -> Option<(Vec<String>, Option<String>)> {
        let allows = |methods: &str| methods.split(' ').any(|m| m == method);
        if allows(self.methods.0)
            && let Some(params) = fit(self.path, path)
        {
            return Some((params, None));
        }
        let (before, last) = path.trim_end_matches('/').rsplit_once('/')?;
        let params =
            fit(self.path, before).filter(|_| !last.is_empty() && allows(self.methods.1))?;
        Some((params, Some(decoded(last))))
    }

    pub(super) fn new_id(&self, made: &Made, sent: &Map<String, Value>) -> String {
        match self.id {
            Id::Uuid(_) => made.uuid("id"),
            Id::Number(_) => made.number("id", 100_000_000, 999_999_999).to_string(),
            Id::Token(_) => made.token("id"),
            Id::Sent(name) => match sent.get(name) {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => made.token("id"),
            },
        }
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

/// The decoded values of the placeholders, where the path fits the pattern.
pub(super) fn fit(pattern: &str, path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(want), got) if want.ends_with("*}") => {
                let rest: Vec<String> = got.into_iter().chain(given).map(decoded).collect();
                params.push(rest.join("/"));
                return Some(params);
            }
            (Some(want), Some(got)) if want.starts_with('{') && !got.is_empty() => {
                params.push(decoded(got))
            }
            (Some(want), Some(got)) if want == got => {}
            _ => return None,
        }
    }
}
