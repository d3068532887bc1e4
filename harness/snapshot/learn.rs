//! Learning what differs between runs of the same version, so that it is not taken for a
//! change. Nothing is guessed: a value is noise because two runs disagreed about it.
//!
//! Normalisations, by name:
//! - `varying`: a stretch of text that differed between runs becomes its shape. It must not hide
//!   a value of another make-up, nor anything around the stretch.
//! - `unsteady-operation`, `unsteady-place`: what only some runs showed may be missing. It must
//!   not hide anything that no run showed.
//! - `unsteady-count`: how often an operation is repeated in a call is not compared where runs
//!   disagreed.
//! - `varying-name`: see [`names`].
//! - `varying-number`: a number that stood still in one version's runs and varies by itself in
//!   the other's, around the same length, is measured (a duration, a size) and varied by chance
//!   in neither or one. It must not hide a number that another one replaced for good, nor data
//!   where a number was.

use super::{Behaviour, Calls, Operation, Place, Scoped, Sightings, names};
use crate::provenance::{Expr, Part, Varying, words};
use std::collections::{BTreeMap, BTreeSet};

/// Steps that matching a value against a learnt one may take, and letters looked at that count as
/// one more: a server may say the same long text in ever other words.
const MATCH_STEPS: u32 = 20_000;
const LETTERS: usize = 64;

/// Joins the behaviours of runs of one version under one exercise.
pub fn learn(a: Behaviour, b: &Behaviour) -> Behaviour {
    let mut scopes = a.scopes;
    for (scope, theirs) in &b.scopes {
        let ours = scopes.entry(scope.clone()).or_insert_with(|| Scoped {
            calls: theirs.calls,
            ..Scoped::default()
        });
        ours.calls = ours.calls.max(theirs.calls);
        let mut theirs = theirs.operations.clone();
        names::agree(&mut ours.operations, &mut theirs);
        ours.operations = both(
            std::mem::take(&mut ours.operations),
            &theirs,
            |op, steady| op.steady &= steady,
            operation,
        );
    }
    let missing: Vec<_> = scopes
        .keys()
        .filter(|s| !b.scopes.contains_key(s))
        .cloned()
        .collect();
    for scope in missing {
        if let Some(scoped) = scopes.get_mut(&scope) {
            scoped
                .operations
                .values_mut()
                .for_each(|op| op.steady = false);
        }
    }
    Behaviour {
        surface: a.surface,
        later: a.later.or_else(|| b.later.clone()),
        scopes,
    }
}

/// Joins two maps by key; what only one has is marked.
fn both<T: Clone>(
    ours: BTreeMap<String, T>,
    theirs: &BTreeMap<String, T>,
    mark: impl Fn(&mut T, bool),
    join: impl Fn(T, &T) -> T,
) -> BTreeMap<String, T> {
    let mut out: BTreeMap<String, T> = BTreeMap::new();
    for (key, mut value) in ours {
        match theirs.get(&key) {
            Some(other) => value = join(value, other),
            None => mark(&mut value, false),
        }
        out.insert(key, value);
    }
    for (key, value) in theirs {
        if !out.contains_key(key) {
            let mut value = value.clone();
            mark(&mut value, false);
            out.insert(key.clone(), value);
        }
    }
    out
}

fn operation(a: Operation, b: &Operation) -> Operation {
    Operation {
        calls: a.calls.union(&b.calls),
        most: a.most.max(b.most),
        host: a.host,
        steady: a.steady && b.steady && a.calls == b.calls,
        // It is looked up in the record of the first run, where another run's number is another
        // effect.
        first: a.first,
        places: both(a.places, &b.places, |p, steady| p.steady &= steady, place),
    }
}

fn place(a: Place, b: &Place) -> Place {
    let steady = a.steady && b.steady && a.calls == b.calls;
    let calls = a.calls.union(&b.calls);
    let learnt = disagreements(&a.values, &b.values);
    let mut values: BTreeMap<Expr, Sightings> = BTreeMap::new();
    for (expr, seen) in a.values.iter().chain(&b.values) {
        let expr = learnt
            .iter()
            .find(|known| admits(known, expr))
            .unwrap_or(expr);
        let known = values.entry(expr.clone()).or_insert_with(|| Sightings {
            calls: Default::default(),
            first: seen.first,
        });
        known.calls = known.calls.union(&seen.calls);
    }
    Place {
        calls,
        values,
        steady,
    }
}

/// General expressions for values about which two runs disagreed in the same call.
fn disagreements(a: &BTreeMap<Expr, Sightings>, b: &BTreeMap<Expr, Sightings>) -> Vec<Expr> {
    // In which calls a value was seen in one run alone.
    let only = |x: &BTreeMap<Expr, Sightings>, y: &BTreeMap<Expr, Sightings>| {
        let alone = x.iter().map(|(expr, seen)| {
            let calls = match y.get(expr) {
                Some(other) => seen.calls.minus(&other.calls),
                None => seen.calls.clone(),
            };
            (expr.clone(), calls)
        });
        let alone = alone.filter(|(_, calls)| !calls.is_empty());
        alone.collect::<Vec<(Expr, Calls)>>()
    };
    let (ours, theirs) = (only(a, b), only(b, a));
    let mut learnt: Vec<Expr> = Vec::new();
    for (x, x_calls) in &ours {
        for (y, y_calls) in &theirs {
            if !x_calls.meets(y_calls) {
                continue;
            }
            if let Some(general) = generalise(x, y) {
                add_general(&mut learnt, general);
            }
        }
    }
    // The widest first, so that each value finds the one place it belongs to.
    learnt.sort_by_key(|expr| std::cmp::Reverse(expr.to_string().len()));
    learnt
}

