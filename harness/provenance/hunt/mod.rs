//! Finds what was confided in whatever a server lets out, however it is written there: coded,
//! packed, reversed, enciphered by one byte, hidden in invisible characters, hashed, or in pieces.
//! Nothing is guessed: a find is a stretch of the very bytes that were given, too long for chance.
//!
//! Two halves. Byte for byte transformations are not undone: what is looked for is written in all
//! of them beforehand ([`Confided`]), or in a form that they leave alone (the difference of two
//! neighbours survives a XOR by any one byte). Everything else is undone, coding inside coding,
//! within a bound on work ([`Work`]). What no bound can reach is a cipher with a key.

mod confided;
mod digest;
mod invisible;
mod packed;
mod runs;
mod search;
mod shifted;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use confided::{Confided, Known};
pub use search::{Find, Work};
