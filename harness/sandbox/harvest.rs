//! What the server left in the writable file system, as differences from what it found: the
//! planted files and the lower sides of overlays. Reads through the descriptor of that file
//! system's root, alive or long after the sandbox's end, and follows no link.

use super::root::{FURNISHED, WRITABLE, needs_cwd};
use super::spec::{Mode, Spec};
use super::{copy, sys};
use crate::effect::{Body, FileAction, FileChange};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
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

/// The writable file system and what it held at first.
#[derive(Debug)]
pub struct Writable {
    root: OwnedFd,
    places: Vec<Place>,
    planted: BTreeMap<String, Planted>,
    /// Folders that were there at the start.
    folders: BTreeSet<String>,
    /// Mount targets, and whether they are read-only.
    mounts: Vec<(String, bool)>,
}

/// A folder of the writable file system, and where the server sees it.
#[derive(Debug)]
struct Place {
    name: String,
    inside: String,
    /// The folder on the host that it began as.
    lower: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
struct Planted {
    len: u64,
    sha256: String,
    mode: u32,
}

impl Writable {
    pub(super) fn new(root: OwnedFd, spec: &Spec) -> Self {
        let mut places = Vec::new();
        for (name, inside, _) in WRITABLE {
            let inside = match *inside {
                "" if needs_cwd(&spec.cwd, &spec.mounts) => &spec.cwd,
                "" => continue,
                inside => inside,
            };
            places.push(Place {
                name: (*name).to_owned(),
                inside: inside.to_owned(),
                lower: None,
            });
        }
        for (i, mount) in spec.mounts.iter().enumerate() {
            if mount.mode == Mode::Overlay {
                // One of the two exists: an overlay's upper side, or the copy in its stead.
                for kind in ["up", "copy"] {
                    places.push(Place {
                        name: format!("{kind}{i}"),
                        inside: mount.target.clone(),
                        lower: Some(mount.source.clone()),
                    });
                }
            }
        }
        let planted = spec.files.iter().map(|file| {
            let body = Body::new(&file.content);
            let planted = Planted {
                len: body.len,
                sha256: body.sha256,
                mode: file.mode,
            };
            (file.path.clone(), planted)
        });
        let mut folders: BTreeSet<String> = FURNISHED.iter().map(|(f, _)| f.to_string()).collect();
        let files = spec.files.iter().map(|f| f.path.as_str());
        let targets = spec.mounts.iter().map(|m| m.target.as_str());
        for path in files.chain(targets).chain([spec.cwd.as_str()]) {
            let ancestors = Path::new(path).ancestors();
            folders.extend(ancestors.map(|a| a.to_string_lossy().into_owned()));
        }
        Self {
            root,
            places,
            planted: planted.collect(),
            folders,
            mounts: (spec.mounts.iter())
                .map(|m| (m.target.clone(), m.mode == Mode::ReadOnly))
                .collect(),
        }
    }

    pub fn harvest(&self, bound: Bound) -> Harvest {
        let mut walk = Walk {
            first: self,
            bound,
            left: bound.bytes,
            seen: BTreeSet::new(),
            out: Harvest::default(),
            more: 0,
            unread: 0,
            unentered: 0,
        };
        let mut entered = Vec::new();
        for place in &self.places {
            let Ok(entry) = open(&self.root, OsStr::new(&place.name)) else {
                continue;
            };
            entered.push(place);
            let at = At {
                inside: place.inside.clone(),
                lower: place.lower.clone(),
                whole: place.name.starts_with("copy"),
            };
            match entry
                .metadata()
                .and_then(|now| readable_again(&entry, &now, true))
            {
                Ok(folder) => walk.folder(&folder, &at, 0),
                Err(_) => walk.unentered += 1,
            }
        }
        walk.missing(&entered);
        walk.finish()
    }

