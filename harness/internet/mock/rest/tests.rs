//! The built-in services: the shapes that their clients read, and what is kept.

use crate::internet::mock::form::tests::request;
use crate::internet::mock::{Mock, builtin};
use crate::secret::Seed;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const SERVICES: [&str; 5] = ["github", "mailgun", "resend", "sendgrid", "slack"];

fn service(name: &str) -> Arc<dyn Mock> {
    builtin(name, Seed(7)).unwrap()
}

fn ask(service: &Arc<dyn Mock>, method: &str, target: &str, body: Value) -> (u16, Value) {
    let bytes = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = service.answer(&request(
        method,
        target,
        "application/json",
        bytes.as_bytes(),
    ));
    let answer = answer.unwrap_or_else(|| panic!("{method} {target} unmatched"));
    let value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, value)
}

fn get(service: &Arc<dyn Mock>, target: &str) -> Value {
    let (status, value) = ask(service, "GET", target, Value::Null);
    assert_eq!(status, 200, "{target}: {value}");
    value
}

#[test]
fn resend_keeps_what_is_sent() {
    let resend = service("resend");
    let mail = json!({"from": "a@corp.example", "to": "b@corp.example", "subject": "s", "text": "t", "bcc": ["c@d.example"]});
    let (status, sent) = ask(&resend, "POST", "/emails", mail.clone());
    assert_eq!(status, 200);
    let path = format!("/emails/{}", sent["id"].as_str().unwrap());
    let kept = get(&resend, &path);
    assert_eq!(
        (&kept["object"], &kept["to"], &kept["bcc"]),
        (
            &json!("email"),
            &json!(["b@corp.example"]),
            &json!(["c@d.example"])
        )
    );
    assert_eq!(get(&resend, "/emails")["data"][0]["id"], sent["id"]);
    let (_, many) = ask(&resend, "POST", "/emails/batch", json!([mail, mail]));
    assert_eq!(many["data"].as_array().unwrap().len(), 2);
    let (status, fault) = ask(
        &resend,
        "POST",
        "/emails",
        json!({"from": "a@corp.example"}),
    );
    assert_eq!(
        (status, &fault["name"]),
        (422, &json!("missing_required_field"))
    );
    let (status, domain) = ask(&resend, "POST", "/domains", json!({"name": "corp.example"}));
    assert_eq!((status, &domain["name"]), (201, &json!("corp.example")));
    let path = format!(
        "/audiences/x/contacts/{}",
        get(&resend, "/audiences/x/contacts")["data"][0]["id"]
            .as_str()
            .unwrap()
    );
    assert_eq!(
        ask(&resend, "DELETE", &path, Value::Null).1["deleted"],
        true
    );
    assert_eq!(ask(&resend, "GET", &path, Value::Null).0, 404);
    assert_eq!(
        get(&resend, "/audiences/x/contacts")["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn sendgrid_accepts_mails_that_are_whole() {
    let sendgrid = service("sendgrid");
    let mail = json!({
        "personalizations": [{"to": [{"email": "b@corp.example"}], "bcc": [{"email": "c@d.example"}]}],
        "from": {"email": "a@corp.example"}, "subject": "s", "content": [{"type": "text/plain", "value": "t"}],
    });
    let body = mail.to_string();
    let answer = sendgrid
        .answer(&request(
            "POST",
            "/v3/mail/send",
            "application/json",
            body.as_bytes(),
        ))
        .unwrap();
    assert_eq!(
        (answer.status, answer.body.len(), answer.by.as_str()),
        (202, 0, "sendgrid POST /mail/send")
    );
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, _)| name == "x-message-id")
    );
    for (field, wrong) in [
        ("personalizations", json!([])),
        ("from", json!({})),
        ("content", Value::Null),
    ] {
        let mut mail = mail.clone();
        mail[field] = wrong;
        let (status, fault) = ask(&sendgrid, "POST", "/v3/mail/send", mail);
        assert_eq!(status, 400);
        assert!(
            fault["errors"][0]["field"]
                .as_str()
                .unwrap()
                .starts_with(field),
            "{fault}"
        );
    }
    assert!(get(&sendgrid, "/v3/suppression/bounces").is_array());
    assert!(get(&sendgrid, "/v3/templates?generations=dynamic")["result"].is_array());
    ask(
        &sendgrid,
        "PUT",
        "/v3/marketing/contacts",
        json!({"contacts": [{"email": "new@corp.example"}]}),
    );
    assert_eq!(
        get(&sendgrid, "/v3/marketing/contacts")["result"][0]["email"],
        "new@corp.example"
    );
}

