//! The JSON mock, asked as clients ask.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;

pub(super) fn request(method: &str, target: &str, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        scheme: "https",
        host: "api.tracker.example".to_owned(),
        port: 443,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::copy_from_slice(body.as_bytes()),
        nth: 0,
    }
}

fn answer(request: &Request) -> Answer {
    Json::sink(Seed(7))
        .answer(request)
        .expect("the sink answers everything")
}

fn ask(method: &str, target: &str, body: &str) -> Value {
    serde_json::from_slice(&answer(&request(method, target, body)).body).expect("JSON")
}

fn ask_as(accept: &str, target: &str) -> (String, String) {
    let mut request = request("GET", target, "");
    request.headers = vec![("accept".to_owned(), accept.to_owned())];
    let answer = answer(&request);
    let kind = answer.headers[0].1.clone();
    (kind, String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn lists_members_and_single_objects_agree() {
    let list = ask("GET", "/v1/users?limit=50", "");
    assert_eq!(list["data"], list["users"]);
    assert_eq!(list["has_more"], false);
    let first = &list["items"][0];
    let one = ask(
        "GET",
        &format!("/v1/users/{}", first["id"].as_str().unwrap()),
        "",
    );
    assert_eq!(one["name"], first["name"]);
    assert_eq!(one["user"], *first.get("user").unwrap());
    assert_eq!(ask("GET", "/v1/users/42", "")["id"], 42);
}

#[test]
fn reading_to_the_end_comes_to_it() {
    for later in ["page=2", "offset=2", "cursor=abc", "start_cursor=x"] {
        assert_eq!(
            ask("GET", &format!("/v1/users?{later}"), "")["data"],
            json!([]),
            "{later}"
        );
    }
    assert_eq!(
        ask("GET", "/v1/users?page=1&offset=0&limit=1", "")["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        ask(
            "POST",
            "/v1/search",
            r#"{"query":"words","start_cursor":"x"}"#
        )["results"],
        json!([])
    );
}

#[test]
fn what_is_created_is_echoed_with_a_new_id() {
    let body = r#"{"title":"Mine","labels":["a"]}"#;
    let mut again = request("POST", "/v1/issues", body);
    again.nth = 1;
    let (first, second) = (ask("POST", "/v1/issues", body), answer(&again));
    let second: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!(first["title"], "Mine");
    assert_eq!(first["data"]["labels"], json!(["a"]));
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        ask("PATCH", "/v1/issues/7", r#"{"state":"closed"}"#)["issue"]["state"],
        "closed"
    );
    assert_eq!(ask("DELETE", "/v1/issues/7", "")["deleted"], true);
    let many = ask(
        "POST",
        "/v1/issues/batch",
        r#"[{"title":"A"},{"title":"B"}]"#,
    );
    assert_eq!(many[1]["title"], "B");
    assert_ne!(many[0]["id"], many[1]["id"]);
}

#[test]
fn calls_in_other_protocols_are_answered_in_kind() {
    let rpc = ask(
        "POST",
        "/rpc",
        r#"{"jsonrpc":"2.0","id":5,"method":"m","params":{"x":1}}"#,
    );
    assert_eq!((&rpc["id"], &rpc["result"]["x"]), (&json!(5), &json!(1)));
    assert!(
        answer(&request(
            "POST",
            "/rpc",
            r#"{"jsonrpc":"2.0","method":"note"}"#
        ))
        .body
        .is_empty()
    );
    let graph = ask("POST", "/graphql", r#"{"query":"{ viewer { id name } }"}"#);
    assert!(graph["data"]["viewer"]["name"].is_string());
    assert!(
        ask("POST", "/v1/search", r#"{"query":"plain words"}"#)["results"][0]["id"].is_string()
    );
}

#[test]
fn well_known_endpoints_have_their_shape() {
    let token = ask(
        "POST",
        "/oauth/token",
        r#"{"grant_type":"client_credentials","scope":"a b"}"#,
    );
    assert_eq!(
        (&token["token_type"], &token["scope"]),
        (&json!("Bearer"), &json!("a b"))
    );
    let discovery = ask("GET", "/.well-known/openid-configuration", "");
    assert_eq!(
        discovery["token_endpoint"],
        "https://api.tracker.example/oauth/token"
    );
    assert_eq!(
        ask("GET", "/repos/o/r/releases/latest", "")["tag_name"],
        "v0.0.1"
    );
    assert_eq!(
        ask("GET", "/pypi/thing/json", "")["info"]["version"],
        "0.0.1"
    );
    let mut npm = request("GET", "/@scope%2fthing", "");
    npm.host = "registry.npmjs.org".to_owned();
    let npm: Value = serde_json::from_slice(&answer(&npm).body).unwrap();
    assert_eq!(
        (&npm["name"], &npm["dist-tags"]["latest"]),
        (&json!("@scope/thing"), &json!("0.0.1"))
    );
    let chat = ask(
        "POST",
        "/v1/chat/completions",
        r#"{"model":"m","messages":[]}"#,
    );
    assert!(chat["choices"][0]["message"]["content"].is_string());
}

#[test]
fn the_form_follows_accept_and_suffix() {
    assert_eq!(
        ask_as("text/html,*/*;q=0.8", "/docs").0,
        "text/html; charset=utf-8"
    );
    assert!(ask_as("*/*", "/a.html").1.contains("<title>Page "));
    assert_eq!(
        ask_as("application/json, text/plain, */*", "/v1/me").0,
        "application/json"
    );
    assert_eq!(ask_as("*/*", "/logo.png").0, "image/png");
    assert_eq!(ask_as("application/xml", "/x").0, "application/xml");
    assert_eq!(
        ask_as("text/plain;q=0.5, text/xml", "/x").0,
        "application/xml"
    );
    assert_eq!(ask_as("*/*", "/robots.txt").1, "User-agent: *\nAllow: /\n");
    assert!(
        ask_as("text/event-stream", "/v1/stream")
            .1
            .starts_with("data: {")
    );
}

#[test]
fn head_and_options_mean_what_they_mean() {
    let get = answer(&request("GET", "/v1/users", ""));
    let head = answer(&request("HEAD", "/v1/users", ""));
    assert!(head.body.is_empty());
    assert!(
        head.headers
            .contains(&("content-length".to_owned(), get.body.len().to_string()))
    );
    let options = answer(&request("OPTIONS", "/v1/users", ""));
    assert_eq!(options.status, 204);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn any_request_is_answered_the_same_way_twice(
        method in "GET|POST|PUT|PATCH|DELETE|HEAD|[A-Z]{1,8}",
        path in "(/[a-z0-9.%é@-]{0,10}){0,6}",
        query in "[a-z=&0-9]{0,30}",
        body in "[\\[\\]{}:,\"a-z0-9 ]{0,60}",
    ) {
        let mut request = request(&method, &path, &body);
        request.query = query;
        let (first, second) = (answer(&request), answer(&request));
        prop_assert_eq!(&first.body, &second.body);
        let json = first.headers.iter().any(|(n, v)| n == "content-type" && v == "application/json");
        if json && method != "HEAD" {
            prop_assert!(serde_json::from_slice::<Value>(&first.body).is_ok());
        }
    }

    #[test]
    fn other_requests_have_other_tokens(a in "[a-z]{4,8}s", b in "[a-z]{4,8}s") {
        prop_assume!(a != b);
        let (one, two) = (ask("GET", &format!("/{a}/1"), ""), ask("GET", &format!("/{b}/1"), ""));
        prop_assert_ne!(&one["name"], &two["name"]);
        prop_assert!(one["key"].as_str().unwrap().len() >= 8);
    }
}
