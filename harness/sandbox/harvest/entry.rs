//! Single entries of a tree that somebody hostile made, perhaps is still making: opened one
//! component at a time, and never through a link.

use crate::effect::Body;
use crate::sandbox::copy;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Opens an entry of `folder` itself, never what a link points to, without reading it.
pub(super) fn open(folder: impl AsFd, name: &OsStr) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_NOFOLLOW)
        .open(copy::by_descriptor(folder.as_fd()).join(name))
}

/// Opens an entry for reading. Its owner may have closed it to itself, in which case it is
/// opened up for a moment: same owner, so allowed.
pub(super) fn readable_again(entry: &File, now: &Metadata, folder: bool) -> io::Result<File> {
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
pub(super) fn names(folder: &File) -> io::Result<Vec<OsString>> {
    names_at(&copy::by_descriptor(folder.as_fd()))
}

pub(super) fn names_at(folder: &Path) -> io::Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)?.flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Permission bits.
pub(super) fn bits(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

/// All that `from` gives, the first `keep` bytes of it kept.
pub(super) fn capture(mut from: impl Read, keep: usize) -> Body {
    let mut capture = Body::capture(keep);
    let mut chunk = [0; 64 << 10];
    while let Ok(got @ 1..) = from.read(&mut chunk) {
        capture.push(&chunk[..got]);
    }
    capture.finish()
}

/// A name as text; bytes that are no UTF-8 are spelled `\xNN`.
pub(super) fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
