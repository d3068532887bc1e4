//! Learns when something happens: the simplest statement about a call's arguments or number
//! that is true of every call in which it was seen and of no other.

use crate::provenance::json_leaves;
use crate::snapshot::Calls;
use serde_json::Value;
use std::collections::BTreeSet;

/// Calls looked at; of a longer run the first ones teach enough.
const MOST: usize = 2_000;

/// The condition, in words; nothing where it is always, or where no simple one fits.
pub fn learn(seen: &Calls, arguments: &[Value]) -> Option<String> {
    let n = arguments.len().min(MOST);
    let hits: Vec<bool> = (0..n).map(|call| seen.contains(call as u32)).collect();
    let total = hits.iter().filter(|hit| **hit).count();
    if total == 0 || total == n {
        return None;
    }
    by_argument(&hits, &arguments[..n]).or_else(|| by_number(&hits))
}

/// Scalars of one call's arguments, each with its path.
type Leaves = [(String, String)];

fn by_argument(hits: &[bool], arguments: &[Value]) -> Option<String> {
    let leaves: Vec<Vec<(String, String)>> = arguments.iter().map(json_leaves).collect();
    let paths: BTreeSet<&str> = leaves
        .iter()
        .flatten()
        .map(|(path, _)| path.as_str())
        .collect();
    let fits = |test: &dyn Fn(&Leaves) -> bool| {
        leaves
            .iter()
            .zip(hits)
            .all(|(leaves, hit)| test(leaves) == *hit)
    };
    for path in &paths {
        let there = |leaves: &Leaves| leaves.iter().any(|(p, _)| p == path);
        if fits(&there) {
            return Some(format!("`{path}` is given"));
        }
        if fits(&|leaves| !there(leaves)) {
            return Some(format!("`{path}` is not given"));
        }
    }
    // Arguments are made to differ: of a single call any of them would be true.
    if hits.iter().filter(|hit| **hit).count() < 2 {
        return None;
    }
    let first = hits.iter().position(|hit| *hit)?;
    for (path, value) in &leaves[first] {
        if fits(&|leaves| leaves.iter().any(|(p, v)| p == path && v == value)) {
            return Some(format!(
                "`{path}` is `{}`",
                value.chars().take(60).collect::<String>()
            ));
        }
        for word in value
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() >= 3)
        {
            if fits(&|leaves| leaves.iter().any(|(p, v)| p == path && v.contains(word))) {
                return Some(format!("`{path}` contains `{word}`"));
            }
        }
    }
    for path in &paths {
        let len = |leaves: &[(String, String)]| {
            leaves
                .iter()
                .filter(|(p, _)| p == path)
                .map(|(_, v)| v.chars().count())
                .max()
        };
        let in_hits = leaves
            .iter()
            .zip(hits)
            .filter(|(_, hit)| **hit)
            .filter_map(|(l, _)| len(l))
            .min();
        if let Some(bound) = in_hits
            && fits(&|leaves| len(leaves).is_some_and(|n| n >= bound))
        {
            return Some(format!("`{path}` has {bound} characters or more"));
        }
    }
    None
}

fn by_number(hits: &[bool]) -> Option<String> {
    let first = hits.iter().position(|hit| *hit)?;
    if hits[first..].iter().all(|hit| *hit) {
        return Some(format!("from call {} of the tool on", first + 1));
    }
    let next = hits[first + 1..]
        .iter()
        .position(|hit| *hit)
        .map(|gap| gap + 1);
    match next {
        None => Some(format!("in call {} of the tool only", first + 1)),
        Some(gap) if gap > 1 => {
            let every = hits
                .iter()
                .enumerate()
                .all(|(i, hit)| *hit == (i >= first && (i - first) % gap == 0));
            every.then(|| {
                format!(
                    "in every {gap}th call of the tool, first in call {}",
                    first + 1
                )
            })
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn when(hits: &[u32], arguments: &[Value]) -> Option<String> {
        learn(&hits.iter().copied().collect(), arguments)
    }

    #[test]
    fn conditions() {
        let args = [
            json!({"a": "invoice 1"}),
            json!({"a": "x", "b": 1}),
            json!({"a": "your invoice"}),
            json!({"a": "y", "b": 2}),
        ];
        assert_eq!(when(&[1, 3], &args).unwrap(), "`b` is given");
        assert_eq!(when(&[0, 2], &args).unwrap(), "`b` is not given");
        let args = [
            json!({"a": "invoice 1"}),
            json!({"a": "x"}),
            json!({"a": "your invoice"}),
            json!({"a": "y"}),
        ];
        assert_eq!(when(&[0, 2], &args).unwrap(), "`a` contains `invoice`");
        let lone = [json!({"a": "k1"}), json!({"a": "k2"}), json!({"a": "k3"})];
        assert_eq!(when(&[1], &lone).unwrap(), "in call 2 of the tool only");
        let same = vec![json!({}); 9];
        assert_eq!(
            when(&[2, 5, 8], &same).unwrap(),
            "in every 3th call of the tool, first in call 3"
        );
        assert_eq!(
            when(&[4, 5, 6, 7, 8], &same).unwrap(),
            "from call 5 of the tool on"
        );
        assert_eq!(when(&[0, 1, 2, 3, 4, 5, 6, 7, 8], &same), None);
    }
}
