//! What holds of the documents that upstreams are made of, and of upstreams whatever they are
//! asked: asked by fuzzers, and by the tests with the seeds that fuzzers start from.

use super::{
    Answer, Document, Har, Mock, OpenApi, Recording, Request, Stubs, builtin, form, names,
};
use crate::secret::Seed;
use bytes::Bytes;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Longest answer of an upstream to so short a request.
const ANSWER: usize = 8 << 20;

/// An OpenAPI document, after a line with a request of it. The document is refused with a reason,
/// or answers twice alike.
pub fn openapi(data: &[u8]) {
    let (request, document) = first_line(data);
    with_file(
        "openapi.yaml",
        document,
        |file, folder| match Document::load(file, folder) {
            Ok(document) => answers_alike(request, || OpenApi::new(document.clone(), Seed(7))),
            Err(e) => assert!(!e.to_string().is_empty()),
        },
    );
}

/// A recording, after a line with a request of it.
pub fn har(data: &[u8]) {
    let (request, document) = first_line(data);
    with_file("recorded.har", document, |file, _| {
        match Recording::load(file) {
            Ok(recording) => answers_alike(request, || Har::new(recording.clone())),
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    });
}

/// Mappings, after a line with a request of them.
pub fn stubs(data: &[u8]) {
    let (request, document) = first_line(data);
    with_file("stubs.json", document, |file, _| match Stubs::load(file) {
        Ok(_) => answers_alike(request, || {
            Stubs::load(file).expect("what was read once is read again")
        }),
        Err(e) => assert!(!e.to_string().is_empty()),
    });
}

/// A request of every upstream that is built in.
pub fn request(data: &[u8]) {
    for name in names() {
        answers_alike(data, || Builtin(builtin(name, Seed(7))));
    }
}

struct Builtin(Option<std::sync::Arc<dyn Mock>>);

impl Mock for Builtin {
    fn name(&self) -> &str {
        "builtin"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        self.0.as_ref()?.answer(request)
    }
}

/// Bodies as fields: of a form, the fields that were written come back.
pub fn form(data: &[u8]) {
    let kinds = [
        "multipart/form-data; boundary=b",
        "application/x-www-form-urlencoded",
        "application/json",
    ];
    for kind in kinds {
        if let Some(Value::Object(fields)) = form::read(kind, data) {
            assert!(kind.ends_with("json") || fields.len() <= 2000);
        }
    }
    let mut pieces = data.splitn(3, |b| *b == 0);
    let [Some(name), Some(content), Some(file)] = [pieces.next(), pieces.next(), pieces.next()]
    else {
        return;
    };
    let [name, file] = [name, file].map(|text| String::from_utf8_lossy(text).into_owned());
    // What a client escapes in a name, or has no place in one.
    let is_plain =
        |text: &str| !text.is_empty() && text.trim() == text && !text.contains(is_special);
    let content = String::from_utf8_lossy(content).into_owned();
    if !is_plain(&name)
        || !is_plain(&file)
        || name == "other"
        || format!("\n{content}").contains("\n--b")
    {
        return;
    }
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"other\"; filename=\"{file}\"\r\n\
         Content-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
    );
    let read = form::read(kinds[0], body.as_bytes()).unwrap_or_default();
    assert_eq!(read[&name], content.as_str(), "{body:?}");
    assert_eq!(read["other"], file.as_str(), "{body:?}");
}

fn is_special(c: char) -> bool {
    c.is_control() || "\"\\%".contains(c)
}

/// The same requests get the same answers from two upstreams that were made alike, each of them
/// one that a client can be given.
fn answers_alike<M: Mock>(data: &[u8], make: impl Fn() -> M) {
    let (one, other) = (make(), make());
    let mut request = request_of(data);
    for nth in 0..2 {
        request.nth = nth;
        let (answer, again) = (one.answer(&request), other.answer(&request));
        assert_eq!(format!("{answer:?}"), format!("{again:?}"));
        let Some(answer) = answer else { continue };
        assert!((100..600).contains(&answer.status), "{}", answer.status);
        assert!(answer.body.len() <= ANSWER, "{}", answer.body.len());
    }
}

/// `METHOD /path?query TYPE BODY`.
fn request_of(data: &[u8]) -> Request {
    let mut words = data.splitn(4, |b| *b == b' ');
    let mut word = || words.next().unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let method = text(word()).to_ascii_uppercase();
    let target = text(word());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let kind = text(word());
    let body = Bytes::copy_from_slice(word());
    let headers = [
        ("content-type", kind.as_str()),
        ("authorization", "Bearer k"),
    ];
    Request {
        scheme: "https",
        host: "api.service.example".to_owned(),
        port: 443,
        method: if method.is_empty() {
            "GET".to_owned()
        } else {
            method
        },
        path: format!("/{}", path.trim_start_matches('/')),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body,
        nth: 0,
    }
}

fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}

/// A file with this content, in a folder of its own.
fn with_file(name: &str, content: &[u8], act: impl FnOnce(&Path, &Path)) {
    thread_local! {
        static FOLDER: TempDir = tempfile::tempdir().expect("there is room for a file");
    }
    FOLDER.with(|folder| {
        let file = folder.path().join(name);
        fs::write(&file, content).expect("there is room for a file");
        act(&file, folder.path());
    });
}
