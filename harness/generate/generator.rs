//! One tool's generator: cases by number, by recorded choices, by bytes.

use super::{
    SchemaProblem, budget,
    choice::{Choices, Repairs},
    code::Dictionary,
    feed,
    place::{Place, ancestors},
    schema::{Schema, Segment},
    shrink,
    walk::{Ground, Made, Walk},
};
use crate::secret::Seed;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a user knows that a schema does not say.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Values by dotted path, list positions written as `[]` (`attachments[].name`, `to[]`). They
    /// join the generated values, in every second call: they do not replace them.
    pub args: BTreeMap<String, Vec<Value>>,
    /// What the code compares its arguments with: from the third call on, every second one is made
    /// of it.
    pub code: Arc<Dictionary>,
}

/// The arguments of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Always an object.
    pub arguments: Value,
    /// Checked against the schema, but for the keywords in [`Generator::odd`], and found to satisfy
    /// it; no reference was fetched for that. False also when the check would have
    /// cost more than a hostile schema is given.
    pub valid: bool,
    /// The decisions that made the arguments: [`Generator::replay`] makes them again.
    pub choices: Vec<u64>,
    /// What to look for in what the server sends.
    pub marks: Vec<Mark>,
}

/// A text that stands in one argument and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where: `to`, `attachments[0].name`. An argument with two addresses has two marks.
    pub path: String,
    /// Lower-case letters and digits, a letter first. The argument may hold it in capitals where
    /// its pattern asks for them, shortened (7 characters at least) where its length does, or
    /// encoded where the argument itself is base64.
    pub token: String,
}

/// Makes the arguments of one tool's calls.
pub struct Generator {
    pub(super) tool: String,
    pub(super) schema: Schema,
    hints: Hints,
    /// All names of properties in the schema, in the form in which they are compared.
    names: BTreeSet<String>,
    pub(super) seed: Seed,
}

impl Generator {
    /// Reads a tool's input schema. A schema that is strange but usable works: keywords that no
    /// dialect knows in that form are set aside, see [`Generator::odd`].
    pub fn new(
        tool: &str,
        schema: &Value,
        hints: &Hints,
        seed: Seed,
    ) -> Result<Self, SchemaProblem> {
        let generator = Self {
            tool: tool.to_owned(),
            schema: Schema::new(schema)?,
            hints: hints.clone(),
            names: feed::names(schema),
            seed,
        };
        if !generator.schema.allows_an_object() {
            return Err(SchemaProblem::NotAnObject {
                place: "#".to_owned(),
            });
        }
        let repairs = Repairs::default();
        let first = generator.walk(Choices::seeded(seed, tool, 0, &repairs));
        match first.dead_end {
            // Said outright, the schema may show another way.
            Some(end) if !generator.case(0).valid => Err(SchemaProblem::Unsatisfiable {
                path: end.path,
                why: end.why.to_owned(),
            }),
            _ => Ok(generator),
        }
    }

    /// JSON pointers of the keywords that were set aside: they mean nothing where they stand, or
    /// are a pattern that no engine could be given. A server may still refuse a call for them.
    pub fn odd(&self) -> &[String] {
        &self.schema.odd
    }

    /// The arguments of the `nth` call of this tool: call 0 gives what is required, call 1 every
    /// optional property, later ones cover pairs of optional properties, listed values and bounds.
    pub fn case(&self, nth: u32) -> Case {
        self.repaired(nth).0
    }

    /// A case, and what its repairs were.
    pub(super) fn repaired(&self, nth: u32) -> (Case, Repairs) {
        let mut repairs = Repairs::default();
        let mut round = 0;
        loop {
            let made = self.walk(Choices::seeded(self.seed, &self.tool, nth, &repairs));
            let overdrawn = made.overdrawn;
            let case = self.case_of(made);
            round += 1;
            let last = if overdrawn {
                budget::HOPELESS_ROUNDS
            } else {
                budget::ROUNDS
            };
            if case.valid || round >= last || !self.schema.affordable(&case.arguments) {
                return (case, repairs);
            }
            self.blame(&case.arguments, round, &mut repairs);
            repairs.minimal |= overdrawn;
        }
    }

    /// The arguments that `choices` stand for. Any sequence is one: a short one goes on with
    /// zeros, a number past its bound is the last below it.
    pub fn replay(&self, choices: &[u64]) -> Value {
        self.walk(Choices::replay(choices)).arguments
    }

    /// A case drawn from arbitrary bytes, for fuzz targets and property tests: with proptest,
    /// `vec(any::<u8>(), 0..512).prop_map(|bytes| generator.case_from_bytes(&bytes))`. Nothing is
    /// repaired, so `valid` may well be false.
    pub fn case_from_bytes(&self, bytes: &[u8]) -> Case {
        self.case_of(self.walk(Choices::bytes(bytes)))
    }

    /// Whether the schema lets `arguments` pass; false as well when the check would cost too much.
    pub fn accepts(&self, arguments: &Value) -> bool {
        self.schema.accepts(arguments)
    }

    /// The simplest choices found for which `still` holds, asked with the arguments they make.
    /// When `choices` make valid arguments, only valid ones are offered. `still` is asked at most
    /// 2,000 times; the result is never longer than what `choices` use.
    pub fn shrink(&self, choices: &[u64], still: &mut dyn FnMut(&Value) -> bool) -> Vec<u64> {
        let must_be_valid = self.accepts(&self.replay(choices));
        let run = |choices: &[u64]| {
            let made = self.walk(Choices::replay(choices));
            (made.arguments, made.choices, made.spans)
        };
        let mut holds =
            |arguments: &Value| (!must_be_valid || self.accepts(arguments)) && still(arguments);
        shrink::shrink(choices, &run, &mut holds)
    }

    fn walk(&self, choices: Choices<'_>) -> Made {
        Walk::run(self.ground(&self.hints), choices)
    }

    pub(super) fn ground<'s>(&'s self, hints: &'s Hints) -> Ground<'s> {
        Ground {
            schema: &self.schema,
            tool: &self.tool,
            hints,
            names: &self.names,
        }
    }

    /// A walk whose choices go on to something else.
    pub(super) fn walk_on<'c>(&self, choices: Choices<'c>) -> (Value, Choices<'c>) {
        Walk::start(self.ground(&self.hints), choices)
    }

    fn case_of(&self, made: Made) -> Case {
        Case {
            valid: self.schema.accepts(&made.arguments),
            arguments: made.arguments,
            choices: made.choices,
            marks: made.marks,
        }
    }

    /// Draws anew what the validator complains about, and leaves out what stays wrong. After a while
    /// all over again, with the schema said outright.
    fn blame(&self, arguments: &Value, round: usize, repairs: &mut Repairs) {
        if round == budget::PATIENCE {
            *repairs = Repairs::outright();
            return;
        }
        let round = match round.checked_sub(budget::PATIENCE) {
            Some(since) => since,
            None => round,
        };
        for (segments, kind) in self.schema.complaints(arguments) {
            let place = segments
                .iter()
                .fold(Place::default(), |at, segment| match segment {
                    Segment::Property(name) => at.property(name),
                    Segment::Index(index) => at.item(*index),
                });
            repairs.draw_again(place.as_str());
            if kind == "extra" || round >= 4 {
                repairs.leave_out(place.as_str());
            }
            if round >= 4 {
                repairs.stock(place.as_str());
            }
            if round >= 6 {
                ancestors(place.as_str()).for_each(|path| repairs.leave_out(path));
            }
        }
        if round >= 6 {
            repairs.draw_again("");
        }
        repairs.minimal |= round >= 10;
    }
}
