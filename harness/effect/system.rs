//! What a server does to the machine: files, programs, its own end.

use super::Body;
use serde::{Deserialize, Serialize};

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
    /// Nanoseconds since the Unix epoch when the file last changed, where the file still exists;
    /// used to tie it to a call, never compared. Written to the log within the range of an `i64`.
    #[serde(default, with = "within_i64")]
    pub changed_ns: Option<i128>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    Created,
    Modified,
    Deleted,
    FolderCreated,
    LinkCreated,
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
}

/// The end of the server's main process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Whether it ended by itself, or only after SIGTERM or SIGKILL: `itself`, `stdin-closed`,
    /// `sigterm`, `sigkill`.
    pub after: String,
    /// Processes that were still alive when the main one ended, by name.
    pub left_behind: Vec<String>,
}

/// serde reads no 128-bit numbers inside tagged enums, and a server can date its files past 2262.
mod within_i64 {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(ns: &Option<i128>, to: S) -> Result<S::Ok, S::Error> {
        let within = |ns: i128| ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        ns.map(within).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i128>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(i128::from))
    }
}
