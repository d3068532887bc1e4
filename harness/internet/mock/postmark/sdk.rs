//! The official Node SDK against the mock: a reply that the SDK misreads is a wrong reply.

use super::Postmark;
use crate::internet::mock::{Mock, Request};
use crate::secret::Seed;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// The last majors that send through axios and through fetch.
const VERSIONS: [&str; 2] = ["4.0.5", "5.1.0"];

#[test]
fn the_official_sdk_understands_every_reply() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut outcomes = Vec::new();
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), version);
        let address = runtime.block_on(serve(Arc::new(Postmark::new(Seed(7)))));
        let run = Command::new("node")
            .args(["sdk.js", &address])
            .current_dir(folder.path())
            .output()
            .expect("node runs");
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "postmark@{version}: {errors}");
        let outcome: Value = serde_json::from_slice(&run.stdout).expect("JSON");
        check(&outcome);
        outcomes.push(outcome);
    }
    // The same calls get the same replies, whichever SDK made them.
    assert_eq!(outcomes[0], outcomes[1]);
}

fn check(out: &Value) {
    assert_eq!(out["sent"]["Message"], "OK");
    assert_eq!(out["batch"][1]["ErrorCode"], 300);
    assert_eq!(out["templated"]["ErrorCode"], 0);
    assert_eq!(out["templatedBatch"][0]["ErrorCode"], 1101);
    assert_eq!(out["templates"]["TotalCount"], 4);
    assert_eq!(out["template"]["Subject"], "Other");
    assert_eq!(out["validation"]["AllContentIsValid"], false);
    assert_eq!(out["validation"]["Subject"]["RenderedContent"], "A");
    assert_eq!(out["activated"]["Bounce"]["Inactive"], false);
    assert_eq!(out["details"]["Bcc"][0]["Email"], "copy@corp.example");
    assert_eq!(out["opens"]["TotalCount"], 1);
    assert_eq!(out["server"]["TrackOpens"], true);
    assert_eq!(out["hook"]["Triggers"]["Open"]["Enabled"], true);
    assert_eq!(out["hooks"]["Webhooks"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        out["inactive"],
        json!({
            "name": "InactiveRecipientsError", "code": 406, "statusCode": 422,
            "recipients": ["gone@corp.example"],
        })
    );
    assert_eq!(out["invalid"]["name"], "InvalidEmailRequestError");
    assert_eq!(
        out["unauthorised"],
        json!({"name": "InvalidAPIKeyError", "code": 10, "statusCode": 401})
    );
}

fn install(folder: &Path, version: &str) {
    std::fs::write(folder.join("package.json"), "{\"private\": true}").unwrap();
    std::fs::write(folder.join("sdk.js"), include_str!("sdk.js")).unwrap();
    let package = format!("postmark@{version}");
    let npm = Command::new("npm")
        .args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            &package,
        ])
        .current_dir(folder)
        .output()
        .expect("npm runs");
    let errors = String::from_utf8_lossy(&npm.stderr);
    assert!(npm.status.success(), "{package}: {errors}");
}

/// Serves the mock over HTTP/1.1 as the gateway does, without TLS.
async fn serve(mock: Arc<Postmark>) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let seen = Arc::new(Mutex::new(HashMap::new()));
        while let Ok((stream, _)) = listener.accept().await {
            let (mock, seen) = (mock.clone(), seen.clone());
            let service = hyper::service::service_fn(move |request| {
                let (mock, seen) = (mock.clone(), seen.clone());
                async move { Ok::<_, Infallible>(answer(&mock, &seen, request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

type Seen = Mutex<HashMap<(String, String), u64>>;

async fn answer(
    mock: &Postmark,
    seen: &Seen,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.to_string(), head.uri.path().to_owned());
    let nth = {
        let mut seen = seen.lock().unwrap();
        let count = seen.entry((method.clone(), path.clone())).or_default();
        *count += 1;
        *count - 1
    };
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    let request = Request {
        scheme: "https",
        host: "api.postmarkapp.com".to_owned(),
        port: 443,
        method,
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(header).collect(),
        body: body.collect().await.expect("a body").to_bytes(),
        nth,
    };
    let answer = mock.answer(&request);
    let answer = answer.unwrap_or_else(|| panic!("unmatched {} {}", request.method, request.path));
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(answer.body)).expect("a response")
}
