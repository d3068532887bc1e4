//! Too many values of one place, folded by their shape.

use super::MAX_VALUES;
use crate::provenance::{Expr, Part, Varying};
use crate::snapshot::{Calls, Place, Sightings};

/// `many-values`: a place with very many explanations is described by shape. What must not be
/// lost: sources stay, and addresses stand in places of their own.
pub fn fold(place: &mut Place, expr: Expr) -> Expr {
    let shape = |expr: &Expr| {
        Expr(
            expr.0
                .iter()
                .map(|part| match part {
                    Part::Text(text) => Part::Varying(Varying::of(text)),
                    other => other.clone(),
                })
                .collect(),
        )
    };
    let mut folded: Vec<(Expr, Sightings)> = Vec::new();
    let mut join = |expr: Expr, seen: Sightings| {
        for (known, known_seen) in &mut folded {
            if let Some(both) = same_skeleton(known, &expr) {
                *known = both;
                known_seen.calls = known_seen.calls.union(&seen.calls);
                known_seen.first = known_seen.first.min(seen.first);
                return;
            }
        }
        folded.push((expr, seen));
    };
    for (known, seen) in std::mem::take(&mut place.values) {
        join(shape(&known), seen);
    }
    let new = shape(&expr);
    join(
        new.clone(),
        Sightings {
            calls: Calls::default(),
            first: u64::MAX,
        },
    );
    if folded.len() >= MAX_VALUES {
        let all = folded
            .iter()
            .fold(Calls::default(), |all, (_, seen)| all.union(&seen.calls));
        let first = folded
            .iter()
            .map(|(_, seen)| seen.first)
            .min()
            .unwrap_or_default();
        let anything = Expr(vec![Part::Varying(Varying::anything())]);
        folded = vec![(anything, Sightings { calls: all, first })];
    }
    place.values = folded.into_iter().collect();
    place
        .values
        .keys()
        .find(|known| same_skeleton(known, &new).is_some_and(|both| both == **known))
        .cloned()
        .unwrap_or(Expr(vec![Part::Varying(Varying::anything())]))
}

/// Joins two expressions that differ in their varying parts only.
fn same_skeleton(a: &Expr, b: &Expr) -> Option<Expr> {
    if a.0.len() != b.0.len() {
        return None;
    }
    a.0.iter()
        .zip(&b.0)
        .map(|pair| match pair {
            (Part::Varying(a), Part::Varying(b)) => Some(Part::Varying(a.join(b))),
            (a, b) => (a == b).then(|| a.clone()),
        })
        .collect::<Option<Vec<_>>>()
        .map(Expr)
}
