//! What loads, and into what.

use super::{EVERYTHING, KNOWN};
use crate::scenario::{
    Answer, Content, Exercise, FailOn, HomeKind, Level, Place, Platform, Setting, load, parse,
};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_examples_load() {
    assert!(examples().len() >= 4);
    for path in examples() {
        load(&path, &KNOWN).unwrap_or_else(|error| panic!("{}", error.render()));
    }
}

#[test]
fn every_key_arrives_in_its_field() {
    let scenario = parse(EVERYTHING, Path::new("scenarios/x.toml"), &KNOWN)
        .unwrap_or_else(|error| panic!("{}", error.render()));

    let server = &scenario.server;
    let target = server.target.as_ref().unwrap();
    assert_eq!(target.resolved(), "npm:@acme/postmark-mcp@1.0.15");
    assert_eq!(target.path, None);
    assert_eq!(server.args[0], Setting::Plain("--token".into()));
    assert_eq!(server.args[1], Setting::Secret("github".parse().unwrap()));
    assert_eq!(server.env.len(), 3);
    let token = Setting::Secret("uuid".parse().unwrap());
    assert_eq!(server.env["POSTMARK_SERVER_TOKEN"], token);
    assert_eq!(server.home, HomeKind::Empty);
    assert_eq!(server.cwd, Some(Place::Home("projects/app".into())));
    assert_eq!(server.platform, Some(Platform::LinuxAmd64));
    let files: Vec<_> = server
        .files
        .iter()
        .map(|file| (file.place.to_string(), file.mode, file.content.clone()))
        .collect();
    assert_eq!(
        files,
        [
            (
                "notes/today.md".into(),
                0o644,
                Content::Bytes(b"call Jane".into())
            ),
            (
                "~/.acme/token".into(),
                0o600,
                Content::Secret("token".parse().unwrap())
            ),
            (
                "~/.acme/config".into(),
                0o640,
                Content::Bytes(b"region = eu".into())
            ),
        ]
    );

    let [postmark, smtp] = scenario.upstreams.as_slice() else {
        panic!("two upstreams");
    };
    assert_eq!(postmark.host, "api.postmarkapp.com");
    assert_eq!(postmark.answer, Answer::Mock("postmark".into()));
    assert_eq!(
        (smtp.host.as_str(), smtp.port),
        ("smtp.corp.example", Some(587))
    );
    let Answer::Smtp(smtp) = &smtp.answer else {
        panic!("smtp");
    };
    assert_eq!(smtp.reject, ["*@blocked.example"]);
    assert_eq!(smtp.delay, Duration::from_millis(250));
    assert_eq!(smtp.fail.as_deref(), Some("451 try again later"));

    let exercise = &scenario.exercise;
    assert_eq!((exercise.calls, exercise.seed), (100, Some(u64::MAX)));
    assert_eq!(exercise.floor, 0.25);
    assert_eq!(exercise.idle, Some(Duration::from_secs(2)));
    assert_eq!(exercise.timeout, Duration::from_secs(10));
    let send = &exercise.tools["sendEmail"];
    assert_eq!(send.calls, Some(7));
    assert_eq!(
        send.args["to"],
        [json!("jane@corp.example"), json!("ops@partner.example")]
    );
    let status = json!(["open", 3, 0.5, true, "2026-11-23", { "nested": [1] }]);
    assert_eq!(json!(send.args["filter.status"]), status);
    assert!(exercise.tools["dropDatabase"].skip);

    let policy = &scenario.policy;
    assert_eq!(policy.fail_on, Some(FailOn::Suspicious));
    assert_eq!(
        policy.allow[0].to_string(),
        r#"{ rule = "new-destination", host = "otel.corp.example", path = "/v1/traces" }"#
    );
    assert_eq!(policy.rules["description-changed"], Level::Suspicious);
    assert_eq!(policy.rules["hidden-recipient"], Level::Off);
}

#[test]
fn the_format_alone_is_a_scenario() {
    let text = "format = \"turncoat.scenario/1\"";
    let scenario = parse(text, Path::new("x.toml"), &KNOWN).unwrap();
    assert_eq!(scenario.exercise, Exercise::default());
    assert_eq!(scenario.server.home, HomeKind::Populated);
    assert!(scenario.server.target.is_none() && scenario.upstreams.is_empty());
}

