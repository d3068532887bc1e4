//! Brings the modules together: builds the world of a scenario, starts a version in it, makes
//! the calls, keeps the record, and compares. The only place where sandbox, internet and client
//! meet.

mod blind;
mod compare;
mod drive;
mod error;
mod evidence;
pub mod log;
mod plan;
mod recorder;
mod setup;

pub use compare::{Comparison, compare, temporary};
pub use error::RunError;
