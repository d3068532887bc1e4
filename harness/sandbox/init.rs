//! Process 1 inside: builds the file tree, starts the server, reaps, and takes everything down
//! when the server's main process ends or the launcher is gone.

use super::clock::Clock;
use super::errand;
use super::message::{self, At, Failure, News, Order, Plan, Step};
use super::namespace::Trees;
use super::spec::Limits;
use super::sys::{self, Ended, Side};
use super::{limits, root, seccomp};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// How often memory is added up. Allocating past the bound and back between two looks goes
/// unseen; what it costs to look is some tens of microseconds.
const MEMORY_CHECK_MS: i32 = 250;

/// Runs until the end of the sandbox.
pub fn run(
    control: &OwnedFd,
    plan: &Plan,
    contents: &[u8],
    trees: Trees,
    mut notes: Vec<String>,
    streams: [OwnedFd; 3],
) -> ! {
    sys::set_name(c"systemd");
    // When memory runs out on the host, it shall be this one that goes, and not its owner.
    // The value is one that desktop sessions have as well.
    if let Err(e) = fs::write("/proc/self/oom_score_adj", "200") {
        notes.push(format!(
            "not the first to go when the host runs out of memory: {e}"
        ));
    }
    let target = root::build(plan, contents, trees).and_then(|mut built| {
        notes.append(&mut built.notes);
        let news = News::Built {
            reduced: built.reduced,
            notes,
        };
        let fds = [built.scratch.as_fd(), built.docker.as_fd()];
        message::tell(control.as_fd(), &news, &fds).at(Step::Root, "hand over")?;
        let clock = built.clock.take();
        drop(built);
        errand::run_all(control, plan, clock.as_ref())?;
        let server = Program {
            argv: &plan.argv,
            env: &plan.env,
            cwd: None,
            clock: clock.as_ref().zip(plan.clock),
            jumps: plan.jumps,
            limits: &plan.limits,
        };
        start(control, &server, streams)
    });
    match target {
        Ok((pid, children)) => {
            let ended = watch_over(control, pid, &children, &plan.limits, None);
            finish(control, &children, &plan.limits, ended)
        }
        Err(failure) => {
            let _ = message::tell(control.as_fd(), &News::Failed(failure), &[]);
            sys::exit(1)
        }
    }
}

/// What is to be executed: the server, or an errand before it.
pub struct Program<'a> {
    pub argv: &'a [String],
    pub env: &'a [(String, String)],
    /// Where to start, if not where the tree was built.
    pub cwd: Option<&'a str>,
    pub clock: Option<(&'a Clock, SystemTime)>,
    /// Whether time may jump.
    pub jumps: bool,
    pub limits: &'a Limits,
}

/// Starts a program; returns once it is executed.
pub fn start(
    control: &OwnedFd,
    program: &Program,
    streams: [OwnedFd; 3],
) -> Result<(i32, File), Failure> {
    // Closes on exec: its end is the news that the program runs.
    let (mut told, tell) = io::pipe().at(Step::Init, "pipe")?;
    // Others of this user, the server first, have no business in this process. (The server's
    // own becomes ordinary again when it is executed.)
    sys::set_dumpable(false).at(Step::Init, "prctl")?;
    match sys::fork().at(Step::Init, "fork")? {
        Side::Child => {
            drop(told);
            let Err(failure) = become_program(control, program, &streams);
            let mut tell = tell;
            let _ = tell.write_all(&serde_json::to_vec(&failure).unwrap_or_default());
            sys::exit(127)
        }
        Side::Parent(pid) => {
            drop((tell, streams));
            let children = sys::child_signals().at(Step::Init, "signalfd")?;
            let mut why = Vec::new();
            told.read_to_end(&mut why).at(Step::Init, "pipe")?;
            if let Ok(failure) = serde_json::from_slice::<Failure>(&why) {
                return Err(failure);
            }
            message::tell(control.as_fd(), &News::Running, &[]).at(Step::Init, "hand over")?;
            Ok((pid, File::from(children)))
        }
    }
}

/// Turns this process into the program; returns only the reason why not.
fn become_program(
    control: &OwnedFd,
    what: &Program,
    streams: &[OwnedFd; 3],
) -> Result<std::convert::Infallible, Failure> {
    if let Some(cwd) = what.cwd {
        std::env::set_current_dir(cwd).at(Step::WorkingDirectory, cwd)?;
    }
    let program = find(what)?;
    let strings = |all: Vec<&str>| -> Result<Vec<CString>, Failure> {
        let all: io::Result<Vec<_>> = all.into_iter().map(sys::c).collect();
        all.at(Step::Exec, "a NUL byte in an argument or variable")
    };
    let argv = strings(what.argv.iter().map(String::as_str).collect())?;
    let env: Vec<String> = what.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let env = strings(env.iter().map(String::as_str).collect())?;
    let path = sys::c(&program).at(Step::Exec, program.display())?;

    for (number, stream) in streams.iter().enumerate() {
        sys::dup_onto(stream.as_fd(), number as i32).at(Step::Exec, "standard streams")?;
    }
    sys::close_on_exec_from(3).at(Step::Exec, "close_range")?;
    sys::new_session(0o022).at(Step::Harden, "setsid")?;
    limits::apply(what.limits)?;
    sys::drop_capabilities().at(Step::Harden, "capset")?;
    sys::no_new_privileges().at(Step::Harden, "no_new_privs")?;
    // Handed over before the filter is on whoever reads this process's own descriptors.
    let mut notes = Vec::new();
    let listener = seccomp::install().at(Step::Harden, "seccomp")?;
    if let Err(e) = &listener {
        notes.push(format!(
            "files read, programs started, connections to local sockets and refused system calls are not seen: {e}"
        ));
    }
    let fds: Vec<_> = listener.iter().map(AsFd::as_fd).collect();
    message::tell(control.as_fd(), &News::Target { notes }, &fds).at(Step::Exec, "hand over")?;
    message::hear::<Order>(control.as_fd()).at(Step::Exec, "order")?;
    drop(listener);
    sys::reset_signals();
    // As late as can be: what follows is the server's own start.
    if let Some((clock, begin)) = what.clock {
        let ahead_ns = clock.set(begin, what.jumps).at(Step::Exec, "clock")?;
        let news = News::Clock { ahead_ns };
        message::tell(control.as_fd(), &news, &[clock.library()]).at(Step::Exec, "clock")?;
    }
    Err(sys::exec(&path, &argv, &env)).at(Step::Exec, program.display())
}

