//! Attempts to start a program that more may follow, kept over the beginning of a call.

use super::Collector;
use crate::provenance::{Expr, Leaf, TRIED, dissect};
use crate::snapshot::tries::{Held, Try};

impl Collector {
    /// Before the arguments of the call that is over are forgotten.
    pub(super) fn hold_tries(&mut self) {
        let mut tries = std::mem::take(&mut self.tries);
        let (given_up, open) = tries.call();
        self.given_up(given_up);
        for held in open.filter(|open| open.held.is_none()) {
            let (scope, call) = self.place_of(&held.effect);
            let leaves = dissect(&held.effect.kind).unwrap_or_default().leaves;
            let explain = |leaf: Leaf| (leaf.place, self.explainer.explain(&leaf.value));
            let values = leaves.into_iter().map(explain).collect();
            held.held = Some(Held {
                scope,
                call,
                values,
            });
        }
        self.tries = tries;
    }

    /// Counts attempts that nothing followed, to the calls that made them.
    pub(super) fn given_up(&mut self, tries: Vec<Try>) {
        for mut given_up in tries {
            let attempt = given_up.attempt();
            let Some(held) = given_up.held.take() else {
                self.settled(&attempt);
                continue;
            };
            let parts = dissect(&attempt.kind).unwrap_or_default();
            let name = self.operation_name(&parts, &held.scope);
            self.seen(&held.scope, &name, None, held.call, attempt.seq);
            let tried = parts.leaves.into_iter().filter(|leaf| leaf.place == TRIED);
            let tried = tried.map(|leaf| (leaf.place, Expr::text(leaf.value)));
            let values = held.values.into_iter().chain(tried);
            self.add(&held.scope, &name, values, held.call, attempt.seq);
        }
    }
}
