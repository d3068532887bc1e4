//! Puts the clock's library where the dynamic linker of every process inside finds it, and sets
//! the clock through the library's file.

use super::super::sys;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The library as `build.rs` compiled it; empty for targets that it is not written for.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock.so"));
/// Stands in the library before the shift, an `i64` of nanoseconds.
pub const MARK: &[u8] = b"\x93shifted clock\r\n";

/// Where the library stands inside, from the root. The list is read by the dynamic linker itself
/// (ld.so (8)), so that a cleared environment changes nothing and shows nothing.
const FOLDERS: &[&str] = &["opt", "opt/lib", "etc"];
const AT: &str = "opt/lib";
const NAME: &std::ffi::CStr = c"libcompat.so";
const LIST: &str = "etc/ld.so.preload";
const LISTED: &str = "/opt/lib/libcompat.so\n";

/// The clock of one sandbox, not set yet.
pub struct Clock {
    library: File,
    /// Where in the file the shift stands.
    offset: u64,
}

impl Clock {
    /// Sets the clock to show `begin` now. Gives the nanoseconds that it is ahead of the real one
    /// by; behind, mostly.
    ///
    /// Every process that has the library mapped sees it at once: nothing ever wrote to the
    /// private mapping of its read-only data, so that is the file's own page.
    pub fn set(&self, begin: SystemTime) -> io::Result<i64> {
        let ahead = nanoseconds(begin).saturating_sub(nanoseconds(now()));
        self.library
            .write_all_at(&ahead.to_ne_bytes(), self.offset)?;
        Ok(ahead)
    }
}

/// Writes the library and the list that names it below `root`, which is not sealed yet.
///
/// # Errors
/// Nothing is listed then: the dynamic linker complains on stderr of what is listed and absent.
pub fn place(root: &Path) -> io::Result<Clock> {
    let offset = memchr::memmem::find(LIBRARY, MARK)
        .map(|at| (at + MARK.len()) as u64)
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "not built for this system"))?;
    let ours = fs::symlink_metadata(root)?.dev();
    for folder in FOLDERS {
        let at = root.join(folder);
        match DirBuilder::new().mode(0o755).create(&at) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let found = fs::symlink_metadata(&at)?;
        // A mount there may lead anywhere, or be the server's to change.
        if !found.is_dir() || found.dev() != ours {
            let why = format!("`/{folder}` is taken");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
    }
    let folder = root.join(AT);
    fs::write(folder.join(NAME.to_string_lossy().as_ref()), LIBRARY)?;
    // A mount of its own: the root's turns read-only, and could not with this file open on it.
    let folder = sys::clone_tree(&folder)?;
    let library = sys::open_at(folder.as_fd(), NAME, libc::O_WRONLY)?;
    fs::write(root.join(LIST), LISTED)?;
    Ok(Clock {
        library: library.into(),
        offset,
    })
}

#[expect(clippy::disallowed_methods, reason = "the clock that is shifted")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Since 1970; the ends of an `i64`'s range hold.
fn nanoseconds(time: SystemTime) -> i64 {
    let clamped = |nanoseconds: u128| i64::try_from(nanoseconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => clamped(after.as_nanos()),
        Err(before) => -clamped(before.duration().as_nanos()),
    }
}
