//! The walk through one place after the other, comparing as it goes. Its memory is bounded by
//! the caller, its depth by [`DEPTH`], its length by the file system's own limit on entries.

use super::entry;
use super::writable::{Place, Writable};
use crate::effect::{Body, FileAction, FileChange};
use crate::sandbox::{copy, sys};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Folders deeper than this are told of, not entered: each level holds a descriptor.
const DEPTH: usize = 100;

/// How much a harvest may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Changes listed.
    pub changes: usize,
    /// Bytes read in all.
    pub bytes: u64,
    /// Bytes kept of one file.
    pub keep: usize,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            changes: 10_000,
            bytes: 256 << 20,
            keep: Body::KEEP,
        }
    }
}

/// The differences, ordered by place and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    pub changes: Vec<FileChange>,
    /// What could not be read, or was more than the bound.
    pub notes: Vec<String>,
}

/// A folder being walked.
pub(super) struct At {
    pub inside: String,
    pub lower: Option<PathBuf>,
    /// Whether what is not in it is gone (a copy, an opaque folder), or merely unchanged.
    pub whole: bool,
}

impl At {
    fn path(&self, name: &OsStr) -> String {
        format!(
            "{}/{}",
            self.inside.trim_end_matches('/'),
            entry::readable(name)
        )
    }
}

