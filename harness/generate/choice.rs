//! The one place where a walk's numbers come from, and where they are written down.
//!
//! Every decision is a number below a bound. Written down in order they are the case: the same
//! numbers give the same arguments, which is what replay, shrinking and fuzzing rest on.

use super::{place::Place, place::ancestors, plan::Plan};
use crate::secret::{Rng, Seed};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The purposes of choices that no repair draws anew.
const OUTRIGHT: &str = "outright";
const TOLD: &str = "told";

/// What earlier rounds of the same case taught: which values to draw anew, what to leave out.
#[derive(Clone, Debug, Default)]
pub(super) struct Repairs {
    again: BTreeMap<String, u32>,
    absent: BTreeSet<String>,
    stocked: BTreeSet<String>,
    pub(super) minimal: bool,
    /// The schema is walked as it is said outright.
    outright: bool,
}

impl Repairs {
    pub(super) fn outright() -> Self {
        Self {
            outright: true,
            ..Self::default()
        }
    }

    pub(super) fn draw_again(&mut self, path: &str) {
        *self.again.entry(path.to_owned()).or_default() += 1;
    }

    pub(super) fn leave_out(&mut self, path: &str) {
        self.absent.insert(path.to_owned());
    }

    /// Lets the value at `path` come from stock.
    pub(super) fn stock(&mut self, path: &str) {
        self.stocked.insert(path.to_owned());
    }

    fn times(&self, path: &str) -> u32 {
        if self.again.is_empty() {
            return 0;
        }
        ancestors(path).filter_map(|p| self.again.get(p)).sum()
    }
}

/// The choices of one optional property: that at `switch` decides whether it is there, those from
/// `start` up to `end` make its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) switch: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

enum Source<'a> {
    Seeded {
        seed: Seed,
        plan: Plan,
        label: String,
        repairs: &'a Repairs,
        streams: HashMap<String, Rng>,
    },
    Replay(std::slice::Iter<'a, u64>),
    Bytes(std::slice::Iter<'a, u8>),
}

/// A source of decisions that keeps its own record.
pub(super) struct Choices<'a> {
    source: Source<'a>,
    taken: Vec<u64>,
    spans: Vec<Span>,
}

impl<'a> Choices<'a> {
    pub(super) fn seeded(seed: Seed, tool: &str, nth: u32, repairs: &'a Repairs) -> Self {
        Self::from(Source::Seeded {
            seed,
            plan: Plan::new(seed, tool, nth),
            label: format!("generate\0{tool}\0{nth}"),
            repairs,
            streams: HashMap::new(),
        })
    }

    /// Past the end every choice is 0, a number at or past its bound counts as the last below it.
    pub(super) fn replay(choices: &'a [u64]) -> Self {
        Self::from(Source::Replay(choices.iter()))
    }

    /// Each choice takes as many bytes as its bound needs; past the end every choice is 0.
    pub(super) fn bytes(bytes: &'a [u8]) -> Self {
        Self::from(Source::Bytes(bytes.iter()))
    }

    fn from(source: Source<'a>) -> Self {
        Self {
            source,
            taken: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// A number below `bound`, from the stream of `at`.
    pub(super) fn draw(&mut self, at: &Place, bound: u64) -> u64 {
        self.take(at, "", bound, |_| None)
    }

    /// As `draw`, from a stream of its own that no other decision at the same place shifts.
    pub(super) fn draw_apart(&mut self, at: &Place, purpose: &str, bound: u64) -> u64 {
        self.take(at, purpose, bound, |_| None)
    }

    /// As `draw`, but what the plan says when the walk is a planned one and nothing went wrong at `at` yet.
    pub(super) fn planned(
        &mut self,
        at: &Place,
        bound: u64,
        plan: impl FnOnce(&Plan) -> u64,
    ) -> u64 {
        self.take(at, "", bound, |p| Some(plan(p)))
    }

    /// Whether the optional property `at` is given; with `wanted`, the plan is not asked.
    pub(super) fn present(&mut self, at: &Place, wanted: bool) -> bool {
        let left_out = match &self.source {
            Source::Seeded { repairs, .. } => {
                repairs.minimal || repairs.absent.contains(at.as_str())
            }
            _ => false,
        };
        if left_out {
            self.taken.push(0);
            return false;
        }
        self.take(at, "present", 2, |p| {
            Some(u64::from(wanted || p.present(at.as_str())))
        }) == 1
    }

    /// Whether the schema is walked as it is said outright: the first of all choices.
    pub(super) fn outright(&mut self) -> bool {
        let planned = match &self.source {
            Source::Seeded { repairs, .. } => u64::from(repairs.outright),
            _ => 0,
        };
        self.take(&Place::default(), OUTRIGHT, 2, |_| Some(planned)) == 1
    }

    /// A number below `bound` that is `wish` where nothing is replayed.
    pub(super) fn told(&mut self, wish: u64, bound: u64) -> u64 {
        self.take(&Place::default(), TOLD, bound, |_| {
            Some(wish % bound.max(1))
        })
    }

    /// Goes on with streams of another name: a place that was walked may be walked again.
    pub(super) fn afresh(&mut self, round: usize) {
        if let Source::Seeded { label, streams, .. } = &mut self.source {
            streams.clear();
            label.push_str(&format!("\0broken {round}"));
        }
    }

    /// Which value of `n` in stock is given at `at`; `None` for one that is made for it.
    pub(super) fn stock(&mut self, at: &Place, n: usize) -> Option<usize> {
        let stocked = match &self.source {
            Source::Seeded { repairs, .. } => repairs.stocked.contains(at.as_str()),
            _ => true,
        };
        if !stocked {
            self.taken.push(0);
            return None;
        }
        let choice = self.take(at, "stock", n as u64 + 1, |_| None) as usize;
        choice.checked_sub(1)
    }

    fn take(
        &mut self,
        at: &Place,
        purpose: &str,
        bound: u64,
        plan: impl FnOnce(&Plan) -> Option<u64>,
    ) -> u64 {
        let bound = bound.max(1);
        let number = match &mut self.source {
            Source::Seeded {
                seed,
                plan: planner,
                label,
                repairs,
                streams,
            } => {
                let times = repairs.times(at.as_str());
                let wish = if times == 0 || [OUTRIGHT, TOLD].contains(&purpose) {
                    plan(planner)
                } else {
                    None
                };
                wish.unwrap_or_else(|| {
                    let name = format!("{label}\0{}\0{purpose}\0{times}", at.as_str());
                    let stream = streams
                        .entry(name)
                        .or_insert_with_key(|name| seed.stream(name));
                    stream.below(bound)
                })
            }
            Source::Replay(rest) => rest.next().copied().unwrap_or(0),
            Source::Bytes(rest) => {
                let width = (64 - (bound - 1).leading_zeros()).div_ceil(8);
                let raw = (0..width).fold(0, |n, _| n << 8 | u64::from(*rest.next().unwrap_or(&0)));
                raw % bound
            }
        };
        let number = number.min(bound - 1);
        self.taken.push(number);
        number
    }

    /// How many choices were taken so far.
    pub(super) fn position(&self) -> usize {
        self.taken.len()
    }

    /// Remembers that the property decided at `switch` took everything since `start` for its value.
    pub(super) fn close(&mut self, switch: usize, start: usize) {
        let end = self.taken.len();
        self.spans.push(Span { switch, start, end });
    }

    pub(super) fn record(self) -> (Vec<u64>, Vec<Span>) {
        (self.taken, self.spans)
    }
}
