//! Shows a report, one file for each form. Writes to a given writer and nowhere else; knows no
//! terminal, file or environment. Whatever a server had a hand in is escaped on its way out.

mod events;

pub use events::read as events;
