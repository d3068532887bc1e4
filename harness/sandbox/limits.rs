//! Resource limits of the server's processes.

use super::message::{At, Failure, Step};
use super::spec::Limits;
use super::sys;

/// Applies the limits to this process and what it becomes.
pub fn apply(limits: &Limits) -> Result<(), Failure> {
    let all = [
        (libc::RLIMIT_CORE, 0, "core size"),
        (libc::RLIMIT_DATA, limits.memory, "memory"),
        // Counted per user namespace (since Linux 5.14), so nothing else weighs in.
        (libc::RLIMIT_NPROC, limits.processes, "processes"),
        (libc::RLIMIT_FSIZE, limits.file_size, "file size"),
        (libc::RLIMIT_NOFILE, limits.open_files, "open files"),
        (libc::RLIMIT_MEMLOCK, 8 << 20, "locked memory"),
        (libc::RLIMIT_MSGQUEUE, 800 << 10, "message queues"),
    ];
    for (resource, value, name) in all {
        sys::limit(resource, value).at(Step::Limits, name)?;
    }
    if let Some(cpu) = limits.cpu {
        sys::limit(libc::RLIMIT_CPU, cpu.as_secs().max(1)).at(Step::Limits, "processor time")?;
    }
    Ok(())
}
