//! The whole internet that a server under test can reach, and everything it sent there.

pub mod mock;
