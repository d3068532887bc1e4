//! What a package's own code says about the arguments it waits for.
//!
//! A line that does something for one recipient, one word or one length has to name it. Owns the
//! way from code to [`Dictionary`], the literals that decide something; reads code as text and runs
//! none of it.

mod dictionary;
mod lex;
mod used;

pub use dictionary::{Dictionary, File};
pub(super) use dictionary::{Entry, is_a_host, plain};
pub use lex::Language;
#[cfg(any(test, fuzzing))]
pub(super) use lex::tokens;
pub(super) use used::{Literal, Order, Use, What};