/// The program's path, looked up as execvp (3) would with its own PATH.
fn find(what: &Program) -> Result<PathBuf, Failure> {
    let absent = |errno| Err(io::Error::from_raw_os_error(errno));
    let Some(name) = what.argv.first().filter(|name| !name.is_empty()) else {
        return absent(libc::ENOENT).at(Step::Exec, "no program named");
    };
    if name.contains('/') {
        return Ok(name.into());
    }
    let path = what.env.iter().find(|(key, _)| key == "PATH");
    let path = path.map_or("/usr/local/bin:/usr/bin:/bin", |(_, value)| value);
    let runnable = |file: &Path| {
        fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    path.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|file| runnable(file))
        .map_or_else(|| absent(libc::ENOENT).at(Step::Exec, name), Ok)
}

/// How a main process ended.
pub struct End {
    pub child: Ended,
    /// It was ended for the memory that all processes used.
    pub over_memory: bool,
    /// It was ended for the time it took.
    pub over_time: bool,
}

/// Reaps until the main process has ended, or the launcher has gone. Process 1 ending takes every
/// other process of the namespace with it (pid_namespaces (7)).
pub fn watch_over(
    control: &OwnedFd,
    main: i32,
    children: &File,
    limits: &Limits,
    until: Option<Instant>,
) -> End {
    let mut children = children;
    let mut drain = [0; 1024];
    let (mut over_memory, mut over_time) = (false, false);
    loop {
        let ready = sys::poll([control.as_fd(), children.as_fd()], MEMORY_CHECK_MS);
        let Ok([gone, ended]) = ready else {
            sys::exit(1)
        };
        if gone != 0 {
            sys::exit(0);
        }
        if ended != 0 {
            let _ = children.read(&mut drain);
            while let Some(child) = sys::reap(-1, false) {
                if child.pid == main {
                    return End {
                        child,
                        over_memory,
                        over_time,
                    };
                }
            }
        }
        if until.is_some_and(|until| Instant::now() > until) {
            over_time = true;
            sys::kill_everyone();
        } else if ended == 0 && memory() > limits.memory_in_all {
            over_memory = true;
            sys::kill_everyone();
        }
    }
}

/// Resident memory of all processes inside, in bytes; pages that several share count each time.
fn memory() -> u64 {
    let pages = |pid: u32| {
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        statm.split(' ').nth(1)?.parse::<u64>().ok()
    };
    processes().filter_map(pages).sum::<u64>() * 4096
}

/// Ids of all processes but this one.
fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|pid| *pid != 1)
}

fn finish(control: &OwnedFd, children: &File, limits: &Limits, mut server: End) -> ! {
    while sys::reap(-1, false).is_some() {}
    if !alive().is_empty() && message::tell(control.as_fd(), &News::Survived, &[]).is_ok() {
        server.over_memory |= outlast(control, children, limits);
    }
    let left_behind = others();
    sys::kill_everyone();
    while sys::reap(-1, true).is_some() {}
    let news = News::Ended {
        code: server.child.code,
        signal: server.child.signal,
        left_behind,
        cpu_us: server.child.cpu_us,
        max_rss: server.child.max_rss,
        over_memory: server.over_memory,
    };
    let _ = message::tell(control.as_fd(), &news, &[]);
    sys::exit(0)
}

/// Reaps until no process is left, or the launcher has them ended; whether they were ended for the
/// memory they used.
fn outlast(control: &OwnedFd, mut children: &File, limits: &Limits) -> bool {
    let mut drain = [0; 1024];
    while !alive().is_empty() {
        let ready = sys::poll([control.as_fd(), children.as_fd()], MEMORY_CHECK_MS);
        let Ok([order, ended]) = ready else {
            sys::exit(1)
        };
        if order != 0 {
            match message::hear::<Order>(control.as_fd()) {
                Ok((Order::Finish, ..)) => return false,
                _ => sys::exit(0),
            }
        }
        if ended != 0 {
            let _ = children.read(&mut drain);
            while sys::reap(-1, false).is_some() {}
        } else if memory() > limits.memory_in_all {
            return true;
        }
    }
    false
}

/// Names of the processes that are still alive, at most a hundred, in the order of their ids.
fn others() -> Vec<String> {
    alive().into_iter().map(|other| other.name).collect()
}

/// A process of the sandbox that has not ended.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Alive {
    pub pid: u32,
    pub name: String,
    pub is_asleep: bool,
}

/// The processes that are still alive, at most a hundred, in the order of their ids.
pub fn alive() -> Vec<Alive> {
    let mut alive: Vec<Alive> = processes()
        .filter_map(|pid| {
            let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat);
            let (name, rest) = stat.rsplit_once(") ")?;
            let (_, name) = name.split_once('(')?;
            (!rest.starts_with(['Z', 'X'])).then(|| Alive {
                pid,
                name: name.to_owned(),
                is_asleep: rest.starts_with(['S', 'I']),
            })
        })
        .take(100)
        .collect();
    alive.sort_unstable();
    alive
}
