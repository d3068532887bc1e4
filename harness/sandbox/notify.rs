//! The system calls by which those outside learn of processes inside: those of a listener for
//! seccomp notifications (seccomp_unotify (2)), of a process's descriptor, of its memory and its
//! processor time, each as a safe function.
//! Nothing here decides what a notification is answered with.

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

const NOTIF_RECV: u64 = 0xc050_2100;
const NOTIF_SEND: u64 = 0xc018_2101;
const NOTIF_ID_VALID: u64 = 0x4008_2102;
const NOTIF_ADDFD: u64 = 0x4018_2103;
const NOTIF_SET_FLAGS: u64 = 0x4008_2104;
const PIDFD_GET_INFO: u64 = 0xc040_ff0b;
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// Asks for hand-over of the processor between watched thread and listener (Linux 6.6).
pub fn sync(listener: BorrowedFd) -> io::Result<()> {
    // SAFETY: the argument is an integer, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP.
    done(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SET_FLAGS as _, 1u64) })
}

/// Takes the next notification.
pub fn receive(listener: BorrowedFd) -> io::Result<libc::seccomp_notif> {
    // SAFETY: the kernel wants a zeroed structure and fills it.
    unsafe {
        let mut notification: libc::seccomp_notif = zeroed();
        done(libc::ioctl(
            listener.as_raw_fd(),
            NOTIF_RECV as _,
            &raw mut notification,
        ))?;
        Ok(notification)
    }
}

/// Whether the thread behind `id` still waits, hence its process id is still its own.
pub fn valid(listener: BorrowedFd, id: u64) -> bool {
    // SAFETY: the argument is the address of a live u64.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ID_VALID as _, &raw const id) == 0 }
}

/// Lets the call behind `id` go on.
pub fn proceed(listener: BorrowedFd, id: u64) {
    answer(
        listener,
        id,
        0,
        libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
    );
}

/// Lets the call behind `id` fail without having been made.
pub fn refuse(listener: BorrowedFd, id: u64, errno: i32) {
    answer(listener, id, -errno, 0);
}

/// Answers the call behind `id` with a descriptor of its own that shows `file` (Linux 5.14). Where
/// that fails, it is not answered yet.
pub fn give(
    listener: BorrowedFd,
    id: u64,
    file: BorrowedFd,
    close_on_exec: bool,
) -> io::Result<()> {
    const SEND: u32 = 1 << 1;
    // struct seccomp_notif_addfd: id; flags and ours; theirs, of which the kernel chooses the
    // number, and the flags of the descriptor.
    #[repr(C)]
    struct Addition {
        id: u64,
        flags: u32,
        ours: u32,
        theirs: u32,
        theirs_flags: u32,
    }
    let addition = Addition {
        id,
        flags: SEND,
        ours: file.as_raw_fd() as u32,
        theirs: 0,
        theirs_flags: if close_on_exec {
            libc::O_CLOEXEC as u32
        } else {
            0
        },
    };
    // SAFETY: a live structure of the size that is part of the number.
    done(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ADDFD as _, &raw const addition) })
}

fn answer(listener: BorrowedFd, id: u64, error: i32, flags: u32) {
    let mut response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error,
        flags,
    };
    // SAFETY: a live response structure. Failure means the thread is gone: nothing to do.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SEND as _, &raw mut response) };
}

/// The status (wait (2)) of a process that has ended and was asked for it by its parent
/// (Linux 6.15).
pub fn exit_status(process: BorrowedFd) -> Option<i32> {
    // struct pidfd_info, first version, 64 bytes: the mask first, the status last.
    let mut info = [0u64; 8];
    info[0] = PIDFD_INFO_EXIT;
    // SAFETY: a live structure of the size that is part of the number.
    let got = unsafe {
        libc::ioctl(
            process.as_raw_fd(),
            PIDFD_GET_INFO as _,
            (&raw mut info).cast::<u64>(),
        )
    };
    let told = got == 0 && info[0] & PIDFD_INFO_EXIT != 0;
    told.then_some((info[7] >> 32) as i32)
}

fn done(result: i32) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// User and system time of all threads of a process so far; not of its children.
pub fn processor_time(pid: i32) -> io::Result<Duration> {
    // SAFETY: `time` is a live out-parameter; the clock is as clock_getcpuclockid (3) makes it.
    unsafe {
        let mut time: libc::timespec = zeroed();
        done(libc::clock_gettime((!pid << 3) | 2, &raw mut time))?;
        Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }
}

/// Reads another process's memory at `address`; gives how many bytes could be read.
pub fn read_memory(pid: i32, address: u64, into: &mut [u8]) -> usize {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: address as *mut _,
        iov_len: into.len(),
    };
    // SAFETY: the local side is a live slice; the remote address is only ever dereferenced
    // by the kernel in the other process.
    let got = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    got.max(0) as usize
}
