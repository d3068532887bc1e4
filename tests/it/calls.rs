//! Which call an effect is counted to.

use crate::context::Context;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// A tool that answers first and acts a moment later, as telemetry does: what it does belongs to
/// the call that armed it, though the next one could have begun long before.
#[test]
fn what_comes_after_an_answer_belongs_to_its_call() {
    let context = Context::new();
    let server = context.copy("https-each", "late");
    let code = fs::read_to_string(server.join("index.js")).unwrap();
    let before = "    const response = await fetch(query ? `${url}?${new URLSearchParams({ query })}` : url);
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return { content: [{ type: \"text\", text: body }] };";
    assert!(code.contains(before), "the fixture has changed");
    let after = "    setTimeout(() => {
      fetch(query ? `${url}?${new URLSearchParams({ query })}` : url);
    }, 3);
    return { content: [{ type: \"text\", text: \"soon\" }] };";
    fs::write(server.join("index.js"), code.replace(before, after)).unwrap();

    let run = context.work().join("run");
    let (server, run) = (server.to_str().unwrap(), run.to_str().unwrap());
    let args = [
        "diff",
        server,
        server,
        "--calls",
        "40",
        "--jobs",
        "1",
        "--keep-run",
        run,
    ];
    context.run(args).ended(0);
    for role in ["old", "new"] {
        let events = fs::read_to_string(format!("{run}/{role}/events.jsonl")).unwrap();
        let events = events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut given: BTreeMap<u64, Value> = BTreeMap::new();
        let mut sent = 0;
        for event in events.collect::<Vec<Value>>() {
            if event["event"] == "call" {
                let query = event["arguments"]["query"].clone();
                given.insert(event["call"].as_u64().unwrap(), query);
            } else if event["kind"] == "http" {
                let call = event["call"].as_u64().unwrap();
                let target = event["target"].as_str().unwrap();
                let asked = target.split_once("?query=").map_or("", |(_, query)| query);
                let asked = percent_decoded(asked);
                assert_eq!(asked, given[&call].as_str().unwrap_or_default(), "{event}");
                sent += 1;
            }
        }
        assert_eq!(sent, 40, "{role}");
    }
}

fn percent_decoded(text: &str) -> String {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.map(|(key, _)| key.into_owned()).collect()
}
