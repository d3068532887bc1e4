//! The system calls the sandbox needs, each as a safe function. All `unsafe` of this module
//! tree is here and in `notify.rs`; nothing here decides policy.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

/// A C string of `path`; a NUL inside is an error, not a panic.
pub fn c(path: impl AsRef<Path>) -> io::Result<CString> {
    CString::new(path.as_ref().as_os_str().as_bytes())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn owned(result: i64) -> io::Result<OwnedFd> {
    // SAFETY: a non-negative result of the calls handed in here is a descriptor that the
    // kernel just made for us, so nobody else owns it.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// A call that libc has no function for.
///
/// # Safety
/// As the call's manual page asks: every pointer among `args` must be live and long enough.
unsafe fn call(number: libc::c_long, args: [usize; 5]) -> io::Result<i64> {
    let [a, b, c, d, e] = args;
    // SAFETY: the caller vouches for the arguments.
    check(unsafe { libc::syscall(number, a, b, c, d, e) })
}

/// A pair of connected message sockets, close-on-exec.
pub fn socketpair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: `pair` has room for the two descriptors the call writes.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) }.into())?;
    Ok((owned(pair[0].into())?, owned(pair[1].into())?))
}

/// An unnamed file in memory, close-on-exec.
pub fn memfd() -> io::Result<OwnedFd> {
    // SAFETY: the name is a NUL-terminated constant.
    owned(unsafe { libc::memfd_create(c"".as_ptr(), libc::MFD_CLOEXEC) }.into())
}

/// A duplicate of `fd` numbered 3 or above, close-on-exec.
pub fn dup_high(fd: BorrowedFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl on a borrowed, hence open, descriptor; no memory is passed.
    owned(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) }.into())
}

/// Makes `fd` also the descriptor number `to`, inherited over exec.
pub fn dup_onto(fd: BorrowedFd, to: RawFd) -> io::Result<()> {
    // SAFETY: only called in the fresh child, for the standard descriptors, which no Rust
    // object there owns.
    check(unsafe { libc::dup2(fd.as_raw_fd(), to) }.into()).map(drop)
}

/// Marks every descriptor from `first` up close-on-exec.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    let args = [
        first as usize,
        u32::MAX as usize,
        libc::CLOSE_RANGE_CLOEXEC as usize,
        0,
        0,
    ];
    // SAFETY: only flags of descriptors change; none is closed under its owner.
    unsafe { call(libc::SYS_close_range, args) }.map(drop)
}

/// The descriptor a parent handed over as number `fd`.
pub fn inherited(fd: RawFd) -> OwnedFd {
    // SAFETY: called once per number by the re-executed helper, whose parent put a socket
    // there for it; std does not own the standard descriptors.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Most descriptors one message carries.
pub const MAX_FDS: usize = 64;

/// Sends one message with descriptors attached.
pub fn send(socket: BorrowedFd, bytes: &[u8], fds: &[BorrowedFd]) -> io::Result<()> {
    assert!(fds.len() <= MAX_FDS, "too many descriptors in one message");
    let mut iov = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut control = [0u64; 40];
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        let len = (fds.len() * size_of::<RawFd>()) as u32;
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: CMSG_* only compute; `control` (320 bytes, aligned) holds the header and
        // MAX_FDS descriptors, and the pointers they give stay inside it.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(len) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(len) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (i, fd) in fds.iter().enumerate() {
                data.add(i).write_unaligned(fd.as_raw_fd());
            }
        }
    }
    // SAFETY: `message` points at live buffers of the stated lengths.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    check(sent as i64).map(drop)
}

/// One received message; `bytes` empty means the other side is gone.
pub struct Received {
    pub bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
    /// The sender's process id as seen from here, where the socket passes credentials.
    pub pid: Option<i32>,
}

/// Receives one message of at most 64 KiB.
pub fn receive(socket: BorrowedFd) -> io::Result<Received> {
    let mut bytes = vec![0u8; 64 << 10];
    let mut iov = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = [0u64; 48];
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: `message` points at live buffers of the stated lengths.
    let got =
        check(
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) }
                as i64,
        )?;
    bytes.truncate(got as usize);
    let (mut fds, mut pid) = (Vec::new(), None);
    // SAFETY: CMSG_* walk the control buffer the kernel just filled, within msg_controllen;
    // each descriptor in it is new and ours alone.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            let data = libc::CMSG_DATA(header);
            let len = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            match (*header).cmsg_type {
                libc::SCM_RIGHTS => {
                    for i in 0..len / size_of::<RawFd>() {
                        let fd = data.cast::<RawFd>().add(i).read_unaligned();
                        fds.push(OwnedFd::from_raw_fd(fd));
                    }
                }
                libc::SCM_CREDENTIALS => {
                    pid = Some(data.cast::<libc::ucred>().read_unaligned().pid);
                }
                _ => {}
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok(Received { bytes, fds, pid })
}

