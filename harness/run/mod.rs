//! Brings the modules together: builds the world of a scenario, starts a version in it, makes
//! the calls, keeps the record, and compares. The only place where sandbox, internet and client
//! meet.

mod asked;
mod baseline;
mod bench;
mod blind;
mod campaign;
mod client;
mod compare;
mod condition;
mod deed;
mod dependencies;
#[cfg(fuzzing)]
pub mod differential;
mod door;
mod drive;
mod elsewhere;
mod error;
mod evidence;
mod floor;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod given;
mod install;
pub mod log;
mod meter;
mod patience;
mod plan;
mod recorder;
mod remote;
mod rest;
mod services;
mod setup;
mod template;
mod triage;
mod trust;

pub use baseline::{Observation, Seen, check, observe};
pub use bench::Means;
pub use campaign::{Budget, Campaign, Command, campaign};
pub use compare::{Comparison, compare, subject, unable};
pub use condition::{Condition, Conditions, Worlds};
pub use error::RunError;
pub use evidence::CommandLine;
pub use given::{Given, SequenceError, Step, sequence};
pub use triage::triage;

/// What no run can see.
pub fn blind_spots() -> Vec<String> {
    blind::spots(Vec::new())
}
