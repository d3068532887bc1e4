//! The requests of a recorded run as an HTTP Archive (HAR 1.2), for the tools people have.
//! Runs hold no wall-clock time: entries count from 1970-01-01T00:00:00Z, the server's start.

use super::json;
use crate::effect::{Body, Effect, Http, Kind};
use crate::event::Event;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};
use time::OffsetDateTime;
use url::form_urlencoded;

/// Writes every HTTP effect, one at a time: memory does not grow with the run, but for the
/// names of tools.
pub fn write(
    events: &mut dyn Iterator<Item = io::Result<Event>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let creator = json!({ "name": "turncoat", "version": env!("CARGO_PKG_VERSION") });
    write!(
        out,
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{},\"comment\":{},\"entries\":[",
        json::compact(&creator)?,
        json::compact(&"times count from the start of the server")?
    )?;
    let mut tools: HashMap<u32, String> = HashMap::new();
    let mut first = true;
    for event in events {
        match event? {
            Event::Call { call, tool, .. } => {
                tools.insert(call, tool);
            }
            Event::Effect(effect) => {
                if let Kind::Http(http) = &effect.kind {
                    let tool = effect.call.and_then(|call| tools.get(&call));
                    let comma = if first { "\n" } else { ",\n" };
                    first = false;
                    let entry = entry(&effect, http, tool.map(String::as_str));
                    write!(out, "{comma}{}", json::compact(&entry)?)?;
                }
            }
            Event::Started { .. } | Event::Finished { .. } => {}
        }
    }
    writeln!(out, "\n]}}}}")
}

fn entry(effect: &Effect, http: &Http, tool: Option<&str>) -> Value {
    let url = format!("{}://{}{}", http.scheme, http.authority, http.target);
    let query = http.target.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<Value> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let mut request = json!({
        "method": http.method,
        "url": url,
        "httpVersion": http.version,
        "cookies": cookies(&http.headers, "cookie"),
        "headers": headers(&http.headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": http.body.len,
    });
    if !http.body.is_empty() {
        let (text, encoding) = text(&http.body);
        let mut data = json!({ "mimeType": media(&http.headers), "params": [], "text": text });
        if let Some(encoding) = encoding {
            // HAR has no encoding for what is sent; unknown names start with an underscore.
            data["_encoding"] = encoding.into();
        }
        request["postData"] = data;
    }
    let reply = &http.reply;
    let (said, encoding) = text(&reply.body);
    let mut content =
        json!({ "size": reply.body.len, "mimeType": media(&reply.headers), "text": said });
    if let Some(encoding) = encoding {
        content["encoding"] = encoding.into();
    }
    let location = find(&reply.headers, "location").unwrap_or_default();
    json!({
        "startedDateTime": instant(effect.at_us),
        "time": 0,
        "request": request,
        "response": {
            "status": reply.status,
            "statusText": "",
            "httpVersion": http.version,
            "cookies": cookies(&reply.headers, "set-cookie"),
            "headers": headers(&reply.headers),
            "content": content,
            "redirectURL": location,
            "headersSize": -1,
            "bodySize": reply.body.len,
        },
        "cache": {},
        "timings": { "send": 0, "wait": 0, "receive": 0 },
        "serverIPAddress": http.peer.address.ip().to_string(),
        "connection": http.peer.address.port().to_string(),
        "_seq": effect.seq,
        "_phase": effect.phase,
        "_call": effect.call,
        "_tool": tool,
        "_answeredBy": reply.by,
    })
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

/// Pairs of a Cookie header (RFC 6265, section 4.2), or the first pair of each Set-Cookie.
fn cookies(headers: &[(String, String)], header: &str) -> Vec<Value> {
    let all = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(header));
    all.flat_map(|(_, value)| {
        let most = if header == "cookie" { usize::MAX } else { 1 };
        value.split(';').take(most)
    })
    .filter_map(|pair| pair.trim().split_once('='))
    .map(|(name, value)| json!({ "name": name, "value": value }))
    .collect()
}

fn find<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let mut all = headers.iter();
    let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    Some(&found.1)
}

fn media(headers: &[(String, String)]) -> &str {
    find(headers, "content-type").unwrap_or("application/octet-stream")
}

/// The kept bytes: as they are where they are text, else in base64.
fn text(body: &Body) -> (String, Option<&'static str>) {
    match std::str::from_utf8(&body.kept) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (BASE64.encode(&body.kept), Some("base64")),
    }
}

/// ISO 8601 in UTC, to the microsecond.
fn instant(at_us: u64) -> String {
    let since = time::Duration::microseconds(i64::try_from(at_us).unwrap_or(i64::MAX));
    let t = OffsetDateTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second(),
        t.microsecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn requests_become_entries() {
        let effect = serde_json::from_value(sample::report().findings[0].effect.clone()).unwrap();
        let events = [
            Event::Call {
                call: 12,
                tool: "sendEmail".into(),
                arguments: Value::Null,
            },
            Event::Effect(Box::new(effect)),
        ];
        let mut out = Vec::new();
        write(&mut events.into_iter().map(Ok), &mut out).unwrap();
        let har: Value = serde_json::from_slice(&out).unwrap();
        let entry = &har["log"]["entries"][0];
        assert_eq!(entry["startedDateTime"], "1970-01-01T00:00:00.900000Z");
        assert_eq!(entry["request"]["url"], "https://api.postmarkapp.com/email");
        assert_eq!(entry["request"]["postData"]["mimeType"], "application/json");
        assert_eq!(entry["_tool"], "sendEmail");
    }

    #[test]
    fn a_run_without_requests_is_an_empty_archive() {
        let mut out = Vec::new();
        write(&mut std::iter::empty(), &mut out).unwrap();
        let har: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(har["log"]["entries"], json!([]));
    }

    #[test]
    fn any_time_is_an_instant() {
        assert_eq!(instant(86_400_000_000 * 3), "1970-01-04T00:00:00.000000Z");
        assert!(instant(u64::MAX).ends_with('Z'));
    }
}
