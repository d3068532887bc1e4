//! Protocols other than HTTPS, spoken inside by plain sockets: each is answered as its server
//! would, is told whole, and what it carries is explained.

use crate::context::Context;
use serde_json::{Value, json};
use std::fs;

#[test]
fn every_protocol_is_answered_told_and_explained() {
    let context = Context::new();
    let run = context.work().join("run");
    let folder = run.to_str().unwrap();
    let report = context
        .line(&format!(
            "triage tests/servers/wire --only-call 0 --format json --keep-run {folder}"
        ))
        .ended(1);
    let events = fs::read_to_string(run.join("new/events.jsonl")).unwrap();
    let events: Vec<Value> = (events.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["kind"] == kind);
    let result = of("result").next().unwrap();
    let text = result["value"]["content"][0]["text"].as_str().unwrap();
    let told: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let psql = told["psql"].as_str().unwrap().to_owned();
    if psql == "absent" {
        eprintln!("skipped: there is no `psql` on this machine");
    }
    assert!(
        ["absent", "PostgreSQL 16.4"].contains(&psql.as_str()),
        "{psql}"
    );
    let expected = json!({
        "ping": ["203.0.113.9", true],
        "ping6": ["2001:db8::9", true],
        "stun": ["0101", "transaction1"],
        "udp6": told["udp6"],
        "redis": "+OK\r\n+OK\r\n",
        "postgres": "INSERT 0 1",
        "psql": psql,
        "mysql": 0,
        "socks": "HTTP/1.1 200",
        "dns over tcp": 0,
        "dns over https": true,
        "dns over tls": 1,
        "metadata": ["AccessKeyId", "Code", "Expiration", "LastUpdated", "SecretAccessKey", "Token", "Type"],
        "google": 200,
        "docker": ["/reporting-db"],
        // There is none on this machine, which is for whoever asks to find out.
        "agent": libc::ENOENT,
        "private": 200,
        "loopback": libc::ECONNREFUSED,
    });
    assert_eq!(told, expected);

    // Everything is told, by the name it was meant for.
    let flow = |protocol: &str, host: &str| {
        of("flow")
            .find(|event| event["protocol"] == protocol && event["peer"]["host"] == host)
            .unwrap_or_else(|| panic!("no {protocol} to {host}"))
    };
    let field = |event: &Value, place: &str| {
        let fields = event["fields"].as_array().unwrap();
        let found = fields.iter().find(|field| field[0] == place);
        found.map(|field| field[1].as_str().unwrap().to_owned())
    };
    let redis = flow("redis", "cache.wire.example");
    assert_eq!(field(redis, "AUTH[1]").as_deref(), Some("open-door"));
    for (protocol, host) in [
        ("postgres", "db.wire.example"),
        ("postgres", "psql.wire.example"),
    ] {
        if host.starts_with("psql") && psql == "absent" {
            continue;
        }
        let postgres = flow(protocol, host);
        assert_eq!(postgres["tls"], true);
        assert_eq!(field(postgres, "user").as_deref(), Some("alex"));
        assert_eq!(field(postgres, "password").as_deref(), Some("open-door"));
    }
    assert_eq!(
        field(flow("mysql", "mysql.wire.example"), "user").as_deref(),
        Some("alex")
    );
    let socks = flow("socks", "proxy.wire.example");
    assert_eq!(
        field(socks, "destination").as_deref(),
        Some("behind.wire.example:443")
    );
    assert_eq!(field(socks, "password").as_deref(), Some("open-door"));
    flow("unix", "/run/user/1000/keyring/ssh");
    flow("unix", "/var/run/docker.sock");
    let datagrams: Vec<(&str, &str)> = of("datagram")
        .map(|event| {
            let address = event["peer"]["address"].as_str().unwrap();
            (event["protocol"].as_str().unwrap(), address)
        })
        .collect();
    for expected in [
        ("icmp", "203.0.113.9:0"),
        ("icmp", "[2001:db8::9]:0"),
        ("udp", "[2001:db8::7]:9999"),
    ] {
        assert!(datagrams.contains(&expected), "{datagrams:?}");
    }

    // What they carry has its source: the argument, whatever it is wrapped in, and the canary.
    let report = report.json();
    let findings = report["findings"].as_array().unwrap();
    let carries = |effect: &str, source: &str| {
        let hit = findings.iter().any(|finding| {
            let text = finding.to_string();
            text.contains(effect) && text.contains(source)
        });
        assert!(hit, "{effect} with {source}: {findings:#?}");
    };
    for effect in [
        "icmp 203.0.113.9",
        "udp 2001:db8::7:9999",
        "redis cache.wire.example:6379",
        "postgres+tls db.wire.example:5432",
        "mysql mysql.wire.example:3306",
        "behind.wire.example",
    ] {
        carries(effect, "argument(word)");
    }
    carries(
        "dns {base32:{argument(word)}}.wire.example",
        "argument(word)",
    );
    carries(
        "drop.wire.example",
        "canary(metadata.google.internal access_token)",
    );
    carries("169.254.169.254", "new-destination");
    carries("/var/run/docker.sock", "new-attempt");
}
