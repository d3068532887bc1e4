//! Tests of the built binary and of what needs the kernel's help.

mod context;
mod gate;
mod input;
mod rude;
mod sandbox;
mod small;
mod snapshots;
mod traces;
mod variants;
