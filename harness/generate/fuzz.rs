//! What holds of schemas and of code, whatever they are: asked by fuzzers, and by the tests with
//! the seeds that fuzzers start from.

use super::{Dictionary, Generator, Hints, Language, code};
use crate::secret::Seed;
use serde_json::Value;
use std::iter;

/// Longest text of all arguments of one call.
const ARGUMENTS: usize = 4 << 20;

/// A schema, after a line with bytes to draw from: cases are objects, say rightly whether they are
/// valid, and are made again by their choices.
pub fn schema(data: &[u8]) {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let (bytes, schema) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(schema) = serde_json::from_slice::<Value>(schema) else {
        return;
    };
    let generator = match Generator::new("tool", &schema, &Hints::default(), Seed(7)) {
        Ok(generator) => generator,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            return;
        }
    };
    let mut cases: Vec<_> = (0..3).map(|nth| generator.case(nth)).collect();
    assert_eq!(cases[2], generator.case(2), "another case the second time");
    cases.push(generator.case_from_bytes(bytes));
    for case in cases {
        assert!(case.arguments.is_object());
        assert!(!case.valid || generator.accepts(&case.arguments));
        assert_eq!(generator.replay(&case.choices), case.arguments);
        assert!(case.arguments.to_string().len() <= ARGUMENTS);
    }
}

/// Code: read to its end, in both languages; none of it is new beside itself.
pub fn dictionary(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for language in [Language::JavaScript, Language::Python] {
        assert!(code::tokens(&text, language, usize::MAX).len() <= text.len() + 1);
        let file = || iter::once((language, true, data.to_vec()));
        let new = Dictionary::newly(iter::empty(), file());
        let again = Dictionary::newly(iter::empty(), file());
        assert!(new.texts().eq(again.texts()), "other texts the second time");
        let same = Dictionary::newly(file(), file());
        assert_eq!(same.texts().count() + same.comparands().count(), 0);
    }
}
