//! What holds of explanations and of what is explained: asked by fuzzers, and by the tests with
//! the seeds that fuzzers start from.

use super::{Explainer, Expr, dissect, learnt};
use crate::effect::Kind;

/// What reads as an explanation reads the same when it is written, and can be looked through.
pub fn expression(data: &[u8]) {
    let given = String::from_utf8_lossy(data);
    let Some(expr) = Expr::parse(&given) else {
        return;
    };
    let text = expr.to_string();
    assert_eq!(Expr::parse(&text).as_ref(), Some(&expr), "{text}");
    assert!(!expr.provenance().is_empty());
    assert!(expr.unexplained().len() <= given.len());
}

/// An effect taken apart, and each of its values explained: bounded, and each explanation reads
/// back.
pub fn effect(kind: &Kind) {
    assert!(learnt(kind).iter().all(|(_, value)| !value.is_empty()));
    let Some(parts) = dissect(kind) else {
        return;
    };
    let explainer = Explainer::new(&[], 1_790_000_000);
    for leaf in parts.leaves.iter().take(50) {
        let text = explainer.explain(&leaf.value).to_string();
        assert!(Expr::parse(&text).is_some(), "{text}");
    }
}
