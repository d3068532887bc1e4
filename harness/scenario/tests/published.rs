//! The schema that editors use: in step with the program, and never stricter.

use super::{EVERYTHING, KNOWN};
use crate::scenario::{parse, schema};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

fn complaints(text: &str) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let instance = json(text);
    validator
        .iter_errors(&instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Run with `UPDATE_SCHEMA=1` to write the file.
#[expect(
    clippy::disallowed_methods,
    reason = "the developer asks for the file to be written"
)]
#[test]
fn the_published_schema_is_this_one() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/turncoat.scenario.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "run this test with UPDATE_SCHEMA=1");
}

#[test]
fn it_is_a_schema_of_its_draft() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
}

#[test]
fn it_takes_the_examples() {
    assert_eq!(complaints(EVERYTHING), [""; 0]);
    for name in ["postmark", "smtp", "files", "httpx"] {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            complaints(&fs::read_to_string(path).unwrap()),
            [""; 0],
            "{name}"
        );
    }
}

#[test]
fn it_refuses_what_one_table_gets_wrong() {
    let scenario = |rest: &str| format!("format = \"turncoat.scenario/1\"\n{rest}");
    for wrong in [
        "serverr = {}",
        "upstream = [{ host = \"a.example\" }]",
        "upstream = [{ host = \"a.example\", mock = \"json\", stubs = \"s\" }]",
        "upstream = [{ host = \"a.example\", mock = \"json\", delay_ms = 3 }]",
        "upstream = [{ host = \"https://a.example/\", mock = \"json\" }]",
        "server.env.A = 3",
        "server.env.A = { secret = \"uuuid\" }",
        "exercise.calls = 0",
        "exercise.tools.x.args.to = \"jane\"",
        "policy.allow = [{ host = \"a.example\" }]",
        "policy.rules.x = \"loud\"",
    ] {
        let text = scenario(wrong);
        assert_ne!(complaints(&text), [""; 0], "{wrong}");
        assert!(
            parse(&text, Path::new("x.toml"), &KNOWN).is_err(),
            "{wrong}"
        );
    }
    assert_eq!(complaints(&scenario("")), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_loads_is_valid(
        host in "[A-Za-z0-9_.:-]{1,12}", place in "[~/.a-z]{1,8}", variable in "[A-Z_= ]{0,4}",
        shape in "[a-z{}:0-9_]{1,10}|k_\\{(hex|alnum|digits|base32):[0-9]{1,4}\\}",
        reply in "[3-6][0-9]{1,3}[ a-z-]{0,5}", number in any::<i32>(), floor in -0.5f64..1.5,
    ) {
        // Each value alone, so that one that is refused does not hide the others.
        for line in [
            format!("upstream = [{{ host = {host:?}, mock = \"json\" }}]"),
            format!("upstream = [{{ host = \"a.example\", mock = \"smtp\", fail = {reply:?} }}]"),
            format!("upstream = [{{ host = \"a.example\", mock = \"json\", port = {number} }}]"),
            format!("server.files.{place:?} = \"\""),
            format!("server.cwd = {place:?}"),
            format!("server.env.{variable:?} = {{ secret = {shape:?} }}"),
            format!("exercise.calls = {number}"),
            format!("exercise.floor = {floor:?}"),
        ] {
            let text = format!("format = \"turncoat.scenario/1\"\n{line}\n");
            if parse(&text, Path::new("x.toml"), &KNOWN).is_ok() {
                prop_assert_eq!(complaints(&text), Vec::<String>::new(), "{}", line);
            }
        }
    }
}
