//! Other people's property tests and fuzzers draw from the same core: what they find, replays.

use super::*;
use arbitrary::{Arbitrary, Unstructured};
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{TestError, TestRunner};
use serde_json::json;
use std::cell::RefCell;
use std::sync::LazyLock;

/// Valid arguments of one tool, shrunk by [`Generator::shrink`].
#[derive(Debug)]
struct Arguments(&'static Generator);

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Generator")
    }
}

impl Strategy for Arguments {
    type Tree = Shrinking;
    type Value = Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let bytes = proptest::collection::vec(proptest::num::u8::ANY, 256);
        for _ in 0..64 {
            let bytes = bytes.new_tree(runner)?.current();
            let case = self.0.case_from_bytes(&bytes);
            if case.valid {
                return Ok(Shrinking {
                    generator: self.0,
                    choices: case.choices,
                    answers: Vec::new(),
                    current: case.arguments,
                    asked: false,
                });
            }
        }
        Err("no valid arguments in 64 draws".into())
    }
}

/// One drawn value. The shrinker asks, and here it is answered from outside: so each step runs it
/// again with the answers so far, up to the first question that has none.
struct Shrinking {
    generator: &'static Generator,
    choices: Vec<u64>,
    answers: Vec<bool>,
    current: Value,
    /// `current` is the answer's question.
    asked: bool,
}

impl Shrinking {
    fn go_on(&mut self, answer: bool) -> bool {
        if self.asked {
            self.answers.push(answer);
        }
        let (open, mut answers) = (RefCell::new(None), self.answers.iter());
        let best = self.generator.shrink(&self.choices, &mut |arguments| {
            let known = answers.next().copied();
            if known.is_none() {
                open.borrow_mut().get_or_insert_with(|| arguments.clone());
            }
            known.unwrap_or(false)
        });
        let open = open.into_inner();
        self.asked = open.is_some();
        self.current = open.unwrap_or_else(|| self.generator.replay(&best));
        self.asked
    }
}

impl ValueTree for Shrinking {
    type Value = Value;

    fn current(&self) -> Value {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.go_on(true)
    }

    fn complicate(&mut self) -> bool {
        self.go_on(false)
    }
}

static TOOL: LazyLock<Generator> = LazyLock::new(|| {
    generator(&json!({
        "type": "object",
        "required": ["limit"],
        "properties": {
            "limit": { "type": "integer", "minimum": 0, "maximum": 1000 },
            "to": { "type": "array", "items": { "type": "string", "format": "email" } },
            "note": { "type": ["string", "null"] },
        },
        "additionalProperties": false,
    }))
});

#[test]
fn proptest_ends_with_the_smallest_arguments_that_fail() {
    let few = |arguments: Value| {
        let to = arguments["to"].as_array().map_or(0, Vec::len);
        proptest::prop_assert!(to < 2);
        Ok(())
    };
    let failed = TestRunner::deterministic().run(&Arguments(&TOOL), few);
    let Err(TestError::Fail(_, smallest)) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(smallest["to"].as_array().unwrap().len(), 2);
    assert_eq!(smallest["limit"], TOOL.replay(&[])["limit"], "{smallest}");
    assert!(smallest.get("note").is_none(), "{smallest}");
    assert!(TOOL.accepts(&smallest));
}

/// Arguments that a fuzzer's bytes stand for.
#[derive(Debug)]
struct Fuzzed(Case);

impl<'a> Arbitrary<'a> for Fuzzed {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let all = bytes.len();
        Ok(Self(TOOL.case_from_bytes(bytes.bytes(all)?)))
    }
}

#[test]
fn a_fuzzers_bytes_are_choices_and_shrink_as_such() {
    let mut rng = Seed(3).stream("bytes");
    let many = |case: &Value| case["to"].as_array().is_some_and(|to| to.len() > 1);
    let found = (0..500).find_map(|_| {
        let bytes: Vec<u8> = (0..200).map(|_| rng.below(256) as u8).collect();
        let Fuzzed(case) = Fuzzed::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
        assert_eq!(TOOL.replay(&case.choices), case.arguments);
        (case.valid && many(&case.arguments)).then_some(case)
    });
    let small = TOOL.shrink(&found.unwrap().choices, &mut |arguments| many(arguments));
    let small = TOOL.replay(&small);
    assert_eq!(small["to"].as_array().unwrap().len(), 2, "{small}");
    assert!(small.get("note").is_none(), "{small}");
}
