//! What the launcher and its helper tell each other: one JSON document a packet, descriptors
//! attached. The plan itself travels in a memory file, because planted files can be large.

use super::spec::{Errand, Identity, Limits, Mount, Spec};
use super::sys;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::SystemTime;

/// A [`Spec`] as the helper gets it: contents stand behind the document, by offset.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub cwd: String,
    pub mounts: Vec<Mount>,
    pub files: Vec<Slice>,
    pub before: Vec<Errand>,
    pub limits: Limits,
    pub clock: Option<SystemTime>,
    pub jumps: bool,
    pub identity: Identity,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Slice {
    pub path: String,
    pub mode: u32,
    pub at: usize,
    pub len: usize,
}

/// To the helper.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// With the plan's memory file and the server's stdin, stdout and stderr.
    Build,
    /// The launcher has seen [`News::Target`]; the server may be executed.
    Exec,
    /// The next errand may be begun; with where its output goes.
    Errand,
    /// No errand is wanted any more; the server may be started.
    Begin,
    /// After [`News::Survived`]: what goes on may be ended.
    Finish,
}

/// From the helper, its init, or the server's process before it becomes the server.
#[derive(Debug, Serialize, Deserialize)]
pub enum News {
    /// With tcp4, tcp6, udp4, udp6, raw4, raw6, icmp4, icmp6, and those that dial.
    Sockets,
    /// Process id of the init as the launcher sees it.
    Init {
        pid: i32,
    },
    /// With the root of the writable tree, and the socket of the engine of containers.
    Built {
        reduced: bool,
        notes: Vec<String>,
    },
    /// From the process that becomes the server (its id comes as credentials), with the
    /// notification listener where there is one.
    Target {
        notes: Vec<String>,
    },
    /// From the same, right before it executes the server's program: the server's clock is set.
    /// With the clock's library, open for writing.
    Clock {
        ahead_ns: i64,
    },
    /// The server's program was executed.
    Running,
    /// The main process of an errand ended, or never began.
    ErrandEnded {
        code: Option<i32>,
        signal: Option<i32>,
        left_behind: Vec<String>,
        over_time: bool,
        over_memory: bool,
    },
    /// The server's main process ended, and others go on. Followed by [`News::Ended`] when those
    /// have ended as well, or [`Order::Finish`] came.
    Survived,
    /// The server's main process and all others ended.
    Ended {
        code: Option<i32>,
        signal: Option<i32>,
        left_behind: Vec<String>,
        cpu_us: u64,
        max_rss: u64,
        /// It was ended for the memory that all processes used.
        over_memory: bool,
    },
    Failed(Failure),
}

/// A step that did not succeed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub step: Step,
    /// The path or name concerned, where there is one.
    pub what: String,
    /// Error number.
    pub errno: i32,
}

/// Steps of building a sandbox, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Plan,
    Source,
    UserNamespace,
    IdMap,
    Network,
    PacketFilter,
    Init,
    Root,
    Mount,
    Plant,
    Limits,
    WorkingDirectory,
    Harden,
    Exec,
}

/// Attaches step and subject to an I/O error.
pub trait At<T> {
    fn at(self, step: Step, what: impl ToString) -> Result<T, Failure>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step, what: impl ToString) -> Result<T, Failure> {
        self.map_err(|e| Failure {
            step,
            what: what.to_string(),
            errno: e.raw_os_error().unwrap_or(libc::EIO),
        })
    }
}

/// Sends one message.
pub fn tell(socket: BorrowedFd, message: &impl Serialize, fds: &[BorrowedFd]) -> io::Result<()> {
    sys::send(socket, &serde_json::to_vec(message)?, fds)
}

/// Receives one message; `UnexpectedEof` when the other side is gone.
pub fn hear<T: DeserializeOwned>(socket: BorrowedFd) -> io::Result<(T, Vec<OwnedFd>, Option<i32>)> {
    let received = sys::receive(socket)?;
    if received.bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let message = serde_json::from_slice(&received.bytes)?;
    Ok((message, received.fds, received.pid))
}

/// Writes a plan into a fresh memory file: length of the document, document, contents.
pub fn write_plan(spec: &Spec) -> io::Result<OwnedFd> {
    let mut at = 0;
    let files = spec.files.iter().map(|file| {
        let slice = Slice {
            path: file.path.clone(),
            mode: file.mode,
            at,
            len: file.content.len(),
        };
        at += slice.len;
        slice
    });
    let plan = Plan {
        files: files.collect(),
        argv: spec.argv.clone(),
        env: spec.env.clone(),
        cwd: spec.cwd.clone(),
        mounts: spec.mounts.clone(),
        before: spec.before.clone(),
        limits: spec.limits,
        clock: spec.clock,
        jumps: spec.jumps,
        identity: spec.identity.clone(),
    };
    let document = serde_json::to_vec(&plan)?;
    let mut out = (document.len() as u64).to_le_bytes().to_vec();
    out.extend(document);
    for file in &spec.files {
        out.extend(&file.content);
    }
    let mut file = File::from(sys::memfd()?);
    file.write_all(&out)?;
    file.rewind()?;
    Ok(file.into())
}

/// Reads what [`write_plan`] wrote: the plan, and the contents its slices point into.
pub fn read_plan(file: OwnedFd) -> io::Result<(Plan, Vec<u8>)> {
    let mut file = File::from(file);
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut document = vec![0; u64::from_le_bytes(length) as usize];
    file.read_exact(&mut document)?;
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok((serde_json::from_slice(&document)?, contents))
}
