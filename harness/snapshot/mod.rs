//! The canonical form of what a server does, independent of the values it did it with, and the
//! noise that two runs of one version show. Never compares versions: `diff` does.

mod behaviour;
mod calls;
mod collect;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod insta;
mod learn;
mod names;
mod recent;
mod store;
mod text;
mod tries;

pub use self::insta::{FormatError, Snapshot};
pub use behaviour::{Behaviour, OWN_FOLDER, Operation, Place, Scope, Scoped, Script, Sightings};
pub use calls::Calls;
pub use collect::Collector;
pub use learn::{in_common_terms, learn};
pub use recent::Recent;
pub use store::{Name, Proposed, Store, StoreError, Writes};
pub use text::{Accepted, FORMAT, SnapshotError, read, write};
