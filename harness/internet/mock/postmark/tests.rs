//! The Postmark mock against what the real service answers.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

const TOKEN: &str = "8f0b1f8e-5d3c-4c2a-9a1b-0123456789ab";

fn request(method: &str, target: &str, body: Value) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    Request {
        scheme: "https",
        host: "api.postmarkapp.com".to_owned(),
        port: 443,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-postmark-server-token".to_owned(), TOKEN.to_owned()),
            ("x-postmark-account-token".to_owned(), TOKEN.to_owned()),
        ],
        body,
        nth: 0,
    }
}

fn ask(mock: &Postmark, method: &str, target: &str, body: Value) -> (u16, Value) {
    let answer = mock
        .answer(&request(method, target, body))
        .expect("a route");
    (
        answer.status,
        serde_json::from_slice(&answer.body).expect("JSON"),
    )
}

fn message() -> Value {
    json!({"From": "Me <sender@corp.example>", "To": "jane@corp.example", "Subject": "Hi", "TextBody": "Hello"})
}

fn with(mut base: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    base.as_object_mut().expect("an object").extend(more);
    base
}

fn refusal(mock: &Postmark, body: Value) -> String {
    let (status, reply) = ask(mock, "POST", "/email", body);
    format!(
        "{status} {} {}",
        reply["ErrorCode"],
        reply["Message"].as_str().unwrap_or_default()
    )
}

#[test]
fn a_message_is_taken_and_found_again() {
    let mock = Postmark::new(Seed(7));
    let (status, reply) = ask(
        &mock,
        "POST",
        "/email",
        with(message(), json!({"Bcc": "b@corp.example"})),
    );
    assert_eq!(
        (status, &reply["Message"], &reply["ErrorCode"]),
        (200, &json!("OK"), &json!(0))
    );
    assert_eq!(reply["To"], "jane@corp.example");
    let id = reply["MessageID"].as_str().unwrap();
    let (_, details) = ask(
        &mock,
        "GET",
        &format!("/messages/outbound/{id}/details"),
        Value::Null,
    );
    assert_eq!(details["Bcc"][0]["Email"], "b@corp.example");
    assert_eq!(
        details["Recipients"],
        json!(["jane@corp.example", "b@corp.example"])
    );
    let again = Postmark::new(Seed(7))
        .answer(&request("POST", "/email", message()))
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&again.body).unwrap()["MessageID"],
        reply["MessageID"]
    );
}

#[test]
fn malformed_messages_get_the_real_refusals() {
    let mock = Postmark::new(Seed(7));
    let many = vec!["a@corp.example"; 51].join(",");
    let cases = [
        json!({"From": null}),
        json!({"From": "me"}),
        json!({"To": ""}),
        json!({"To": "jane"}),
        json!({"Cc": many}),
        json!({"TextBody": ""}),
        json!({"TrackLinks": "Sometimes"}),
        json!({"MessageStream": "nope"}),
        json!({"MessageStream": "inbound"}),
        json!({"Attachments": [{"Name": "run.EXE", "Content": "aGk=", "ContentType": "x/y"}]}),
        json!({"Attachments": [{"Name": "a.txt", "Content": "no base64!", "ContentType": "x/y"}]}),
        json!({"Metadata": {"n": 1}}),
    ];
    let refused: Vec<String> = cases
        .into_iter()
        .map(|more| refusal(&mock, with(message(), more)))
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @"
422 300 Invalid 'From' value.
422 300 Invalid 'From' address: 'me'.
422 300 Zero recipients specified
422 300 Error parsing 'To': Illegal email address 'jane'. It must contain the '@' symbol.
422 300 Maximum of 50 recipients allowed per email message.
422 300 Provide either email TextBody or HtmlBody or both.
422 403 Invalid request field(s): 'TrackLinks'.
422 1235 The stream provided: 'nope' does not exist on this server.
422 1236 Sending is not supported for this stream type.
422 411 Attachment file type not allowed.
422 403 Invalid request field(s): 'Attachments'.
422 403 Invalid request field(s): 'Metadata'.
");
}

