//! The watcher: sees programs started and connections that never reach the network, through
//! seccomp notifications, what is read, and notices that something may be written. It only looks:
//! every call goes on, but those that are refused in any case, and those few that ask how this
//! process is confined.

use super::attempts::{Attempts, Target};
use super::faces::Clocks;
use super::lives::{Beginning, Lives, Mark};
use super::programs::{Start, Variables};
use super::reads::{Ask, Reader, Tally};
use super::{listeners, notify, remote, seccomp, signals, sys};
use crate::effect::{Body, FileChange, Flow, Folded, Forbidden, Kind, Peer, Sink};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PATH: usize = 4096;
/// Size of sockaddr_un, the largest address of interest.
const ADDRESS: usize = 110;

/// glibc asks this socket before every look-up of a user or host. It never exists here, and
/// it says nothing about the server.
const NAME_CACHE: &str = "/var/run/nscd/socket";

/// What the watcher shares with the owner of the sandbox.
#[derive(Debug)]
pub struct Watch {
    listener: OwnedFd,
    dirty: AtomicBool,
    /// Odd while a call is being attended to.
    turn: AtomicU64,
    reads: Tally,
    attempts: Attempts,
    lives: Lives,
    clocks: Arc<Clocks>,
}

/// What a program was started with.
#[derive(Clone, Debug)]
pub struct Premises {
    /// Its variables.
    pub env: Vec<(String, String)>,
    /// Folders of the runtime and the package.
    pub package: Vec<String>,
}

/// Watches until the last watched process has ended. `server` is the process whose first
/// execve is the start itself, as `premises` say.
pub fn spawn(
    listener: OwnedFd,
    server: i32,
    premises: Premises,
    sink: Arc<dyn Sink>,
) -> io::Result<Arc<Watch>> {
    // Older kernels lack it; then each notification costs a little more.
    let _ = notify::sync(listener.as_fd());
    let watch = Arc::new(Watch {
        listener,
        dirty: AtomicBool::new(false),
        turn: AtomicU64::new(0),
        reads: Tally::default(),
        attempts: Attempts::default(),
        lives: Lives::default(),
        clocks: Arc::default(),
    });
    let shared = Arc::clone(&watch);
    let mut eyes = Eyes {
        server,
        started: false,
        variables: Variables::new(&premises.env),
        reader: Reader::new(premises.package, Arc::clone(&watch.clocks)),
    };
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || shared.run(&mut eyes, &sink))?;
    Ok(watch)
}

/// What the watcher's own thread knows.
struct Eyes {
    server: i32,
    /// Whether the server's program was executed.
    started: bool,
    /// What it was started with.
    variables: Variables,
    reader: Reader,
}

impl Watch {
    /// Opens for reading that were counted and not told since this was last asked.
    pub fn reads(&self) -> Vec<Folded> {
        self.reads.take()
    }

    /// How far the clocks inside are ahead, for what of /proc tells the time.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Tells of programs that have ended, and notes which go on.
    pub fn mark(&self, mark: Mark) {
        self.lives.mark(mark);
    }

    /// Tells of the programs that go on after what this mark is for.
    pub fn tell_lives(&self, mark: Mark) {
        self.lives.tell(mark);
    }

    /// Nothing is told of programs any more.
    pub fn close_lives(&self) {
        self.lives.close();
    }

    /// Paths that something was tried with since this was last asked, and that nothing of what
    /// was `found` tells of.
    pub fn attempts(&self, found: &[FileChange]) -> Vec<String> {
        self.attempts.take(found)
    }

    /// Whether a call was shown that may write. True before anything is written.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// Whether `asleep` holds, and not because of us: a thread whose call waits to be shown
    /// looks asleep, and is about to go on.
    pub fn confirm(&self, asleep: impl FnOnce() -> bool) -> bool {
        let turn = self.turn.load(Ordering::SeqCst);
        turn.is_multiple_of(2)
            && asleep()
            && sys::poll([self.listener.as_fd()], 0).is_ok_and(|[ready]| ready & libc::POLLIN == 0)
            && self.turn.load(Ordering::SeqCst) == turn
    }

