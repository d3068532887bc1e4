//! What a server does to the machine: files, programs, its own end; and what was executed to
//! install it.

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
    /// There was no such file when it was asked for. It says which tries belong to one start, and
    /// excuses nothing: the file may have been put there before the kernel looked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Where the program was looked for in vain, in order. Observers see one try at a time and
    /// leave it empty; who puts the tries of one start together fills it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
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

/// The end of the server's main process, or in the install phase of a script's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Whether it ended by itself, or only after SIGTERM or SIGKILL: `itself`, `stdin-closed`,
    /// `sigterm`, `sigkill`; of a script, `time` or `memory` where it was ended for that.
    pub after: String,
    /// Processes that were still alive when the main one ended, by name.
    pub left_behind: Vec<String>,
}
