//! Names of operations that differ from run to run: a folder made by `mkdtemp` (3) is another in
//! every run, and so is every path below it.
//!
//! `varying-name`: a word of a path about which two runs of one version disagreed in the same call
//! becomes its shape. It must not hide another verb, another folder, or a name of another make-up;
//! hosts and addresses are never taken for noise.

use super::learn::admits;
use super::{Operation, Place};
use crate::provenance::{Expr, Part, Varying};
use std::collections::BTreeMap;

/// Letters that a word has at least to be taken for a made-up one.
const MADE_UP: usize = 5;
/// Pairs of names that are looked at.
const PAIRS: usize = 1 << 18;
/// Names of which one word varies each, of one scope.
const PATTERNS: usize = 256;

type Operations = BTreeMap<String, Operation>;

/// Renames what goes by a varying name in both runs of one version; whether anything was.
pub fn agree(ours: &mut Operations, theirs: &mut Operations) {
    let alone = |own: &Operations, other: &Operations| {
        let names = own.iter().filter(|(name, _)| !other.contains_key(*name));
        let names = names.filter(|(name, _)| is_path(name));
        let parsed = names.filter_map(|(name, op)| Some((Expr::parse(name)?, op.calls.clone())));
        parsed.collect::<Vec<(Expr, _)>>()
    };
    let (a, b) = (alone(ours, theirs), alone(theirs, ours));
    let mut patterns: Vec<Expr> = Vec::new();
    let mut left = PAIRS;
    for (x, x_calls) in &a {
        if patterns.iter().any(|known| admits(known, x)) {
            continue;
        }
        for (y, y_calls) in &b {
            if left == 0 || patterns.len() == PATTERNS {
                break;
            }
            left -= 1;
            if x_calls.meets(y_calls)
                && deed(x) == deed(y)
                && let Some(pattern) = pattern(x, y)
            {
                patterns.push(pattern);
                break;
            }
        }
    }
    rename(ours, &patterns);
    rename(theirs, &patterns);
}

/// Renames what in `new` goes by a name that is one of the varying names of `old`.
pub fn adopt(new: &mut Operations, old: &Operations) {
    let general = old
        .keys()
        .filter(|name| is_path(name) && name.contains("{random:"));
    let patterns: Vec<Expr> = general.filter_map(|name| Expr::parse(name)).collect();
    rename(new, &patterns);
}

/// What is done: `file create`.
fn deed(name: &Expr) -> Option<&str> {
    match name.0.first() {
        Some(Part::Text(text)) => Some(
            text.match_indices(' ')
                .nth(1)
                .map_or(text, |(end, _)| &text[..end]),
        ),
        _ => None,
    }
}

/// Whether the object of an operation is a path.
fn is_path(name: &str) -> bool {
    Operation::verb(name) == "file"
}

fn rename(operations: &mut Operations, patterns: &[Expr]) {
    if patterns.is_empty() {
        return;
    }
    let general = |name: &str| {
        let name = is_path(name).then(|| Expr::parse(name))??;
        let known = patterns.iter().find(|known| admits(known, &name))?;
        Some(known.to_string())
    };
    for (name, operation) in std::mem::take(operations) {
        let name = general(&name).unwrap_or(name);
        match operations.remove(&name) {
            Some(known) => operations.insert(name, together(known, operation)),
            None => operations.insert(name, operation),
        };
    }
}

/// Two operations of one run that are one after all.
fn together(a: Operation, b: Operation) -> Operation {
    let most = match a.calls.meets(&b.calls) {
        true => a.most.saturating_add(b.most),
        false => a.most.max(b.most),
    };
    let mut places = a.places;
    for (name, theirs) in b.places {
        let ours = places.entry(name).or_insert_with(|| Place {
            steady: true,
            ..Place::default()
        });
        ours.calls = ours.calls.union(&theirs.calls);
        ours.steady &= theirs.steady;
        for (expr, seen) in theirs.values {
            let known = ours.values.entry(expr).or_insert_with(|| seen.clone());
            known.calls = known.calls.union(&seen.calls);
            known.first = known.first.min(seen.first);
        }
    }
    Operation {
        calls: a.calls.union(&b.calls),
        most,
        host: a.host,
        steady: a.steady && b.steady,
        first: a.first.min(b.first),
        places,
    }
}

/// The name that covers both, if they differ in made-up words alone.
fn pattern(a: &Expr, b: &Expr) -> Option<Expr> {
    let mut parts = Vec::new();
    let mut made_up = false;
    if a.0.len() != b.0.len() {
        return None;
    }
    for (nth, (x, y)) in a.0.iter().zip(&b.0).enumerate() {
        let (x, y) = match (x, y) {
            (x, y) if x == y => {
                parts.push(x.clone());
                continue;
            }
            (Part::Varying(x), Part::Varying(y)) => {
                made_up = true;
                parts.push(Part::Varying(x.join(y)));
                continue;
            }
            (Part::Text(x), Part::Text(y)) => (x, y),
            _ => return None,
        };
        // Where what follows is made up, so is the folder that it was sorted into by its first
        // letters.
        made_up |= matches!(a.0.get(nth + 1), Some(Part::Varying(_))) && x.ends_with('/');
        made_up |= words(x, y, &mut parts)?;
    }
    made_up.then_some(Expr(parts))
}

