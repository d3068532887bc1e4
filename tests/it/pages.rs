//! The policies that the rules' pages recommend, as a scenario's reader sees them.

use std::path::Path;
use turncoat::diff::Rule;
use turncoat::scenario::{FORMAT, Known, parse};

#[test]
fn every_page_s_policy_can_be_pasted() {
    let known = Known {
        mocks: &[],
        behaviours: &[],
        rules: &Rule::names(),
    };
    for rule in Rule::ALL {
        let page = rule.page();
        let (_, code) = page.split_once("```toml\n").unwrap();
        let (code, _) = code.split_once("```").unwrap();
        let text = format!("format = \"{FORMAT}\"\n\n{code}");
        let scenario = parse(&text, Path::new(rule.name()), &known)
            .unwrap_or_else(|error| panic!("{}\n{error}", rule.name()));
        let allowed: Vec<&str> = scenario
            .policy
            .allow
            .iter()
            .map(|allow| allow.rule.as_str())
            .collect();
        assert_eq!(allowed, [rule.name()]);
    }
}