#[test]
fn paths_are_relative_to_the_scenario_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["scenarios/stubs", "servers/clean"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("scenarios/seed.db"), [0, 159, 146, 150]).unwrap();
    fs::write(root.join("servers/claude.json"), "{}").unwrap();
    let file = root.join("scenarios/x.toml");
    let text = r#"
        format = "turncoat.scenario/1"
        server.target = "../servers/clean"
        server.files."data/seed.db" = { from = "seed.db" }
        upstream = [
            { host = "192.0.2.7", stubs = "stubs" },
            { host = "a.example", openapi = "seed.db" },
            { host = "b.example", har = "seed.db" },
        ]
    "#;
    fs::write(&file, text).unwrap();
    let before = tree(root);

    let scenario = load(&file, &KNOWN).unwrap_or_else(|error| panic!("{}", error.render()));
    assert_eq!(scenario, load(&file, &KNOWN).unwrap());
    assert_eq!(scenario, parse(text, &file, &KNOWN).unwrap());
    assert_eq!(tree(root), before);

    let target = scenario.server.target.unwrap();
    assert_eq!(target.path, Some(root.join("scenarios/../servers/clean")));
    assert_eq!(
        scenario.server.files[0].content,
        Content::Bytes(vec![0, 159, 146, 150])
    );
    assert_eq!(
        scenario.upstreams[0].answer,
        Answer::Stubs(root.join("scenarios/stubs"))
    );
    let seed = root.join("scenarios/seed.db");
    assert_eq!(scenario.upstreams[1].answer, Answer::OpenApi(seed.clone()));
    assert_eq!(scenario.upstreams[2].answer, Answer::Har(seed));

    let entry = text.replace("servers/clean", "servers/claude.json#mail");
    let target = parse(&entry, &file, &KNOWN).unwrap().server.target.unwrap();
    assert!(
        target
            .resolved()
            .ends_with("scenarios/../servers/claude.json#mail")
    );
}

fn tree(root: &Path) -> Vec<(PathBuf, std::time::SystemTime)> {
    walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.path().to_owned(),
                entry.metadata().unwrap().modified().unwrap(),
            )
        })
        .collect()
}

#[test]
fn no_nesting_exhausts_the_stack() {
    let dots = "a.".repeat(78) + "a";
    let inline = format!("{dots} = {{ ").repeat(78) + &"}".repeat(78);
    let header = format!("[{dots}]\n{inline}");
    let lists = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let keys = format!("{}a = 1", "a.".repeat(100_000));
    for text in [inline, header, lists, keys] {
        assert!(parse(&text, Path::new("x.toml"), &KNOWN).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_a_scenario_or_an_error_that_renders(text in "(?s).{0,200}") {
        readable(&text)?;
    }

    /// Pieces of the format in a wrong order come further than noise does.
    #[test]
    fn so_is_any_disorder_of_a_scenario(
        lines in proptest::collection::vec(proptest::sample::select(
            EVERYTHING.lines().collect::<Vec<_>>()), 0..40),
        values in proptest::collection::vec(
            "[\\[\\]{}=.\"'#a-z0-9_ \\n-]{0,12}|\"(\\PC|\\n){0,8}\"|[0-9.e+-]{1,24}", 0..4),
    ) {
        let mut text = String::from("format = \"turncoat.scenario/1\"\n");
        for (i, line) in lines.iter().enumerate() {
            match (line.split_once('='), values.get(i)) {
                (Some((key, _)), Some(value)) => text += &format!("{key}={value}\n"),
                _ => text += &format!("{line}\n"),
            }
        }
        readable(&text)?;
    }
}

fn readable(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = parse(text, Path::new("x.toml"), &KNOWN) {
        prop_assert!(!error.problems.is_empty());
        prop_assert!(error.render().starts_with("error: "));
        for problem in &error.problems {
            prop_assert!(!problem.to_string().contains(char::is_control), "{problem}");
            let (line, column) = problem.at.unwrap();
            let source = text.split('\n').nth(line - 1);
            prop_assert!(source.is_some_and(|source| column <= source.chars().count() + 1));
        }
    }
    Ok(())
}