#[test]
fn mailgun_reads_every_coding() {
    let mailgun = service("mailgun");
    let parts = "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\na@corp.example\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nb@corp.example\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--b--\r\n";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", parts),
        (
            "application/x-www-form-urlencoded",
            "from=a@corp.example&to=b@corp.example&text=hello",
        ),
    ] {
        let answer = mailgun
            .answer(&request(
                "POST",
                "/v3/mg.corp.example/messages",
                kind,
                body.as_bytes(),
            ))
            .unwrap();
        let value: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (answer.status, &value["message"]),
            (200, &json!("Queued. Thank you."))
        );
        assert!(
            value["id"].as_str().unwrap().ends_with("@mg.corp.example>"),
            "{value}"
        );
    }
    let (status, fault) = ask(
        &mailgun,
        "POST",
        "/v3/mg.corp.example/messages",
        json!({"to": "b@corp.example"}),
    );
    assert_eq!(
        (status, &fault["message"]),
        (400, &json!("from parameter is missing"))
    );
    let domains = get(&mailgun, "/v4/domains");
    let name = domains["items"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(
        get(&mailgun, &format!("/v4/domains/{name}"))["domain"]["name"],
        *name
    );
    let next = get(&mailgun, "/v3/mg.corp.example/events")["paging"]["next"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = next.split_once(".example").unwrap().1;
    assert_eq!(get(&mailgun, next)["items"], json!([]));
    assert_eq!(
        get(&mailgun, "/v3/lists/pages")["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn github_has_repositories_with_issues_and_files() {
    let github = service("github");
    let (status, issue) = ask(
        &github,
        "POST",
        "/repos/acme/app/issues",
        json!({"title": "Broken", "labels": ["bug"]}),
    );
    assert_eq!((status, &issue["title"]), (201, &json!("Broken")));
    let one = format!("/repos/acme/app/issues/{}", issue["number"]);
    assert_eq!(get(&github, &one), issue);
    assert_eq!(get(&github, "/repos/acme/app/issues?state=all")[0], issue);
    assert_eq!(get(&github, "/repos/acme/app/issues?page=2"), json!([]));
    assert_eq!(get(&github, "/repos/acme/app")["full_name"], "acme/app");
    assert!(get(&github, "/search/code?q=x")["items"][0]["path"].is_string());
    let (status, _) = ask(
        &github,
        "PUT",
        "/repos/acme/app/contents/src/a.rs",
        json!({"message": "m", "content": "aGk="}),
    );
    assert_eq!(status, 201);
    let file = get(&github, "/repos/acme/app/contents/src/a.rs");
    assert_eq!(
        (&file["content"], &file["encoding"], &file["path"]),
        (&json!("aGk="), &json!("base64"), &json!("src/a.rs"))
    );
    assert!(get(&github, "/repos/acme/app/contents/").is_array());
    assert_eq!(get(&github, "/api/v3/users/alex")["login"], "alex");
    let (status, data) = ask(
        &github,
        "POST",
        "/graphql",
        json!({"query": "{ viewer { login } }"}),
    );
    assert_eq!(status, 200);
    assert!(data["data"]["viewer"]["login"].is_string(), "{data}");
}

#[test]
fn slack_says_ok_and_keeps_messages() {
    let slack = service("slack");
    let (_, said) = ask(
        &slack,
        "POST",
        "/api/chat.postMessage",
        json!({"channel": "C1", "text": "hello"}),
    );
    assert_eq!(
        (&said["ok"], &said["message"]["text"]),
        (&json!(true), &json!("hello"))
    );
    let history = get(&slack, "/api/conversations.history?channel=C1");
    assert_eq!(
        (
            &history["messages"][0]["ts"],
            history["messages"].as_array().unwrap().len()
        ),
        (&said["ts"], 3)
    );
    let form = b"channel=C1&text=hi&blocks=%5B%5D";
    let answer = slack
        .answer(&request(
            "POST",
            "/api/chat.postMessage",
            "application/x-www-form-urlencoded",
            form,
        ))
        .unwrap();
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&value["message"]["text"], &value["message"]["blocks"]),
        (&json!("hi"), &json!([]))
    );
    assert_eq!(
        get(&slack, "/api/chat.postMessage?channel=C1")["error"],
        "no_text"
    );
    let listed = get(&slack, "/api/users.list");
    let id = listed["members"][0]["id"].as_str().unwrap();
    assert_eq!(
        get(&slack, &format!("/api/users.info?user={id}"))["user"]["id"],
        *id
    );
    assert_eq!(get(&slack, "/api/some.newMethod")["ok"], true);
}

#[test]
fn credentials_are_asked_for_as_each_service_does() {
    let mut told = Vec::new();
    for (name, method, path) in [
        ("resend", "POST", "/emails"),
        ("sendgrid", "POST", "/v3/mail/send"),
        ("mailgun", "POST", "/v3/a.example/messages"),
        ("github", "POST", "/repos/a/b/issues"),
        ("slack", "POST", "/api/chat.postMessage"),
    ] {
        let mut request = request(method, path, "application/json", b"{}");
        request.headers.retain(|(name, _)| name != "authorization");
        let answer = service(name).answer(&request).unwrap();
        told.push(format!(
            "{name} {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    resend 401 {"statusCode":401,"message":"Missing API Key","name":"missing_api_key"}
    sendgrid 401 {"errors":[{"message":"authorization required","field":null,"help":null}]}
    mailgun 401 Forbidden
    github 401 {"message":"Requires authentication","documentation_url":"https://docs.github.com/rest","status":"401"}
    slack 200 {"ok":false,"error":"not_authed"}
    "#);
}

#[test]
fn what_a_service_does_not_have_is_no_route_of_it() {
    for (name, path) in [
        ("resend", "/nothing"),
        ("sendgrid", "/v2/mail"),
        ("github", "/a/b/c/d"),
        ("slack", "/oauth"),
    ] {
        assert!(
            service(name)
                .answer(&request("GET", path, "", b""))
                .is_none(),
            "{name} {path}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_same_request_gets_the_same_answer_and_none_panics(
        method in "(GET|POST|PUT|PATCH|DELETE|HEAD)",
        path in "(/v3|/v4|/api|/repos|/emails|/domains)?(/[a-z.%@é{}]{0,8}){0,4}",
        body in "(\\{\\}|\\[\\{\\}\\]|\\{\"to\":\"é\",\"contacts\":[1],\"content\":7\\}|\\[1,null\\]|x)",
    ) {
        for name in SERVICES {
            let request = request(&method, &path, "application/json", body.as_bytes());
            let (a, b) = (service(name).answer(&request), service(name).answer(&request));
            prop_assert_eq!(a.map(|a| (a.status, a.body)), b.map(|b| (b.status, b.body)));
        }
    }
}
