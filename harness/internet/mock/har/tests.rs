//! Recordings: what is answered, in which order, and the mistakes of those who made them.

use super::*;
use crate::internet::mock::form::tests::request;
use proptest::prelude::*;
use serde_json::json;

fn load(text: &str) -> Result<Recording, HarError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    std::fs::write(&path, text).unwrap();
    Recording::load(&path)
}

fn entry(method: &str, url: &str, sent: Option<Value>, status: u16, text: &str) -> Value {
    let sent = sent.map(|value| json!({"mimeType": "application/json", "text": value.to_string()}));
    json!({
        "startedDateTime": "2025-01-01T00:00:00Z", "time": 1,
        "request": {"method": method, "url": url, "headers": [], "postData": sent},
        "response": {"status": status, "content": {"mimeType": "text/plain", "text": text}, "headers": [
            {"name": "Content-Encoding", "value": "gzip"}, {"name": ":status", "value": "200"}, {"name": "X-A", "value": "b"},
        ]},
    })
}

fn har(entries: Vec<Value>) -> Har {
    Har::new(load(&json!({"log": {"version": "1.2", "entries": entries}}).to_string()).unwrap())
}

fn ask(har: &Har, method: &str, target: &str, body: &str) -> Option<String> {
    let answer = har.answer(&request(
        method,
        target,
        "application/json",
        body.as_bytes(),
    ))?;
    Some(format!(
        "{} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    ))
}

#[test]
fn requests_get_what_was_recorded_in_order() {
    let har = har(vec![
        entry(
            "GET",
            "https://api.service.example/a?x=1&y=2",
            None,
            200,
            "one",
        ),
        entry(
            "GET",
            "https://api.service.example/a?y=2&x=1",
            None,
            200,
            "two",
        ),
        entry("GET", "https://api.service.example/a", None, 304, ""),
        entry("GET", "https://api.service.example/a", None, 404, "none"),
        entry(
            "POST",
            "https://api.service.example/b",
            Some(json!({"n": 1, "m": 1})),
            201,
            "first",
        ),
        entry(
            "POST",
            "https://api.service.example/b",
            Some(json!({"n": 2, "m": 1})),
            201,
            "second",
        ),
        entry("GET", "https://other.example/c", None, 200, "elsewhere"),
        entry("GET", "https://api.service.example/d", None, 0, "blocked"),
    ]);
    let get = |target: &str| ask(&har, "GET", target, "");
    let asked = [
        "/a?y=2&x=1",
        "/a?x=1&y=2",
        "/a?x=1&y=2",
        "/a",
        "/a?x=1",
        "/c",
        "/d",
    ]
    .map(get);
    let expected = [
        Some("200 one"),
        Some("200 two"),
        Some("200 two"),
        Some("404 none"),
        None,
        None,
        None,
    ];
    assert_eq!(asked.each_ref().map(Option::as_deref), expected);
    let post = |body: &str| ask(&har, "POST", "/b", body);
    assert_eq!(post("{\"m\": 1, \"n\": 2}").as_deref(), Some("201 second"));
    assert_eq!(post("{\"n\": 2, \"m\": 7}").as_deref(), Some("201 second"));
    assert_eq!(post("{\"n\": 7}").as_deref(), Some("201 first"));
    let answer = har.answer(&request("HEAD", "/a", "", b"")).unwrap();
    assert_eq!(
        (answer.status, answer.body.len(), answer.by.as_str()),
        (404, 0, "har HEAD /a")
    );
    let headers: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(headers, ["x-a", "content-type"]);
}

#[test]
fn another_host_answers_where_the_asked_one_was_not_recorded() {
    let mut bytes = entry("GET", "https://other.example/c", None, 200, "AP8=");
    bytes["response"]["content"]["encoding"] = json!("base64");
    let answer = har(vec![bytes])
        .answer(&request("GET", "/c", "", b""))
        .unwrap();
    assert_eq!(&answer.body[..], [0, 255]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let whole = |entry: Value| json!({"log": {"entries": [entry]}}).to_string();
    let mut coded = entry("GET", "https://a.example/", None, 200, "%");
    coded["response"]["content"]["encoding"] = json!("base64");
    let told: Vec<String> = [
        "{\"log\":\n {}}".to_owned(),
        "[1".to_owned(),
        whole(entry("GET", "chrome://newtab", None, 200, "")),
        whole(coded),
        whole(entry("GET", "https://a.example/", None, 0, "")),
    ]
    .into_iter()
    .map(|text| {
        let error = load(&text).unwrap_err();
        let told = error.to_string();
        let (_, told) = told.split_once("a.har").unwrap();
        format!(
            "{told}{}",
            error.hint().map(|_| " (hint)").unwrap_or_default()
        )
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    :2:3: not a HAR recording: missing field `entries` (hint)
    :1:2: not a HAR recording: invalid type: integer `1`, expected struct Log (hint)
    : log.entries[0].request.url: `chrome://newtab` is no address of HTTP
    : log.entries[0].response.content.text: not base64
    : no answer was recorded (hint)
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_request_panics(target in "/[a-c?&=%é]{0,8}", body in "[{}\":a-c0-9]{0,20}") {
        let har = har(vec![
            entry("POST", "https://x.example/a?b=c", Some(json!({"a": 1})), 200, ""),
            entry("POST", "https://x.example/", None, 200, ""),
        ]);
        let _ = ask(&har, "POST", &target, &body);
    }
}
