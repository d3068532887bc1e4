//! What reads are remembered as.

use super::*;
use crate::provenance::Explainer;
use crate::secret::{self, Planted};
use crate::snapshot::{Behaviour, Collector, Scope};
use serde_json::json;

fn read(path: &str, phase: Phase, call: Option<u32>) -> Effect {
    Effect {
        seq: 0,
        at_us: 0,
        phase,
        stage: None,
        call,
        kind: Kind::Read(FileRead {
            path: path.to_owned(),
            asked: None,
            missing: false,
            listed: false,
            pid: 2,
        }),
    }
}

/// What one call with these arguments and reads is remembered as.
fn names(arguments: serde_json::Value, paths: &[String]) -> Vec<String> {
    let setting = Planted {
        name: "NOTES".into(),
        value: "/home/alex/Documents/notes".into(),
        kind: secret::Kind::Setting,
        unknown: 0..0,
    };
    let mut collector = Collector::new(Explainer::new(&[setting], 1_800_000_000));
    collector.call("tool", &arguments);
    for path in paths {
        collector.effect(&read(path, Phase::Call, Some(0)));
    }
    let behaviour: Behaviour = collector.finish();
    let scoped = behaviour.scopes.get(&Scope::tool("tool"));
    scoped.map_or_else(Vec::new, |scoped| {
        scoped.operations.keys().cloned().collect()
    })
}

fn name(arguments: serde_json::Value, path: &str) -> String {
    names(arguments, &[path.to_owned()]).concat()
}

#[test]
fn a_path_that_was_given_is_told_by_who_gave_it() {
    let whole = json!({"path": "/home/alex/work/plan-k7w3xq9z.md"});
    let file = "/home/alex/work/plan-k7w3xq9z.md";
    assert_eq!(name(whole, file), "read {argument(path)}");
    let relative = json!({"path": "docs/plan-k7w3xq9z.md"});
    let file = "/home/alex/work/docs/plan-k7w3xq9z.md";
    assert_eq!(
        name(relative, file),
        "read /home/alex/work/{argument(path)}"
    );
    let folder = json!({"root": "/srv/k7w3xq9z"});
    assert_eq!(name(folder, "/srv/k7w3xq9z/a"), "read {argument(root)}/a");
    let key = json!({"key": "/home/alex/.ssh/id_ed25519"});
    assert_eq!(
        name(key, "/home/alex/.ssh/id_ed25519"),
        "read {argument(key)}"
    );
    let notes = "/home/alex/Documents/notes/a.md";
    assert_eq!(name(json!({}), notes), "read {setting(NOTES)}/a.md");
}

#[test]
fn who_may_look_through_a_home_may_not_look_into_every_corner() {
    let home = json!({"root": "/home/alex", "name": "id_ed25519"});
    assert_eq!(
        name(home.clone(), "/home/alex/x"),
        "read {argument(root)}/x"
    );
    let key = "/home/alex/.ssh/id_ed25519";
    assert_eq!(name(home, key), format!("read {key}"));
    let told = json!({"path": ".ssh/id_ed25519"});
    assert_eq!(name(told, key), "read /home/alex/{argument(path)}");
    // A name of one's own choice is no word of another's.
    let path = "/home/alex/{argument(x)}/a";
    assert_eq!(name(json!({}), path), "read /home/alex/(argument(x)}/a");
}

#[test]
fn many_reads_crowd_out_neither_what_matters_nor_other_operations() {
    let mut paths: Vec<String> = (0..MAX_READS + 9)
        .map(|i| format!("/data/{i:04}x"))
        .collect();
    paths.push("/home/alex/.netrc".to_owned());
    paths.extend((0..MAX_READS + 9).map(|i| format!("/home/alex/.ssh/{i:04}x")));
    let names = names(json!({}), &paths);
    assert_eq!(names.len(), 2 * MAX_READS + 2, "{names:#?}");
    for one in [
        "read (many)",
        "read /home/alex/.netrc",
        "read /home/alex/.ssh/(many)",
    ] {
        assert!(names.iter().any(|name| name == one), "{one}");
    }
}

#[test]
fn what_counts_processors_is_left_out_at_the_start_alone() {
    let mounts = "/proc/self/mountinfo";
    assert!(is_of_start(&read(mounts, Phase::Start, None)));
    assert!(!is_of_start(&read(mounts, Phase::Call, Some(0))));
    assert!(!is_of_start(&read("/proc/self/maps", Phase::Start, None)));
}
