//! What a value is for, read from its name, its description and its format.
//!
//! A call that carries "some string" where an address belongs is refused by the server and never
//! reaches the upstream; most of what makes a call succeed is said in prose beside the schema.

mod head;
mod kind;
mod mail;
mod name;
mod prose;
mod quantity;
mod text;

pub(super) use kind::{Meaning, Quantity, Said};
pub(super) use name::words;
pub(super) use quantity::of_number;
pub(super) use text::of_text;
