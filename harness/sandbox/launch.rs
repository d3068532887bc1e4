//! The launcher's side of a start: spawns the helper, hears its news in order, and gathers
//! what it hands over. Blocks until the server's program is executed or cannot be.

use super::child::{Child, Parts};
use super::error::StartError;
use super::message::{self, News, Order};
use super::spec::Spec;
use super::watch::{self, Watch};
use super::{harvest, helper, sys};
use crate::effect::Sink;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Longest wait for one piece of news from the helper. A copied package can take a while.
const PATIENCE_S: u64 = 60;

/// A server that runs.
#[derive(Debug)]
pub struct Started {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub sockets: Sockets,
    pub child: Child,
    pub level: Level,
    /// Nanoseconds by which the server's wall clock is ahead of the real one; negative where it
    /// is behind, 0 where it is the same.
    pub ahead_ns: i64,
    /// What is lesser than it should be, or cannot be seen.
    pub notes: Vec<String>,
}

/// The gateway's sockets, made inside: non-blocking, transparent (`IP_TRANSPARENT`), and
/// marked so that what they send is not caught again.
#[derive(Debug)]
pub struct Sockets {
    /// Listening; the local address of an accepted connection is what the server dialled.
    pub tcp4: OwnedFd,
    pub tcp6: OwnedFd,
    /// Each datagram comes with its destination (`IP_ORIGDSTADDR`, `IPV6_ORIGDSTADDR`).
    pub udp4: OwnedFd,
    pub udp6: OwnedFd,
    /// `IPPROTO_RAW`: whole IP packets are written to it, so replies may have any source.
    pub raw4: OwnedFd,
    pub raw6: OwnedFd,
    /// Copies of every ICMP message, with the IPv4 header or with `IPV6_PKTINFO`. The kernel
    /// answers echo requests itself.
    pub icmp4: OwnedFd,
    pub icmp6: OwnedFd,
}

/// How much isolation there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything.
    L0,
    /// A copy in place of an overlay, or no /proc.
    L2,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::L0 => "L0",
            Self::L2 => "L2",
        })
    }
}

/// Starts the server of `spec`. Programs it starts and local sockets it connects to go to
/// `sink` as they happen.
pub fn start(spec: &Spec, sink: Arc<dyn Sink>) -> Result<Started, StartError> {
    check(spec)?;
    let (control, theirs) = sys::socketpair().map_err(StartError::Helper)?;
    sys::set_option(control.as_fd(), libc::SOL_SOCKET, libc::SO_PASSCRED, 1)
        .map_err(StartError::Helper)?;
    let (their_in, stdin) = io::pipe().map_err(StartError::Helper)?;
    let (stdout, their_out) = io::pipe().map_err(StartError::Helper)?;
    let (stderr, their_err) = io::pipe().map_err(StartError::Helper)?;
    let plan = message::write_plan(spec).map_err(StartError::Helper)?;

    let itself = PathBuf::from("/proc/self/exe");
    let mut helper = Command::new(spec.helper.as_ref().unwrap_or(&itself))
        .arg0(helper::ARGV0)
        .env_clear()
        .stdin(theirs)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(StartError::Helper)?;
    let fds = [
        plan.as_fd(),
        their_in.as_fd(),
        their_out.as_fd(),
        their_err.as_fd(),
    ];
    let gathered = message::tell(control.as_fd(), &Order::Build, &fds)
        .map_err(StartError::Helper)
        .and_then(|()| gather(&control, spec, &sink));
    if gathered.is_err() {
        let _ = helper.kill();
    }
    let _ = helper.wait();
    let gathered = gathered?;
    let child = Child::new(Parts {
        control,
        init: gathered.init,
        server: gathered.server,
        writable: harvest::Writable::new(gathered.scratch, spec),
        watch: gathered.watch,
    });
    Ok(Started {
        stdin: stdin.into(),
        stdout: stdout.into(),
        stderr: stderr.into(),
        sockets: gathered.sockets,
        child,
        level: if gathered.reduced {
            Level::L2
        } else {
            Level::L0
        },
        ahead_ns: gathered.ahead_ns,
        notes: gathered.notes,
    })
}

