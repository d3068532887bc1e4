//! Puts the clock's library where the dynamic linker of every process inside finds it, and sets
//! the clock through the library's file.

use super::super::sys;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The library as `build.rs` compiled it; empty for targets that it is not written for.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock.so"));
/// Stands in the library before its numbers, each an `i64`: the shift of the date and what has
/// passed in jumps, both in nanoseconds, and whether there may be jumps.
pub const MARK: &[u8] = b"\x93shifted clock\r\n";

/// How long it may take until a wait inside has noticed a jump: its slice, and some.
pub const NOTICED: Duration = Duration::from_millis(25);

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
    /// Where in the file the numbers stand.
    offset: u64,
}

impl Clock {
    /// Sets the clock to show `begin` now. Gives the nanoseconds that it is ahead of the real one
    /// by; behind, mostly.
    ///
    /// Every process that has the library mapped sees it at once: nothing ever wrote to the
    /// private mapping of its read-only data, so that is the file's own page.
    pub fn set(&self, begin: SystemTime, jumps: bool) -> io::Result<i64> {
        let ahead = nanoseconds(begin).saturating_sub(nanoseconds(now()));
        let numbers = [ahead, 0, i64::from(jumps)].map(i64::to_ne_bytes);
        self.library
            .write_all_at(numbers.as_flattened(), self.offset)?;
        Ok(ahead)
    }

    /// What the sandbox's owner needs to let time pass.
    pub fn library(&self) -> BorrowedFd<'_> {
        self.library.as_fd()
    }
}

/// Lets time pass in a running sandbox.
#[derive(Debug)]
pub struct Hand {
    library: File,
    passed_ns: i64,
}

impl Hand {
    /// With the descriptor of a [`Clock`] that is set.
    pub fn new(library: OwnedFd) -> Self {
        Self {
            library: library.into(),
            passed_ns: 0,
        }
    }

    /// All clocks inside are later by so much from now on. Waits see it within a slice of theirs
    /// ([`NOTICED`]).
    pub fn advance(&mut self, by: Duration) -> io::Result<()> {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let passed_ns = self.passed_ns.saturating_add(by);
        let offset = numbers().ok_or(io::ErrorKind::Unsupported)? + size_of::<i64>() as u64;
        self.library
            .write_all_at(&passed_ns.to_ne_bytes(), offset)?;
        self.passed_ns = passed_ns;
        Ok(())
    }
}

/// Where the numbers stand in the library.
fn numbers() -> Option<u64> {
    memchr::memmem::find(LIBRARY, MARK).map(|at| (at + MARK.len()) as u64)
}

/// Writes the library and the list that names it below `root`, which is not sealed yet.
///
/// # Errors
/// Nothing is listed then: the dynamic linker complains on stderr of what is listed and absent.
pub fn place(root: &Path) -> io::Result<Clock> {
    let offset = numbers()
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
