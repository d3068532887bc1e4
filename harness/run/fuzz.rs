//! What holds of everything that a run or a campaign left: asked by fuzzers, and by the tests with
//! the seeds that fuzzers start from.

use super::campaign::kept::Kept;
use super::given;
use super::log::{self, EVENTS};
use crate::event::Event;
use crate::provenance;
use crate::secret::Seed;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

/// The lines of a run folder: what reads, reads the same when it is written, and can be taken
/// apart.
pub fn run_folder(data: &[u8]) {
    let folder = TempDir::new().expect("there is room for a folder");
    fs::write(folder.path().join(EVENTS), data).expect("there is room for a file");
    let events = log::read(folder.path()).expect("the file is there");
    for event in events.flatten() {
        let text = serde_json::to_string(&event).unwrap_or_default();
        let again = serde_json::from_str::<Event>(&text);
        assert_eq!(again.ok().as_ref(), Some(&event), "{text}");
        if let Event::Effect(effect) = &event {
            provenance::fuzz::effect(&effect.kind);
        }
    }
    if let Ok(found) = log::effects(folder.path(), &BTreeSet::from([0, 7])) {
        assert!(found.iter().all(|(seq, effect)| *seq == effect.seq));
    }
}

/// What is kept of campaigns, its inputs after a zero byte: what opens is the same when it was
/// saved and is opened again.
pub fn campaign(data: &[u8]) {
    let (state, inputs) = data.split_at(memchr::memchr(0, data).unwrap_or(data.len()));
    let folder = TempDir::new().expect("there is room for a folder");
    for (name, content) in [
        ("campaign.json", state),
        ("inputs.json", inputs.get(1..).unwrap_or(b"{}")),
    ] {
        fs::write(folder.path().join(name), content).expect("there is room for a file");
    }
    let open = || {
        Kept::open(
            folder.path(),
            Seed(7),
            vec!["old".to_owned(), "new".to_owned()],
        )
    };
    let Ok(kept) = open() else { return };
    let many: usize = kept.inputs.values().map(Vec::len).sum();
    assert_eq!(kept.many(), many);
    kept.save().expect("there is room for a file");
    let again = open().expect("what was saved is opened");
    assert_eq!(again.inputs, kept.inputs);
    assert_eq!(again.memory.rounds, kept.memory.rounds);
    assert_eq!(again.memory.behaviours, kept.memory.behaviours);
    assert_eq!(again.memory.findings.len(), kept.memory.findings.len());
}

/// A sequence of calls: what reads, reads the same when it is written.
pub fn sequence(data: &[u8]) {
    let Ok(steps) = given::sequence(data) else {
        return;
    };
    assert!(!steps.is_empty());
    let text = serde_json::to_vec(&steps).unwrap_or_default();
    assert_eq!(given::sequence(&text).ok(), Some(steps));
}
