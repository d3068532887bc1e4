//! Tests of the built binary, of what needs the kernel's help, and of the source itself.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod beside;
mod calls;
mod clients;
mod clock;
mod conditions;
mod conformance;
mod context;
mod ending;
mod fuzz;
mod gate;
mod http;
mod input;
mod install;
mod layers;
mod library;
mod pages;
mod precise;
mod resources;
mod rude;
mod sandbox;
mod schemas;
mod sequences;
mod small;
mod snapshots;
mod source;
mod tidy;
mod traces;
mod trust;
mod upstreams;
mod variants;
mod waits;
mod wire;