/// Sets an integer option.
pub fn set_option(socket: BorrowedFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let (value, len) = ((&raw const value).cast(), size_of::<i32>() as u32);
    // SAFETY: the option value is an int whose address and size are passed.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, len) }.into()).map(drop)
}

/// Ends what a socket is connected to; it can be connected anew (connect (2), `AF_UNSPEC`).
pub fn disconnect(socket: BorrowedFd) -> io::Result<()> {
    let nobody = [0u8; 16];
    // SAFETY: sixteen zero bytes are a `sockaddr` of no family.
    check(unsafe { libc::connect(socket.as_raw_fd(), nobody.as_ptr().cast(), 16) }.into()).map(drop)
}

pub fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    owned(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }.into())
}

pub fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: no memory is passed; CLONE_FILES and CLONE_VM are never among the flags.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// Which side of a fork this is.
pub enum Side {
    Child,
    /// The child's process id.
    Parent(i32),
}

fn side(pid: i64) -> io::Result<Side> {
    Ok(match check(pid)? {
        0 => Side::Child,
        pid => Side::Parent(pid as i32),
    })
}

/// Forks. Only the re-executed helper calls this: it has one thread, so the child may go on
/// using the allocator and std.
pub fn fork() -> io::Result<Side> {
    // SAFETY: the process is single-threaded, so no lock is held by a thread that vanishes.
    side(unsafe { libc::fork() }.into())
}

/// Forks a child whose parent is the caller's parent, which can then wait for it.
pub fn fork_sibling() -> io::Result<Side> {
    let flags = (libc::CLONE_PARENT | libc::SIGCHLD) as usize;
    // SAFETY: no new stack and no shared memory, so this is fork (2) with another parent;
    // single-threaded as above. libc keeps no cached process id since glibc 2.25.
    side(unsafe { call(libc::SYS_clone, [flags, 0, 0, 0, 0]) }?)
}

pub fn exit(code: i32) -> ! {
    // SAFETY: ends this process without running exit handlers inherited from the helper.
    unsafe { libc::_exit(code) }
}

/// User and group ids of the caller.
pub fn ids() -> (u32, u32) {
    // SAFETY: these calls cannot fail and take no memory.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Gives up the caller's ids for good, supplementary groups first while that is allowed.
pub fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: no memory is passed (an empty group list).
    unsafe {
        check(libc::setgroups(0, null()).into())?;
        check(libc::setresgid(gid, gid, gid).into())?;
        check(libc::setresuid(uid, uid, uid).into())?;
    }
    Ok(())
}

fn prctl(option: i32, value: u64) -> io::Result<()> {
    // SAFETY: only options that take an integer are passed by this file.
    check(unsafe { libc::prctl(option, value, 0u64, 0u64, 0u64) }.into()).map(drop)
}

/// Whether others of the same user may look into this process.
pub fn set_dumpable(yes: bool) -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, yes.into())
}

pub fn no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// The name shown as /proc/PID/comm.
pub fn set_name(name: &CStr) {
    // SAFETY: a NUL-terminated string; the kernel reads at most 16 bytes of it.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Empties the bounding set and every other capability set.
pub fn drop_capabilities() -> io::Result<()> {
    for capability in 0..64 {
        // Past the last capability the kernel knows this fails, which ends the list.
        if prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
            break;
        }
    }
    // _LINUX_CAPABILITY_VERSION_3, this process; three words for each of two halves.
    let header = [0x2008_0522u32, 0];
    let none = [0u32; 6];
    let args = [header.as_ptr() as usize, none.as_ptr() as usize, 0, 0, 0];
    // SAFETY: header and data have the layout of capset (2), version 3.
    unsafe { call(libc::SYS_capset, args) }.map(drop)
}

/// mount (2).
pub fn mount(
    source: &str,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    data: &str,
) -> io::Result<()> {
    let (source, target, kind, data) = (c(source)?, c(target)?, c(kind)?, c(data)?);
    let (from, to, kind) = (source.as_ptr(), target.as_ptr(), kind.as_ptr());
    // SAFETY: five live C strings, or flags.
    check(unsafe { libc::mount(from, to, kind, flags, data.as_ptr().cast()) }.into()).map(drop)
}

pub fn unmount(target: &Path) -> io::Result<()> {
    let target = c(target)?;
    // SAFETY: a live C string.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// A detached copy of the mounts at and below `path`.
pub fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    let path = c(path)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    let args = [
        libc::AT_FDCWD as usize,
        path.as_ptr() as usize,
        flags as usize,
        0,
        0,
    ];
    // SAFETY: a live C string.
    owned(unsafe { call(libc::SYS_open_tree, args) }?)
}

