//! The response side of a mapping.

use super::super::{Answer, Request};
use super::StubProblem;
use super::load::Files;
use super::matcher::{Body, base64};
use super::read::{Mistake, Node};
use super::request::Pattern;
use super::template::Template;
use bytes::Bytes;
use std::time::Duration;

const KNOWN: [&str; 11] = [
    "status",
    "statusMessage",
    "headers",
    "body",
    "jsonBody",
    "base64Body",
    "bodyFileName",
    "fixedDelayMilliseconds",
    "delayDistribution",
    "transformers",
    "fromConfiguredStub",
];
const UNSUPPORTED: [&str; 6] = [
    "fault",
    "proxyBaseUrl",
    "chunkedDribbleDelay",
    "transformerParameters",
    "additionalProxyRequestHeaders",
    "removeProxyRequestHeaders",
];
const BODIES: [&str; 4] = ["body", "jsonBody", "base64Body", "bodyFileName"];
const TEMPLATES: &str = "response-template";
/// Longer than any client waits.
const MAX_DELAY: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    headers: Vec<(String, Text)>,
    body: Content,
    delay: Duration,
}

#[derive(Debug)]
enum Text {
    Fixed(String),
    Template(Template),
}

#[derive(Debug)]
enum Content {
    Fixed(Bytes),
    Template(Template),
}

impl Response {
    pub fn read(node: &Node<'_>, files: &Files) -> Result<Self, Mistake> {
        node.only(&KNOWN, &UNSUPPORTED)?;
        let status = match node.get("status") {
            None => 200,
            Some(status) => {
                let number = u16::try_from(status.whole()?).ok();
                let number = number.filter(|n| (200..600).contains(n));
                number.ok_or_else(|| status.wrong("a status from 200 to 599"))?
            }
        };
        let templates = templated(node)?;
        Ok(Self {
            status,
            headers: headers(node, templates)?,
            body: body(node, templates, files)?,
            delay: delay(node)?,
        })
    }

    pub fn answer(
        &self,
        request: &Request,
        body: &Body<'_>,
        pattern: &Pattern,
        by: String,
    ) -> Answer {
        let fill = |template: &Template| template.fill(request, body, pattern);
        let header = |(name, value): &(String, Text)| {
            let value = match value {
                Text::Fixed(text) => text.clone(),
                // A header is one line, whatever the request held.
                Text::Template(template) => fill(template).replace(|c: char| c.is_control(), " "),
            };
            (name.clone(), value)
        };
        Answer {
            status: self.status,
            headers: self.headers.iter().map(header).collect(),
            body: match &self.body {
                Content::Fixed(bytes) => bytes.clone(),
                Content::Template(template) => fill(template).into(),
            },
            by,
            delay: self.delay,
        }
    }
}

/// Whether the response is a template.
fn templated(node: &Node<'_>) -> Result<bool, Mistake> {
    let Some(list) = node.get("transformers") else {
        return Ok(false);
    };
    let mut found = false;
    for item in list.items()? {
        if item.text()? != TEMPLATES {
            let name = format!("transformer {}", item.text()?);
            return Err(item.fail(StubProblem::Unsupported(name)));
        }
        found = true;
    }
    Ok(found)
}

fn headers(node: &Node<'_>, templates: bool) -> Result<Vec<(String, Text)>, Mistake> {
    let Some(headers) = node.get("headers") else {
        return Ok(Vec::new());
    };
    let mut read = Vec::new();
    for (name, value) in headers.members()? {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(value.wrong("a header name that HTTP allows"));
        }
        let values = if value.value.is_array() {
            value.items()?
        } else {
            vec![value]
        };
        for value in values {
            let text = value.text()?;
            if text.contains(|c: char| c.is_control() && c != '\t') {
                return Err(value.wrong("one line of text"));
            }
            let text = if templates {
                Text::Template(Template::read(&value, text)?)
            } else {
                Text::Fixed(text.to_owned())
            };
            read.push((name.to_ascii_lowercase(), text));
        }
    }
    Ok(read)
}

fn body(node: &Node<'_>, templates: bool, files: &Files) -> Result<Content, Mistake> {
    let mut given = BODIES.iter().filter_map(|key| Some((*key, node.get(key)?)));
    let Some((key, value)) = given.next() else {
        return Ok(Content::Fixed(Bytes::new()));
    };
    if let Some((other, _)) = given.next() {
        return Err(node.fail(StubProblem::Together(other.to_owned(), key.to_owned())));
    }
    let bytes = match key {
        "body" => value.text()?.as_bytes().to_vec(),
        "jsonBody" => value.value.to_string().into_bytes(),
        "base64Body" => base64(&value)?,
        _ => {
            let name = value.text()?;
            if name.contains("{{") {
                let what = "a template in bodyFileName".to_owned();
                return Err(value.fail(StubProblem::Unsupported(what)));
            }
            files.read(name).map_err(|problem| value.fail(problem))?
        }
    };
    match (templates, std::str::from_utf8(&bytes)) {
        (true, Ok(text)) => Ok(Content::Template(Template::read(&value, text)?)),
        _ => Ok(Content::Fixed(bytes.into())),
    }
}

fn delay(node: &Node<'_>) -> Result<Duration, Mistake> {
    let fixed = node.get("fixedDelayMilliseconds");
    let spread = node.get("delayDistribution");
    let milliseconds = match (fixed, spread) {
        (None, None) => return Ok(Duration::ZERO),
        (Some(fixed), _) => fixed,
        (None, Some(spread)) => {
            let kind = spread
                .get("type")
                .map(|n| n.text().map(str::to_owned))
                .transpose()?;
            if kind.as_deref() != Some("fixed") {
                // A random delay would make two runs differ.
                let what = "delayDistribution other than fixed".to_owned();
                return Err(spread.fail(StubProblem::Unsupported(what)));
            }
            spread.only(&["type", "milliseconds"], &[])?;
            spread.need("milliseconds")?
        }
    };
    let delay = Duration::from_millis(milliseconds.whole()?);
    if delay > MAX_DELAY {
        return Err(milliseconds.wrong("a delay of at most an hour"));
    }
    Ok(delay)
}
