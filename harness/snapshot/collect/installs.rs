//! What is particular about the install phase: effects belong to scripts, and what a script builds
//! for its own package is folded.
//!
//! `own-folder`: what a script builds in the folder of its own package is one operation for each
//! kind of deed, whatever the files are called and hold: builds are large, and no two are equal.
//! What they were built for shows when the server runs them. It must not hide anything
//! confidential that is written there, nor a file anywhere else.

use super::super::{OWN_FOLDER, Scope, Script as Name};
use super::Collector;
use crate::effect::{Effect, FileAction, Kind, Phase, Script};
use crate::provenance::{Dissected, Piece, Weight};

/// Where the effects of a script belong.
pub fn scope(script: &Script) -> Scope {
    Scope::script(Name {
        package: script.package.clone(),
        event: script.name.clone(),
    })
}

impl Collector {
    /// Whether a script works on files of its own package, packages below it excepted. Where files
    /// of several packages lie, those it makes are its own; of those that are there, the record
    /// of the package and its programs.
    pub(super) fn is_own_folder(&self, effect: &Effect) -> bool {
        let (Kind::File(change), Phase::Install, Some(script)) =
            (&effect.kind, effect.phase, &self.script)
        else {
            return false;
        };
        let below = |folder: &str| {
            let below = change.path.strip_prefix(folder)?;
            let inside = below.is_empty() || below.starts_with('/');
            (inside && !below.split('/').any(|step| step == "..")).then_some(below)
        };
        let own = below(&script.folder);
        let there = script.installs_to.as_deref().and_then(below);
        let made = !matches!(change.action, FileAction::Modified | FileAction::Deleted);
        own.is_some_and(|below| !below.split('/').any(|step| step == "node_modules"))
            || there.is_some_and(|below| {
                made || below.contains(".dist-info/") || below.starts_with("/bin/")
            })
    }
}

/// One operation for all such files, with what is confidential in them.
pub fn fold_own_folder(parts: &mut Dissected) {
    parts.operation.truncate(1);
    parts.operation.push(Piece::Fixed(OWN_FOLDER.to_owned()));
    parts.leaves.retain(|leaf| leaf.weight != Weight::Plain);
    for leaf in &mut parts.leaves {
        leaf.weight = Weight::ConfidentialOnly;
        leaf.place = "content".to_owned();
        leaf.label = None;
    }
}
