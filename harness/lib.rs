//! turncoat catches the MCP server that changes sides between two versions.
//!
//! # How a verdict comes about
//!
//! A [`scenario`] says what a server needs. Both versions are fetched and installed by
//! [`package`], with nothing of theirs executed on the host. [`run`] runs what installing them
//! executes and starts both, and both again where they differ, each in a [`sandbox`] whose network
//! ends in [`internet`], each with the same planted [`secret`]s and the same calls: [`generate`]
//! makes their arguments, [`mcp`] makes the calls. Then both run once more under other
//! circumstances. Whatever the server does meanwhile is an [`effect`], written down in order as an
//! [`event`]. [`provenance`] explains each value of each effect;
//! [`snapshot`] keeps the explanations and drops the values, which leaves the behaviour. What
//! differs between two runs of one version is noise, learnt and not guessed. What differs beyond
//! it, [`diff`] names and [`verdict`] weighs. [`report`] shows the result; [`cli`] is what
//! people and CI systems type.
//!
//! # The modules
//!
//! From the bottom up: a module imports modules above it in this list and none below, and the
//! three in the middle do not know of each other. `tests/it/layers.rs` holds the exact table.
//!
//! - [`secret`]: what is planted and must be recognised again, the person whose machine this
//!   seems to be, and the seed that everything made up derives from.
//! - [`effect`]: everything a server can be seen doing, as types. No observer, no judgement.
//! - [`scenario`]: the scenario file, from text to checked types, with errors that point.
//! - [`generate`]: from a tool's JSON Schema, and from what code compares its arguments with, to
//!   arguments that can be recognised in what is sent.
//! - [`provenance`]: from a value in an effect to the argument, setting, secret, reply or clock it
//!   was made of; what is left is constant or chance.
//! - [`snapshot`]: behaviour independent of the values of one run; its text form, and the store
//!   of what was accepted.
//! - [`diff`]: what changed between two behaviours, each change under a [rule](diff::Rule).
//! - [`verdict`]: severities, the policy, the verdict, and the [report](verdict::Report) as data.
//! - [`event`]: what a run tells those who listen; a recorded run is these and nothing else.
//! - [`package`]: from a name, folder, archive or client's configuration to a server that can be
//!   started.
//! - [`sandbox`]: an ordinary machine for the server to see, and no way to touch this one.
//! - [`internet`]: every other machine, from the resolver to the mail server.
//! - [`mcp`]: a client that believes nothing it is told.
//! - [`run`]: builds the world, drives the server, keeps the record. The only place where
//!   sandbox, internet and client meet.
//! - [`report`]: a report for people, for CI systems, and in the formats other tools read.
//! - [`cli`]: commands, options, exit statuses.
//!
//! Beside them stands `fuzzing`, which only tests and fuzzers are built with: what has to hold of
//! every reader of hostile bytes, whatever they are. Fuzzers alone are built with
//! `run::differential`, which keeps two versions up and calls them with what they draw.
//!
//! # What never happens
//!
//! - From [`secret`] to [`event`] nothing reads a clock, opens a connection or waits: the same
//!   input gives the same verdict. Only [`scenario`] and [`snapshot`] touch files, to load and to
//!   store.
//! - Nothing of a package runs outside the sandbox, not even to install it.
//! - No packet of a server reaches a real network, and no file of the user's is changed. turncoat
//!   itself talks to one only to fetch packages, and to a server that runs elsewhere where its user
//!   names one.
//! - The sandbox hands over sockets and looks at no byte of traffic; the internet takes sockets
//!   and starts no process; the client takes streams of bytes, or somebody who
//!   connects, and knows neither.
//! - Bytes from a server are hostile: bounded before they are kept, parsed once, into types. What
//!   a server does is an effect, never an error of turncoat's, and never a reason to panic.
//! - Observers do not judge, and judges do not observe: [`effect`]s are made without regard to
//!   what they mean, and [`diff`] sees nothing but behaviour.
//! - A run that saw too little is inconclusive. Nothing observed never passes.
//! - [`scenario`]'s types are a file format; [`run`] translates them into each module's own.
//! - Only [`cli`] reads arguments, prints, or decides how the program ends. `unsafe` stands in
//!   `sandbox/sys.rs`, `sandbox/notify.rs` and `internet/sys.rs` alone, and in the library that
//!   shows a server the clock (`sandbox/clock/shim.rs` and below it), which runs in the server's
//!   processes and never in this one.

#[expect(
    clippy::disallowed_methods,
    reason = "the one module that is told things by the environment"
)]
pub mod cli;
pub mod diff;
pub mod effect;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod generate;
pub mod internet;
pub mod mcp;
pub mod package;
pub mod provenance;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod scenario;
pub mod secret;
pub mod snapshot;
pub mod verdict;
