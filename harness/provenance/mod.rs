//! Where each value of each effect comes from: an argument, a setting, a planted secret, an
//! upstream's reply, the clock, chance, or nothing the server was given. Knows nothing of
//! versions: it explains one run.
//!
//! Two readers share the work. One explains each value by what was given, word by word, and keeps
//! what is left as text. The other watches every stretch of bytes for what was confided and
//! believes no coding: it finds what the first one reads as chance.

mod clock;
mod coding;
mod explain;
mod expr;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hunt;
mod inputs;
mod leaves;
mod said;
mod search;
mod source;
mod varying;
mod watch;

pub use explain::{Explainer, Lead};
pub use expr::{Expr, Part, is_invisible};
pub use hunt::Confided;
pub use inputs::{json_leaves, words};
pub use leaves::{
    Dissected, END, GOES_ON, LEFT_BEHIND, Leaf, MANY, NOT_FOUND, Piece, REMOVED, SCRIPT_TEXT,
    TRIED, Weight, dissect, in_a_row, last_step, learnt, segment, streams,
};
pub use said::Said;
pub use source::{Coding, Source};
pub use varying::Varying;
