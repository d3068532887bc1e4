//! The seccomp filter: a deny list, and the few calls that are shown to the watcher. It
//! narrows the kernel surface; what contains the server are the namespaces.

use super::sys;
use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, sock_filter};
use std::io;
use std::os::fd::OwnedFd;

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;

// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// Low half of the first argument (both architectures are little-endian).
const ARGUMENT: u32 = 16;
/// From one argument to the next.
const NEXT: u32 = 8;

/// Ways around the namespaces, into other processes, or into the kernel: refused, and told of.
/// No ordinary program makes them by the way.
const FORBIDDEN: &[(libc::c_long, &str)] = &[
    // mounts and namespaces
    (libc::SYS_mount, "mount"),
    (libc::SYS_umount2, "umount2"),
    (libc::SYS_pivot_root, "pivot_root"),
    (libc::SYS_fsopen, "fsopen"),
    (libc::SYS_fsmount, "fsmount"),
    (libc::SYS_move_mount, "move_mount"),
    (libc::SYS_open_tree, "open_tree"),
    (libc::SYS_mount_setattr, "mount_setattr"),
    (libc::SYS_unshare, "unshare"),
    (libc::SYS_setns, "setns"),
    // other processes
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_process_vm_writev, "process_vm_writev"),
    (libc::SYS_pidfd_getfd, "pidfd_getfd"),
    // kernel programs and modules
    (libc::SYS_bpf, "bpf"),
    (libc::SYS_kexec_load, "kexec_load"),
    (libc::SYS_init_module, "init_module"),
    (libc::SYS_finit_module, "finit_module"),
    (libc::SYS_delete_module, "delete_module"),
    // the machine
    (libc::SYS_reboot, "reboot"),
    (libc::SYS_swapon, "swapon"),
    (libc::SYS_swapoff, "swapoff"),
    (libc::SYS_syslog, "syslog"),
    (libc::SYS_open_by_handle_at, "open_by_handle_at"),
];

/// Refused without a word: rarely tested kernel code that runtimes and libraries ask for when
/// they look what there is.
const DENIED: &[libc::c_long] = &[
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_name_to_handle_at,
];

/// Calls that programs probe for and do without: they must look absent, not forbidden.
/// io_uring would bypass the watcher; clone3 hides its flags behind a pointer.
const ABSENT: &[libc::c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_clone3,
];

/// Calls the watcher sees before they happen.
const WATCHED: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_connect,
    libc::SYS_kill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_send_signal,
];

/// Calls that runtimes interrupt their own threads with, thousands of times a second, and which of
/// their arguments holds the signal: shown for those that end or stop a process.
const TO_THREADS: &[(libc::c_long, u32)] = &[(libc::SYS_tgkill, 2), (libc::SYS_tkill, 1)];
const ENDING: &[i32] = &[
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGKILL,
    libc::SIGTERM,
    libc::SIGSTOP,
    libc::SIGTSTP,
];

