//! Tests of the built binary and of what needs the kernel's help.

mod sandbox;