#[test]
fn the_token_and_the_media_types_are_looked_at() {
    let mock = Postmark::new(Seed(7));
    let mut bad = request("POST", "/email", message());
    bad.headers[2].1 = "secret".to_owned();
    let answer = mock.answer(&bad).unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&answer.body), @r#"{"ErrorCode":10,"Message":"Request does not contain a valid Server token."}"#);
    assert_eq!(answer.status, 401);
    let mut typeless = request("POST", "/email", message());
    typeless.headers[1].1 = "text/plain".to_owned();
    assert_eq!(mock.answer(&typeless).unwrap().status, 415);
    let mut broken = request("POST", "/email", message());
    broken.body = Bytes::from_static(b"{\"From\":");
    assert_eq!(mock.answer(&broken).unwrap().status, 422);
    let other = mock
        .answer(&request("DELETE", "/email", Value::Null))
        .unwrap();
    assert_eq!((other.status, other.body.len()), (405, 0));
    assert!(
        mock.answer(&request("GET", "/nothing", Value::Null))
            .is_none()
    );
}

#[test]
fn the_test_token_validates_and_keeps_nothing() {
    let mock = Postmark::new(Seed(7));
    let mut test = request("POST", "/email", message());
    test.headers[2].1 = "POSTMARK_API_TEST".to_owned();
    let reply: Value = serde_json::from_slice(&mock.answer(&test).unwrap().body).unwrap();
    assert_eq!(reply["Message"], "Test job accepted");
    let (_, list) = ask(
        &mock,
        "GET",
        "/messages/outbound?count=10&offset=0&recipient=jane@corp.example",
        Value::Null,
    );
    assert_eq!(list["TotalCount"], 0);
}