/// Adds attributes to every mount of a detached tree, and maps ids through `user_namespace`.
pub fn restrict_tree(
    tree: BorrowedFd,
    set: u64,
    user_namespace: Option<BorrowedFd>,
) -> io::Result<()> {
    // struct mount_attr: attributes to set, to clear, propagation, user namespace.
    let attributes = [
        set | user_namespace.map_or(0, |_| libc::MOUNT_ATTR_IDMAP),
        0,
        0,
        user_namespace.map_or(0, |fd| fd.as_raw_fd() as u64),
    ];
    let args = [
        tree.as_raw_fd() as usize,
        c"".as_ptr() as usize,
        (libc::AT_EMPTY_PATH | libc::AT_RECURSIVE) as usize,
        attributes.as_ptr() as usize,
        size_of_val(&attributes),
    ];
    // SAFETY: `attributes` is a struct mount_attr (four u64) of the size passed.
    unsafe { call(libc::SYS_mount_setattr, args) }.map(drop)
}

/// Attaches a detached tree at `target`.
pub fn attach_tree(tree: BorrowedFd, target: &Path) -> io::Result<()> {
    let target = c(target)?;
    let args = [
        tree.as_raw_fd() as usize,
        c"".as_ptr() as usize,
        libc::AT_FDCWD as usize,
        target.as_ptr() as usize,
        libc::MOVE_MOUNT_F_EMPTY_PATH as usize,
    ];
    // SAFETY: two live C strings.
    unsafe { call(libc::SYS_move_mount, args) }.map(drop)
}

/// Makes the working directory the root and forgets the old root (pivot_root (2), NOTES:
/// `pivot_root(".", ".")`).
pub fn pivot_here() -> io::Result<()> {
    let here = c".".as_ptr() as usize;
    // SAFETY: C string constants.
    unsafe { call(libc::SYS_pivot_root, [here, here, 0, 0, 0]) }?;
    unmount(Path::new("."))
}

pub fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length of a live buffer.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Starts a session of its own and sets the file mode mask.
pub fn new_session(mask: u32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    unsafe {
        libc::umask(mask);
        check(libc::setsid().into()).map(drop)
    }
}

/// Sets soft and hard limit, never above the hard limit that is there.
pub fn limit(resource: u32, value: u64) -> io::Result<()> {
    // SAFETY: `limit` is a live rlimit that the calls fill and read.
    unsafe {
        let mut limit: libc::rlimit = zeroed();
        check(libc::getrlimit(resource as _, &raw mut limit).into())?;
        let value = value.min(limit.rlim_max);
        limit.rlim_cur = value;
        limit.rlim_max = value;
        check(libc::setrlimit(resource as _, &raw const limit).into()).map(drop)
    }
}

/// Default disposition for every signal and an empty mask, as a login shell would give.
pub fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL installs no handler; SIGKILL and SIGSTOP refuse, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `empty` is initialised by sigemptyset before use.
    unsafe {
        let mut empty: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut empty);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, null_mut());
    }
}

/// A descriptor that turns readable when a child ends; SIGCHLD is blocked for that.
pub fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: `set` is initialised by sigemptyset before use.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, null_mut());
        owned(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())
    }
}

/// Waits until one of `fds` is readable or hung up, at most `timeout_ms` (-1: for ever).
/// Gives what poll (2) reports for each.
pub fn poll<const N: usize>(fds: [BorrowedFd; N], timeout_ms: i32) -> io::Result<[i16; N]> {
    let mut polled = fds.map(to_poll);
    poll_for(&mut polled, timeout_ms)?;
    Ok(polled.map(|p| p.revents))
}

/// The same for as many as there are.
pub fn poll_all(fds: &[BorrowedFd], timeout_ms: i32) -> io::Result<Vec<i16>> {
    let mut polled: Vec<libc::pollfd> = fds.iter().copied().map(to_poll).collect();
    poll_for(&mut polled, timeout_ms)?;
    Ok(polled.iter().map(|p| p.revents).collect())
}

fn to_poll(fd: BorrowedFd) -> libc::pollfd {
    let (fd, events) = (fd.as_raw_fd(), libc::POLLIN);
    let revents = 0;
    libc::pollfd {
        fd,
        events,
        revents,
    }
}

fn poll_for(polled: &mut [libc::pollfd], timeout_ms: i32) -> io::Result<()> {
    // SAFETY: a live slice of pollfd entries and its length.
    let got = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout_ms) };
    match check(got.into()) {
        Err(e) if e.kind() != io::ErrorKind::Interrupted => Err(e),
        _ => Ok(()),
    }
}

/// A child that has ended.
pub struct Ended {
    pub pid: i32,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// User and system time of it and the children it waited for, in microseconds.
    pub cpu_us: u64,
    /// Largest resident set, in bytes.
    pub max_rss: u64,
}

