//! The launcher's side of a start: spawns the helper, hears its news in order, and gathers
//! what it hands over. Blocks until the server's program is executed or cannot be; between the
//! building of the sandbox and the start of the server, errands are run where there are any.

use super::child::{self, Child, Parts};
use super::clock::Hand;
use super::dialler::Dialler;
use super::error::StartError;
use super::harvest::{Bound, Harvest, Writable};
use super::message::{self, News, Order};
use super::spec::{Errand, Spec};
use super::usage::{self, Used};
use super::watch::{self, Premises, Watch};
use super::{helper, lives, sys};
use crate::effect::{Folded, Sink};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest wait for one piece of news from the helper. A copied package can take a while.
const PATIENCE_S: u64 = 60;

/// A server that runs.
#[derive(Debug)]
pub struct Started {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub sockets: Sockets,
    pub dialler: Dialler,
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
    /// Listens at `/run/docker.sock`.
    pub docker: Option<OwnedFd>,
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
/// `sink` as they happen. Errands are left out: see [`prepare`].
pub fn start(spec: &Spec, sink: Arc<dyn Sink>) -> Result<Started, StartError> {
    prepare(spec, sink)?.start()
}

/// Builds the sandbox of `spec`. Where it has errands nothing is executed in it yet.
pub fn prepare(spec: &Spec, sink: Arc<dyn Sink>) -> Result<Prepared, StartError> {
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
    let mut gathered = Gathered::default();
    let built = message::tell(control.as_fd(), &Order::Build, &fds)
        .map_err(StartError::Helper)
        .and_then(|()| gathered.hear(&control, Until::Built));
    if built.is_err() {
        let _ = helper.kill();
    }
    let _ = helper.wait();
    built?;
    let Gathered {
        sockets: Some((sockets, dialler)),
        init: Some(init),
        tree: Some((scratch, reduced)),
        ..
    } = gathered
    else {
        return Err(StartError::Silent);
    };
    // A program shown in place of the system's is the system's to whoever tries to change it.
    let targets = spec.mounts.iter().map(|mount| &mount.target);
    let own = targets.filter(|target| !target.starts_with("/usr/"));
    let package: Vec<String> = own.cloned().collect();
    let premises = |env: &[(String, String)]| Premises {
        env: env.to_vec(),
        package: package.clone(),
    };
    let errand = |errand: &Errand| (errand.limit, premises(&errand.env));
    Ok(Prepared {
        control,
        stdin: stdin.into(),
        stdout: stdout.into(),
        stderr: stderr.into(),
        sockets,
        dialler,
        writable: Writable::new(scratch, spec),
        errands: spec.before.iter().map(errand).collect(),
        done: 0,
        premises: premises(&spec.env),
        watches: Vec::new(),
        sink,
        reduced,
        notes: gathered.notes,
        init,
    })
}

/// A sandbox in which the server does not run yet. Dropping it ends every process inside.
pub struct Prepared {
    control: OwnedFd,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    sockets: Sockets,
    dialler: Dialler,
    writable: Writable,
    /// How long each errand may take, and what it is started with.
    errands: Vec<(Duration, Premises)>,
    done: usize,
    /// What the server is started with.
    premises: Premises,
    watches: Vec<Arc<Watch>>,
    sink: Arc<dyn Sink>,
    reduced: bool,
    notes: Vec<String>,
    // Last, so that it ends after the control socket has told it to.
    init: Init,
}

/// How an errand ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandEnd {
    /// 127 where it could not be executed.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Names of processes that are alive now, of whichever errand, oldest first.
    pub left_behind: Vec<String>,
    /// Whether everything was ended because the errand took too long.
    pub over_time: bool,
    /// Whether everything was ended because all processes together used too much memory.
    pub over_memory: bool,
}

impl Prepared {
    /// The sockets that [`Started`] will have, for a world that is there before the server is.
    pub fn sockets(&self) -> io::Result<Sockets> {
        let Sockets {
            tcp4,
            tcp6,
            udp4,
            udp6,
            raw4,
            raw6,
            icmp4,
            icmp6,
            docker,
        } = &self.sockets;
        Ok(Sockets {
            tcp4: tcp4.try_clone()?,
            tcp6: tcp6.try_clone()?,
            udp4: udp4.try_clone()?,
            udp6: udp6.try_clone()?,
            raw4: raw4.try_clone()?,
            raw6: raw6.try_clone()?,
            icmp4: icmp4.try_clone()?,
            icmp6: icmp6.try_clone()?,
            docker: docker.as_ref().map(OwnedFd::try_clone).transpose()?,
        })
    }