    /// Whether a planted file stands in a read-only mount, where it cannot change.
    fn is_sealed(&self, path: &str) -> bool {
        let around = |(target, _): &&(String, bool)| Path::new(path).starts_with(target);
        let innermost = self.mounts.iter().filter(around);
        let innermost = innermost.max_by_key(|(target, _)| target.len());
        innermost.is_some_and(|(_, read_only)| *read_only)
    }
}

/// A folder being walked.
struct At {
    inside: String,
    lower: Option<PathBuf>,
    /// Whether what is not in it is gone (a copy, an opaque folder), or merely unchanged.
    whole: bool,
}

impl At {
    fn path(&self, name: &OsStr) -> String {
        format!("{}/{}", self.inside.trim_end_matches('/'), readable(name))
    }
}

struct Walk<'a> {
    first: &'a Writable,
    bound: Bound,
    left: u64,
    seen: BTreeSet<String>,
    out: Harvest,
    more: usize,
    unread: usize,
    unentered: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &File, at: &At, depth: usize) {
        let Ok(names) = names(folder) else {
            self.unentered += 1;
            return;
        };
        for name in &names {
            match open(folder, name) {
                Ok(entry) => self.entry(&entry, name, at, depth),
                // Gone between listing and opening: only while the server still runs.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(_) => self.unread += 1,
            }
        }
        if at.whole
            && let Some(lower) = &at.lower
        {
            let names: BTreeSet<OsString> = names.into_iter().collect();
            for name in lower_names(lower) {
                if !names.contains(&name) {
                    self.deleted(at.path(&name));
                }
            }
        }
    }

    fn entry(&mut self, entry: &File, name: &OsStr, at: &At, depth: usize) {
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
            } else if was.as_ref().is_some_and(|was| bits(was) != bits(&now)) {
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
            match readable_again(entry, &now, true) {
                Ok(folder) => self.folder(&folder, &below, depth + 1),
                Err(_) => self.unentered += 1,
            }
        } else if kind.is_symlink() {
            let target = sys::link_target(entry.as_fd()).unwrap_or_default();
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
            let same = body.len == was.len && body.sha256 == was.sha256 && bits(now) == was.mode;
            if !same {
                self.change(path, FileAction::Modified, body, now);
            }
            return;
        }
        match lower.filter(|(_, was)| was.is_file()) {
            // Opened for writing or touched, which copies it up, but the same.
            Some((lower, was))
                if was.len() == body.len
                    && bits(&was) == bits(now)
                    && File::open(&lower).is_ok_and(|f| capture(f, 0).sha256 == body.sha256) => {}
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
        match readable_again(entry, now, false) {
            // The file can still grow while it is read; what was sized up is what is read.
            Ok(file) => capture(file.take(now.len()), self.bound.keep),
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
            mode: bits(now),
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
    fn missing(&mut self, entered: &[&Place]) {
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

    fn finish(mut self) -> Harvest {
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

/// Opens an entry of `folder` itself, never what a link points to, without reading it.
fn open(folder: impl AsFd, name: &OsStr) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_NOFOLLOW)
        .open(copy::by_descriptor(folder.as_fd()).join(name))
}

/// Opens an entry for reading. Its owner may have closed it to itself, in which case it is
/// opened up for a moment: same owner, so allowed.
fn readable_again(entry: &File, now: &Metadata, folder: bool) -> io::Result<File> {
    let path = copy::by_descriptor(entry.as_fd());
    let kind = if folder {
        libc::O_DIRECTORY
    } else {
        libc::O_NONBLOCK
    };
    let open = || OpenOptions::new().read(true).custom_flags(kind).open(&path);
    let enough = if folder { 0o500 } else { 0o400 };
    if now.mode() & enough == enough {
        return open();
    }
    fs::set_permissions(&path, Permissions::from_mode(now.mode() & 0o7777 | enough))?;
    let opened = open();
    fs::set_permissions(&path, Permissions::from_mode(now.mode() & 0o7777))?;
    opened
}

/// A folder's entries in byte order.
fn names(folder: &File) -> io::Result<Vec<OsString>> {
    Ok(lower_names_of(fs::read_dir(copy::by_descriptor(
        folder.as_fd(),
    ))?))
}

fn lower_names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).map(lower_names_of).unwrap_or_default()
}

fn lower_names_of(entries: fs::ReadDir) -> Vec<OsString> {
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    names
}

fn bits(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

fn capture(mut from: impl Read, keep: usize) -> Body {
    let mut capture = Body::capture(keep);
    let mut chunk = [0; 64 << 10];
    while let Ok(got @ 1..) = from.read(&mut chunk) {
        capture.push(&chunk[..got]);
    }
    capture.finish()
}

/// A name as text; bytes that are no UTF-8 are spelled `\xNN`.
fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
