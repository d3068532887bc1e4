//! The wall clock that the server sees: it shows a chosen instant when the server is executed, and
//! goes on from there. A library, preloaded into every process, shifts the dates that libc tells;
//! monotonic clocks, waits and the times of files stay real. Where it cannot be, a note says so.
//! Where the owner wants it, time passes in jumps as well: then all clocks are ahead by what has
//! passed, and waits are over when those say so.

mod place;
#[cfg(test)]
mod shift;

// Compiled by `build.rs`; named here for those who format and read the tree.
#[cfg(any())]
mod shim;

pub use place::{Clock, Hand, NOTICED, place};

#[cfg(test)]
mod tests;
