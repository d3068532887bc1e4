//! Hosts that a policy allows: one, or all below a name.

use super::KNOWN;
use crate::scenario::{Scenario, parse};
use std::path::Path;

fn allowing(host: &str) -> Result<Scenario, String> {
    let text = format!(
        "format = \"turncoat.scenario/1\"\n[policy]\nallow = [{{ rule = \"new-destination\", host = \"{host}\" }}]\n"
    );
    parse(&text, Path::new("x.toml"), &KNOWN).map_err(|error| error.render())
}

#[test]
fn a_name_an_address_and_all_below_a_name() {
    for host in [
        "otel.corp.example",
        "192.0.2.7",
        "2001:db8::1",
        "*.corp.example",
    ] {
        assert!(allowing(host).is_ok(), "{host}");
    }
}

#[test]
fn other_patterns_are_refused_with_what_there_is() {
    for host in [
        "*",
        "otel.*",
        "*corp.example",
        "*.*.example",
        "*.192.0.2.7",
        "a*.example",
    ] {
        let error = allowing(host).unwrap_err();
        assert!(error.contains("is no pattern for hosts"), "{error}");
        assert!(
            error.contains("hint: `*.corp.example` stands for"),
            "{error}"
        );
    }
    let error = allowing("*.corp.example:443").unwrap_err();
    assert!(error.contains("names a port"), "{error}");
}