fn add_general(learnt: &mut Vec<Expr>, general: Expr) {
    for known in learnt.iter_mut() {
        if let Some(joined) = join_shapes(known, &general) {
            *known = joined;
            return;
        }
    }
    learnt.push(general);
}

/// Two general expressions that differ in the widths of their shapes only become one.
fn join_shapes(a: &Expr, b: &Expr) -> Option<Expr> {
    (a.0.len() == b.0.len()).then_some(())?;
    let parts = a.0.iter().zip(&b.0).map(|pair| match pair {
        (Part::Varying(x), Part::Varying(y)) => Some(Part::Varying(x.join(y))),
        (Part::Coded(c, x), Part::Coded(d, y)) if c == d => {
            Some(Part::Coded(*c, join_shapes(x, y)?))
        }
        (x, y) => (x == y).then(|| x.clone()),
    });
    parts.collect::<Option<_>>().map(Expr)
}

/// The expression that covers both, with shapes where their text differs; nothing where the two
/// are of different make-up: then both stand, as different behaviours that both were seen.
pub fn generalise(a: &Expr, b: &Expr) -> Option<Expr> {
    if a.0.len() == b.0.len() {
        let parts = a.0.iter().zip(&b.0).map(|pair| match pair {
            (Part::Text(x), Part::Text(y)) => Some(varied(x, y)),
            (Part::Varying(x), Part::Varying(y)) => Some(vec![Part::Varying(x.join(y))]),
            (Part::Varying(x), Part::Text(y)) | (Part::Text(y), Part::Varying(x)) => {
                Some(vec![Part::Varying(x.join(&Varying::of(y)))])
            }
            (Part::Coded(c, x), Part::Coded(d, y)) if c == d => {
                Some(vec![Part::Coded(*c, generalise(x, y)?)])
            }
            (x, y) => (x == y).then(|| vec![x.clone()]),
        });
        return parts
            .collect::<Option<Vec<_>>>()
            .map(|parts| Expr(parts.concat()));
    }
    None
}

/// Word by word where both have the same words' places, else the whole stretch.
fn varied(a: &str, b: &str) -> Vec<Part> {
    if a == b {
        return vec![Part::Text(a.to_owned())];
    }
    let (xs, ys) = (pieces(a), pieces(b));
    let alike = xs.len() == ys.len()
        && xs
            .iter()
            .zip(&ys)
            .all(|(x, y)| x.1 == y.1 && (x.1 || x.0 == y.0));
    if !alike {
        return vec![Part::Varying(Varying::of(a).join(&Varying::of(b)))];
    }
    let mut parts = Vec::new();
    let mut text = String::new();
    for (x, y) in xs.iter().zip(&ys) {
        if x.0 == y.0 {
            text.push_str(x.0);
        } else {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::Varying(Varying::of(x.0).join(&Varying::of(y.0))));
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// Words and what stands between them, in order; true for a word.
fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut out = Vec::new();
    let mut at = 0;
    for (start, word) in words(text) {
        if start > at {
            out.push((&text[at..start], false));
        }
        out.push((word, true));
        at = start + word.len();
    }
    if at < text.len() {
        out.push((&text[at..], false));
    }
    out
}

/// Whether `value` is one of those that `general` stands for.
pub fn admits(general: &Expr, value: &Expr) -> bool {
    general == value || {
        let mut steps = MATCH_STEPS;
        fits(&general.0, &value.0, 0, &mut steps)
    }
}

/// Matches parts from the left; `at` is the offset into the first part of `value` if it is text.
fn fits(general: &[Part], value: &[Part], at: usize, steps: &mut u32) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return false;
    }
    let Some((first, rest)) = general.split_first() else {
        return match value {
            [] => true,
            [Part::Text(text)] => text.len() == at,
            _ => false,
        };
    };
    let text = match value.first() {
        Some(Part::Text(text)) => &text[at..],
        _ => "",
    };
    match first {
        Part::Text(literal) => {
            text.starts_with(literal.as_str()) && {
                let end = at + literal.len();
                if literal.len() == text.len() {
                    fits(rest, &value[1..], 0, steps)
                } else {
                    fits(rest, value, end, steps)
                }
            }
        }
        Part::Varying(shape) => {
            if let Some(Part::Varying(other)) = value.first() {
                return shape.join(other) == *shape && fits(rest, &value[1..], 0, steps);
            }
            let (ends, looked_at) = shape.prefixes(text);
            *steps = steps.saturating_sub((looked_at / LETTERS) as u32);
            for end in ends {
                let done = end == text.len() && !text.is_empty();
                let found = if done {
                    fits(rest, &value[1..], 0, steps)
                } else {
                    fits(rest, value, at + end, steps)
                };
                if found || *steps == 0 {
                    return found;
                }
            }
            false
        }
        Part::Coded(coding, inner) => match value.first() {
            Some(Part::Coded(other, theirs)) if at == 0 => {
                coding == other
                    && (inner == theirs || fits(&inner.0, &theirs.0, 0, steps))
                    && fits(rest, &value[1..], 0, steps)
            }
            _ => false,
        },
        other => at == 0 && value.first() == Some(other) && fits(rest, &value[1..], 0, steps),
    }
}

