//! What a look makes of an entry that is not as it was: read, compared, told, remembered.

use super::entry;
use super::look::{At, Look, os};
use super::tally::Lost;
use super::tree::{Content, Node, What, bits, size};
use crate::effect::{Body, FileAction, FileChange};
use crate::sandbox::copy;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

impl Look<'_> {
    pub(super) fn file(
        &mut self,
        folder: &File,
        name: &CStr,
        now: &libc::stat,
        node: &mut Node,
        at: &At,
    ) {
        // Planted content was given to us, so reading it again needs no bound.
        if let What::File {
            mode,
            content: Content::Planted(planted),
        } = &node.what
            && *mode == bits(now)
            && planted.len() as u64 == size(now)
            && entry::file(folder.as_fd(), name).is_ok_and(|file| entry::holds(file, planted))
        {
            return;
        }
        let Some(body) = self.read(folder, name, now) else {
            return;
        };
        let action = match &node.what {
            What::There => None,
            What::File { mode, content } => {
                (*mode != bits(now) || content.differs(&body)).then_some(FileAction::Modified)
            }
            What::New => match at.lower(name).filter(|(_, was)| was.is_file()) {
                // Opened for writing or touched, which copies it up, but the same.
                Some((lower, was))
                    if was.len() == body.len
                        && was.mode() & 0o7777 == bits(now)
                        && File::open(&lower)
                            .is_ok_and(|f| entry::capture(f, 0).sha256 == body.sha256) =>
                {
                    None
                }
                Some(_) => Some(FileAction::Modified),
                None => Some(FileAction::Created),
            },
            _ => Some(FileAction::Created),
        };
        if action == Some(FileAction::Created) {
            self.vanish(node, name, at);
        }
        let read = Content::of(&body);
        match &mut node.what {
            // Told as modified or left unread: what is known stays known.
            What::File { mode, content } if !content.differs(&body) => *mode = bits(now),
            what => {
                *what = What::File {
                    mode: bits(now),
                    content: read,
                }
            }
        }
        if let Some(action) = action {
            self.tell(FileChange {
                path: at.path(name),
                action,
                mode: bits(now),
                content: body,
                planted: node.planted.as_deref().map(Body::new),
            });
        }
    }

    pub(super) fn link(
        &mut self,
        folder: &File,
        name: &CStr,
        now: &libc::stat,
        node: &mut Node,
        at: &At,
    ) {
        let link = copy::by_descriptor(folder.as_fd()).join(os(name));
        let target = fs::read_link(link).unwrap_or_default();
        let target = target.as_os_str().as_bytes();
        let same = match &node.what {
            What::Link(was) => was == target,
            What::There => true,
            What::New => at
                .lower(name)
                .and_then(|(lower, _)| fs::read_link(lower).ok())
                .is_some_and(|was| was.as_os_str().as_bytes() == target),
            _ => false,
        };
        if !same {
            if !matches!(node.what, What::Link(_)) {
                self.vanish(node, name, at);
            }
            let body = Body::new(target);
            self.change(at.path(name), FileAction::LinkCreated, bits(now), body);
        }
        node.what = What::Link(target.to_owned());
    }

    /// The content, unless the bound on bytes is reached: then only its length is known.
    /// `None` when it is gone or something else by now; the next look will see.
    fn read(&mut self, folder: &File, name: &CStr, now: &libc::stat) -> Option<Body> {
        let len = size(now);
        if self.tally.bytes(len, &self.bound, self.last) {
            match entry::file(folder.as_fd(), name) {
                // The file can still grow while it is read; what was sized up is what is read.
                Ok(file) => return Some(entry::capture(file.take(len), self.bound.keep)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
                Err(_) => {}
            }
        }
        self.lose(Lost::Content);
        Some(Body {
            len,
            ..Body::default()
        })
    }

    /// Tells that what was known under this name is gone, a folder with all that was in it.
    pub(super) fn vanish(&mut self, node: &mut Node, name: &CStr, at: &At) {
        if matches!(node.what, What::New) {
            return;
        }
        self.gone(&std::mem::take(&mut node.what), at.path(name));
        // Without this an overlay's lower side would be taken for what was here before, and what
        // was planted for the server's own when it comes back.
        if node.planted.is_some() || at.lower(name).is_some() {
            node.what = What::Gone;
        }
    }

    fn gone(&mut self, what: &What, path: String) {
        if let What::Folder(folder) = what {
            for (name, node) in &folder.names {
                let name = entry::text(os(name));
                self.gone(&node.what, format!("{path}/{name}"));
            }
        }
        if !matches!(what, What::New | What::Gone) {
            self.deleted(path);
        }
    }

    pub(super) fn deleted(&mut self, path: String) {
        self.change(path, FileAction::Deleted, 0, Body::new(b""));
    }

    pub(super) fn change(&mut self, path: String, action: FileAction, mode: u32, content: Body) {
        self.tell(FileChange {
            path,
            action,
            mode,
            content,
            planted: None,
        });
    }

    fn tell(&mut self, change: FileChange) {
        if self.tally.change(&self.bound) {
            self.out.changes.push(change);
        } else {
            self.lose(Lost::Changes);
        }
    }

    pub(super) fn lose(&mut self, what: Lost) {
        self.out.notes.extend(self.tally.lose(what, &self.bound));
    }
}
