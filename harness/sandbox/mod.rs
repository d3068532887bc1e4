//! Starts a server where it can see an ordinary machine and touch nothing of this one.
//!
//! [`start`] re-executes a helper that enters fresh namespaces (user, mount, pid, network, ipc,
//! uts, cgroup), builds a file tree and a network in which every address is local, and leaves
//! a process 1 behind that starts the server, reaps, and ends with it or with us:
//!
//! ```text
//! launcher ── helper (ends)          namespaces, routes, packet filter, gateway sockets
//!     └────── init   (process 1)     file tree, reaping, takedown
//!                └── server          limits, no capabilities, seccomp
//! ```
//!
//! Programs that have to run before the server ([`Spec::before`]: install scripts, say) run in
//! the same place, one at a time, when their owner asks for each.
//!
//! What it hands over are sockets that hear all traffic and descriptors that outlive the
//! namespaces; it never looks at a byte of traffic itself. Nothing is left on the host: every
//! mount lives in the namespace, every written file in memory. The server's wall clock starts where
//! [`Spec::clock`] says, and where it asks how its process is confined it reads what any machine
//! would say (`faces`).
//! It refuses to run with less network isolation than asked for; lesser file trees are told
//! by [`Level`] and notes.

mod attempts;
mod child;
mod clock;
mod copy;
mod dialler;
mod errand;
mod error;
mod etc;
mod faces;
mod hardware;
mod harvest;
mod helper;
mod init;
mod inside;
mod launch;
mod limits;
mod listeners;
mod lives;
mod message;
mod namespace;
mod netlink;
mod network;
mod nft;
mod notify;
mod probe;
mod programs;
mod reads;
mod remote;
mod root;
mod seccomp;
mod signals;
mod spec;
mod sys;
mod usage;
mod watch;

pub use child::{Child, Exit};
pub use clock::NOTICED;
pub use dialler::{Dialled, Dialler, Lease};
pub use error::StartError;
pub use harvest::{Bound, Harvest};
pub use helper::{ARGV0, child_main, is_helper};
pub use launch::{ErrandEnd, Level, Prepared, Sockets, Started, prepare, start};
pub use lives::Mark;
pub use message::Step;
pub use network::{ADDRESS4, ADDRESS6, NAMESERVER};
pub use nft::{MARK, PORT};
pub use probe::{Probe, probe};
pub use spec::{Errand, Identity, Limits, Mode, Mount, PlantedFile, Spec};
pub use usage::{Gauge, Reading, Used};
