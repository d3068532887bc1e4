//! Why a sandbox could not be started, and what the user can do about it.

use super::message::{Failure, Step};
use std::io;

/// Why [`start`](super::start) gave no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("this host denies user namespaces ({0})")]
    NoUserNamespace(#[source] io::Error),
    #[error("this kernel lacks the packet filter that catches traffic ({0})")]
    NoPacketFilter(#[source] io::Error),
    #[error("`{program}` cannot be started inside the sandbox ({source})")]
    Program { program: String, source: io::Error },
    #[error("`{path}` cannot be shown inside the sandbox ({source})")]
    Source { path: String, source: io::Error },
    #[error("the sandbox could not be built: {step:?} `{what}` ({source})")]
    Build {
        step: Step,
        what: String,
        source: io::Error,
    },
    #[error("the sandbox helper could not be started ({0})")]
    Helper(#[source] io::Error),
    #[error("the sandbox helper ended without a word")]
    Silent,
    #[error("the sandbox was not ready within {0} s")]
    Slow(u64),
    #[error("`{0}` is not an absolute path without `..`")]
    Path(String),
}

impl StartError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoUserNamespace(_) => {
                "allow unprivileged user namespaces: `sysctl user.max_user_namespaces=15000`; on Ubuntu also \
                 `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian \
                 `sysctl kernel.unprivileged_userns_clone=1`; in Docker run with \
                 `--security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                 --security-opt systempaths=unconfined`"
            }
            Self::NoPacketFilter(_) => {
                "load the kernel modules nf_tables and nft_tproxy: `modprobe nft_tproxy`"
            }
            Self::Program { .. } => {
                "the program must exist inside: below /usr, or in a folder mounted for it"
            }
            Self::Source { .. } => "the folder must exist and be readable by this user",
            _ => return None,
        })
    }
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        let Failure { step, what, errno } = failure;
        let source = io::Error::from_raw_os_error(errno);
        match step {
            Step::UserNamespace | Step::IdMap => Self::NoUserNamespace(source),
            Step::PacketFilter => Self::NoPacketFilter(source),
            Step::Source => Self::Source { path: what, source },
            Step::Exec => Self::Program {
                program: what,
                source,
            },
            step => Self::Build { step, what, source },
        }
    }
}
