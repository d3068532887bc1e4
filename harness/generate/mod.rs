//! Arguments for a tool's calls, made from the JSON Schema the server shows.
//!
//! Owns the way from a schema (draft-07, 2019-09, 2020-12) to values that the server's own
//! validation lets pass and that can be recognised afterwards in whatever the server sends; and
//! the way from code to what it compares its arguments with, which they are then made of.
//! Refuses to fetch anything, to make up a name, an address or a number that could belong to
//! somebody, and to call a value valid that was not checked.
//!
//! A [`Generator`] is compiled once per tool. Its [`case`](Generator::case) of a number is a
//! function of seed, tool and number alone; each property draws from a stream of its own, so a
//! property that a new version adds leaves the values of the others as they were.
//!
//! ```
//! use serde_json::json;
//! use turncoat::{generate::{Generator, Hints}, secret::Seed};
//!
//! let schema = json!({"type": "object", "required": ["to"], "properties": {"to": {"type": "string", "format": "email"}}});
//! let send = Generator::new("sendEmail", &schema, &Hints::default(), Seed(7))?;
//! let case = send.case(0);
//! assert!(case.valid);
//! assert_eq!(send.replay(&case.choices), case.arguments);
//! # Ok::<(), turncoat::generate::SchemaProblem>(())
//! ```

mod array;
mod broken;
mod budget;
mod choice;
mod code;
mod cost;
mod facets;
mod feed;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod generator;
mod handles;
mod meaning;
mod number;
mod object;
mod outright;
mod parts;
mod pattern;
mod place;
mod plan;
mod problem;
mod refs;
mod render;
mod schema;
mod shrink;
mod sites;
mod stock;
mod string;
mod token;
mod told;
mod translate;
mod walk;
mod words;

#[cfg(test)]
mod tests;

pub use broken::{Breaks, Invalid};
pub use code::{Dictionary, File, Language};
pub use generator::{Case, Generator, Hints, Mark};
pub use handles::Handles;
pub use problem::SchemaProblem;
