//! What differs between two packages before any of them runs: the packages they bring along.

use crate::diff::{Change, Owner, Rule, Side, Weight};
use crate::effect::Phase;
use crate::package::{self, Package, TreeChange};
use crate::snapshot::Calls;

/// Names in the title of a finding about many packages.
const NAMED: usize = 4;

/// Fills in what behaviour does not know of the packages whose scripts made changes.
pub fn name(changes: &mut [Change], old: Option<&Package>, new: &Package) {
    for change in changes {
        let packages = match change.evidence {
            Some((Side::Old, _)) => [old, Some(new)],
            _ => [Some(new), old],
        };
        let Some(owner) = &mut change.owner else {
            continue;
        };
        let mut scripts = packages.into_iter().flatten().flat_map(|p| &p.scripts);
        let known = scripts.find(|script| {
            script.package == owner.name && Some(&script.event) == owner.script.as_ref()
        });
        if let Some(script) = known {
            owner.version.clone_from(&script.version);
            owner.dependency = !script.own;
        }
    }
}

/// What differs between the dependency trees. That a package is new is worth a decision; one in
/// another version is what most upgrades are made of, and shows by what it does.
pub fn changes(old: &Package, new: &Package) -> Vec<Change> {
    let differing = package::tree_changes(old, new);
    let told = |what: &str, weight: Weight, chosen: Vec<&TreeChange>| {
        let (first, more) = chosen.split_at(chosen.len().min(NAMED));
        if first.is_empty() {
            return None;
        }
        let names: Vec<String> = first.iter().map(|change| words(change)).collect();
        let more = match more.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let list = |version: fn(&TreeChange) -> Option<&String>| {
            let known = chosen.iter().filter_map(|change| {
                let version = version(change)?;
                Some(format!("{} {version}", change.name))
            });
            let known: Vec<String> = known.collect();
            (!known.is_empty()).then(|| known.join(", "))
        };
        let owner = match chosen.as_slice() {
            [only] => Some(Owner {
                name: only.name.clone(),
                version: only.now.clone().or_else(|| only.was.clone()),
                dependency: true,
                script: None,
            }),
            _ => None,
        };
        let title = match (chosen.as_slice(), &chosen[0].was, &chosen[0].now) {
            ([_], Some(was), Some(now)) => format!("{what}: {was} → {now}"),
            ([_], ..) => what.to_owned(),
            (all, ..) => format!("{} packages {what}: {}{more}", all.len(), names.join(", ")),
        };
        Some(Change {
            rule: Rule::DependenciesChanged,
            weight,
            phase: Phase::Install,
            tool: None,
            owner,
            also: Vec::new(),
            operation: None,
            place: Some(format!("dependencies {what}")),
            host: None,
            title,
            was: list(|change| change.was.as_ref()),
            now: list(|change| change.now.as_ref()),
            provenance: "constant".to_owned(),
            calls: [0].into_iter().collect::<Calls>(),
            of: 1,
            evidence: None,
        })
    };
    let which = |wanted: fn(&TreeChange) -> bool| differing.iter().filter(|c| wanted(c)).collect();
    [
        told(
            "added to the tree",
            Weight::Ordinary,
            which(|change| change.was.is_none()),
        ),
        told(
            "in another version",
            Weight::Trivial,
            which(|change| change.was.is_some() && change.now.is_some()),
        ),
        told(
            "removed from the tree",
            Weight::Trivial,
            which(|change| change.now.is_none()),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn words(change: &TreeChange) -> String {
    match (&change.was, &change.now) {
        (Some(was), Some(now)) => format!("{} {was} → {now}", change.name),
        (Some(version), None) | (None, Some(version)) => format!("{} {version}", change.name),
        (None, None) => change.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(dependencies: &[(&str, &str)]) -> Package {
        let dependencies = dependencies.iter();
        Package {
            remote: None,
            target: "x".into(),
            resolved: "x".into(),
            name: None,
            version: None,
            integrity: None,
            published: None,
            as_of: None,
            launch: package::Launch::default(),
            dependencies: dependencies
                .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
                .collect(),
            scripts: Vec::new(),
            runtime: String::new(),
            settings: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn trees_are_compared_kind_by_kind() {
        let old = package(&[("a", "1"), ("gone", "2"), ("same", "3")]);
        let new = package(&[
            ("a", "1.1"),
            ("p", "1"),
            ("q", "1"),
            ("r", "1, 2"),
            ("s", "1"),
            ("same", "3"),
            ("t", "1"),
        ]);
        let told: Vec<String> = changes(&old, &new)
            .into_iter()
            .map(|change| {
                let owner = change.owner.as_ref().map(Owner::to_string);
                let owner = owner.unwrap_or_default();
                format!("{:?} {owner}: {}", change.weight, change.title)
            })
            .collect();
        assert_eq!(
            told,
            [
                "Ordinary : 5 packages added to the tree: p 1, q 1, r 1, 2, s 1 and 1 more",
                "Trivial `a` 1.1, a dependency: in another version: 1 → 1.1",
                "Trivial `gone` 2, a dependency: removed from the tree",
            ]
        );
        assert_eq!(changes(&new, &new), []);
    }
}