/// Reaps one child (`pid` -1: any) without waiting; `None` when none has ended or none is left.
pub fn reap(pid: i32, block: bool) -> Option<Ended> {
    let mut status = 0;
    let flags = if block { 0 } else { libc::WNOHANG };
    // SAFETY: status and usage are live out-parameters.
    let (got, usage) = unsafe {
        let mut usage: libc::rusage = zeroed();
        let got = loop {
            let got = libc::wait4(pid, &raw mut status, flags | libc::__WALL, &raw mut usage);
            if got >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break got;
            }
        };
        (got, usage)
    };
    let micros = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    (got > 0).then(|| Ended {
        pid: got,
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
        max_rss: usage.ru_maxrss as u64 * 1024,
    })
}

/// Bytes that the file system of `fd` holds.
pub fn bytes_used(fd: BorrowedFd) -> io::Result<u64> {
    // SAFETY: `found` is a live out-parameter.
    unsafe {
        let mut found: libc::statvfs = zeroed();
        check(libc::fstatvfs(fd.as_raw_fd(), &raw mut found).into())?;
        Ok(found.f_blocks.saturating_sub(found.f_bfree) * found.f_frsize)
    }
}

/// Kills every process this one may signal: inside a pid namespace, all but its init.
pub fn kill_everyone() {
    // SAFETY: only PID 1 of the sandbox's own pid namespace calls this.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

pub fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

pub fn signal(pidfd: BorrowedFd, signal: i32) -> io::Result<()> {
    let args = [pidfd.as_raw_fd() as usize, signal as usize, 0, 0, 0];
    // SAFETY: a null siginfo asks for the default one.
    unsafe { call(libc::SYS_pidfd_send_signal, args) }.map(drop)
}

/// Replaces this process; returns only with the reason it could not.
pub fn exec(path: &CStr, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        let strings = strings.iter().map(|s| s.as_ptr());
        strings.chain(std::iter::once(null())).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: NULL-terminated arrays of live C strings.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Installs a seccomp filter; with a listener flag the result is its descriptor.
pub fn seccomp(program: &[libc::sock_filter], flags: u64) -> io::Result<Option<OwnedFd>> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER as usize;
    let args = [mode, flags as usize, &raw const program as usize, 0, 0];
    // SAFETY: a sock_fprog over a live slice; the kernel copies and checks it.
    let result = unsafe { call(libc::SYS_seccomp, args) }?;
    Ok(if flags & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER != 0 {
        Some(owned(result)?)
    } else {
        None
    })
}

/// The value of an extended attribute, at most 16 bytes of it.
pub fn attribute(path: &Path, name: &CStr) -> Option<Vec<u8>> {
    let path = c(path).ok()?;
    let mut value = [0u8; 16];
    let (into, len) = (value.as_mut_ptr().cast(), value.len());
    // SAFETY: live C strings and a buffer of the stated length.
    let got = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), into, len) };
    usize::try_from(got).ok().map(|n| value[..n].to_vec())
}

/// What an entry of `folder` is: itself, not what it may be a link to.
pub fn stat_at(folder: BorrowedFd, name: &CStr) -> io::Result<libc::stat> {
    let (fd, flags) = (folder.as_raw_fd(), libc::AT_SYMLINK_NOFOLLOW);
    // SAFETY: a live C string, and a structure the call fills when it succeeds.
    unsafe {
        let mut found: libc::stat = zeroed();
        check(libc::fstatat(fd, name.as_ptr(), &raw mut found, flags).into()).map(|_| found)
    }
}

/// Opens an entry of `folder`, close-on-exec. Nothing is made: no flag that needs a mode.
pub fn open_at(folder: BorrowedFd, name: &CStr, flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: a live C string.
    owned(
        unsafe { libc::openat(folder.as_raw_fd(), name.as_ptr(), flags | libc::O_CLOEXEC) }.into(),
    )
}

/// The entry that `path` leads to for somebody whose root is `root`, opened for its name alone.
/// Links of /proc that lead to open files are refused (openat2 (2), RESOLVE_IN_ROOT); without
/// `links`, all are (RESOLVE_NO_SYMLINKS).
pub fn entry_in_root(root: BorrowedFd, path: &CStr, links: bool) -> io::Result<OwnedFd> {
    let resolve = if links { 0x10 } else { 0x10 | 0x04 };
    // struct open_how: flags, mode, resolve.
    let how = [(libc::O_PATH | libc::O_CLOEXEC) as u64, 0, resolve];
    let args = [
        root.as_raw_fd() as usize,
        path.as_ptr() as usize,
        how.as_ptr() as usize,
        size_of_val(&how),
        0,
    ];
    // SAFETY: a live C string, and a struct open_how (three u64) of the size passed.
    owned(unsafe { call(libc::SYS_openat2, args) }?)
}
