//! Copies a folder where it cannot be overlaid. Bounded by the size of the file system it
//! copies into; links stay links.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The path under which this process finds an open descriptor again.
pub fn by_descriptor(fd: BorrowedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Copies what lies below `from` into the folder `to`; gives how many entries could not be
/// read and are missing. Sockets, pipes and devices are left out.
pub fn tree(from: &Path, to: &Path) -> io::Result<usize> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(1);
    };
    let mut unread = 0;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&target)?;
            unread += tree(&source, &target)?;
            // Last, because the folder may not be writable.
            fs::set_permissions(&target, entry.metadata()?.permissions())?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            match fs::copy(&source, &target) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => unread += 1,
                done => drop(done?),
            }
        }
    }
    Ok(unread)
}
