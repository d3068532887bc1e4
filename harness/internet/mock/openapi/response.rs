//! Which response of an operation is given, and how it is written.

use super::super::Answer;
use super::answer::Asked;
use super::document::Node;
use super::request::is_json;
use super::shape::fits;
use super::things::shape_of;
use super::value::Maker;
use bytes::Bytes;
use serde_json::{Value, json};

/// A response that was chosen.
pub struct Response<'a> {
    pub status: u16,
    pub node: Option<Node<'a>>,
}

impl<'a> Asked<'a> {
    /// The lowest 2xx, else what is there.
    pub fn success(&self, operation: &Node<'a>) -> Response<'a> {
        let mut found: Option<(u16, Node<'a>)> = None;
        let mut other: Option<(u16, Node<'a>)> = None;
        let responses = operation.get("responses");
        for (code, node) in responses.iter().flat_map(Node::members) {
            let status = match code {
                "default" => 200,
                _ => code.replace(['X', 'x'], "0").parse().unwrap_or(0),
            };
            let (best, rank) = match status {
                200..=299 if code != "default" => (&mut found, status),
                200..=599 => (&mut other, if code == "default" { 0 } else { status }),
                _ => continue,
            };
            if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                *best = Some((rank, node));
            }
        }
        let found = found.or(other);
        Response {
            status: found.as_ref().map_or(200, |(status, _)| (*status).max(200)),
            node: found.map(|(_, node)| node),
        }
    }

    pub fn declared(&self, operation: &Node<'a>, codes: &[&str]) -> Option<Response<'a>> {
        let responses = operation.get("responses")?;
        codes.iter().find_map(|code| {
            let node = responses
                .get(code)
                .or_else(|| responses.get(&code.to_ascii_lowercase()))?;
            let status = code.parse().unwrap_or(400);
            Some(Response {
                status,
                node: Some(node),
            })
        })
    }

    /// An error that says why, where its schema has room for that.
    pub fn refusal(&self, response: Response<'a>, why: &str) -> Answer {
        let schema = response
            .node
            .as_ref()
            .and_then(|node| media(node)?.1.get("schema"));
        let Some(schema) = schema else {
            let value = json!({"message": why});
            return Answer::json(response.status, &value, self.by());
        };
        let media = response
            .node
            .as_ref()
            .and_then(media)
            .map(|(_, media)| media);
        let example = media
            .as_ref()
            .and_then(example)
            .filter(|value| schema.fits(value))
            .cloned();
        let about = self
            .made
            .part(format!("{} {}", response.status, self.matched.route.path));
        let made = || {
            let mut value = Maker::new(true).value(std::slice::from_ref(&schema), "", &about);
            let shape = shape_of(&schema);
            for (name, words) in [
                ("message", why),
                ("error", why),
                ("detail", why),
                ("title", why),
            ] {
                if let (Value::Object(map), Some(nodes)) = (&mut value, shape.property(name))
                    && fits(nodes, &words.into())
                {
                    map.insert(name.to_owned(), words.into());
                }
            }
            for name in ["status", "code", "statusCode"] {
                if let (Value::Object(map), Some(nodes)) = (&mut value, shape.property(name))
                    && fits(nodes, &response.status.into())
                {
                    map.insert(name.to_owned(), response.status.into());
                }
            }
            value
        };
        let value = example.unwrap_or_else(made);
        self.render(&response, Some(value))
    }

    pub fn render(&self, response: &Response<'a>, value: Option<Value>) -> Answer {
        let by = self.by();
        let media = response.node.as_ref().and_then(media);
        let mut answer = match (media, value) {
            (Some((kind, _)), Some(value)) if is_json(kind) || kind.contains('*') => {
                let mut answer = Answer::json(response.status, &value, by);
                if is_json(kind) {
                    kind.clone_into(&mut answer.headers[0].1);
                }
                answer
            }
            (Some((kind, media)), value) => {
                let value = value.or_else(|| example(&media).cloned());
                let body = match value {
                    Some(Value::String(text)) => text,
                    Some(value) => value.to_string(),
                    None => self.made.part(&self.request.path).token("text"),
                };
                Answer::bytes(response.status, kind, body, by)
            }
            (None, _) => Answer::bytes(response.status, "", "", by),
        };
        for (name, value) in response
            .node
            .as_ref()
            .map_or(Vec::new(), |node| self.headers(node))
        {
            answer.headers.push((name, value));
        }
        if self.request.method == "HEAD" {
            let length = answer.body.len().to_string();
            answer.headers.push(("content-length".to_owned(), length));
            answer.body = Bytes::new();
        }
        answer
    }

    /// The headers that a response declares.
    fn headers(&self, response: &Node<'a>) -> Vec<(String, String)> {
        let declared = response.get("headers");
        let declared = declared.iter().flat_map(Node::members);
        let value = |(name, header): (&str, Node<'a>)| {
            let lower = name.to_ascii_lowercase();
            let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if ["content-type", "content-length"].contains(&lower.as_str())
                || !lower.bytes().all(token)
            {
                return None;
            }
            let made = self.made.part(&self.request.path).part(&lower);
            let schema = header.get("schema");
            let own = header.value.get("example").cloned();
            // Links lead to further pages, of which there are none.
            if lower == "link" && own.is_none() {
                return None;
            }
            let value =
                own.unwrap_or_else(|| Maker::new(true).value(schema.as_slice(), name, &made));
            let text = match value {
                Value::String(text) => text,
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            text.bytes()
                .all(|b| (0x20..0x7f).contains(&b))
                .then_some((lower, text))
        };
        declared.filter_map(value).collect()
    }

    fn by(&self) -> String {
        format!(
            "openapi {} {}",
            self.request.method, self.matched.route.path
        )
    }
}

pub fn has_header(response: &Node<'_>, name: &str) -> bool {
    let headers = response.get("headers");
    headers
        .iter()
        .flat_map(Node::members)
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// The media type that is answered in: JSON where there is a choice.
pub fn media<'d>(response: &Node<'d>) -> Option<(&'d str, Node<'d>)> {
    let content = response.get("content")?;
    let json = content.members().find(|(kind, _)| is_json(kind));
    json.or_else(|| content.members().next())
}

/// The example of a media type.
pub fn example<'d>(media: &Node<'d>) -> Option<&'d Value> {
    let own = media.value.get("example");
    own.or_else(|| {
        let (_, example) = media.get("examples")?.members().next()?;
        example.value.get("value")
    })
}