pub(super) struct Walk<'a> {
    first: &'a Writable,
    bound: Bound,
    left: u64,
    seen: BTreeSet<String>,
    out: Harvest,
    more: usize,
    unread: usize,
    unentered: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(first: &'a Writable, bound: Bound) -> Self {
        Self {
            first,
            bound,
            left: bound.bytes,
            seen: BTreeSet::new(),
            out: Harvest::default(),
            more: 0,
            unread: 0,
            unentered: 0,
        }
    }

    /// Walks one place from its top.
    pub(super) fn place(&mut self, top: &File, at: &At) {
        match top
            .metadata()
            .and_then(|now| entry::readable_again(top, &now, true))
        {
            Ok(folder) => self.folder(&folder, at, 0),
            Err(_) => self.unentered += 1,
        }
    }

    fn folder(&mut self, folder: &File, at: &At, depth: usize) {
        let Ok(names) = entry::names(folder) else {
            self.unentered += 1;
            return;
        };
        for name in &names {
            match entry::open(folder, name) {
                Ok(entry) => self.entry(folder, &entry, name, at, depth),
                // Gone between listing and opening: only while the server still runs.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(_) => self.unread += 1,
            }
        }
        if at.whole
            && let Some(lower) = &at.lower
        {
            let names: BTreeSet<OsString> = names.into_iter().collect();
            for name in entry::names_at(lower).unwrap_or_default() {
                if !names.contains(&name) {
                    self.deleted(at.path(&name));
                }
            }
        }
    }

    fn entry(&mut self, folder: &File, entry: &File, name: &OsStr, at: &At, depth: usize) {
        let path = at.path(name);
        let reach = copy::by_descriptor(entry.as_fd());
        let Ok(now) = entry.metadata() else {
            self.unread += 1;
            return;
        };
        let lower_path = at.lower.as_ref().map(|lower| lower.join(name));
        let lower = lower_path
            .as_ref()
            .and_then(|lower| fs::symlink_metadata(lower).ok());
        let kind = now.file_type();
        if kind.is_char_device() && now.rdev() == 0 && at.lower.is_some() {
            // An overlay's mark for "not here any more".
            if lower.is_some() || self.first.planted.contains_key(&path) {
                self.deleted(path);
            }
        } else if kind.is_dir() {
            let was = lower.filter(|lower| lower.is_dir());
            if was.is_none() && !self.first.folders.contains(&path) {
                self.change(
                    path.clone(),
                    FileAction::FolderCreated,
                    Body::new(b""),
                    &now,
                );
            } else if was
                .as_ref()
                .is_some_and(|was| entry::bits(was) != entry::bits(&now))
            {
                self.change(path.clone(), FileAction::Modified, Body::new(b""), &now);
            }
            if depth >= DEPTH {
                self.unentered += 1;
                return;
            }
            let opaque = || sys::attribute(&reach, c"user.overlay.opaque").is_some();
            let below = At {
                whole: was.is_some() && (at.whole || opaque()),
                lower: was.and(lower_path),
                inside: path,
            };
            match entry::readable_again(entry, &now, true) {
                Ok(folder) => self.folder(&folder, &below, depth + 1),
                Err(_) => self.unentered += 1,
            }
        } else if kind.is_symlink() {
            let link = copy::by_descriptor(folder.as_fd()).join(name);
            let target = fs::read_link(link).unwrap_or_default();
            let was = lower_path.and_then(|lower| fs::read_link(lower).ok());
            if was.as_ref() != Some(&target) {
                let body = Body::new(target.as_os_str().as_bytes());
                self.change(path, FileAction::LinkCreated, body, &now);
            }
        } else if kind.is_file() {
            self.file(entry, path, &now, lower_path.zip(lower));
        } else {
            self.change(path, FileAction::Created, Body::new(b""), &now);
        }
    }

    fn file(
        &mut self,
        entry: &File,
        path: String,
        now: &Metadata,
        lower: Option<(PathBuf, Metadata)>,
    ) {
        let body = self.read(entry, now);
        if let Some(was) = self.first.planted.get(&path) {
            self.seen.insert(path.clone());
            let same = body.len == was.content.len() as u64
                && entry::bits(now) == was.mode
                && body.sha256 == Body::new(&was.content).sha256;
            if !same {
                self.change(path, FileAction::Modified, body, now);
            }
            return;
        }
        match lower.filter(|(_, was)| was.is_file()) {
            // Opened for writing or touched, which copies it up, but the same.
            Some((lower, was))
                if was.len() == body.len
                    && entry::bits(&was) == entry::bits(now)
                    && File::open(&lower)
                        .is_ok_and(|f| entry::capture(f, 0).sha256 == body.sha256) => {}
            Some(_) => self.change(path, FileAction::Modified, body, now),
            None => self.change(path, FileAction::Created, body, now),
        }
    }

    /// The content, unless the bound on bytes is reached: then only its length is known.
    fn read(&mut self, entry: &File, now: &Metadata) -> Body {
        let unread = Body {
            len: now.len(),
            ..Body::default()
        };
        if now.len() > self.left {
            self.unread += 1;
            return unread;
        }
        self.left -= now.len();
        match entry::readable_again(entry, now, false) {
            // The file can still grow while it is read; what was sized up is what is read.
            Ok(file) => entry::capture(file.take(now.len()), self.bound.keep),
            Err(_) => {
                self.unread += 1;
                unread
            }
        }
    }

    fn change(&mut self, path: String, action: FileAction, content: Body, now: &Metadata) {
        let changed = i128::from(now.ctime()) * 1_000_000_000 + i128::from(now.ctime_nsec());
        self.push(FileChange {
            path,
            action,
            mode: entry::bits(now),
            content,
            // The inode's own time: the server can set the other one as it likes.
            changed_ns: Some(changed),
        });
    }

    fn deleted(&mut self, path: String) {
        self.seen.insert(path.clone());
        self.push(FileChange {
            path,
            action: FileAction::Deleted,
            mode: 0,
            content: Body::new(b""),
            changed_ns: None,
        });
    }

    fn push(&mut self, change: FileChange) {
        if self.out.changes.len() < self.bound.changes {
            self.out.changes.push(change);
        } else {
            self.more += 1;
        }
    }

    /// Planted files that are not where they were put, in places that can be written.
    pub(super) fn missing(&mut self, entered: &[&Place]) {
        let covers = |inside: &str, path: &str| Path::new(path).starts_with(inside);
        let overlays = entered.iter().map(|place| place.inside.as_str());
        let gone: Vec<String> = self
            .first
            .planted
            .keys()
            .filter(|path| !self.seen.contains(*path))
            .filter(|path| overlays.clone().any(|inside| covers(inside, path)))
            .filter(|path| !self.first.is_sealed(path))
            .cloned()
            .collect();
        gone.into_iter().for_each(|path| self.deleted(path));
    }

    pub(super) fn finish(mut self) -> Harvest {
        let mut note = |n: usize, what: &str| {
            if n > 0 {
                self.out.notes.push(format!("{n} {what}"));
            }
        };
        note(self.more, "further changes to files are not listed");
        note(
            self.unread,
            "files were not read: too large in all, or closed",
        );
        note(
            self.unentered,
            "folders were not entered: too deep, or closed",
        );
        self.out
    }
}
