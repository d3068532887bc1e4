//! The generator held to the JSON Schema test suite: for every schema of it that something
//! satisfies, valid values; for what refers to other documents, a refusal.

mod fetch;
mod suite;

use crate::context::cache;
use suite::Suite;
use turncoat::generate::{Generator, Hints};
use turncoat::secret::Seed;

/// Calls made for each schema.
const CASES: u32 = 32;

fn suite() -> Suite {
    suite::read(&fetch::suite(&cache()))
}

#[test]
fn nearly_every_value_for_the_test_suites_schemas_is_valid() {
    let suite = suite();
    let (mut all, mut good, mut wrong) = (0, 0, Vec::new());
    for shown in &suite.shown {
        all += CASES;
        let made = Generator::new("tool", &shown.schema, &Hints::default(), Seed(7));
        let generator = match made {
            Ok(generator) => generator,
            Err(problem) => {
                wrong.push(format!("{}: {problem}", shown.label));
                continue;
            }
        };
        let mut fine = 0;
        for nth in 0..CASES {
            let case = generator.case(nth);
            let judged = shown.judges(&case.arguments);
            // What it says of itself is what another says of it.
            assert_eq!(case.valid, judged, "{} {}", shown.label, case.arguments);
            assert_eq!(
                generator.replay(&case.choices),
                case.arguments,
                "{}",
                shown.label
            );
            fine += u32::from(judged);
        }
        good += fine;
        if fine < CASES {
            wrong.push(format!("{}: {fine} of {CASES}", shown.label));
        }
    }
    assert!(suite.shown.len() > 3_000, "{} schemas", suite.shown.len());
    let share = f64::from(good) / f64::from(all);
    assert!(share >= 0.999, "{share:.4} are valid\n{}", wrong.join("\n"));
}

#[test]
fn what_refers_to_other_documents_is_refused() {
    let remote = suite().remote;
    assert!(remote.len() > 40, "{} schemas", remote.len());
    for (label, schema) in remote {
        let made = Generator::new("tool", &schema, &Hints::default(), Seed(7));
        assert!(made.is_err(), "{label}");
    }
}