    /// Runs the next errand to its end, its stdout and stderr going to `output`; `None` when none
    /// is left. `ahead` is told by how many nanoseconds its wall clock is ahead of the real one,
    /// right before it is executed.
    pub fn errand(
        &mut self,
        output: OwnedFd,
        ahead: &dyn Fn(i64),
    ) -> Result<Option<ErrandEnd>, StartError> {
        let Some((limit, premises)) = self.errands.get(self.done) else {
            return Ok(None);
        };
        let patience = limit.as_secs() + PATIENCE_S;
        self.done += 1;
        message::tell(self.control.as_fd(), &Order::Errand, &[output.as_fd()])
            .map_err(StartError::Helper)?;
        drop(output);
        loop {
            let (news, mut fds, sender) = next(&self.control, patience)?;
            match news {
                News::Target { notes } => {
                    self.notes.extend(notes);
                    let pid = sender.ok_or(StartError::Silent)?;
                    if let Some(listener) = fds.pop() {
                        let sink = Arc::clone(&self.sink);
                        let watch = watch::spawn(listener, pid, premises.clone(), sink);
                        self.watches.push(watch.map_err(StartError::Helper)?);
                    }
                    message::tell(self.control.as_fd(), &Order::Exec, &[])
                        .map_err(StartError::Helper)?;
                }
                News::Clock { ahead_ns } => {
                    if let Some(watch) = self.watches.last() {
                        watch.clocks().ahead_ns.store(ahead_ns, Ordering::Relaxed);
                    }
                    ahead(ahead_ns);
                }
                News::Running => {}
                News::ErrandEnded {
                    code,
                    signal,
                    left_behind,
                    over_time,
                    over_memory,
                } => {
                    return Ok(Some(ErrandEnd {
                        code,
                        signal,
                        left_behind,
                        over_time,
                        over_memory,
                    }));
                }
                News::Failed(failure) => return Err(failure.into()),
                _ => return Err(StartError::Silent),
            }
        }
    }

    /// As [`Child::harvest`], of what errands did.
    pub fn harvest(&mut self, bound: Bound) -> Harvest {
        let mut harvest = self.writable.harvest(bound, false);
        for watch in &self.watches {
            child::attempts(watch, &mut harvest);
        }
        harvest
    }

    /// As [`Child::reads`], of what errands opened.
    pub fn reads(&self) -> Vec<Folded> {
        self.watches
            .iter()
            .flat_map(|watch| watch.reads())
            .collect()
    }

    /// As [`Child::used`], of errands.
    pub fn used(&self) -> Used {
        usage::used(self.init.0.pid, self.writable.root(), &mut Vec::new())
    }

    /// Starts the server.
    pub fn start(self) -> Result<Started, StartError> {
        if !self.errands.is_empty() {
            message::tell(self.control.as_fd(), &Order::Begin, &[]).map_err(StartError::Helper)?;
        }
        let mut gathered = Gathered {
            notes: self.notes,
            ..Gathered::default()
        };
        let running = Until::Running(self.premises, self.sink);
        gathered.hear(&self.control, running)?;
        let Some(server) = gathered.server else {
            return Err(StartError::Silent);
        };
        let child = Child::new(Parts {
            control: self.control,
            init: self.init,
            server,
            writable: self.writable,
            watch: gathered.watch,
            clock: gathered.clock,
            earlier: self.watches,
        });
        Ok(Started {
            stdin: self.stdin,
            stdout: self.stdout,
            stderr: self.stderr,
            sockets: self.sockets,
            dialler: self.dialler,
            child,
            level: if self.reduced { Level::L2 } else { Level::L0 },
            ahead_ns: gathered.ahead_ns,
            notes: gathered.notes,
        })
    }
}

