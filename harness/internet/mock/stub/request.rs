//! The request side of a mapping.

use super::super::Request;
use super::StubProblem;
use super::matcher::{Body, Matcher, Values, whole_regex};
use super::read::{Mistake, Node};
use data_encoding::BASE64;
use regex::Regex;
use std::borrow::Cow;

const KNOWN: [&str; 17] = [
    "method",
    "url",
    "urlPattern",
    "urlPath",
    "urlPathPattern",
    "urlPathTemplate",
    "scheme",
    "host",
    "port",
    "headers",
    "queryParameters",
    "pathParameters",
    "formParameters",
    "cookies",
    "basicAuthCredentials",
    "basicAuth",
    "bodyPatterns",
];
const UNSUPPORTED: [&str; 4] = ["multipartPatterns", "customMatcher", "clientIp", "methods"];
const URLS: [&str; 5] = [
    "url",
    "urlPattern",
    "urlPath",
    "urlPathPattern",
    "urlPathTemplate",
];

/// What a request must be like; a part that is left out fits everything.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    method: Option<String>,
    url: Option<Url>,
    scheme: Option<String>,
    host: Option<Matcher>,
    port: Option<u64>,
    headers: Vec<(String, Values)>,
    query: Vec<(String, Values)>,
    path: Vec<(String, Values)>,
    form: Vec<(String, Values)>,
    cookies: Vec<(String, Values)>,
    authorization: Option<String>,
    body: Vec<Matcher>,
}

#[derive(Debug)]
enum Url {
    Whole(String),
    WholeLike(Regex),
    Path(String),
    PathLike(Regex),
    /// Segments; a name in place of a literal takes any segment.
    Template(Vec<Segment>),
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Name(String),
}

impl Pattern {
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        node.only(&KNOWN, &UNSUPPORTED)?;
        let text = |key: &str| {
            node.get(key)
                .map(|n| n.text().map(str::to_owned))
                .transpose()
        };
        let values = |key: &str, lower: bool| -> Result<Vec<(String, Values)>, Mistake> {
            let Some(node) = node.get(key) else {
                return Ok(Vec::new());
            };
            let name = |name: &str| {
                if lower {
                    name.to_ascii_lowercase()
                } else {
                    name.to_owned()
                }
            };
            let members = node.members()?.into_iter();
            members
                .map(|(key, node)| Ok((name(key), Values::read(&node)?)))
                .collect()
        };
        let url = url(node)?;
        let path = values("pathParameters", false)?;
        if !path.is_empty() && !matches!(url, Some(Url::Template(_))) {
            return Err(node.fail(StubProblem::Missing("urlPathTemplate")));
        }
        let body = match node.get("bodyPatterns") {
            None => Vec::new(),
            Some(list) => list
                .items()?
                .iter()
                .map(Matcher::read)
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            method: text("method")?.filter(|m| !m.eq_ignore_ascii_case("ANY")),
            url,
            scheme: text("scheme")?,
            host: node.get("host").map(|n| Matcher::read(&n)).transpose()?,
            port: node.get("port").map(|n| n.whole()).transpose()?,
            headers: values("headers", true)?,
            query: values("queryParameters", false)?,
            path,
            form: values("formParameters", false)?,
            cookies: values("cookies", false)?,
            authorization: authorization(node)?,
            body,
        })
    }

    pub fn matches(&self, request: &Request, body: &Body<'_>) -> bool {
        let same = |want: &Option<String>, got: &str| {
            want.as_ref()
                .is_none_or(|want| want.eq_ignore_ascii_case(got))
        };
        let header = |name: &str| {
            let named = request.headers.iter().filter(|(n, _)| n == name);
            named
                .map(|(_, value)| Cow::Borrowed(value.as_str()))
                .collect::<Vec<_>>()
        };
        let host = Body::new(request.host.as_bytes());
        same(&self.method, &request.method)
            && same(&self.scheme, request.scheme)
            && self.port.is_none_or(|port| port == u64::from(request.port))
            && self.host.as_ref().is_none_or(|m| m.matches(Some(&host)))
            && self.url.as_ref().is_none_or(|url| url.matches(request))
            && self
                .authorization
                .as_ref()
                .is_none_or(|want| header("authorization").contains(&Cow::Borrowed(want)))
            && all(&self.headers, header)
            && all(&self.query, |name| pairs(request.query.as_bytes(), name))
            && all(&self.path, |name| {
                self.path_value(request, name)
                    .map(Cow::Owned)
                    .into_iter()
                    .collect()
            })
            && all(&self.form, |name| pairs(&request.body, name))
            && all(&self.cookies, |name| {
                cookies(request, name).map(Cow::Borrowed).collect()
            })
            && self
                .body
                .iter()
                .all(|m| m.matches(Some(body).filter(|_| !request.body.is_empty())))
    }

    /// What a name of the path template stands for in this request, decoded.
    pub fn path_value(&self, request: &Request, name: &str) -> Option<String> {
        let Some(Url::Template(segments)) = &self.url else {
            return None;
        };
        let given = request.path.split('/');
        let mut pairs = segments.iter().zip(given);
        pairs.find_map(|(segment, text)| match segment {
            Segment::Name(n) if n == name => {
                let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
                Some(text.into_owned())
            }
            _ => None,
        })
    }
}