    fn run(&self, eyes: &mut Eyes, sink: &Arc<dyn Sink>) {
        loop {
            // Waiting in poll and not in the ioctl: the end of the last process hangs up, which
            // older kernels do not tell a waiting ioctl.
            match sys::poll([self.listener.as_fd()], -1) {
                Ok([0]) => continue,
                Ok([ready]) if ready & libc::POLLIN != 0 => {}
                _ => return,
            }
            self.turn.fetch_add(1, Ordering::SeqCst);
            // The thread may have been killed meanwhile: ENOENT.
            if let Ok(call) = notify::receive(self.listener.as_fd()) {
                self.attend(&call, eyes, sink);
            }
            self.turn.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn attend(&self, call: &libc::seccomp_notif, eyes: &mut Eyes, sink: &Arc<dyn Sink>) {
        let (number, pid) = (libc::c_long::from(call.data.nr), call.pid as i32);
        let args = &call.data.args;
        if seccomp::may_write(number, args)
            && (number != libc::SYS_bind || may_bind_a_file(pid, args))
        {
            self.dirty.store(true, Ordering::SeqCst);
            if let Some(target) = Target::of(number, pid, args)
                && let Some((path, missing)) = eyes.reader.target(pid, target.folder, target.path)
            {
                self.attempts.note(&target, &path, missing);
            }
        }
        let ask = Ask::of(number, pid, args);
        let (seen, face) = match &ask {
            Some(ask) => {
                let seen = eyes.reader.see(pid, ask, &self.reads);
                (seen.read.map(Kind::Read), seen.face)
            }
            None => (eyes.see(number, pid, args), None),
        };
        // The server's own end is told by others.
        let begins = match &seen {
            Some(Kind::Program(program)) if !program.missing && pid != eyes.server => {
                Beginning::of(pid).map(|beginning| (beginning, program.clone()))
            }
            _ => None,
        };
        // Only while the caller still waits is its id, and so what was read, its own. Told before
        // the call goes on, so that it stands in the log before what it leads to.
        if let Some(kind) = seen
            && notify::valid(self.listener.as_fd(), call.id)
        {
            sink.emit(kind);
            if let Some((beginning, program)) = begins {
                self.lives.begins(beginning, &program, sink);
            }
        }
        // Where it cannot be shown, the caller reads what is there.
        if let (Some(ask), Some(face)) = (&ask, &face)
            && shown(face).is_ok_and(|file| {
                let closes = ask.closes_on_exec();
                notify::give(self.listener.as_fd(), call.id, file.as_fd(), closes).is_ok()
            })
        {
            return;
        }
        match seccomp::forbidden(number, args) {
            Some(_) => notify::refuse(self.listener.as_fd(), call.id, libc::EPERM),
            None => notify::proceed(self.listener.as_fd(), call.id),
        }
    }
}

impl Eyes {
    /// A call that is no open.
    fn see(&mut self, number: libc::c_long, pid: i32, args: &[u64; 6]) -> Option<Kind> {
        let start = match number {
            libc::SYS_execve => Start {
                pid,
                folder: libc::AT_FDCWD,
                path: args[0],
                argv: args[1],
                env: args[2],
            },
            libc::SYS_execveat => Start {
                pid,
                folder: args[0] as i32,
                path: args[1],
                argv: args[2],
                env: args[3],
            },
            libc::SYS_connect => {
                let mut address = [0; ADDRESS];
                let len = usize::try_from(args[2]).unwrap_or(ADDRESS).min(ADDRESS);
                let got = remote::bytes(pid, args[1], &mut address[..len]);
                return connection(pid, &Destination::parse(&address[..got])?);
            }
            _ => {
                let refused = forbidden(number, pid, args).map(Kind::Forbidden);
                return refused.or_else(|| signals::seen(number, pid, args).map(Kind::Signal));
            }
        };
        if !self.started && pid == self.server && number == libc::SYS_execve {
            self.started = true;
            self.reader.begins(pid);
            return None;
        }
        let program = start.program(&self.variables);
        if !program.missing {
            self.reader.begins(pid);
        }
        Some(Kind::Program(program))
    }
}

/// A file that can be read only, and holds this text.
fn shown(text: &str) -> io::Result<File> {
    let file = File::from(sys::memfd()?);
    file.write_all_at(text.as_bytes(), 0)?;
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Only the name of a local socket is an entry of a folder; every look-up of a host binds a
/// socket of another family (getaddrinfo (3) asks netlink for addresses).
fn may_bind_a_file(pid: i32, args: &[u64; 6]) -> bool {
    let mut family = [0; 2];
    let got = remote::bytes(pid, args[1], &mut family);
    got < family.len() || i32::from(u16::from_ne_bytes(family)) == libc::AF_UNIX
}

/// A call that is refused, unless it only looks at the caller itself, as libraries do to find out
/// which memory is there.
fn forbidden(number: libc::c_long, pid: i32, args: &[u64; 6]) -> Option<Forbidden> {
    let call = seccomp::forbidden(number, args)?;
    let inner = remote::inner_pid(pid);
    let target = match number {
        libc::SYS_process_vm_readv | libc::SYS_process_vm_writev if args[0] == u64::from(inner) => {
            return None;
        }
        libc::SYS_process_vm_readv | libc::SYS_process_vm_writev if args[0] == 1 => {
            "process 1".to_owned()
        }
        libc::SYS_mount => remote::text(pid, args[1], PATH),
        libc::SYS_umount2 | libc::SYS_swapon => remote::text(pid, args[0], PATH),
        _ => String::new(),
    };
    Some(Forbidden {
        call: call.to_owned(),
        target,
        pid: inner,
    })
}

/// Where a connect() goes, as far as it concerns us.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// Path, or the name of an abstract socket after an `@`.
    Unix(String),
    Loopback(SocketAddr),
}

impl Destination {
    /// Reads a socket address (unix (7), ip (7), ipv6 (7)).
    fn parse(address: &[u8]) -> Option<Self> {
        let (family, rest) = address.split_first_chunk::<2>()?;
        match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_UNIX => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Some(Self::Unix(match rest.strip_prefix(&[0]) {
                    Some(name) => format!("@{}", text(name)),
                    None => text(rest.split(|b| *b == 0).next()?),
                }))
            }
            libc::AF_INET => {
                let port = u16::from_be_bytes(*rest.first_chunk()?);
                let ip = Ipv4Addr::from(*rest.get(2..)?.first_chunk::<4>()?);
                Self::loopback(ip.into(), port)
            }
            libc::AF_INET6 => {
                let port = u16::from_be_bytes(*rest.first_chunk()?);
                let ip = Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?);
                Self::loopback(IpAddr::V6(ip).to_canonical(), port)
            }
            _ => None,
        }
    }

    /// The unspecified address means loopback to connect(). Port 0 is how resolvers ask for
    /// the source address of a destination: nothing is sent.
    fn loopback(ip: IpAddr, port: u16) -> Option<Self> {
        let near = ip.is_loopback() || ip.is_unspecified();
        (near && port != 0).then(|| Self::Loopback(SocketAddr::new(ip, port)))
    }
}

