//! Why a target could not be made ready to run, told so that a person can act on it.
//! Hints are data beside the message; whose mistake it was decides the exit status.

use super::archive::ArchiveError;
use super::target::TargetError;
use std::io;
use std::path::{Path, PathBuf};

/// A failure of [`fetch`](super::fetch).
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{registry} has no package `{name}`")]
    UnknownPackage {
        registry: &'static str,
        name: String,
    },
    #[error("{registry} package `{name}` has no version `{version}`")]
    UnknownVersion {
        registry: &'static str,
        name: String,
        version: String,
        /// The newest few, newest first.
        newest: Vec<String>,
    },
    #[error("`{target}` cannot be run: {reason}")]
    NotRunnable {
        target: String,
        reason: &'static str,
        hint: &'static str,
    },
    #[error("cannot read `{file}`: {reason}")]
    Config { file: PathBuf, reason: String },
    #[error("`{file}` has no server `{server}`")]
    NoServer {
        file: PathBuf,
        server: String,
        known: Vec<String>,
    },
    #[error("setting `{name}` is required and has no default")]
    Setting { name: String, bundle: PathBuf },
    #[error("nothing to start in `{place}`: {reason}")]
    NoEntry {
        place: String,
        reason: String,
        hint: String,
    },
    #[error("`{place}` asks for `{requirement}`, which would run its build on this machine")]
    BuildRefused { place: String, requirement: String },
    #[error("`{path}` is too large to copy: more than {limit}")]
    TooLarge { path: PathBuf, limit: String },
    #[error("cannot unpack `{path}`")]
    Archive {
        path: PathBuf,
        #[source]
        source: ArchiveError,
    },
    #[error("`{tool}` was not found")]
    MissingTool { tool: String, needed_for: String },
    #[error("`{subject}` needs {runtime} {wanted}, and none here fits")]
    Runtime {
        subject: String,
        runtime: &'static str,
        wanted: String,
        /// What is installed, and why nothing else could be had.
        found: Vec<String>,
    },
    #[error("`{subject}` is not in the cache, and this run is offline")]
    Offline { subject: String },
    #[error("cannot reach the registry for `{subject}`: {detail}")]
    Network { subject: String, detail: String },
    #[error("`{subject}` cannot be had: {reason}")]
    NoDistribution { subject: String, reason: String },
    #[error("no space left on the disk of `{0}`")]
    DiskFull(PathBuf),
    #[error("`{client}` failed for `{subject}`: {detail}")]
    Client {
        client: String,
        subject: String,
        /// The client's own last words, bounded.
        detail: String,
    },
    #[error("cannot {doing} `{path}`")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl FetchError {
    /// Whether the user asked for something that cannot be (exit status 2), as opposed to a
    /// machine or network that could not do it (status 3).
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Target(_)
            | Self::UnknownPackage { .. }
            | Self::UnknownVersion { .. }
            | Self::NotRunnable { .. }
            | Self::Config { .. }
            | Self::NoServer { .. }
            | Self::Setting { .. }
            | Self::NoEntry { .. }
            | Self::BuildRefused { .. }
            | Self::TooLarge { .. }
            | Self::Archive { .. } => true,
            Self::MissingTool { .. }
            | Self::Runtime { .. }
            | Self::Offline { .. }
            | Self::Network { .. }
            | Self::NoDistribution { .. }
            | Self::DiskFull(_)
            | Self::Client { .. }
            | Self::Io { .. } => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Target(error) => return error.hint(),
            Self::UnknownPackage { .. } => "check the spelling, and that your client is set to \
                 the registry that has it"
                .to_owned(),
            Self::UnknownVersion { newest, .. } if newest.is_empty() => return None,
            Self::UnknownVersion { newest, .. } => {
                format!("the newest are {}", ticked(newest))
            }
            Self::NotRunnable { hint, .. } => (*hint).to_owned(),
            Self::Config { .. } => return None,
            Self::NoServer { known, .. } if known.is_empty() => "it names no server".to_owned(),
            Self::NoServer { known, server, .. } => match super::hint::nearest(server, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", ticked(known)),
            },
            Self::Setting { name, .. } => {
                format!("give `env.{name}` in a scenario's `[server]` table")
            }
            Self::NoEntry { hint, .. } => hint.clone(),
            Self::BuildRefused { .. } => "turncoat runs nothing of a package on the host, and \
                 builds in the sandbox what comes from an index: depend on a published version"
                .to_owned(),
            Self::TooLarge { .. } => {
                "point at the server's own folder, not at one that holds much else; of a command's \
                 project the nearest folder with a manifest is taken, such as a package.json"
                    .to_owned()
            }
            Self::Archive { .. } => return None,
            Self::MissingTool { tool, needed_for } => {
                format!("install `{tool}`, or put it on PATH; it is needed {needed_for}")
            }
            Self::Runtime { found, .. } if found.is_empty() => return None,
            Self::Runtime { found, .. } => format!("found {}", found.join(", ")),
            Self::Offline { .. } => "run once without `--offline` to fill the cache".to_owned(),
            Self::Network { .. } => "check the network, proxy and registry settings of the \
                 package client; `--offline` uses what the cache holds"
                .to_owned(),
            Self::NoDistribution { .. } => "check that the index has it for this Python; or ask \
                 for a version that has wheels, or build one and pass the `.whl`"
                .to_owned(),
            Self::DiskFull(_) => "free some space; nothing half-installed was kept".to_owned(),
            Self::Client { .. } => return None,
            Self::Io {
                doing: "read" | "find" | "run",
                ..
            } => return None,
            // What is written is the cache, and nothing else.
            Self::Io { .. } => {
                "`--cache DIR` keeps installed packages in another folder".to_owned()
            }
        })
    }

    /// An I/O error told with what was being done; a full disk gets its own name.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io {
                doing,
                path,
                source,
            },
        }
    }
}

fn ticked(names: &[String]) -> String {
    let ticked: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    ticked.join(", ")
}
