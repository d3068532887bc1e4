//! The home folder of the persona: what thieves look for and what a person keeps, each file in
//! its real format, each secret in it a canary. One file of code for each corner of the house.

mod browser;
mod clients;
mod cloud;
mod code;
mod documents;
mod furnish;
mod guarded;
mod keyring;
mod shell;
mod sqlite;
mod ssh;
mod tools;
mod wallet;

pub use furnish::{Home, HomeFile, home};
pub use guarded::guarded;