impl Url {
    fn matches(&self, request: &Request) -> bool {
        match self {
            Self::Whole(url) => *url == whole_url(request),
            Self::WholeLike(regex) => regex.is_match(&whole_url(request)),
            Self::Path(path) => *path == request.path,
            Self::PathLike(regex) => regex.is_match(&request.path),
            Self::Template(segments) => {
                let given: Vec<&str> = request.path.split('/').collect();
                given.len() == segments.len()
                    && segments
                        .iter()
                        .zip(given)
                        .all(|(segment, text)| match segment {
                            Segment::Literal(want) => want == text,
                            Segment::Name(_) => !text.is_empty(),
                        })
            }
        }
    }
}

/// Whether the values of every name fit its pattern.
fn all<'a>(patterns: &[(String, Values)], values: impl Fn(&str) -> Vec<Cow<'a, str>>) -> bool {
    patterns
        .iter()
        .all(|(name, pattern)| pattern.matches(&values(name)))
}

/// Path and query, as WireMock's `url` means it.
pub(super) fn whole_url(request: &Request) -> String {
    if request.query.is_empty() {
        return request.path.clone();
    }
    format!("{}?{}", request.path, request.query)
}

/// The values of a name in a query or a form.
pub(super) fn pairs<'a>(text: &'a [u8], name: &str) -> Vec<Cow<'a, str>> {
    let named = url::form_urlencoded::parse(text).filter(|(n, _)| n == name);
    named.map(|(_, value)| value).collect()
}

/// The values of a cookie (RFC 6265, section 5.4).
pub(super) fn cookies<'a>(request: &'a Request, name: &str) -> impl Iterator<Item = &'a str> {
    let headers = request.headers.iter().filter(|(n, _)| n == "cookie");
    let cookies = headers.flat_map(|(_, value)| value.split(';'));
    let pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter(move |(n, _)| *n == name)
        .map(|(_, value)| value)
}

fn url(node: &Node<'_>) -> Result<Option<Url>, Mistake> {
    let mut given = URLS.iter().filter_map(|key| Some((*key, node.get(key)?)));
    let Some((key, value)) = given.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = given.next() {
        return Err(node.fail(StubProblem::Together(other.to_owned(), key.to_owned())));
    }
    let text = value.text()?;
    Ok(Some(match key {
        "url" => Url::Whole(text.to_owned()),
        "urlPattern" => Url::WholeLike(whole_regex(&value)?),
        "urlPath" => Url::Path(text.to_owned()),
        "urlPathPattern" => Url::PathLike(whole_regex(&value)?),
        _ => Url::Template(template(&value, text)?),
    }))
}

fn template(node: &Node<'_>, text: &str) -> Result<Vec<Segment>, Mistake> {
    let segment = |s: &str| match s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        Some(name) if !name.is_empty() => Ok(Segment::Name(name.to_owned())),
        None if !s.contains(['{', '}']) => Ok(Segment::Literal(s.to_owned())),
        _ => Err(node.wrong("segments that are text or one `{name}`")),
    };
    text.split('/').map(segment).collect()
}

/// The header that basic authentication sends (RFC 7617, section 2).
fn authorization(node: &Node<'_>) -> Result<Option<String>, Mistake> {
    let Some(node) = node
        .get("basicAuthCredentials")
        .or_else(|| node.get("basicAuth"))
    else {
        return Ok(None);
    };
    node.only(&["username", "password"], &[])?;
    let (user, password) = (node.need("username")?, node.need("password")?);
    let both = format!("{}:{}", user.text()?, password.text()?);
    Ok(Some(format!("Basic {}", BASE64.encode(both.as_bytes()))))
}
