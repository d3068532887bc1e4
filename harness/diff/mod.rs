//! What changed between two behaviours, each change named by a rule. Says nothing about whether
//! it matters: `verdict` does.

mod carry;
mod change;
mod condition;
mod effects;
mod known;
mod merge;
mod place;
mod scripts;
mod surface;
#[cfg(test)]
mod tests;
mod usage;
mod values;
mod weigh;
mod wording;

pub use change::{Change, Owner, Rule, Side, Weight};
pub use condition::learn as condition;
pub use known::bare as bare_host;
pub use usage::usage;

use crate::snapshot::Behaviour;

/// Every difference, in a fixed order: what was done, then what was declared.
///
/// Both must have been written in common terms (`snapshot::in_common_terms`).
pub fn compare(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    let mut changes = merge::redirected(effects::compare(old, new));
    changes.extend(surface::compare(&old.surface, &new.surface));
    changes.extend(surface::after_calls(old, new));
    changes.extend(merge::contradictions(old, new));
    merge::merge(changes)
}
