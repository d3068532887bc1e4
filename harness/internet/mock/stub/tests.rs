//! Stub mappings: matching, answering, and the mistakes of those who write them.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

fn request(method: &str, target: &str, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        scheme: "https",
        host: "api.tracker.example".to_owned(),
        port: 443,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![
            ("x-key".to_owned(), "Abc".to_owned()),
            ("cookie".to_owned(), "a=1; session=s9".to_owned()),
            ("authorization".to_owned(), "Basic dTpw".to_owned()),
        ],
        body: Bytes::copy_from_slice(body.as_bytes()),
        nth: 0,
    }
}

/// Writes files below a fresh folder and loads it.
fn load(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Stubs, StubError>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let stubs = Stubs::load(folder.path());
    (folder, stubs)
}

fn stubs(mapping: Value) -> Stubs {
    load(&[("one.json", &mapping.to_string())]).1.unwrap()
}

/// Whether a mapping with this request pattern matches.
fn fits(pattern: Value, request: &Request) -> bool {
    stubs(json!({"request": pattern, "response": {}}))
        .answer(request)
        .is_some()
}

fn mistake(mapping: Value) -> String {
    let (folder, loaded) = load(&[("one.json", &mapping.to_string())]);
    let error = loaded.unwrap_err();
    let text = error
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "");
    match error.hint() {
        Some(hint) => format!("{text} ({hint})"),
        None => text,
    }
}

#[test]
fn every_part_of_a_request_is_matched() {
    let body = r#"{"to":"a@corp.example","n":3,"tags":["x","y"]}"#;
    let one = request("POST", "/v1/users/7%20a/mail?q=one&q=two&r", body);
    let yes = [
        json!({"method": "POST", "url": "/v1/users/7%20a/mail?q=one&q=two&r"}),
        json!({"method": "ANY", "urlPattern": "/v1/.*q=one.*"}),
        json!({"urlPath": "/v1/users/7%20a/mail"}),
        json!({"urlPathPattern": "/v1/[a-z]+/.*/mail"}),
        json!({"urlPathTemplate": "/v1/users/{id}/mail", "pathParameters": {"id": {"equalTo": "7 a"}}}),
        json!({"queryParameters": {"q": {"equalTo": "two"}, "z": {"absent": true}}}),
        json!({"queryParameters": {"q": {"hasExactly": [{"equalTo": "one"}, {"contains": "w"}]}}}),
        json!({"queryParameters": {"q": {"includes": [{"equalTo": "one"}]}}}),
        json!({"headers": {"X-Key": {"equalTo": "aBC", "caseInsensitive": true}}}),
        json!({"cookies": {"session": {"matches": "s[0-9]"}}}),
        json!({"basicAuthCredentials": {"username": "u", "password": "p"}}),
        json!({"scheme": "https", "host": {"contains": "tracker"}, "port": 443}),
        json!({"bodyPatterns": [{"contains": "corp"}, {"doesNotMatch": "x"}]}),
        json!({"bodyPatterns": [{"equalToJson": {"n": 3.0, "tags": ["y", "x"], "to": "${json-unit.any-string}"}, "ignoreArrayOrder": true}]}),
        json!({"bodyPatterns": [{"equalToJson": "{\"tags\": [\"x\"]}", "ignoreExtraElements": true}]}),
        json!({"bodyPatterns": [{"matchesJsonPath": "$.tags[?(@ == 'y')]"}]}),
        json!({"bodyPatterns": [{"matchesJsonPath": {"expression": "$.n", "greaterThanNumber": 2}}]}),
        json!({"bodyPatterns": [{"or": [{"equalTo": "no"}, {"not": {"contains": "zzz"}}]}]}),
    ];
    for pattern in yes {
        assert!(fits(pattern.clone(), &one), "{pattern}");
    }
    let no = [
        json!({"method": "GET"}),
        json!({"url": "/v1/users"}),
        json!({"urlPattern": "/v1/"}),
        json!({"urlPathTemplate": "/v1/users/{id}"}),
        json!({"queryParameters": {"q": {"absent": true}}}),
        json!({"queryParameters": {"q": {"hasExactly": [{"equalTo": "one"}]}}}),
        json!({"headers": {"X-None": {"doesNotContain": "x"}}}),
        json!({"basicAuthCredentials": {"username": "u", "password": "q"}}),
        json!({"bodyPatterns": [{"equalToJson": {"tags": ["y", "x"]}, "ignoreExtraElements": true}]}),
        json!({"bodyPatterns": [{"matchesJsonPath": "$.none"}]}),
        json!({"bodyPatterns": [{"and": [{"contains": "corp"}, {"contains": "zzz"}]}]}),
    ];
    for pattern in no {
        assert!(!fits(pattern.clone(), &one), "{pattern}");
    }
}

