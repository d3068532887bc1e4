//! What holds of texts that should be scenarios: asked by fuzzers, and by the tests with the seeds
//! that fuzzers start from.

use super::{Known, parse};
use std::path::Path;

const KNOWN: Known<'static> = Known {
    mocks: &["github", "json", "postmark", "slack", "smtp"],
    behaviours: &["fine", "error", "slow"],
    rules: &["description-changed", "hidden-recipient", "new-destination"],
};

/// A scenario, or problems of which each has its place and can be shown.
pub fn scenario(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Err(error) = parse(&text, Path::new("x.toml"), &KNOWN) else {
        return;
    };
    assert!(!error.problems.is_empty());
    assert!(error.render().starts_with("error: "));
    for problem in &error.problems {
        assert!(!problem.to_string().contains(char::is_control), "{problem}");
        let place = problem.at.and_then(|(line, column)| {
            let source = text.split('\n').nth(line - 1)?;
            Some(column <= source.chars().count() + 1)
        });
        assert_eq!(place, Some(true), "{problem}");
    }
}
