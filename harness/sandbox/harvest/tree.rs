//! What is known of the writable file system: what was put there at first, then what the last
//! look found. Bounded by the file system's own limit on entries.

use crate::effect::Body;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::sync::Arc;

/// Longer than the clock of file times stands still between two ticks: 10 ms with the slowest
/// of usual kernels. A change sooner than that after another may carry the same time.
const TICK_NS: i64 = 20_000_000;

/// One name in a folder.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Set only when a change since then would show in it.
    pub stamp: Option<Stamp>,
    /// What was planted under this name, whatever is there now.
    pub planted: Option<Arc<[u8]>>,
    pub what: What,
}

#[derive(Debug, Default)]
pub(super) enum What {
    /// Not seen before: what it began as is asked of the overlay's lower side.
    #[default]
    New,
    /// Told to be gone, though the lower side still has it, or it was planted.
    Gone,
    /// Was there at the start, folder or file: the place of a mount.
    There,
    Folder(Folder),
    File {
        mode: u32,
        content: Content,
    },
    Link(Vec<u8>),
    /// A socket or pipe, with its mode.
    Other(u32),
}

#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Permission bits; not known before the first look.
    pub mode: Option<u32>,
    /// The folder's stamp when its names were last listed.
    pub listed: Option<Stamp>,
    /// Made where there was none: nothing of a lower side shows through.
    pub made: bool,
    /// Made where the overlay's lower side has another, which it hides.
    pub opaque: bool,
    pub names: BTreeMap<CString, Node>,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Kept as it is: hashing it would delay the start, and most of it is never written.
    Planted(Arc<[u8]>),
    Hashed {
        len: u64,
        sha256: String,
    },
    Unread(u64),
}

/// What no change leaves as it is, but for one made through a memory map: pages that are
/// writable already change unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    mode: u32,
    size: u64,
    /// The inode's own time: the server can set the other one as it likes.
    changed_ns: i64,
}

impl Stamp {
    pub fn new(now: &libc::stat) -> Self {
        Self {
            inode: now.st_ino,
            mode: now.st_mode,
            size: size(now),
            changed_ns: now
                .st_ctime
                .saturating_mul(1_000_000_000)
                .saturating_add(now.st_ctime_nsec),
        }
    }

    /// Whether a change made after `now_ns` could not leave this very stamp.
    pub fn is_settled(&self, now_ns: i64) -> bool {
        self.changed_ns.saturating_add(TICK_NS) < now_ns
    }
}

pub(super) fn size(now: &libc::stat) -> u64 {
    u64::try_from(now.st_size).unwrap_or(0)
}

/// Permission bits.
pub(super) fn bits(now: &libc::stat) -> u32 {
    now.st_mode & 0o7777
}

impl Content {
    pub fn of(body: &Body) -> Self {
        match body.sha256.as_str() {
            "" => Self::Unread(body.len),
            sha256 => Self::Hashed {
                len: body.len,
                sha256: sha256.to_owned(),
            },
        }
    }

    /// Whether `body` is known to be something else, or what had to be left unread is there now.
    pub fn differs(&self, body: &Body) -> bool {
        let unread = body.sha256.is_empty();
        match self {
            Self::Planted(content) => {
                content.len() as u64 != body.len
                    || !unread && Body::new(content).sha256 != body.sha256
            }
            Self::Hashed { len, sha256 } => *len != body.len || !unread && *sha256 != body.sha256,
            Self::Unread(len) => *len != body.len || !unread,
        }
    }
}

impl Folder {
    /// Notes what is at `path`, relative to this folder, from the start on. What is noted
    /// already stays.
    pub fn plant(&mut self, path: &Path, what: What) {
        let mut names = path.components().filter_map(|part| match part {
            Component::Normal(name) => CString::new(name.as_bytes()).ok(),
            _ => None,
        });
        let Some(last) = names.next_back() else {
            return;
        };
        let mut folder = self;
        for name in names {
            let node = folder.names.entry(name).or_default();
            if !matches!(node.what, What::Folder(_)) {
                node.what = What::Folder(Folder::default());
            }
            let What::Folder(below) = &mut node.what else {
                return;
            };
            folder = below;
        }
        let planted = match &what {
            What::File {
                content: Content::Planted(planted),
                ..
            } => Some(Arc::clone(planted)),
            _ => None,
        };
        folder.names.entry(last).or_insert(Node {
            stamp: None,
            planted,
            what,
        });
    }
}