/// Everything inside is named by plain absolute paths.
fn check(spec: &Spec) -> Result<(), StartError> {
    let targets = spec.mounts.iter().map(|m| &m.target);
    let files = spec.files.iter().map(|f| &f.path);
    let errands = spec.before.iter().map(|errand| &errand.cwd);
    for path in targets.chain(files).chain(errands).chain([&spec.cwd]) {
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

/// What was heard so far.
#[derive(Default)]
struct Gathered {
    sockets: Option<(Sockets, Dialler)>,
    init: Option<Init>,
    /// The root of what can be written, and whether the tree is lesser than it should be.
    tree: Option<(OwnedFd, bool)>,
    server: Option<Process>,
    watch: Option<Arc<Watch>>,
    ahead_ns: i64,
    clock: Option<Hand>,
    notes: Vec<String>,
}

enum Until {
    Built,
    /// With what it is started with, and who is told what is seen.
    Running(Premises, Arc<dyn Sink>),
}

impl Gathered {
    fn hear(&mut self, control: &OwnedFd, until: Until) -> Result<(), StartError> {
        loop {
            let (news, mut fds, sender) = next(control, PATIENCE_S)?;
            match news {
                News::Sockets => self.sockets = Sockets::from_all(fds),
                News::Init { pid } => {
                    let pidfd = sys::pidfd(pid).map_err(StartError::Helper)?;
                    self.init = Some(Init(Process { pid, pidfd }));
                }
                News::Built { reduced, notes } => {
                    self.notes.extend(notes);
                    let mut fds = fds.into_iter();
                    self.tree = fds.next().map(|scratch| (scratch, reduced));
                    if let Some((sockets, _)) = &mut self.sockets {
                        sockets.docker = fds.next();
                    }
                    if matches!(until, Until::Built) {
                        return Ok(());
                    }
                }
                News::Target { notes } => {
                    self.notes.extend(notes);
                    let pid = sender.ok_or(StartError::Silent)?;
                    let pidfd = sys::pidfd(pid).map_err(StartError::Helper)?;
                    self.server = Some(Process { pid, pidfd });
                    if !lives::tells_status() {
                        let note = "with which status programs end is not told by this kernel (that needs Linux 6.15)";
                        self.notes.push(note.to_owned());
                    }
                    if let (Some(listener), Until::Running(premises, sink)) = (fds.pop(), &until) {
                        let (premises, sink) = (premises.clone(), Arc::clone(sink));
                        let started = watch::spawn(listener, pid, premises, sink);
                        self.watch = Some(started.map_err(StartError::Helper)?);
                    }
                    message::tell(control.as_fd(), &Order::Exec, &[])
                        .map_err(StartError::Helper)?;
                }
                News::Clock { ahead_ns } => {
                    self.ahead_ns = ahead_ns;
                    if let Some(watch) = &self.watch {
                        watch.clocks().ahead_ns.store(ahead_ns, Ordering::Relaxed);
                    }
                    self.clock = fds.pop().map(Hand::new);
                }
                News::Running => return Ok(()),
                News::Failed(failure) => return Err(failure.into()),
                News::Survived | News::Ended { .. } | News::ErrandEnded { .. } => {
                    return Err(StartError::Silent);
                }
            }
        }
    }
}

fn next(
    control: &OwnedFd,
    patience_s: u64,
) -> Result<(News, Vec<OwnedFd>, Option<i32>), StartError> {
    let patience_ms = i32::try_from(patience_s * 1000).unwrap_or(i32::MAX);
    let ready = sys::poll([control.as_fd()], patience_ms).map_err(StartError::Helper)?;
    if ready == [0] {
        return Err(StartError::Slow(patience_s));
    }
    message::hear(control.as_fd()).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => StartError::Silent,
        _ => StartError::Helper(e),
    })
}

impl Sockets {
    fn from_all(mut fds: Vec<OwnedFd>) -> Option<(Self, Dialler)> {
        let dialler = Dialler::new(fds.split_off(fds.len().min(8)));
        let [tcp4, tcp6, udp4, udp6, raw4, raw6, icmp4, icmp6] = fds.try_into().ok()?;
        let sockets = Self {
            tcp4,
            tcp6,
            udp4,
            udp6,
            raw4,
            raw6,
            icmp4,
            icmp6,
            docker: None,
        };
        Some((sockets, dialler))
    }
}
