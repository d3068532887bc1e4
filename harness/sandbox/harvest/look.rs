//! One look at every place, comparing it with what is known and learning as it goes. What has
//! not changed costs one question to the kernel. Its memory is bounded by the caller, its depth
//! by [`DEPTH`], its length by [`MANY`] while the server runs, then by the file system's own
//! limit on entries.

use super::entry;
use super::tally::{Bound, Harvest, Lost, MANY, Tally};
use super::tree::{Folder, Node, Stamp, What, bits};
use super::writable::Place;
use crate::effect::{Body, FileAction};
use crate::sandbox::{copy, sys};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Folders deeper than this are told of, not entered: each level holds a descriptor.
const DEPTH: usize = 100;

pub(super) struct Look<'a> {
    pub tally: &'a mut Tally,
    pub bound: Bound,
    /// Nobody writes any more: everything is read again, because writes through a memory map
    /// leave no trace but the content.
    pub last: bool,
    began_ns: i64,
    visited: usize,
    pub out: Harvest,
}

/// Where a folder being looked at is.
pub(super) struct At {
    inside: String,
    /// The folder on the host that shows through, if any does.
    pub lower: Option<PathBuf>,
    /// Whether what is not in it is gone (a copy, an opaque folder), or merely unchanged.
    whole: bool,
    depth: usize,
}

impl At {
    pub fn path(&self, name: &CStr) -> String {
        let name = entry::text(os(name));
        format!("{}/{name}", self.inside.trim_end_matches('/'))
    }

    /// What the lower side has of this name.
    pub fn lower(&self, name: &CStr) -> Option<(PathBuf, Metadata)> {
        let path = self.lower.as_ref()?.join(os(name));
        let metadata = fs::symlink_metadata(&path).ok()?;
        Some((path, metadata))
    }
}

