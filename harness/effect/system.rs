//! What a server does to the machine: files, programs, its own end; and what was executed to
//! install it.

use super::Body;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A difference between the file tree before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Absolute path inside the sandbox.
    pub path: String,
    pub action: FileAction,
    /// Permission bits afterwards, such as `0o644`; 0 where the file is gone.
    pub mode: u32,
    /// Final content; the target of a symbolic link; empty for folders and deletions.
    pub content: Body,
    /// What the file held at first, where it was made up and planted: only what differs from it
    /// is the server's doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted: Option<Body>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    Created,
    Modified,
    Deleted,
    FolderCreated,
    LinkCreated,
    /// Nothing is left of it: it was made and gone again between two looks, or refused.
    Attempted,
}

/// A file or folder that was opened for reading, or that somebody tried to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Absolute path inside the sandbox, links followed. The reader's own entry of /proc is
    /// `/proc/self`, another process's but the first `/proc/{pid}`.
    pub path: String,
    /// The path as it was asked for, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// There was nothing when it was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Opened as a folder, for its entries.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// Process id inside the sandbox.
    pub pid: u32,
}

/// Opens for reading that are told by their number alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// The folder that too many different paths were opened in; none for the runtime and the
    /// package, and for what was told before within the same call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    pub opens: u64,
}

/// A program that was started (execve, execveat).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The path given to exec, made absolute where it was relative to a known folder.
    pub path: String,
    pub argv: Vec<String>,
    /// Working directory of the caller.
    pub cwd: String,
    /// Process id inside the sandbox.
    pub pid: u32,
    /// The program that starts it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Variables that are set otherwise than they were for the server, the first of them and of
    /// each value; none for one that is not set any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Option<String>>,
    /// There was no such file when it was asked for. It says which tries belong to one start, and
    /// excuses nothing: the file may have been put there before the kernel looked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Where the program was looked for in vain, in order. Observers see one try at a time and
    /// leave it empty; who puts the tries of one start together fills it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
}

/// How a program that was started goes on or came to its end; programs that another one replaced in
/// the same process, and those of which too many ran at once, have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// As [`Program::path`].
    pub path: String,
    /// Process id inside the sandbox, as [`Program::pid`].
    pub pid: u32,
    /// Microseconds since it was started.
    pub lived_us: u64,
    /// Its status, where it ended by itself. Neither this nor a signal where it goes on, and where
    /// the kernel does not tell (before Linux 6.15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// It has not ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// What had ended before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlived: Option<Outlived>,
}

/// What a program went on after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outlived {
    /// The call that it was started in.
    Call,
    /// The server.
    Server,
}

/// A script that an installation executes. What is seen in the install phase after it, up to the
/// next one, is its doing, or that of processes which earlier ones left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Name of the package whose script it is.
    pub package: String,
    pub version: Option<String>,
    /// Whether that is the server's own package, rather than a dependency.
    pub own: bool,
    /// `postinstall`, say.
    pub name: String,
    /// As it is declared.
    pub text: String,
    /// The package's folder inside the sandbox.
    pub folder: String,
    /// Where its files are put beside that, among those of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installs_to: Option<String>,
    /// It was not run: the scenario says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

/// A system call that reaches out of the process: into another one, or into the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forbidden {
    /// `ptrace`, `mount`, `unshare`, …
    pub call: String,
    /// What it was meant for, as far as it can be told: a path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Process id inside the sandbox.
    pub pid: u32,
}

/// A signal to a process that the sender did not start. It is not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The call it was sent with: `kill`, `pidfd_send_signal`, …
    pub call: String,
    /// Whom it was meant for, by what that is to the sender: `process 1`.
    pub target: String,
    pub number: i32,
    /// Process id inside the sandbox.
    pub pid: u32,
}

/// The end of the server's main process, or in the install phase of a script's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Whether it ended by itself, or only after SIGTERM or SIGKILL: `itself`, `stdin-closed`,
    /// `sigterm`, `sigkill`; of a script, `time` or `memory` where it was ended for that.
    pub after: String,
    /// Processes that were still alive a while after the main one had ended, by name.
    pub left_behind: Vec<String>,
}
