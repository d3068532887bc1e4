//! The whole internet that a server under test can reach, and everything it sent there.
//!
//! A [`World`] takes the sockets of a sandbox and plays every other machine: resolvers, web and
//! mail servers, and whatever else is dialled. What a server sends is an effect before it is
//! answered. Every byte is hostile: bounded, parsed once, never trusted.
//!
//! `world` accepts, `connection` finds out what a connection is, `dns`, `tls`, `http`, `smtp`,
//! `imap`, `dialogue`, `flow`, `udp` and `icmp` each speak for one kind, `mock`, `nearby` and `git`
//! hold the upstreams that answer, and `weather`
//! says how those are doing.

pub mod mock;

mod busy;
mod connection;
mod cues;
mod dialogue;
mod dns;
mod flow;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod git;
mod http;
mod icmp;
mod imap;
mod limits;
mod link;
mod names;
mod nearby;
mod packet;
mod shared;
mod smtp;
mod sniff;
mod stream;
mod stun;
mod sys;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod upstream;
mod weather;
mod world;

pub use cues::Cues;
pub use imap::ImapPlace;
pub use limits::Limits;
pub use smtp::{SmtpAction, SmtpRule, SmtpStage};
pub use tls::{Ca, CaError, Period};
pub use upstream::Upstream;
pub use weather::Weather;
pub use world::{Config, OpenError, Sockets, Stats, World};