#[test]
fn items_in_any_order_need_one_partner_each() {
    let want = json!([{"a": 1}, {"a": 1, "b": 2}]);
    let pattern = json!({"bodyPatterns": [{"equalToJson": want, "ignoreArrayOrder": true, "ignoreExtraElements": true}]});
    assert!(fits(
        pattern.clone(),
        &request("POST", "/", r#"[{"a":1,"b":2},{"a":1}]"#)
    ));
    assert!(!fits(
        pattern,
        &request("POST", "/", r#"[{"a":1},{"a":1}]"#)
    ));
}

#[test]
fn answers_come_as_written() {
    let one = json!({
        "name": "mail", "request": {"urlPathTemplate": "/m/{id}"},
        "response": {
            "status": 201, "fixedDelayMilliseconds": 25,
            "headers": {"Content-Type": "application/json", "X-Two": ["a", "b"]},
            "body": "{{request.method}} {{request.path.id}} {{request.query.q}} {{{request.body}}} {{jsonPath request.body '$.n'}} {{request.headers.X-Key}}",
            "transformers": ["response-template"],
        },
    });
    let answer = stubs(one)
        .answer(&request("POST", "/m/7?q=<b>", r#"{"n":3}"#))
        .unwrap();
    assert_eq!((answer.status, answer.by.as_str()), (201, "stub mail"));
    assert_eq!(answer.delay, Duration::from_millis(25));
    assert_eq!(
        answer.headers[1..],
        [("x-two".into(), "a".into()), ("x-two".into(), "b".into())]
    );
    assert_eq!(answer.body, "POST 7 &lt;b&gt; {\"n\":3} 3 Abc");
}

#[test]
fn files_folders_and_priorities_are_read() {
    let mapping = |priority: u64, body: &str| {
        json!({"priority": priority, "request": {}, "response": {"body": body}}).to_string()
    };
    let from_file = json!({"mappings": [
        {"request": {"urlPath": "/f"}, "priority": 1, "response": {"bodyFileName": "deep/b.txt"}},
    ]});
    let (_folder, loaded) = load(&[
        ("mappings/a.json", &mapping(5, "a")),
        ("mappings/sub/b.json", &mapping(5, "b")),
        ("mappings/c.json", &mapping(9, "c")),
        ("mappings/many.json", &from_file.to_string()),
        ("__files/deep/b.txt", "from a file"),
    ]);
    let stubs = loaded.unwrap();
    assert_eq!(stubs.len(), 4);
    assert_eq!(stubs.answer(&request("GET", "/", "")).unwrap().body, "b");
    assert_eq!(
        stubs.answer(&request("GET", "/f", "")).unwrap().body,
        "from a file"
    );
}

#[test]
fn scenarios_move_on() {
    let step = |required: &str, next: &str| {
        json!({
            "scenarioName": "s", "requiredScenarioState": required, "newScenarioState": next,
            "request": {}, "response": {"body": next},
        })
    };
    let stubs = stubs(json!({"mappings": [step("Started", "two"), step("two", "three")]}));
    let next = || stubs.answer(&request("GET", "/", "")).map(|a| a.body);
    assert_eq!(next().unwrap(), "two");
    assert_eq!(next().unwrap(), "three");
    assert!(next().is_none());
}

#[test]
fn mistakes_are_said_with_their_place() {
    let with = |request: Value, response: Value| {
        mistake(json!({"request": request, "response": response}))
    };
    let body = |pattern: Value| with(json!({"bodyPatterns": [pattern]}), json!({}));
    let all = [
        with(json!({"urlPth": "/x"}), json!({})),
        with(json!({"url": "/x", "urlPath": "/x"}), json!({})),
        with(json!({"headers": {"A": {"equalToo": "x"}}}), json!({})),
        with(json!({"headers": {"A": {"equalTo": 5}}}), json!({})),
        with(json!({"urlPattern": "/(?=x)"}), json!({})),
        with(json!({"multipartPatterns": [{}]}), json!({})),
        body(json!({"equalToXml": "<a/>"})),
        body(json!({"contains": "a", "ignoreArrayOrder": true})),
        body(json!({"matchesJsonPath": "$.a.max()"})),
        body(json!({"equalToJson": "{"})),
        with(json!({}), json!({"fault": "CONNECTION_RESET_BY_PEER"})),
        with(json!({}), json!({"proxyBaseUrl": "http://x.example"})),
        with(json!({}), json!({"status": 99})),
        with(json!({}), json!({"body": "a", "jsonBody": {}})),
        with(json!({}), json!({"bodyFileName": "../secret"})),
        with(json!({}), json!({"bodyFileName": "none.txt"})),
        with(
            json!({}),
            json!({"body": "{{now}}", "transformers": ["response-template"]}),
        ),
        with(
            json!({}),
            json!({"delayDistribution": {"type": "uniform", "lower": 1, "upper": 2}}),
        ),
        mistake(json!({"request": {}})),
        mistake(json!({"mappings": [{"response": {}}, {"response": {}, "newScenarioState": "x"}]})),
        mistake(json!([])),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
one.json: $.request: unknown key `urlPth` (did you mean `urlPath`?)
one.json: $.request: `urlPath` cannot stand beside `url`
one.json: $.request.headers.A: unknown key `equalToo` (did you mean `equalTo`?)
one.json: $.request.headers.A.equalTo: expected text, found `5`
one.json: $.request.urlPattern: not a regular expression: look-around, including look-ahead and look-behind, is not supported (look-around and back-references are not supported)
one.json: $.request.multipartPatterns: `multipartPatterns` is not supported (remove it, or mount a `wiremock::Mock` through the library)
one.json: $.request.bodyPatterns[0].equalToXml: `equalToXml` is not supported (remove it, or mount a `wiremock::Mock` through the library)
one.json: $.request.bodyPatterns[0]: `ignoreArrayOrder` cannot stand beside `contains`
one.json: $.request.bodyPatterns[0].matchesJsonPath: not a JSON path that is understood here: function `max()`
one.json: $.request.bodyPatterns[0].equalToJson: not JSON: EOF while parsing an object at line 1 column 1
one.json: $.response.fault: `fault` is not supported (remove it, or mount a `wiremock::Mock` through the library)
one.json: $.response.proxyBaseUrl: `proxyBaseUrl` is not supported (nothing here reaches the real internet: answer with a `body`)
one.json: $.response.status: expected a status from 200 to 599, found `99`
one.json: $.response: `jsonBody` cannot stand beside `body`
one.json: $.response.bodyFileName: body file `../secret` lies outside `__files`
one.json: $.response.bodyFileName: no such body file `none.txt` (body files stand in `__files`, beside `mappings` or the mapping)
one.json: $.response.body: `{{now}}` is not supported (remove it, or mount a `wiremock::Mock` through the library)
one.json: $.response.delayDistribution: `delayDistribution other than fixed` is not supported (remove it, or mount a `wiremock::Mock` through the library)
one.json: $: `response` is missing
one.json: $.mappings[1]: `scenarioName` is missing
one.json: $: expected an object, found `[]`
");
    let (folder, empty) = load(&[("readme.txt", "")]);
    let text = empty.unwrap_err().to_string();
    insta::assert_snapshot!(text.replace(&folder.path().display().to_string(), "DIR"), @"DIR: no stub mappings (no `.json` file)");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_body_folder_is_refused() {
    let mapping = json!({"response": {"bodyFileName": "out"}}).to_string();
    let (folder, _) = load(&[
        ("one.json", &mapping),
        ("__files/in.txt", ""),
        ("secret", "s"),
    ]);
    std::os::unix::fs::symlink(
        folder.path().join("secret"),
        folder.path().join("__files/out"),
    )
    .unwrap();
    let error = Stubs::load(&folder.path().join("one.json")).unwrap_err();
    assert!(matches!(error.problem, StubProblem::OutsideFiles(_)));
}

/// JSON that is often almost a mapping.
fn any_json() -> impl Strategy<Value = Value> {
    let key = proptest::sample::select(vec![
        "request",
        "response",
        "mappings",
        "url",
        "urlPathTemplate",
        "bodyPatterns",
        "equalTo",
        "equalToJson",
        "matchesJsonPath",
        "expression",
        "matches",
        "and",
        "not",
        "headers",
        "status",
        "body",
        "jsonBody",
        "base64Body",
        "bodyFileName",
        "transformers",
        "priority",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z{}$.\\[\\]/()*é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| { pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect() }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]
    #[test]
    fn any_json_is_loaded_or_refused(root in any_json(), pattern in any_json()) {
        let wrapped = json!({"request": {"bodyPatterns": [pattern]}, "response": root.clone()});
        for value in [root, wrapped] {
            let node = read::Node::root(&value);
            if let Ok(stubs) = load::mappings(&node, "x", &load::Files::none()) {
                let stubs = Stubs { stubs, states: Mutex::default() };
                stubs.answer(&request("POST", "/a", "{}"));
            }
        }
    }
}