/// Everything inside is named by plain absolute paths.
fn check(spec: &Spec) -> Result<(), StartError> {
    let targets = spec.mounts.iter().map(|m| &m.target);
    let files = spec.files.iter().map(|f| &f.path);
    for path in targets.chain(files).chain([&spec.cwd]) {
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !plain || !path.starts_with('/') {
            return Err(StartError::Path(path.clone()));
        }
    }
    Ok(())
}

/// A process and the descriptor that keeps its id from meaning another one.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// An init that nobody watches over yet: it is ended when the start fails.
#[derive(Debug)]
pub struct Init(pub Process);

impl Drop for Init {
    fn drop(&mut self) {
        // Its end takes the whole pid namespace along; reaping waits for that.
        let _ = sys::signal(self.0.pidfd.as_fd(), libc::SIGKILL);
        sys::reap(self.0.pid, true);
    }
}

struct Gathered {
    sockets: Sockets,
    init: Init,
    scratch: OwnedFd,
    server: Process,
    watch: Option<Arc<Watch>>,
    reduced: bool,
    ahead_ns: i64,
    notes: Vec<String>,
}

fn gather(control: &OwnedFd, spec: &Spec, sink: &Arc<dyn Sink>) -> Result<Gathered, StartError> {
    let (mut sockets, mut init, mut tree, mut server) = (None, None, None, None);
    let (mut watch, mut clock) = (None, 0);
    let mut all_notes = Vec::new();
    loop {
        let (news, mut fds, sender) = next(control)?;
        match news {
            News::Sockets => sockets = Sockets::from_all(fds),
            News::Init { pid } => {
                let pidfd = sys::pidfd(pid).map_err(StartError::Helper)?;
                init = Some(Init(Process { pid, pidfd }));
            }
            News::Built { reduced, notes } => {
                all_notes.extend(notes);
                tree = fds.pop().map(|scratch| (scratch, reduced));
            }
            News::Target { notes } => {
                all_notes.extend(notes);
                let pid = sender.ok_or(StartError::Silent)?;
                let pidfd = sys::pidfd(pid).map_err(StartError::Helper)?;
                server = Some(Process { pid, pidfd });
                if let Some(listener) = fds.pop() {
                    let started = watch::spawn(listener, pid, spec, Arc::clone(sink));
                    watch = Some(started.map_err(StartError::Helper)?);
                }
                message::tell(control.as_fd(), &Order::Exec, &[]).map_err(StartError::Helper)?;
            }
            News::Clock { ahead_ns } => clock = ahead_ns,
            News::Running => break,
            News::Failed(failure) => return Err(failure.into()),
            News::Ended { .. } => return Err(StartError::Silent),
        }
    }
    let (Some(sockets), Some(init), Some((scratch, reduced)), Some(server)) =
        (sockets, init, tree, server)
    else {
        return Err(StartError::Silent);
    };
    Ok(Gathered {
        sockets,
        init,
        scratch,
        server,
        watch,
        reduced,
        ahead_ns: clock,
        notes: all_notes,
    })
}

fn next(control: &OwnedFd) -> Result<(News, Vec<OwnedFd>, Option<i32>), StartError> {
    let ready =
        sys::poll([control.as_fd()], PATIENCE_S as i32 * 1000).map_err(StartError::Helper)?;
    if ready == [0] {
        return Err(StartError::Slow(PATIENCE_S));
    }
    message::hear(control.as_fd()).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => StartError::Silent,
        _ => StartError::Helper(e),
    })
}

impl Sockets {
    fn from_all(fds: Vec<OwnedFd>) -> Option<Self> {
        let [tcp4, tcp6, udp4, udp6, raw4, raw6, icmp4, icmp6] = fds.try_into().ok()?;
        Some(Self {
            tcp4,
            tcp6,
            udp4,
            udp6,
            raw4,
            raw6,
            icmp4,
            icmp6,
        })
    }
}
