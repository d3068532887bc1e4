//! Single entries of a tree that somebody hostile made, perhaps is still making: opened one
//! component at a time, and never through a link.

use crate::effect::Body;
use crate::sandbox::{copy, sys};
use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Opens a folder of `parent` for listing.
pub(super) fn folder(parent: BorrowedFd, name: &CStr) -> io::Result<File> {
    readable(parent, name, libc::O_DIRECTORY, 0o500)
}

/// Opens a regular file of `parent` for reading.
pub(super) fn file(parent: BorrowedFd, name: &CStr) -> io::Result<File> {
    let file = readable(parent, name, libc::O_NONBLOCK, 0o400)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        // Something else took its place since it was looked at.
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Its owner may have closed an entry to itself, in which case it is opened up for a moment:
/// same owner, so allowed.
fn readable(parent: BorrowedFd, name: &CStr, flags: i32, enough: u32) -> io::Result<File> {
    let opened = sys::open_at(parent, name, libc::O_RDONLY | libc::O_NOFOLLOW | flags);
    match opened {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
        opened => return opened.map(File::from),
    }
    let entry = File::from(sys::open_at(parent, name, libc::O_PATH | libc::O_NOFOLLOW)?);
    let now = entry.metadata()?;
    if !now.is_dir() && !now.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let path = copy::by_descriptor(entry.as_fd());
    fs::set_permissions(&path, Permissions::from_mode(now.mode() & 0o7777 | enough))?;
    let opened = File::open(&path);
    fs::set_permissions(&path, Permissions::from_mode(now.mode() & 0o7777))?;
    opened
}

/// The names in a folder; `None` when there are more than `most`.
pub(super) fn names(folder: &Path, most: usize) -> io::Result<Option<Vec<CString>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if names.len() == most {
            return Ok(None);
        }
        names.extend(CString::new(entry?.file_name().into_vec()));
    }
    Ok(Some(names))
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

/// Whether the file holds these very bytes.
pub(super) fn holds(file: File, bytes: &[u8]) -> bool {
    let mut content = Vec::with_capacity(bytes.len() + 1);
    let got = file.take(bytes.len() as u64 + 1).read_to_end(&mut content);
    got.is_ok() && content == bytes
}

/// A name as text; bytes that are no UTF-8 are spelled `\xNN`.
pub(super) fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_name_that_is_no_text_stays_distinct() {
        assert_eq!(text(OsStr::from_bytes(b"a\xff\xc3b")), "a\\xff\\xc3b");
    }
}
