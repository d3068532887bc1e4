//! Real HTTPS clients inside: each trusts the fake internet as it trusts the real one, and nothing
//! that a server can look at says why.

use crate::context::Context;
use serde_json::Value;
use std::fs;

/// What a login sets, and what makes runs repeatable.
const VARIABLES: &[&str] = &[
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "SHELL",
    "TERM",
    "TZ",
    "USER",
];
/// Clients that are on every machine that tests.
const PROMISED: &[&str] = &["https", "fetch", "worker", "child"];

#[test]
fn every_client_trusts_and_no_variable_says_so() {
    let context = Context::new();
    let run = context.work().join("run");
    let folder = run.to_str().unwrap();
    context
        .line(&format!(
            "triage tests/servers/clients --only-call 0 --format json --keep-run {folder}"
        ))
        .ended(1);
    let events = fs::read_to_string(run.join("new/events.jsonl")).unwrap();
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["kind"] == kind);
    let result = of("result").next().unwrap();
    let text = result["value"]["content"][0]["text"].as_str();
    let told: Value = serde_json::from_str(text.unwrap_or_else(|| panic!("{result}"))).unwrap();

    let mut asked = 0;
    for (client, answer) in told["answers"].as_object().unwrap() {
        let answer = answer.as_str().unwrap();
        if client == "script" && answer.contains("node: No such file") || answer == "absent" {
            assert!(!PROMISED.contains(&client.as_str()), "{client}: {answer}");
            eprintln!("skipped: there is no `{client}` on this machine");
        } else if client == "git" {
            // What it asks for is no repository; that it could ask is enough.
            let refused = ["certificate", "SSL", "TLS", "verif"];
            assert!(
                !refused.iter().any(|word| answer.contains(word)),
                "{answer}"
            );
            let of_git = |event: &&Value| event["peer"]["host"] == "git.corp.example";
            assert!(of("http").filter(of_git).count() > 0, "{answer}");
        } else {
            assert_eq!(answer, "200", "{client}");
            asked += 1;
        }
    }
    let requests = of("http").filter(|event| event["peer"]["host"] == "api.corp.example");
    assert_eq!(requests.count(), asked);

    assert_eq!(told["variables"], serde_json::json!(VARIABLES));
    assert_eq!(
        told["peer"]["chain"],
        serde_json::json!(["E7", "ISRG Root X2"])
    );
    assert!(
        told["peer"]["days"]
            .as_f64()
            .is_some_and(|days| days < 91.0),
        "{}",
        told["peer"]
    );
    // The list is as long as outside, and each entry ends as every other does.
    let roots = told["roots"].as_array().unwrap();
    let ended = |root: &&Value| {
        root.as_str()
            .unwrap()
            .ends_with("-----END CERTIFICATE-----")
    };
    let count = roots.iter().filter(ended).count();
    assert!(
        count == 0 || count == roots.len(),
        "{count} of {}",
        roots.len()
    );
}
