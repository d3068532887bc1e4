//! Shows a report, one file for each form. Writes to a given writer and nowhere else; knows no
//! terminal, file or environment. Whatever a server had a hand in is escaped on its way out.

pub mod har;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod mbox;
pub mod sarif;
pub mod terminal;

mod events;
mod evidence;
mod kind;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod text;

pub use events::read as events;
pub use evidence::{stage, told};
pub use kind::Kind;
pub use text::{clip, columns, line as escape, lines as escape_lines};
