//! Where each value of each effect comes from: an argument, a setting, a planted secret, an
//! upstream's reply, the clock, chance, or nothing the server was given. Knows nothing of
//! versions: it explains one run.

mod clock;
mod coding;
mod explain;
mod expr;
mod inputs;
mod leaves;
mod search;
mod source;
mod varying;

pub use explain::{Explainer, Lead};
pub use expr::{Expr, Part, is_invisible};
pub use inputs::{json_leaves, words};
pub use leaves::{
    Dissected, Leaf, MANY, NOT_FOUND, Piece, REMOVED, TRIED, Weight, dissect, last_step, learnt,
    segment,
};
pub use source::{Coding, Source};
pub use varying::Varying;
