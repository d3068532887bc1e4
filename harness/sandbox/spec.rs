//! What to start and what it may see and use. Plain data; nothing here touches the host.

use crate::secret::Persona;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// A server to start.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Program and arguments; a bare name is looked up in the `PATH` of `env`, inside.
    pub argv: Vec<String>,
    /// The complete environment, in the order the server sees it.
    pub env: Vec<(String, String)>,
    /// Working directory inside; made where no mount or planted file makes it.
    pub cwd: String,
    pub mounts: Vec<Mount>,
    /// Written before the server starts, in order.
    pub files: Vec<PlantedFile>,
    /// Run to their ends before the server starts, one after the other and in the same place: what
    /// they write, and what they leave running, is there when it does. With any,
    /// [`prepare`](super::prepare) is the way in, and somebody has to ask for each.
    pub before: Vec<Errand>,
    pub limits: Limits,
    /// What the server's wall clock shows when its program is executed; by default the real time.
    pub clock: Option<SystemTime>,
    /// Whether [`Child::advance`](super::Child::advance) will be asked for: waits inside are made
    /// of slices then, which costs processor time.
    pub jumps: bool,
    /// Whose machine it seems to be.
    pub identity: Identity,
    /// The executable whose `main` calls [`child_main`](super::child_main); by default the
    /// running one.
    pub helper: Option<PathBuf>,
}

/// Names that a machine tells. The home folder stays that of the persona.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub user: String,
    pub full_name: String,
    pub host: String,
    /// Name in the time zone database, such as `Etc/UTC`.
    pub zone: String,
}

impl Default for Identity {
    fn default() -> Self {
        let Persona {
            user,
            full_name,
            host,
            ..
        } = Persona::DEFAULT;
        Self {
            user: user.to_owned(),
            full_name: full_name.to_owned(),
            host: host.to_owned(),
            zone: "Etc/UTC".to_owned(),
        }
    }
}

/// A program that runs before the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// As [`Spec::argv`].
    pub argv: Vec<String>,
    /// Its complete environment.
    pub env: Vec<(String, String)>,
    /// Absolute, inside. An errand whose folder is not there by then ends as one whose program
    /// is not there does, with status 127.
    pub cwd: String,
    /// What the wall clock shows when it is executed.
    pub clock: Option<SystemTime>,
    /// After so long everything inside is ended, and with it the errand.
    pub limit: Duration,
}

/// A folder or file of the host that the server sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Absolute, inside.
    pub target: String,
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    ReadOnly,
    /// Writable from inside; what is written goes to memory and never to the source. Folders only.
    Overlay,
}

/// A file the server finds. It may stand over a file of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlantedFile {
    /// Absolute, inside.
    pub path: String,
    pub content: Vec<u8>,
    /// Permission bits, such as `0o600`.
    pub mode: u32,
}

/// Bounds on what the server may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of private memory each process may make writable (RLIMIT_DATA). Address space is
    /// not limited: Node and WebAssembly reserve far more than they use.
    pub memory: u64,
    /// Bytes of resident memory of all processes together, checked a few times a second.
    /// Memory files that no process maps are not counted.
    pub memory_in_all: u64,
    /// Processes and threads in all.
    pub processes: u64,
    /// Bytes of one file.
    pub file_size: u64,
    pub open_files: u64,
    /// Bytes in all that may be written: home, /tmp, /run, /dev/shm and overlays together.
    pub disk: u64,
    /// Files and folders that may be made, all together.
    pub inodes: u64,
    /// Processor time of one process, whole seconds.
    pub cpu: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            memory_in_all: 6 << 30,
            processes: 512,
            file_size: 1 << 30,
            open_files: 4096,
            disk: 1 << 30,
            inodes: 200_000,
            cpu: None,
        }
    }
}
