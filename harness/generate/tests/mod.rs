//! The generator as a whole, on schemas that servers show and on schemas nobody should.

mod drawn;
mod hostile;
mod invalid;
mod random;
mod real;
mod send_email;
mod triggers;

use super::{Case, Generator, Hints};
use crate::secret::Seed;
use serde_json::Value;

fn generator(schema: &Value) -> Generator {
    Generator::new("tool", schema, &Hints::default(), Seed(7)).unwrap()
}

/// The first `n` cases, each of which replays to itself.
fn cases(generator: &Generator, n: u32) -> Vec<Case> {
    let cases: Vec<Case> = (0..n).map(|nth| generator.case(nth)).collect();
    for case in &cases {
        assert_eq!(generator.replay(&case.choices), case.arguments);
    }
    cases
}
