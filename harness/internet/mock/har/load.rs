//! Reading a recording.

use super::super::form;
use super::error::{HarError, HarProblem};
use super::{Entry, Sent, sorted};
use bytes::Bytes;
use data_encoding::{BASE64, BASE64_NOPAD};
use serde::Deserialize;
use std::io::Read as _;
use std::path::Path;

const MAX_FILE: u64 = 64 << 20;
const MAX_ENTRIES: usize = 20_000;
/// Headers that belong to one connection (RFC 9110, section 7.6.1), to the framing, to a coding
/// that is undone in the recording, or to the hour; and those that lead past the gateway.
const DROPPED: [&str; 11] = [
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[derive(Deserialize)]
struct File {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    request: Asked,
    response: Answered,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method: String,
    url: String,
    post_data: Option<Posted>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Posted {
    mime_type: String,
    text: Option<String>,
    params: Vec<Pair>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Answered {
    status: i64,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Content {
    mime_type: String,
    text: Option<String>,
    encoding: Option<String>,
}

pub(super) fn load(path: &Path) -> Result<Vec<Entry>, HarError> {
    let fail = |place: String, problem| HarError {
        file: path.to_owned(),
        place,
        problem,
    };
    let whole = |problem| fail(String::new(), problem);
    let bytes = read(path).map_err(whole)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        let place = format!(":{}:{}", error.line(), error.column());
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or(&text).to_owned();
        fail(place, HarProblem::NotHar(text))
    })?;
    if file.log.entries.len() > MAX_ENTRIES {
        return Err(whole(HarProblem::TooMany { limit: MAX_ENTRIES }));
    }
    let mut entries = Vec::new();
    for (i, recorded) in file.log.entries.into_iter().enumerate() {
        // 0 for what was blocked or broken off; an upgrade is no answer either.
        let Some(status) = u16::try_from(recorded.response.status)
            .ok()
            .filter(|s| (200..600).contains(s))
        else {
            continue;
        };
        let at = |place: &str, problem| fail(format!(": log.entries[{i}].{place}"), problem);
        let url = url::Url::parse(&recorded.request.url).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| at("request.url", HarProblem::Url(recorded.request.url.clone())))?;
        let content = content(&recorded.response.content)
            .map_err(|problem| at("response.content.text", problem))?;
        entries.push(Entry {
            host: url.host_str().unwrap_or_default().to_ascii_lowercase(),
            method: recorded.request.method.to_ascii_uppercase(),
            path: url.path().to_owned(),
            query: sorted(url.query().unwrap_or_default()),
            body: recorded.request.post_data.map(sent).unwrap_or_default(),
            status,
            headers: headers(
                recorded.response.headers,
                &recorded.response.content.mime_type,
            ),
            content,
        });
    }
    // What a cache made of an answer says nothing to a client without one.
    let same = |a: &Entry, b: &Entry| {
        (&a.host, &a.method, &a.path, &a.query) == (&b.host, &b.method, &b.path, &b.query)
    };
    let stale: Vec<bool> = entries
        .iter()
        .map(|a| a.status == 304 && entries.iter().any(|b| b.status != 304 && same(a, b)))
        .collect();
    let mut stale = stale.into_iter();
    entries.retain(|_| !stale.next().unwrap_or(false));
    if entries.is_empty() {
        return Err(whole(HarProblem::Empty));
    }
    Ok(entries)
}

fn read(path: &Path) -> Result<Vec<u8>, HarProblem> {
    let open = std::fs::File::open(path).map_err(HarProblem::Unreadable)?;
    let mut bytes = Vec::new();
    let read = open.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(HarProblem::Unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(HarProblem::TooLarge { limit: MAX_FILE });
    }
    Ok(bytes)
}

fn content(content: &Content) -> Result<Bytes, HarProblem> {
    let Some(text) = &content.text else {
        return Ok(Bytes::new());
    };
    if content.encoding.as_deref() != Some("base64") {
        return Ok(text.clone().into());
    }
    let mut plain = text.as_bytes().to_vec();
    plain.retain(|b| !b.is_ascii_whitespace());
    let decoded = BASE64
        .decode(&plain)
        .or_else(|_| BASE64_NOPAD.decode(&plain));
    decoded.map(Bytes::from).map_err(|_| HarProblem::NotBase64)
}

fn headers(recorded: Vec<Pair>, kind: &str) -> Vec<(String, String)> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let mut headers: Vec<(String, String)> = recorded
        .into_iter()
        .map(|Pair { name, value }| (name.to_ascii_lowercase(), value))
        .filter(|(name, value)| {
            // Names with a colon are HTTP/2's own (RFC 9113, section 8.3).
            !name.is_empty()
                && name.bytes().all(token)
                && !DROPPED.contains(&name.as_str())
                && !value.contains(|c: char| c.is_control() && c != '\t')
        })
        .collect();
    if !kind.is_empty() && headers.iter().all(|(name, _)| name != "content-type") {
        headers.push((
            "content-type".to_owned(),
            kind.replace(|c: char| c.is_control(), " "),
        ));
    }
    headers
}

fn sent(posted: Posted) -> Sent {
    let text = posted.text.unwrap_or_else(|| {
        let pairs = posted.params.iter().map(|pair| (&pair.name, &pair.value));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    });
    Sent {
        value: form::read(&posted.mime_type, text.as_bytes()),
        text: text.into(),
    }
}
