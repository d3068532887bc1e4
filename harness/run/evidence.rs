//! Finds, in the recorded runs, the effect that shows a change, and the condition of it.

use super::log;
use crate::diff::{self, Change, Side};
use crate::effect::{Body, Effect, Kind, Stage};
use crate::verdict::Evidence;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Bytes of a body shown in a finding.
const SHOWN: usize = 2_048;
/// Bytes of a JSON text shown in a finding.
const MOST: usize = 16 * 1024;

/// How a command was typed, for whoever wants to see a finding again.
#[derive(Clone, Debug)]
pub struct CommandLine {
    /// Up to where further options may stand.
    pub head: String,
    /// `-- COMMAND ARGS`, where there is one.
    pub tail: String,
}

impl CommandLine {
    /// With one more option.
    pub fn with(&self, option: &str) -> String {
        let words = [self.head.as_str(), option, self.tail.as_str()];
        let words = words.into_iter().filter(|words| !words.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }
}

impl From<String> for CommandLine {
    fn from(head: String) -> Self {
        Self {
            head,
            tail: String::new(),
        }
    }
}

/// The recordings of one old (where there is one) and one new run.
pub struct Recordings<'a> {
    old: BTreeMap<u64, Effect>,
    new: BTreeMap<u64, Effect>,
    arguments: &'a BTreeMap<String, Vec<Value>>,
    command: &'a CommandLine,
}

impl<'a> Recordings<'a> {
    /// Reads the effects that the changes point to; a record that cannot be read gives none.
    pub fn new(
        old: Option<&PathBuf>,
        new: &PathBuf,
        changes: &[Change],
        arguments: &'a BTreeMap<String, Vec<Value>>,
        command: &'a CommandLine,
    ) -> Self {
        let wanted = |side: Side| -> BTreeSet<u64> {
            changes
                .iter()
                .filter_map(|c| c.evidence)
                .filter(|e| e.0 == side)
                .map(|e| e.1)
                .collect()
        };
        let load = |folder: &PathBuf, wanted: BTreeSet<u64>| {
            if wanted.is_empty() {
                BTreeMap::new()
            } else {
                log::effects(folder, &wanted).unwrap_or_default()
            }
        };
        Self {
            old: old
                .map(|old| load(old, wanted(Side::Old)))
                .unwrap_or_default(),
            new: load(new, wanted(Side::New)),
            arguments,
            command,
        }
    }

    fn find(&self, change: &Change) -> Option<&Effect> {
        match change.evidence? {
            (Side::Old, seq) => self.old.get(&seq),
            (Side::New, seq) => self.new.get(&seq),
        }
    }
}

impl Evidence for Recordings<'_> {
    fn effect(&self, change: &Change) -> Value {
        let Some(effect) = self.find(change) else {
            return Value::Null;
        };
        let mut effect = effect.clone();
        shorten(&mut effect.kind);
        let value = serde_json::to_value(&effect).unwrap_or(Value::Null);
        if value.to_string().len() > MOST {
            return serde_json::json!({"kind": value["kind"], "seq": effect.seq, "shortened": "see the run folder"});
        }
        value
    }

    fn when(&self, change: &Change) -> Option<String> {
        // What a tool declares is no matter of how it is called.
        change.operation.as_ref()?;
        if let Some(effect) = self.find(change)
            && let (Some(stage), false) = (effect.stage, matches!(effect.kind, Kind::Exit(_)))
        {
            return Some(at_the_end(stage).to_owned());
        }
        let arguments = self.arguments.get(change.tool.as_deref()?)?;
        diff::condition(&change.calls, arguments)
    }

    fn reproduce(&self, change: &Change) -> String {
        // Figures are those of a whole phase.
        let effect = self.find(change);
        let effect = effect.filter(|effect| !matches!(effect.kind, Kind::Usage(_)));
        match effect.and_then(|effect| effect.call) {
            Some(call) => self.command.with(&format!("--only-call {call}")),
            None => self.command.with(""),
        }
    }
}

/// How far the server's end is when something happens.
fn at_the_end(stage: Stage) -> &'static str {
    match stage {
        Stage::StdinClosed => "its stdin has been closed",
        Stage::Sigterm => "it is asked to end (SIGTERM)",
        Stage::Sigkill => "it was ended (SIGKILL)",
        Stage::Afterlife => "the server itself has ended",
    }
}

fn shorten(kind: &mut Kind) {
    let cut = |body: &mut Body| {
        if body.kept.len() > SHOWN {
            let end = (0..=SHOWN)
                .rev()
                .find(|at| body.kept.get(*at).is_none_or(|b| b & 0xc0 != 0x80));
            body.kept.truncate(end.unwrap_or(SHOWN));
        }
    };
    match kind {
        Kind::Http(http) => [&mut http.body, &mut http.reply.body]
            .into_iter()
            .for_each(cut),
        Kind::Mail(mail) => {
            cut(&mut mail.raw);
            mail.parts.iter_mut().for_each(|part| cut(&mut part.body));
        }
        Kind::Flow(flow) => {
            [&mut flow.sent, &mut flow.received]
                .into_iter()
                .for_each(cut);
            let mut room = SHOWN;
            flow.fields.retain_mut(|(_, value)| {
                value.truncate(value.floor_char_boundary(room));
                room -= value.len();
                room > 0
            });
        }
        Kind::Datagram(datagram) => cut(&mut datagram.payload),
        Kind::File(change) => cut(&mut change.content),
        Kind::Misbehaviour(what) => cut(&mut what.bytes),
        _ => {}
    }
}
