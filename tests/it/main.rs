//! Tests of the built binary, of what needs the kernel's help, and of the source itself.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

mod layers;
mod library;
mod pages;
mod sandbox;
mod source;
mod tidy;
