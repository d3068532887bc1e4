//! Acquisition: from a name to a server that can be started in a sandbox.
//!
//! A [`Target`] is what a user may write; [`fetch`] turns it into a [`Package`], installed by
//! the ecosystem's real client into a [`Cache`], with every path as the sandbox will show it.
//!
//! What never happens here: nothing of a package is executed on the host, neither install
//! scripts nor builds, and pip is held back from starting any program; no credential of the
//! user's is copied into what the sandbox sees; no folder of the user's is changed.

mod archive;
mod build;
mod bundle;
mod cache;
mod code;
mod command;
mod config;
mod copy;
mod error;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hint;
mod host;
mod launcher;
mod local;
mod manifest;
mod mentions;
mod model;
mod node;
mod npm;
mod pinned;
mod pip;
mod project;
mod pypi;
mod python;
mod range;
mod requirements;
mod scripts;
mod sdist;
mod settings;
mod sources;
mod specifier;
mod target;
mod timestamp;
mod trusting;
mod venv;

pub use archive::ArchiveError;
pub use cache::Cache;
pub use code::{Code, Difference};
pub use error::FetchError;
pub use fetch::{Dependencies, fetch, fetch_both, published_at};
pub use mentions::newly_named;
pub use model::{
    Launch, Mount, Options, Package, Remote, Script, Setting, TreeChange, Value, tree_changes,
    tree_difference,
};
pub use target::{Target, TargetError};
pub use timestamp::{BadTimestamp, Timestamp};
pub use trusting::{Root, Trusting, of_system, trusting, trusting_tree};

#[cfg(test)]
mod tests;