fn connection(pid: i32, to: &Destination) -> Option<Kind> {
    let (host, address, protocol) = match to {
        Destination::Unix(path) if path == NAME_CACHE => return None,
        Destination::Unix(path) => {
            let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            (Some(path.clone()), nowhere, "unix")
        }
        Destination::Loopback(address) if listeners::any(pid, address.port()) => return None,
        Destination::Loopback(address) => (None, *address, "refused-loopback"),
    };
    Some(Kind::Flow(Flow {
        peer: Peer { host, address },
        protocol: protocol.to_owned(),
        tls: false,
        sent: Body::new(b""),
        received: Body::new(b""),
        fields: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_interest_are_read() {
        let unix = |rest: &[u8]| {
            let mut bytes = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
            bytes.extend(rest);
            Destination::parse(&bytes)
        };
        let path = |text: &str| Some(Destination::Unix(text.to_owned()));
        assert_eq!(unix(b"/run/docker.sock\0junk"), path("/run/docker.sock"));
        assert_eq!(unix(b"\0dbus"), path("@dbus"));
        let v4 = |ip: [u8; 4], port: u16| {
            let mut bytes = (libc::AF_INET as u16).to_ne_bytes().to_vec();
            bytes.extend(port.to_be_bytes());
            bytes.extend(ip);
            Destination::parse(&bytes)
        };
        let local = Destination::Loopback("127.0.0.1:6379".parse().unwrap());
        assert_eq!(v4([127, 0, 0, 1], 6379), Some(local));
        assert_eq!(v4([127, 0, 0, 1], 0), None);
        assert_eq!(v4([192, 0, 2, 1], 6379), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..ADDRESS)) {
            Destination::parse(&bytes);
        }
    }
}