/// Both in the same words, so that what one admits is equal in the other.
pub fn in_common_terms(old: Behaviour, new: Behaviour) -> (Behaviour, Behaviour) {
    let new = rewritten(new, &old, Expr::has_varying);
    let old = rewritten(old, &new, Expr::has_varying_number);
    (old, new)
}

/// Writes the values of one behaviour in the words of another that are general.
fn rewritten(mut new: Behaviour, baseline: &Behaviour, is_general: fn(&Expr) -> bool) -> Behaviour {
    for (scope, scoped) in &mut new.scopes {
        let Some(old) = baseline.scopes.get(scope) else {
            continue;
        };
        names::adopt(&mut scoped.operations, &old.operations);
        for (name, operation) in &mut scoped.operations {
            let Some(old) = old.operations.get(name) else {
                continue;
            };
            for (name, place) in &mut operation.places {
                let Some(old) = old.places.get(name) else {
                    continue;
                };
                let general: BTreeSet<&Expr> =
                    old.values.keys().filter(|expr| is_general(expr)).collect();
                if general.is_empty() {
                    continue;
                }
                let mut values: BTreeMap<Expr, Sightings> = BTreeMap::new();
                for (expr, seen) in std::mem::take(&mut place.values) {
                    let expr = match old.values.contains_key(&expr) {
                        true => expr,
                        false => general
                            .iter()
                            .find(|known| admits(known, &expr))
                            .map_or(expr, |known| (*known).clone()),
                    };
                    let known = values.entry(expr).or_insert_with(|| Sightings {
                        calls: Default::default(),
                        first: seen.first,
                    });
                    known.calls = known.calls.union(&seen.calls);
                    known.first = known.first.min(seen.first);
                }
                place.values = values;
            }
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::{Coding, Source};
    use proptest::prelude::*;

    fn value(text: &str) -> Expr {
        let end = Part::From(Source::Argument("x".into()));
        let start = (!text.is_empty()).then(|| Part::Text(text.to_owned()));
        Expr(start.into_iter().chain([end]).collect())
    }

    /// Without a bound on letters this takes hours.
    #[test]
    fn a_long_text_is_matched_in_bounded_work() {
        let varying = || Part::Varying(Varying::of("a").join(&Varying::of(&"a".repeat(1 << 20))));
        let parts = (0..12).flat_map(|_| [varying(), Part::Text("a".to_owned())]);
        let general = Expr(parts.collect());
        let long = format!("{}b", "a".repeat(100_000));
        let value = |text: &str| Expr(vec![Part::Text(text.to_owned())]);
        assert!(!admits(&general, &value(&long)));
        let coded = |expr| Expr(vec![Part::Coded(Coding::Hex, expr), value("a").0.remove(0)]);
        assert!(!admits(&coded(general.clone()), &coded(value(&long))));
        assert!(admits(&general, &value(&"a".repeat(40))));
    }

    #[test]
    fn what_varied_may_vary_and_what_stood_may_not() {
        let general = generalise(
            &value("id=9f86d081884c7d65; to=team@corp.example "),
            &value("id=2c26b46b68ffc68f; to=team@corp.example "),
        )
        .unwrap();
        assert_eq!(
            general.to_string(),
            "id={random:hex:16}; to=team@corp.example {argument(x)}"
        );
        assert!(admits(
            &general,
            &value("id=fcde2b2edba56bf4; to=team@corp.example ")
        ));
        assert!(!admits(
            &general,
            &value("id=fcde2b2edba56bf4; to=spy@corp.example ")
        ));
        assert!(!admits(
            &general,
            &value("id=am9obkBjb3JwLmV4YW1wbGU; to=team@corp.example ")
        ));
        assert!(!admits(
            &general,
            &Expr::text("id=fcde2b2edba56bf4; to=team@corp.example ")
        ));
    }

    #[test]
    fn different_make_up_is_no_noise() {
        let constant = Expr::text("spy@elsewhere.example");
        assert_eq!(
            generalise(&Expr::from(Source::Argument("to".into())), &constant),
            None
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_general_value_admits_its_examples(a in "[a-z0-9 =;@.é-]{0,24}", b in "[a-z0-9 =;@.é-]{0,24}") {
            let (a, b) = (value(&a), value(&b));
            if let Some(general) = generalise(&a, &b) {
                prop_assert!(admits(&general, &a), "{general} {a}");
                prop_assert!(admits(&general, &b), "{general} {b}");
            } else {
                prop_assert!(a.0.len() != b.0.len());
            }
        }
    }
}
