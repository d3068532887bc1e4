//! What turncoat plants and must recognise again: made-up secrets, the person whose
//! machine the sandbox pretends to be, and the seed everything made up derives from.
//! Nothing here reads the host; every value is a function of the seed.

mod home;
mod issued;
mod persona;
mod seed;
mod shape;

pub use home::{Home, HomeFile, guarded, home};
pub use issued::{Issued, Keys, issued};
pub use persona::Persona;
pub use seed::{Rng, Seed};
pub use shape::{Shape, UnknownShape};

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A value turncoat put into the world on purpose and watches for in every effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// How reports name it: the variable's name, or the file and field it stands in
    /// (`POSTMARK_SERVER_TOKEN`, `~/.aws/credentials aws_secret_access_key`).
    pub name: String,
    /// The exact text a server can read.
    pub value: String,
    /// Why it is there.
    pub kind: Kind,
    /// The bytes of the value that were made up: what stands around them (`ghp_`) everybody
    /// knows, and a piece of that proves nothing.
    pub unknown: Range<usize>,
}

/// Why a planted value exists, which decides what it means when it turns up in an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A setting of the scenario whose value is not secret; expected in effects.
    Setting,
    /// A credential made up for this run and given to the server; expected at its own upstream only.
    Secret,
    /// A credential of somebody else, lying in the home folder; expected nowhere.
    Canary,
}
