//! Response templates: `{{request.…}}` and `{{jsonPath request.body '…'}}`. Double braces escape
//! for HTML as Handlebars does, triple ones do not. Any other helper is refused when it is read.

use super::super::Request;
use super::StubProblem;
use super::jsonpath::JsonPath;
use super::matcher::Body;
use super::read::{Mistake, Node};
use super::request::{Pattern, cookies, pairs, whole_url};
use serde_json::Value;
use std::borrow::Cow;

/// Filled templates are cut here.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Value { source: Source, raw: bool },
}

#[derive(Debug)]
enum Source {
    Method,
    Url,
    Path,
    PathSegment(usize),
    PathName(String),
    Query(String, usize),
    Header(String, usize),
    Cookie(String),
    Body,
    Host,
    Port,
    Scheme,
    BaseUrl,
    JsonPath(JsonPath),
}

impl Template {
    pub fn read(node: &Node<'_>, text: &str) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            parts.push(Part::Text(rest[..start].to_owned()));
            let raw = rest[start..].starts_with("{{{");
            let (open, close) = if raw { (3, "}}}") } else { (2, "}}") };
            let inner = &rest[start + open..];
            let end = inner
                .find(close)
                .ok_or_else(|| node.wrong("a template whose braces close"))?;
            let source = source(inner[..end].trim());
            let source = source.map_err(|problem| node.fail(problem))?;
            parts.push(Part::Value { source, raw });
            rest = &inner[end + close.len()..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub fn fill(&self, request: &Request, body: &Body<'_>, pattern: &Pattern) -> String {
        let mut out = String::new();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => text.clone(),
                Part::Value { source, raw: true } => source.value(request, body, pattern),
                Part::Value { source, raw: false } => escape(&source.value(request, body, pattern)),
            };
            let room = MAX_OUTPUT.saturating_sub(out.len());
            out.push_str(&text[..text.floor_char_boundary(room)]);
        }
        out
    }
}

fn source(text: &str) -> Result<Source, StubProblem> {
    let unsupported = || StubProblem::Unsupported(format!("{{{{{text}}}}}"));
    if let Some(arguments) = text.strip_prefix("jsonPath ") {
        let (from, path) = arguments.trim().split_once(' ').ok_or_else(unsupported)?;
        let path = path.trim();
        let quoted = |q| path.strip_prefix(q).and_then(|p: &str| p.strip_suffix(q));
        let path = quoted('\'')
            .or_else(|| quoted('"'))
            .ok_or_else(unsupported)?;
        if from != "request.body" {
            return Err(unsupported());
        }
        return JsonPath::parse(path)
            .map(Source::JsonPath)
            .map_err(StubProblem::BadJsonPath);
    }
    let name = text.strip_prefix("request.").ok_or_else(unsupported)?;
    let (part, rest) = name.split_once('.').unwrap_or((name, ""));
    // `[0]`, or a name that may stand in brackets.
    let bare = |text: &str| {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        inner.unwrap_or(text).to_owned()
    };
    let indexed = |text: &str| -> (String, usize) {
        let index = text.rsplit_once('.').and_then(|(name, i)| {
            let i = i.trim_matches(['[', ']']).parse().ok()?;
            Some((bare(name), i))
        });
        index.unwrap_or_else(|| (bare(text), 0))
    };
    Ok(match (part, rest) {
        ("method", "") => Source::Method,
        ("url", "") => Source::Url,
        ("path", "") => Source::Path,
        ("path" | "pathSegments", rest) if !rest.is_empty() => match bare(rest).parse() {
            Ok(i) => Source::PathSegment(i),
            Err(_) if part == "path" => Source::PathName(bare(rest)),
            Err(_) => return Err(unsupported()),
        },
        ("query", rest) if !rest.is_empty() => {
            let (name, i) = indexed(rest);
            Source::Query(name, i)
        }
        ("headers", rest) if !rest.is_empty() => {
            let (name, i) = indexed(rest);
            Source::Header(name.to_ascii_lowercase(), i)
        }
        ("cookies", rest) if !rest.is_empty() => Source::Cookie(bare(rest)),
        ("body", "") => Source::Body,
        ("host", "") => Source::Host,
        ("port", "") => Source::Port,
        ("scheme", "") => Source::Scheme,
        ("baseUrl", "") => Source::BaseUrl,
        _ => return Err(unsupported()),
    })
}

impl Source {
    /// The value in a request; what is not there is empty.
    fn value(&self, request: &Request, body: &Body<'_>, pattern: &Pattern) -> String {
        let found = match self {
            Self::Method => Some(request.method.clone()),
            Self::Url => Some(whole_url(request)),
            Self::Path => Some(request.path.clone()),
            Self::PathSegment(i) => {
                let mut segments = request.path.split('/').filter(|s| !s.is_empty());
                segments.nth(*i).map(str::to_owned)
            }
            Self::PathName(name) => pattern.path_value(request, name),
            Self::Query(name, i) => {
                let values = pairs(request.query.as_bytes(), name);
                values.get(*i).map(|v| v.clone().into_owned())
            }
            Self::Header(name, i) => {
                let mut named = request.headers.iter().filter(|(n, _)| n == name);
                named.nth(*i).map(|(_, value)| value.clone())
            }
            Self::Cookie(name) => cookies(request, name).next().map(str::to_owned),
            Self::Body => Some(body.text().to_owned()),
            Self::Host => Some(request.host.clone()),
            Self::Port => Some(request.port.to_string()),
            Self::Scheme => Some(request.scheme.to_owned()),
            Self::BaseUrl => Some(base_url(request)),
            Self::JsonPath(path) => {
                let found = body.json().map(|json| path.find(json)).unwrap_or_default();
                match &found[..] {
                    [] => None,
                    [one] => Some(one.as_str().map_or_else(|| one.to_string(), str::to_owned)),
                    many => Some(list(many)),
                }
            }
        };
        found.unwrap_or_default()
    }
}

/// Values may hold each other, so that together they are larger than the body.
fn list(values: &[Cow<'_, Value>]) -> String {
    let mut out = String::from("[");
    for (i, value) in values.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        out.push_str(&value.to_string());
        if out.len() > MAX_OUTPUT {
            break;
        }
    }
    out.push(']');
    out
}

fn base_url(request: &Request) -> String {
    let default = if request.scheme == "https" { 443 } else { 80 };
    let port = match request.port == default {
        true => String::new(),
        false => format!(":{}", request.port),
    };
    format!("{}://{}{port}", request.scheme, request.host)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '`' => out.push_str("&#x60;"),
            '=' => out.push_str("&#x3D;"),
            c => out.push(c),
        }
    }
    out
}
