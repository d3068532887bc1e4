//! Everything a server can be seen doing, as one typed model. Observers (internet, sandbox,
//! MCP client) make effects; nothing here interprets them.

mod body;
mod network;
mod protocol;
mod reading;
mod system;
mod territory;
mod usage;

pub use body::{Body, Capture};
pub use network::{
    Auth, Datagram, Dns, Flow, Http, Mail, MailPart, MailTls, Peer, Reply, Tls, TlsOutcome,
};
pub use protocol::{Misbehaviour, ServerMessage, Surface, ToolResult};
pub use reading::{Reading, is_system, reading, reading_at_home};
pub use system::{
    Exit, FileAction, FileChange, FileRead, Folded, Forbidden, Life, Outlived, Program, Script,
    Signal,
};
pub use territory::{is_bookkeeping, is_installed, is_own};
pub use usage::{ToolUsage, Usage, Usages};

use serde::{Deserialize, Serialize};

/// One thing the server did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Position in the run, from 0, without gaps.
    pub seq: u64,
    /// Microseconds since the run began.
    pub at_us: u64,
    pub phase: Phase,
    /// How far the end was, in the exit phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The tool call (from 0) that was running or had last ended when the effect began;
    /// none in the phases before the first call.
    pub call: Option<u32>,
    #[serde(flatten)]
    pub kind: Kind,
}

/// The part of a server's life an effect belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// What is executed to install the package and its dependencies: scripts and builds.
    Install,
    /// From exec to the end of the handshake and the listing of the surface.
    Start,
    /// Between sending a call and the settling of what it set off.
    Call,
    /// After the last call, while nothing is asked of the server.
    Idle,
    /// From closing stdin to the end of the last process.
    Exit,
}

/// A part of the exit phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// From closing the server's stdin on.
    StdinClosed,
    /// From SIGTERM on.
    Sigterm,
    /// From SIGKILL on.
    Sigkill,
    /// After the server's own end, while other processes go on.
    Afterlife,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    Dns(Dns),
    Tls(Tls),
    Http(Http),
    Mail(Mail),
    Flow(Flow),
    Datagram(Datagram),
    File(FileChange),
    Read(FileRead),
    Reads(Folded),
    Program(Program),
    Life(Life),
    Script(Script),
    Forbidden(Forbidden),
    Signal(Signal),
    Exit(Exit),
    /// What the phase that ends with it used.
    Usage(Usage),
    Surface(Surface),
    Result(ToolResult),
    Message(ServerMessage),
    Misbehaviour(Misbehaviour),
}

/// Where observers hand in what they saw. The receiver stamps sequence, time, phase and call.
///
/// `emit` may block briefly when the reader of the log is behind: that is the back-pressure
/// that keeps a flood of effects bounded without losing one.
pub trait Sink: Send + Sync {
    fn emit(&self, kind: Kind);
}

/// A sink that keeps everything, for tests.
#[derive(Default)]
pub struct Kept(std::sync::Mutex<Vec<Kind>>);

impl Kept {
    /// Takes what has been emitted so far.
    pub fn take(&self) -> Vec<Kind> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// A copy of what has been emitted so far.
    pub fn snapshot(&self) -> Vec<Kind> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

impl Sink for Kept {
    fn emit(&self, kind: Kind) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).push(kind);
    }
}
