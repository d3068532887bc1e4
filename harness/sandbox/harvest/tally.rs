//! What all looks of one run may report and read together, and the sentences about what
//! exceeded it: each is said once.

use crate::effect::{Body, FileChange};

/// Entries that are looked at while the server runs, about one microsecond each once they are
/// known. A server that writes more is looked at when it has ended.
pub(super) const MANY: usize = 5_000;

/// How much the harvests of one run may hold together.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Changes listed.
    pub changes: usize,
    /// Bytes read in all. While the server runs it is half of them, so that it cannot use up
    /// what is needed to look at its end.
    pub bytes: u64,
    /// Bytes kept of one file.
    pub keep: usize,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            // As many as files can be made inside.
            changes: 200_000,
            bytes: 256 << 20,
            keep: Body::KEEP,
        }
    }
}

/// The differences, ordered by place and name; what is gone from a folder comes before what
/// is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    pub changes: Vec<FileChange>,
    /// What could not be read, or was more than the bound.
    pub notes: Vec<String>,
}

/// What a look may have had to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Changes,
    Content,
    Folder,
    Order,
}

/// What the looks so far amount to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: usize,
    bytes: u64,
    lost: Vec<Lost>,
}

impl Tally {
    /// Counts a change; false when it is one too many.
    pub fn change(&mut self, bound: &Bound) -> bool {
        self.changes += 1;
        self.changes <= bound.changes
    }

    /// Counts bytes to be read; false when they are too many, and not counted.
    pub fn bytes(&mut self, bytes: u64, bound: &Bound, last: bool) -> bool {
        let bound = if last { bound.bytes } else { bound.bytes / 2 };
        let fits = self.bytes.saturating_add(bytes) <= bound;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    pub fn has_lost(&self, what: Lost) -> bool {
        self.lost.contains(&what)
    }

    /// The sentence about it, the first time.
    pub fn lose(&mut self, what: Lost, bound: &Bound) -> Option<String> {
        if self.has_lost(what) {
            return None;
        }
        self.lost.push(what);
        Some(match what {
            Lost::Changes => format!(
                "changes to files after the first {} are not listed",
                bound.changes
            ),
            Lost::Content => "some files were not read: too large in all, or closed".to_owned(),
            Lost::Folder => "some folders were not entered: too deep, or closed".to_owned(),
            Lost::Order => format!(
                "more than {MANY} files and folders were written: further changes are told at the end, not with the call that made them"
            ),
        })
    }
}