/// Opens, and which of their arguments holds the flags.
const OPENS: &[(libc::c_long, u32)] = &[
    (libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
];

/// Flags of opens that can change anything, O_TRUNC without write access included (open (2)).
const OPENS_TO_WRITE: i32 = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;

/// Calls that change the file tree without a descriptor that was opened for writing.
const WRITES: &[libc::c_long] = &[
    // Its flags are behind a pointer, where another thread can change them.
    libc::SYS_openat2,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    // The name of a local socket is an entry, too.
    libc::SYS_bind,
];

/// The same under names that newer architectures no longer have.
#[cfg(target_arch = "x86_64")]
const OLDER_WRITES: &[libc::c_long] = &[
    libc::SYS_creat,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mknod,
    libc::SYS_chmod,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_WRITES: &[libc::c_long] = &[];

/// Whether a call that is shown to the watcher can change the file tree.
pub fn may_write(call: libc::c_long, arguments: &[u64; 6]) -> bool {
    match OPENS.iter().find(|(open, _)| *open == call) {
        Some((_, flags)) => arguments[*flags as usize] as i32 & OPENS_TO_WRITE != 0,
        None => WRITES.contains(&call) || OLDER_WRITES.contains(&call),
    }
}

/// The name of a call that the watcher is shown to refuse it.
pub fn forbidden(call: libc::c_long, arguments: &[u64; 6]) -> Option<&'static str> {
    if call == libc::SYS_clone {
        return (arguments[0] as u32 & NEW_NAMESPACE != 0).then_some("clone");
    }
    FORBIDDEN
        .iter()
        .find(|(forbidden, _)| *forbidden == call)
        .map(|(_, name)| *name)
}

const NEW_NAMESPACE: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Installs the filter on the calling thread and what it becomes. Gives the listener, or why
/// there is none; the deny list is in force either way.
pub fn install() -> io::Result<Result<OwnedFd, io::Error>> {
    let watching = program(true);
    let listen = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Killable waits (Linux 5.19) keep a signal from repeating a call that is being shown.
    let flags = [
        listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        listen,
    ];
    let mut why = io::Error::from_raw_os_error(libc::ENOSYS);
    for flags in flags {
        match sys::seccomp(&watching, flags) {
            Ok(Some(listener)) => return Ok(Ok(listener)),
            Ok(None) => {}
            Err(e) => why = e,
        }
    }
    sys::seccomp(&program(false), 0)?;
    Ok(Err(why))
}

fn program(watch: bool) -> Vec<sock_filter> {
    let mut p = vec![
        load(ARCHITECTURE),
        jump(BPF_JEQ, ARCH, 1, 0),
        give(error(libc::ENOSYS)),
        load(NUMBER),
    ];
    // The x32 calls of x86-64 have their own numbers from this bit up.
    p.extend([jump(BPF_JGE, 0x4000_0000, 0, 1), give(error(libc::ENOSYS))]);
    if watch {
        // First, because they are the most frequent. A name opened for itself alone (O_PATH) gives
        // nothing to read; what is opened by way of it comes here again.
        for (open, flags) in OPENS {
            p.extend([
                jump(BPF_JEQ, *open as u32, 0, 4),
                load(ARGUMENT + NEXT * flags),
                jump(BPF_JSET, libc::O_PATH as u32, 1, 0),
                give(SECCOMP_RET_USER_NOTIF),
                give(SECCOMP_RET_ALLOW),
            ]);
        }
        for calls in [WATCHED, WRITES, OLDER_WRITES] {
            p.extend(each(calls, SECCOMP_RET_USER_NOTIF));
        }
        for (call, signal) in TO_THREADS {
            let signals: Vec<libc::c_long> = ENDING.iter().map(|s| (*s).into()).collect();
            let skipped = 2 + 2 * signals.len() as u8;
            p.push(jump(BPF_JEQ, *call as u32, 0, skipped));
            p.push(load(ARGUMENT + NEXT * signal));
            p.extend(each(&signals, SECCOMP_RET_USER_NOTIF));
            p.push(give(SECCOMP_RET_ALLOW));
        }
    }
    // Without a watcher they are refused all the same.
    let forbidden = match watch {
        true => SECCOMP_RET_USER_NOTIF,
        false => error(libc::EPERM),
    };
    let calls: Vec<libc::c_long> = FORBIDDEN.iter().map(|(call, _)| *call).collect();
    p.extend(each(&calls, forbidden));
    p.extend(each(DENIED, error(libc::EPERM)));
    p.extend(each(ABSENT, error(libc::ENOSYS)));
    // clone may make threads and processes, not namespaces.
    p.extend([
        jump(BPF_JEQ, libc::SYS_clone as u32, 0, 4),
        load(ARGUMENT),
        jump(BPF_JSET, NEW_NAMESPACE, 0, 1),
        give(forbidden),
        give(SECCOMP_RET_ALLOW),
    ]);
    // Sockets: unix, IPv4, IPv6, and route netlink, with which getifaddrs lists interfaces.
    p.extend([
        jump(BPF_JEQ, libc::SYS_socket as u32, 0, 9),
        load(ARGUMENT),
        jump(BPF_JEQ, libc::AF_UNIX as u32, 6, 0),
        jump(BPF_JEQ, libc::AF_INET as u32, 5, 0),
        jump(BPF_JEQ, libc::AF_INET6 as u32, 4, 0),
        jump(BPF_JEQ, libc::AF_NETLINK as u32, 0, 2),
        load(ARGUMENT + 2 * NEXT),
        jump(BPF_JEQ, libc::NETLINK_ROUTE as u32, 1, 0),
        give(error(libc::EAFNOSUPPORT)),
        give(SECCOMP_RET_ALLOW),
    ]);
    // Whether it is confined, as it would be told elsewhere: not. (An error of 0 is none.)
    p.extend([
        jump(BPF_JEQ, libc::SYS_prctl as u32, 0, 4),
        load(ARGUMENT),
        jump(BPF_JEQ, libc::PR_GET_SECCOMP as u32, 1, 0),
        jump(BPF_JEQ, libc::PR_GET_NO_NEW_PRIVS as u32, 0, 1),
        give(error(0)),
    ]);
    p.push(give(SECCOMP_RET_ALLOW));
    p
}

fn error(errno: i32) -> u32 {
    SECCOMP_RET_ERRNO | errno as u32
}

fn each(calls: &[libc::c_long], action: u32) -> impl Iterator<Item = sock_filter> + '_ {
    calls
        .iter()
        .flat_map(move |call| [jump(BPF_JEQ, *call as u32, 0, 1), give(action)])
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn jump(condition: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    instruction(BPF_JMP | condition | BPF_K, k, jt, jf)
}

fn give(action: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, action, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program on one call as the kernel would.
    fn verdict(call: libc::c_long, first: u32, third: u32) -> u32 {
        decide(call, [first, 0, third])
    }

    fn decide(call: libc::c_long, arguments: [u32; 3]) -> u32 {
        let p = program(true);
        let (mut at, mut a) = (0, 0);
        loop {
            let i = &p[at];
            at += 1;
            let code = u32::from(i.code);
            if code & 7 == BPF_RET {
                return i.k;
            }
            if code & 7 == BPF_LD {
                a = match i.k {
                    NUMBER => call as u32,
                    ARCHITECTURE => ARCH,
                    at => arguments[((at - ARGUMENT) / NEXT) as usize],
                };
                continue;
            }
            let holds = match code & 0xf0 {
                BPF_JEQ => a == i.k,
                BPF_JGE => a >= i.k,
                _ => a & i.k != 0,
            };
            at += usize::from(if holds { i.jt } else { i.jf });
        }
    }

    #[test]
    fn the_program_decides_as_listed() {
        let allow = SECCOMP_RET_ALLOW;
        assert_eq!(verdict(libc::SYS_read, 0, 0), allow);
        assert_eq!(verdict(libc::SYS_connect, 3, 0), SECCOMP_RET_USER_NOTIF);
        assert_eq!(verdict(libc::SYS_ptrace, 0, 0), SECCOMP_RET_USER_NOTIF);
        assert_eq!(forbidden(libc::SYS_ptrace, &[0; 6]), Some("ptrace"));
        assert_eq!(verdict(libc::SYS_keyctl, 0, 0), error(libc::EPERM));
        assert_eq!(forbidden(libc::SYS_keyctl, &[0; 6]), None);
        assert_eq!(verdict(libc::SYS_clone3, 0, 0), error(libc::ENOSYS));
        assert_eq!(verdict(libc::SYS_clone, libc::SIGCHLD as u32, 0), allow);
        let new = libc::CLONE_NEWUSER as u32;
        assert_eq!(verdict(libc::SYS_clone, new, 0), SECCOMP_RET_USER_NOTIF);
        assert_eq!(
            forbidden(libc::SYS_clone, &[new.into(), 0, 0, 0, 0, 0]),
            Some("clone")
        );
        assert_eq!(forbidden(libc::SYS_clone, &[0; 6]), None);
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
            assert_eq!(verdict(libc::SYS_socket, family as u32, 99), allow);
        }
        for asked in [libc::PR_GET_SECCOMP, libc::PR_GET_NO_NEW_PRIVS] {
            assert_eq!(verdict(libc::SYS_prctl, asked as u32, 0), error(0));
        }
        assert_eq!(verdict(libc::SYS_prctl, libc::PR_SET_NAME as u32, 0), allow);
        let netlink = libc::AF_NETLINK as u32;
        assert_eq!(verdict(libc::SYS_socket, netlink, 0), allow);
        let refused = error(libc::EAFNOSUPPORT);
        assert_eq!(verdict(libc::SYS_socket, netlink, 12), refused);
        assert_eq!(verdict(libc::SYS_socket, libc::AF_VSOCK as u32, 0), refused);
        assert_eq!(
            verdict(libc::SYS_read | 0x4000_0000, 0, 0),
            error(libc::ENOSYS)
        );
    }

    #[test]
    fn signals_to_threads_are_shown_where_they_end_processes() {
        let (shown, allow) = (SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW);
        let tgkill = |signal: i32| decide(libc::SYS_tgkill, [7, 8, signal as u32]);
        let tkill = |signal: i32| decide(libc::SYS_tkill, [7, signal as u32, 0]);
        for decided in [tgkill, tkill] {
            assert_eq!(decided(libc::SIGKILL), shown);
            assert_eq!(decided(libc::SIGTSTP), shown);
            // How Go interrupts its own threads, and libc's own.
            assert_eq!(decided(libc::SIGURG), allow);
            assert_eq!(decided(libc::SIGABRT), allow);
        }
        assert_eq!(verdict(libc::SYS_pidfd_send_signal, 3, 0), shown);
        // What stands behind them in the program is reached all the same.
        assert_eq!(verdict(libc::SYS_ptrace, 9, 9), shown);
    }

    #[test]
    fn every_open_is_shown_and_told_by_its_flags() {
        let flags = |flags: i32| decide(libc::SYS_openat, [0, !0, flags as u32]);
        let writes = |flags: i32| may_write(libc::SYS_openat, &[0, 0, flags as u64, 0, 0, 0]);
        assert_eq!(flags(libc::O_PATH | libc::O_CLOEXEC), SECCOMP_RET_ALLOW);
        let reading = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY;
        assert_eq!(flags(reading), SECCOMP_RET_USER_NOTIF);
        assert!(!writes(reading));
        for writing in [
            libc::O_WRONLY,
            libc::O_RDWR,
            libc::O_CREAT,
            libc::O_TRUNC,
            libc::O_TMPFILE | libc::O_RDWR,
        ] {
            let writing = writing | libc::O_CLOEXEC;
            assert_eq!(flags(writing), SECCOMP_RET_USER_NOTIF);
            assert!(writes(writing));
        }
        for call in WRITES.iter().chain(OLDER_WRITES) {
            assert_eq!(decide(*call, [0; 3]), SECCOMP_RET_USER_NOTIF);
            assert!(may_write(*call, &[0; 6]));
        }
        assert!(!may_write(libc::SYS_connect, &[0; 6]));
    }
}
