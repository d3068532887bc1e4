//! The nearest valid choice to something mistyped.

/// The candidate most like `typed`, if any is close enough to be worth asking about.
pub(super) fn nearest<S: AsRef<str>>(typed: &str, candidates: &[S]) -> Option<String> {
    let allowed = (typed.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| {
            let candidate = candidate.as_ref();
            (strsim::damerau_levenshtein(typed, candidate), candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