/// Adds what covers two texts; whether a word of theirs is a made-up one. Nothing where they differ
/// otherwise.
fn words(a: &str, b: &str, parts: &mut Vec<Part>) -> Option<bool> {
    let (xs, ys): (Vec<&str>, Vec<&str>) = (pieces(a).collect(), pieces(b).collect());
    if xs.len() != ys.len() {
        return None;
    }
    let mut made_up = false;
    let mut text = String::new();
    for (x, y) in xs.into_iter().zip(ys) {
        if x == y {
            text.push_str(x);
            continue;
        }
        let digits = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        let hex = |word: &str| word.bytes().all(|b| b.is_ascii_hexdigit());
        let numbers = digits(x) && digits(y);
        let wordy = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !numbers && (x.len() != y.len() || !wordy(x) || !wordy(y)) {
            return None;
        }
        let long = x.len() >= MADE_UP;
        made_up |= numbers || long;
        if !(long || (hex(x) && hex(y))) {
            return None;
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let mut shape = Varying::of(x).join(&Varying::of(y));
        // Few letters happen to be all of one kind: another run's are not.
        if !numbers && x.len() < 16 {
            shape = shape.join(&Varying::of(&"_".repeat(x.len())));
        }
        parts.push(Part::Varying(shape));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Some(made_up)
}

/// Words and what stands between them, in order.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| !(c.is_alphanumeric() || c == '_');
    text.split_inclusive(between).flat_map(move |piece| {
        let word = piece.trim_end_matches(between);
        [word, &piece[word.len()..]]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Calls;

    fn operations(names: &[&str]) -> Operations {
        let operation = |call: usize| Operation {
            calls: Calls::from_iter([call as u32]),
            most: 1,
            host: None,
            places: BTreeMap::new(),
            steady: true,
            first: call as u64,
        };
        let named = names.iter().enumerate();
        named
            .map(|(call, name)| ((*name).to_owned(), operation(call)))
            .collect()
    }

    fn agreed(a: &[&str], b: &[&str]) -> (Vec<String>, Vec<String>) {
        let (mut a, mut b) = (operations(a), operations(b));
        agree(&mut a, &mut b);
        (a.into_keys().collect(), b.into_keys().collect())
    }

    #[test]
    fn folders_made_for_a_while_go_by_their_shape() {
        let (a, b) = agreed(
            &[
                "file create /tmp/git-0Rn8gn/.git/HEAD",
                "file create /tmp/git-abcdef/.git/HEAD",
            ],
            &[
                "file create /tmp/git-z20HhA/.git/HEAD",
                "file create /tmp/git-x9YYbq/.git/HEAD",
            ],
        );
        assert_eq!(a, ["file create /tmp/git-{random:word:6}/.git/HEAD"]);
        assert_eq!(a, b);
        let (a, _) = agreed(
            &["file create /tmp/tmpab12_x9z"],
            &["file create /tmp/tmpq7bcd81e"],
        );
        assert_eq!(a, ["file create /tmp/{random:word:11}"]);
        let (a, _) = agreed(
            &["file write /tmp/a-991.sock"],
            &["file write /tmp/a-1002.sock"],
        );
        assert_eq!(a, ["file write /tmp/a-{random:digits:3-4}.sock"]);
        let (a, _) = agreed(
            &["file create /tmp/x/objects/e4/{random:hex:38}"],
            &["file create /tmp/x/objects/0b/{random:hex:38}"],
        );
        assert_eq!(
            a,
            ["file create /tmp/x/objects/{random:word:2}/{random:hex:38}"]
        );
    }

    #[test]
    fn other_names_stay() {
        for (a, b) in [
            (
                "file create /tmp/git-0Rn8gn/HEAD",
                "file create /tmp/git-z20HhA/TAIL",
            ),
            (
                "file create /tmp/git-0Rn8gn/HEAD",
                "file delete /tmp/git-z20HhA/HEAD",
            ),
            ("file create /tmp/in/x", "file create /tmp/at/x"),
            ("file create /tmp/short/x", "file create /tmp/longer/x"),
            (
                "http GET https://a93kd0.example/",
                "http GET https://k2l3o5.example/",
            ),
            ("file create {argument(path)}", "file create /tmp/k2l3o5"),
        ] {
            assert_eq!(agreed(&[a], &[b]), (vec![a.to_owned()], vec![b.to_owned()]));
        }
    }

    #[test]
    fn what_was_learnt_admits_its_kind_and_nothing_else() {
        let old = operations(&["file create /tmp/git-{random:word:6}/HEAD"]);
        let kind = "file create /tmp/git-zzzzzz/HEAD";
        let others = [
            "file create /home/alex/git-zzzzzz/HEAD",
            "file create /tmp/git-zzzzzz/HEAD.bak",
            "file create /tmp/git-zzzzzz/sub/HEAD",
            "file delete /tmp/git-zzzzzz/HEAD",
        ];
        let mut new = operations(&[&[kind], &others[..]].concat());
        adopt(&mut new, &old);
        assert!(!new.contains_key(kind));
        assert!(others.iter().all(|name| new.contains_key(*name)));
        assert!(new.contains_key("file create /tmp/git-{random:word:6}/HEAD"));
    }
}