#[test]
fn templates_are_created_used_and_deleted() {
    let mock = Postmark::new(Seed(7));
    let new = json!({"Name": "N", "Alias": "mine", "Subject": "Hi {{x}}", "TextBody": "T {{x}}"});
    let (_, created) = ask(&mock, "POST", "/templates/", new.clone());
    assert!(created["TemplateId"].as_u64().unwrap() > 10_000_000);
    assert_eq!(ask(&mock, "POST", "/templates", new).0, 422);
    let (_, list) = ask(
        &mock,
        "GET",
        "/templates?count=100&offset=0&templateType=Standard",
        Value::Null,
    );
    assert_eq!(list["TotalCount"], 4);
    let send = json!({"From": "a@corp.example", "To": "b@corp.example", "TemplateAlias": "mine", "TemplateModel": {"x": "1"}});
    let (status, sent) = ask(&mock, "POST", "/email/withTemplate", send.clone());
    assert_eq!(status, 200);
    let id = sent["MessageID"].as_str().unwrap();
    let (_, details) = ask(
        &mock,
        "GET",
        &format!("/messages/outbound/{id}/details"),
        Value::Null,
    );
    assert_eq!(details["Subject"], "Hi 1");
    let (_, gone) = ask(&mock, "DELETE", "/templates/mine", Value::Null);
    assert!(gone["Message"].as_str().unwrap().ends_with(" removed."));
    let (status, refused) = ask(&mock, "POST", "/email/withTemplate", send.clone());
    insta::assert_snapshot!(format!("{status} {refused}"), @r#"422 {"ErrorCode":1101,"Message":"The Template's 'Alias' associated with this request is not valid or was not found."}"#);
    let (status, batch) = ask(
        &mock,
        "POST",
        "/email/batchWithTemplates",
        json!({"Messages": [send]}),
    );
    assert_eq!((status, &batch[0]["ErrorCode"]), (200, &json!(1101)));
    let (_, welcome) = ask(&mock, "GET", "/templates/welcome", Value::Null);
    assert_eq!(welcome["LayoutTemplate"], "basic-layout");
    assert_eq!(
        ask(&mock, "DELETE", "/templates/basic-layout", Value::Null).1["ErrorCode"],
        1130
    );
}

#[test]
fn a_suppressed_recipient_is_refused_until_freed() {
    let mock = Postmark::new(Seed(7));
    let list =
        json!({"Suppressions": [{"EmailAddress": "jane@corp.example"}, {"EmailAddress": "x"}]});
    let (_, reply) = ask(
        &mock,
        "POST",
        "/message-streams/outbound/suppressions",
        list.clone(),
    );
    assert_eq!(reply["Suppressions"][0]["Status"], "Suppressed");
    assert_eq!(reply["Suppressions"][1]["Status"], "Failed");
    insta::assert_snapshot!(refusal(&mock, message()), @"422 406 You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: jane@corp.example. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression.");
    ask(
        &mock,
        "POST",
        "/message-streams/outbound/suppressions/delete",
        list,
    );
    assert_eq!(ask(&mock, "POST", "/email", message()).0, 200);
}

#[test]
fn bounces_are_listed_found_and_activated() {
    let mock = Postmark::new(Seed(7));
    let (_, stats) = ask(&mock, "GET", "/deliveryStats", Value::Null);
    assert_eq!(stats["Bounces"][0], json!({"Name": "All", "Count": 3}));
    let (_, list) = ask(
        &mock,
        "GET",
        "/bounces?count=1&offset=0&inactive=true",
        Value::Null,
    );
    let id = list["Bounces"][0]["ID"].as_u64().unwrap();
    let (_, one) = ask(&mock, "GET", &format!("/bounces/{id}"), Value::Null);
    assert_eq!(one["Inactive"], true);
    let (_, active) = ask(&mock, "PUT", &format!("/bounces/{id}/activate"), json!({}));
    assert_eq!(active["Bounce"]["Inactive"], false);
    assert_eq!(ask(&mock, "GET", "/bounces", Value::Null).0, 422);
    assert_eq!(
        ask(&mock, "GET", "/bounces/7", Value::Null).1["ErrorCode"],
        1001
    );
}

#[test]
fn statistics_add_up() {
    let mock = Postmark::new(Seed(7));
    let (_, all) = ask(&mock, "GET", "/stats/outbound", Value::Null);
    let (_, sends) = ask(&mock, "GET", "/stats/outbound/sends", Value::Null);
    assert_eq!(all["Sent"], sends["Sent"]);
    let days = sends["Days"].as_array().unwrap();
    let sum: u64 = days.iter().map(|d| d["Sent"].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), sends["Sent"].as_u64());
    let date = days[3]["Date"].as_str().unwrap();
    let one = format!("/stats/outbound/sends?fromdate={date}&todate={date}");
    assert_eq!(
        ask(&mock, "GET", &one, Value::Null).1["Days"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        ask(
            &mock,
            "GET",
            "/stats/outbound/opens?fromdate=soon",
            Value::Null
        )
        .1["ErrorCode"],
        900
    );
    for sub in [
        "bounces",
        "spam",
        "tracked",
        "opens/emailClients",
        "clicks/browserFamilies",
        "clicks/location",
    ] {
        assert_eq!(
            ask(&mock, "GET", &format!("/stats/outbound/{sub}"), Value::Null).0,
            200,
            "{sub}"
        );
    }
}

#[test]
fn webhooks_and_account_objects_are_found_again() {
    let mock = Postmark::new(Seed(7));
    let new = json!({"Url": "https://corp.example/hook", "Triggers": {"Open": {"Enabled": true}}});
    let (_, hook) = ask(&mock, "POST", "/webhooks", new);
    let path = format!("/webhooks/{}", hook["ID"]);
    assert_eq!(
        ask(&mock, "GET", &path, Value::Null).1["Triggers"]["Open"]["Enabled"],
        true
    );
    ask(
        &mock,
        "PUT",
        &path,
        json!({"Url": "https://corp.example/other"}),
    );
    let (_, list) = ask(
        &mock,
        "GET",
        "/webhooks?MessageStream=outbound",
        Value::Null,
    );
    assert_eq!(list["Webhooks"][1]["Url"], "https://corp.example/other");
    ask(&mock, "DELETE", &path, Value::Null);
    assert_eq!(ask(&mock, "GET", &path, Value::Null).1["ErrorCode"], 1352);
    for (route, body) in [
        ("/servers", json!({"Name": "Staging"})),
        ("/domains", json!({"Name": "corp.example"})),
        (
            "/senders",
            json!({"Name": "Me", "FromEmail": "me@corp.example"}),
        ),
    ] {
        let (status, made) = ask(&mock, "POST", route, body.clone());
        assert_eq!(status, 200, "{route} {made}");
        assert_eq!(
            ask(
                &mock,
                "GET",
                &format!("{route}/{}", made["ID"]),
                Value::Null
            )
            .0,
            200
        );
        assert_eq!(
            ask(
                &mock,
                "GET",
                &format!("{route}?count=5&offset=0"),
                Value::Null
            )
            .1["TotalCount"],
            2
        );
        assert_eq!(ask(&mock, "POST", route, body).0, 422);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn any_request_to_any_route_is_answered_in_json(
        route in 0..ROUTES.len(),
        param in "[a-z0-9%.-]{1,12}",
        query in "[a-z=&0-9-]{0,40}",
        body in "[\\[\\]{}:,\"a-zA-Z0-9@. ]{0,80}",
    ) {
        let mock = Postmark::new(Seed(1));
        let route = &ROUTES[route];
        let path = route.path.replace("{idOrAlias}", &param).replace("{id}", &param);
        let mut request = request(route.method, &path, Value::Null);
        request.query = query;
        request.body = Bytes::from(body);
        let answer = mock.answer(&request).expect("a route");
        prop_assert!(serde_json::from_slice::<Value>(&answer.body).is_ok());
    }
}
