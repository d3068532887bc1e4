//! Scripts that installing a package executes.

use super::{file, http};
use crate::diff::{Change, Rule, Weight, compare};
use crate::effect::{Body, Effect, Exit, FileAction, FileChange, Kind, Phase, Program, Script};
use crate::provenance::Explainer;
use crate::secret::{self, Planted};
use crate::snapshot::{Accepted, Behaviour, Collector, in_common_terms, read, write};
use serde_json::json;

const FOLDER: &str = "/home/alex/.npm/_npx/1/node_modules/left-pad";

/// A script of this text that does this.
fn installed(text: &str, kinds: &[Kind]) -> Behaviour {
    let planted = [Planted {
        name: "~/.npmrc token".into(),
        value: "npm_8sHw0aPqLzXcVbNm".into(),
        kind: secret::Kind::Canary,
        unknown: 4..20,
    }];
    let mut collector = Collector::new(Explainer::new(&planted, 1_795_392_000));
    let script = Kind::Script(Script {
        package: "left-pad".into(),
        version: Some("1.3.0".into()),
        own: false,
        name: "postinstall".into(),
        text: text.into(),
        folder: FOLDER.into(),
        installs_to: None,
        skipped: false,
    });
    let exit = Kind::Exit(Exit {
        code: Some(0),
        signal: None,
        after: "itself".into(),
        left_behind: Vec::new(),
    });
    for (seq, kind) in [&script]
        .into_iter()
        .chain(kinds)
        .chain([&exit])
        .enumerate()
    {
        collector.effect(&Effect {
            seq: seq as u64,
            at_us: 0,
            phase: Phase::Install,
            stage: None,
            call: None,
            kind: kind.clone(),
        });
    }
    collector.finish()
}

fn changes(old: Behaviour, new: Behaviour) -> Vec<(Rule, Weight, String)> {
    let (old, new) = in_common_terms(old, new);
    let told = |change: Change| {
        if let Some(owner) = &change.owner {
            assert_eq!(owner.name, "left-pad");
            assert_eq!(owner.script.as_deref(), Some("postinstall"));
        }
        assert_eq!(change.phase, Phase::Install);
        (change.rule, change.weight, change.title)
    };
    compare(&old, &new).into_iter().map(told).collect()
}

fn rules(old: Behaviour, new: Behaviour) -> Vec<(Rule, Weight)> {
    let all = changes(old, new).into_iter();
    all.map(|(rule, weight, _)| (rule, weight)).collect()
}

fn program(path: &str) -> Kind {
    Kind::Program(Program {
        path: path.into(),
        argv: vec![path.into()],
        cwd: FOLDER.into(),
        pid: 3,
        missing: false,
        by: String::new(),
        variables: Default::default(),
        tried: Vec::new(),
    })
}

#[test]
fn a_new_script_tells_its_own_programs_and_not_what_those_start() {
    let kinds = [program("/usr/bin/node"), program("/usr/bin/curl")];
    let found = rules(Behaviour::default(), installed("node a.js", &kinds));
    assert_eq!(
        found,
        [
            (Rule::NewProgram, Weight::Ordinary),
            (Rule::NewProgram, Weight::Trivial),
            (Rule::InstallScriptAdded, Weight::Ordinary),
        ]
    );
    // One that was there before tells nothing by naming a program now.
    let found = rules(
        installed("true", &[]),
        installed("nc", &[program("/usr/bin/nc")]),
    );
    assert!(
        found.contains(&(Rule::NewProgram, Weight::Ordinary)),
        "{found:?}"
    );
    assert!(found.contains(&(Rule::InstallScriptChanged, Weight::Ordinary)));
}

#[test]
fn what_is_built_is_one_deed_and_what_is_confidential_in_it_is_told() {
    let built = |names: &[&str]| {
        let files = names
            .iter()
            .map(|name| file(&format!("{FOLDER}/{name}"), name));
        installed("make", &files.collect::<Vec<_>>())
    };
    assert_eq!(
        rules(built(&["a.o", "b.o"]), built(&["c.o", "d.o", "e.o"])),
        []
    );
    let token = file(&format!("{FOLDER}/x.o"), "npm_8sHw0aPqLzXcVbNm");
    let found = rules(built(&["a.o"]), installed("make", &[token]));
    assert!(
        found.iter().any(|(rule, _)| *rule == Rule::CanaryLeak),
        "{found:?}"
    );
}

#[test]
fn files_of_others_are_not_a_script_s_to_change() {
    let other = format!("{FOLDER}-more/index.js");
    let below = format!("{FOLDER}/node_modules/inner/index.js");
    let above = format!("{FOLDER}/../other/index.js");
    for path in [
        &other,
        &below,
        &above,
        "/home/alex/mcp/server/index.js",
        "/home/alex/.bashrc",
    ] {
        let kind = Kind::File(FileChange {
            path: path.to_owned(),
            action: FileAction::Modified,
            mode: 0o644,
            content: Body::new(b"x"),
            planted: None,
        });
        let found = rules(installed("make", &[]), installed("make", &[kind]));
        assert_eq!(found, [(Rule::NewFile, Weight::Grave)], "{path}");
    }
    let linked = "/home/alex/.npm/_npx/1/node_modules/.bin/left";
    let found = rules(
        installed("make", &[]),
        installed("make", &[file(linked, "")]),
    );
    assert_eq!(found, [(Rule::NewFile, Weight::Ordinary)]);
}

#[test]
fn a_snapshot_keeps_scripts_apart() {
    let beacon = http("collect.example", &[], &json!({"u": "alex"}));
    let behaviour = installed("node a.js", &[beacon]);
    let accepted = Accepted {
        seed: 1,
        calls: 4,
        behaviour: behaviour.clone(),
    };
    let back = read(&write(&accepted)).unwrap().behaviour;
    assert_eq!(changes(back.clone(), behaviour.clone()), []);
    let found = changes(installed("node a.js", &[]), behaviour);
    let destinations = found.iter().filter(|found| found.0 == Rule::NewDestination);
    assert_eq!(destinations.count(), 1, "{found:?}");
    assert!(
        found
            .iter()
            .all(|found| found.0 != Rule::InstallScriptAdded)
    );
}