pub(super) fn os(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

impl<'a> Look<'a> {
    #[expect(
        clippy::disallowed_methods,
        reason = "file stamps are compared with the clock that made them"
    )]
    pub(super) fn new(tally: &'a mut Tally, bound: Bound, last: bool) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            tally,
            bound,
            last,
            began_ns: now.map_or(0, |now| now.as_nanos() as i64),
            visited: 0,
            out: Harvest::default(),
        }
    }

    /// Looks at one place from its top.
    pub(super) fn place(&mut self, root: BorrowedFd, place: &mut Place) {
        let stat = |name: &CString| Some((name.clone(), sys::stat_at(root, name).ok()?));
        let Some((name, now)) = place.names.iter().find_map(stat) else {
            return;
        };
        let at = At {
            inside: place.inside.clone(),
            lower: place.lower.clone(),
            whole: name.to_bytes().starts_with(b"copy"),
            depth: 0,
        };
        match entry::folder(root, &name) {
            Ok(folder) => self.folder(&folder, &now, &mut place.tree, &at),
            Err(_) => self.lose(Lost::Folder),
        }
    }

    pub(super) fn finish(self) -> Harvest {
        self.out
    }

    /// Whether nothing can have changed since `stamp` was taken.
    fn trusts(&self, stamp: Option<Stamp>, now: &libc::stat) -> bool {
        !self.last && stamp == Some(Stamp::new(now))
    }

    /// The stamp to remember, where it will tell the next change.
    fn stamp(&self, now: &libc::stat) -> Option<Stamp> {
        Some(Stamp::new(now)).filter(|stamp| stamp.is_settled(self.began_ns))
    }

    /// Entries that may still be looked at.
    fn room(&self) -> usize {
        match (self.last, self.tally.has_lost(Lost::Order)) {
            (true, _) => usize::MAX,
            (false, true) => 0,
            (false, false) => MANY.saturating_sub(self.visited),
        }
    }

    fn folder(&mut self, folder: &File, now: &libc::stat, known: &mut Folder, at: &At) {
        if !self.trusts(known.listed, now) {
            match entry::names(&copy::by_descriptor(folder.as_fd()), self.room()) {
                Ok(Some(names)) => self.list(names.into_iter().collect(), known, at),
                Ok(None) => return self.lose(Lost::Order),
                Err(_) => return self.lose(Lost::Folder),
            }
            known.listed = self.stamp(now);
        }
        if known.names.len() > self.room() {
            return self.lose(Lost::Order);
        }
        self.visited += known.names.len();
        let mut some_gone = false;
        for (name, node) in &mut known.names {
            match sys::stat_at(folder.as_fd(), name) {
                Ok(now) => self.entry(folder, name, &now, node, at),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    self.vanish(node, name, at);
                    some_gone |= matches!(node.what, What::New);
                }
                Err(_) => self.lose(Lost::Content),
            }
        }
        if some_gone {
            known
                .names
                .retain(|_, node| !matches!(node.what, What::New));
        }
    }

    fn list(&mut self, names: BTreeSet<CString>, known: &mut Folder, at: &At) {
        for (name, node) in &mut known.names {
            if !names.contains(name) {
                self.vanish(node, name, at);
            }
        }
        known
            .names
            .retain(|_, node| !matches!(node.what, What::New));
        if let (true, Some(lower)) = (at.whole, &at.lower) {
            let lower = entry::names(lower, usize::MAX).ok().flatten();
            let lower: BTreeSet<CString> = lower.into_iter().flatten().collect();
            for name in lower {
                if !names.contains(&name) && !known.names.contains_key(&name) {
                    self.deleted(at.path(&name));
                    known.names.entry(name).or_default().what = What::Gone;
                }
            }
        }
        for name in names {
            known.names.entry(name).or_default();
        }
    }

    fn entry(&mut self, folder: &File, name: &CStr, now: &libc::stat, node: &mut Node, at: &At) {
        let kind = now.st_mode & libc::S_IFMT;
        if kind == libc::S_IFDIR {
            return self.subfolder(folder, name, now, node, at);
        }
        if self.trusts(node.stamp, now) {
            return;
        }
        match kind {
            // An overlay's mark for "not here any more".
            libc::S_IFCHR if now.st_rdev == 0 && at.lower.is_some() => {
                if matches!(node.what, What::New) && at.lower(name).is_some() {
                    self.deleted(at.path(name));
                }
                self.vanish(node, name, at);
                node.what = What::Gone;
            }
            libc::S_IFREG => self.file(folder, name, now, node, at),
            libc::S_IFLNK => self.link(folder, name, now, node, at),
            _ => {
                let action = match &node.what {
                    What::Other(mode) if *mode == bits(now) => None,
                    What::Other(_) => Some(FileAction::Modified),
                    _ => Some(FileAction::Created),
                };
                if action == Some(FileAction::Created) {
                    self.vanish(node, name, at);
                }
                if let Some(action) = action {
                    self.change(at.path(name), action, bits(now), Body::new(b""));
                }
                node.what = What::Other(bits(now));
            }
        }
        node.stamp = self.stamp(now);
    }

    fn subfolder(
        &mut self,
        folder: &File,
        name: &CStr,
        now: &libc::stat,
        node: &mut Node,
        at: &At,
    ) {
        let lower = at.lower(name).filter(|(_, lower)| lower.is_dir());
        let lower_mode = lower.as_ref().map(|(_, lower)| lower.mode() & 0o7777);
        let was = match &node.what {
            What::Folder(known) if known.made => known.mode,
            What::Folder(known) => known.mode.or(lower_mode).or(Some(bits(now))),
            What::There => Some(bits(now)),
            What::New => lower_mode,
            _ => None,
        };
        let action = match was {
            None => Some(FileAction::FolderCreated),
            Some(mode) if mode != bits(now) => Some(FileAction::Modified),
            Some(_) => None,
        };
        if !matches!(node.what, What::Folder(_)) {
            if !matches!(node.what, What::There) {
                self.vanish(node, name, at);
            }
            node.what = What::Folder(Folder {
                made: was.is_none(),
                ..Folder::default()
            });
        }
        let What::Folder(known) = &mut node.what else {
            return;
        };
        known.mode = Some(bits(now));
        if let Some(action) = action {
            self.change(at.path(name), action, bits(now), Body::new(b""));
        }
        if at.depth == DEPTH {
            return self.lose(Lost::Folder);
        }
        let Ok(opened) = entry::folder(folder.as_fd(), name) else {
            return self.lose(Lost::Folder);
        };
        let lower = lower.filter(|_| !known.made).map(|(path, _)| path);
        // Marked opaque, or replaced, it has another stamp.
        if lower.is_some() && !self.trusts(known.listed, now) {
            let path = copy::by_descriptor(opened.as_fd());
            known.opaque = sys::attribute(&path, c"user.overlay.opaque").is_some();
        }
        let below = At {
            inside: at.path(name),
            whole: lower.is_some() && (at.whole || known.opaque),
            lower,
            depth: at.depth + 1,
        };
        self.folder(&opened, now, known, &below);
    }
}
