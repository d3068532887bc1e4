//! Simpler choices with the same consequence.
//!
//! Works on numbers alone: leave out what is optional, cut runs out, lower what is left. Whatever
//! is offered is first walked, so that only the numbers that were used are kept.

use super::{budget, choice::Span};
use serde_json::Value;

/// Walks choices: the arguments, the choices as they were used, the optional parts.
pub(super) type Run<'a> = dyn Fn(&[u64]) -> (Value, Vec<u64>, Vec<Span>) + 'a;

/// The simplest choices found for which `still` holds; `choices` as used when none other does.
pub(super) fn shrink(
    choices: &[u64],
    run: &Run<'_>,
    still: &mut dyn FnMut(&Value) -> bool,
) -> Vec<u64> {
    let (arguments, used, spans) = run(choices);
    let mut search = Search {
        run,
        still,
        best: used,
        arguments,
        spans,
        left: budget::SHRINKS,
    };
    loop {
        let before = search.best.clone();
        search.leave_out();
        search.cut();
        search.lower();
        if search.best == before || search.left == 0 {
            return search.best;
        }
    }
}

struct Search<'a> {
    run: &'a Run<'a>,
    still: &'a mut dyn FnMut(&Value) -> bool,
    best: Vec<u64>,
    arguments: Value,
    spans: Vec<Span>,
    left: usize,
}

impl Search<'_> {
    /// Takes `candidate` if it is simpler and still does it.
    fn offer(&mut self, candidate: &[u64]) -> bool {
        if self.left == 0 {
            return false;
        }
        let (arguments, used, spans) = (self.run)(candidate);
        if !simpler(&used, &self.best) {
            return false;
        }
        // What makes the same arguments needs no asking.
        if arguments != self.arguments {
            self.left -= 1;
            if !(self.still)(&arguments) {
                return false;
            }
        }
        (self.best, self.arguments, self.spans) = (used, arguments, spans);
        true
    }

    /// Optional properties, the largest first.
    fn leave_out(&mut self) {
        let mut tried = 0;
        while tried < self.spans.len() {
            let mut spans = self.spans.clone();
            spans.sort_by_key(|span| std::cmp::Reverse(span.end - span.start));
            let Span { switch, start, end } = spans[tried];
            let mut candidate = self.best.clone();
            candidate.drain(start..end);
            candidate[switch] = 0;
            if !self.offer(&candidate) {
                tried += 1;
            }
        }
    }

    /// Runs of choices: list items and the like.
    fn cut(&mut self) {
        for size in [16, 8, 4, 2, 1] {
            let mut end = self.best.len();
            while end >= size && self.left > 0 {
                let mut candidate = self.best.clone();
                candidate.drain(end - size..end);
                if !self.offer(&candidate) {
                    end -= 1;
                }
                end = end.min(self.best.len());
            }
        }
    }

    /// Each number to zero, or by halves as far down as it goes.
    fn lower(&mut self) {
        let mut index = 0;
        while index < self.best.len() && self.left > 0 {
            if self.best[index] > 0 && !self.set(index, 0) {
                let (mut low, mut high) = (1, self.best[index]);
                // The number of a mark or a time is as good as any other: not worth the questions.
                while low < high && high <= 1 << 16 && index < self.best.len() {
                    let middle = low + (high - low) / 2;
                    if self.set(index, middle) {
                        high = middle;
                    } else {
                        low = middle + 1;
                    }
                }
            }
            index += 1;
        }
    }

    fn set(&mut self, index: usize, number: u64) -> bool {
        let mut candidate = self.best.clone();
        candidate[index] = number;
        self.offer(&candidate)
    }
}

/// Shorter first, then smaller number by number (the order of Hypothesis).
fn simpler(a: &[u64], b: &[u64]) -> bool {
    (a.len(), a) < (b.len(), b)
}
