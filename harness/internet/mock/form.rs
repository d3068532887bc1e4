//! Request bodies as fields, whatever their coding: JSON, forms (URL Standard, section 5) and
//! multipart (RFC 7578). A name that comes twice holds a list.

use super::Request;
use serde_json::{Map, Value};

/// Bodies beyond this are not read for their fields.
pub(super) const MAX_BODY: usize = 1 << 20;
/// Fields of one body.
const MAX_FIELDS: usize = 2_000;

/// The body as a value; none where there is none, or nothing that is understood.
pub(super) fn value(request: &Request) -> Option<Value> {
    let kind = request.header("content-type").unwrap_or_default();
    read(kind, &request.body)
}

/// The value of a body of this media type.
pub(super) fn read(kind: &str, body: &[u8]) -> Option<Value> {
    if body.is_empty() || body.len() > MAX_BODY {
        return None;
    }
    let essence = kind.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            let pairs = url::form_urlencoded::parse(body);
            let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
            Some(collect(pairs))
        }
        "multipart/form-data" => Some(collect(multipart(kind, body).into_iter())),
        _ => serde_json::from_slice(body).ok(),
    }
}

/// The parameters of the query.
pub(super) fn query(request: &Request) -> Map<String, Value> {
    let pairs = url::form_urlencoded::parse(request.query.as_bytes());
    let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
    match collect(pairs) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn collect(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut fields = Map::new();
    for (name, value) in pairs.take(MAX_FIELDS) {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(one) => *one = Value::Array(vec![one.take(), value.into()]),
        }
    }
    Value::Object(fields)
}

/// Names and contents of the parts; of a file, its name stands for it.
fn multipart(kind: &str, body: &[u8]) -> Vec<(String, String)> {
    let Some(boundary) = parameter(kind, "boundary") else {
        return Vec::new();
    };
    let delimiter = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(delimiter.as_bytes());
    let lines = finder
        .find_iter(body)
        .filter(|at| is_a_line(body, *at, delimiter.len()));
    let mut starts = lines.map(|at| at + delimiter.len());
    let Some(mut from) = starts.next() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for next in starts {
        let part = &body[from..next - delimiter.len()];
        from = next;
        let Some(end) = memchr::memmem::find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part.get(end + 4..).unwrap_or_default();
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let disposition = head.lines().find(|line| {
            line.get(..20)
                .is_some_and(|l| l.eq_ignore_ascii_case("content-disposition:"))
        });
        let Some(disposition) = disposition else {
            continue;
        };
        let Some(name) = parameter(disposition, "name") else {
            continue;
        };
        let content = match parameter(disposition, "filename") {
            Some(file) => file,
            None => String::from_utf8_lossy(content).into_owned(),
        };
        found.push((name, content));
        if found.len() >= MAX_FIELDS {
            break;
        }
    }
    found
}

/// Whether a delimiter is one: it begins a line, and nothing but its end, or the end of all parts,
/// follows (RFC 2046, section 5.1.1).
fn is_a_line(body: &[u8], at: usize, len: usize) -> bool {
    let begins = at == 0 || body[at - 1] == b'\n';
    let rest = &body[at + len..];
    begins && (rest.starts_with(b"--") || rest.trim_ascii_start().len() < rest.len())
}

/// A parameter of a header, with or without quotes; a semicolon inside those ends none.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut quoted = false;
    let parts = header.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    parts.skip(1).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        let value = value.trim().trim_matches('"');
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    /// A request with a body of this type.
    pub fn request(method: &str, target: &str, kind: &str, body: &[u8]) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            scheme: "https",
            host: "api.service.example".to_owned(),
            port: 443,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![
                ("content-type".to_owned(), kind.to_owned()),
                ("authorization".to_owned(), "Bearer k".to_owned()),
            ],
            body: Bytes::copy_from_slice(body),
            nth: 0,
        }
    }

    #[test]
    fn every_coding_gives_fields() {
        let body = "to=a%40b.example&to=c&x=1";
        let form = request(
            "POST",
            "/",
            "application/x-www-form-urlencoded",
            body.as_bytes(),
        );
        assert_eq!(
            value(&form).unwrap(),
            json!({"to": ["a@b.example", "c"], "x": "1"})
        );
        let body = "--b1\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@b.example\r\n\
                    --b1\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"a.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nhello\r\n--b1--\r\n";
        let parts = request(
            "POST",
            "/",
            "multipart/form-data; boundary=b1",
            body.as_bytes(),
        );
        assert_eq!(
            value(&parts).unwrap(),
            json!({"to": "a@b.example", "attachment": "a.txt"})
        );
        let body = "--b1\r\nContent-Disposition: form-data; name=\"a; name=x\"\r\n\r\n\
                    x--b1\r\n--b12\r\n--b1\r\n\
                    Content-Disposition: form-data; filename=\"b;c.txt\"; name=file\r\n\r\n\r\n--b1--\r\n";
        let parts = request(
            "POST",
            "/",
            "multipart/form-data; boundary=b1",
            body.as_bytes(),
        );
        assert_eq!(
            value(&parts).unwrap(),
            json!({"a; name=x": "x--b1\r\n--b12", "file": "b;c.txt"})
        );
        let json = request("POST", "/", "application/json", b"{\"to\": 1}");
        assert_eq!(value(&json).unwrap(), json!({"to": 1}));
        assert_eq!(value(&request("POST", "/", "text/plain", b"hello")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_body_panics(
            kind in "(multipart/form-data; boundary=\"?b\"?|application/x-www-form-urlencoded|)",
            body in "(--b|\r\n|Content-Disposition: form-data; name=é?|[a-z=&%\"]|é){0,30}",
        ) {
            let _ = value(&request("POST", "/", &kind, body.as_bytes()));
        }
    }
}
