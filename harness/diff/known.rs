//! What the old version was seen to do anywhere: hosts it spoke to, what it told each of them.

use crate::provenance::{Expr, Source};
use crate::snapshot::{Behaviour, Operation};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// An index of one behaviour, made once for a comparison.
pub struct Known<'a> {
    pub behaviour: &'a Behaviour,
    hosts: BTreeSet<String>,
    /// Sources that reached a host, by host name without a port.
    told: BTreeMap<String, BTreeSet<&'a Source>>,
    /// All operations of a name, whatever their scope.
    operations: BTreeMap<&'a str, Vec<&'a Operation>>,
    url: Regex,
}

impl<'a> Known<'a> {
    pub fn new(behaviour: &'a Behaviour) -> Self {
        let mut known = Self {
            behaviour,
            hosts: BTreeSet::new(),
            told: BTreeMap::new(),
            operations: BTreeMap::new(),
            url: Regex::new(r"(?i)\b(?:https?|wss?|ftp)://([^/\s:?#\x22'<>\\{}]+)")
                .expect("a constant pattern compiles"),
        };
        for (_, name, operation) in behaviour.operations() {
            known.operations.entry(name).or_default().push(operation);
            let Some(host) = operation.host.as_deref().map(bare) else {
                continue;
            };
            known.hosts.insert(host.to_owned());
            let told = known.told.entry(host.to_owned()).or_default();
            for place in operation.places.values() {
                told.extend(place.values.keys().flat_map(Expr::sources));
            }
        }
        known
    }

    pub fn host(&self, host: &str) -> bool {
        self.hosts.contains(bare(host))
    }

    /// Whether this source ever reached the host, in whatever call.
    pub fn was_told(&self, host: &str, source: &Source) -> bool {
        self.told.get(bare(host)).is_some_and(|told| {
            told.contains(source)
                || told.iter().any(|known| matches!((known, source),
                    (Source::Argument(a) | Source::Earlier(_, a), Source::Argument(b) | Source::Earlier(_, b)) if a == b))
        })
    }

    /// Whether this source reached the host in a place of this name, whatever the operation.
    pub fn was_told_at(&self, host: &str, place: &str, source: &Source) -> bool {
        let here =
            |operation: &&&Operation| operation.host.as_deref().map(bare) == Some(bare(host));
        let mut operations = self.operations.values().flatten().filter(here);
        operations.any(|operation| {
            let place = operation.places.get(place);
            place.is_some_and(|p| p.values.keys().any(|expr| expr.sources().contains(&source)))
        })
    }

    /// Operations of this name in any scope.
    pub fn anywhere(&self, name: &str) -> &[&'a Operation] {
        self.operations.get(name).map_or(&[], Vec::as_slice)
    }

    /// Hosts named by URLs in literal text that the old version never named nor contacted.
    pub fn strange_hosts(&self, text: &str) -> Vec<String> {
        self.url
            .captures_iter(text)
            .filter_map(|hit| hit.get(1))
            .map(|host| {
                bare(host.as_str().rsplit('@').next().unwrap_or_default()).to_ascii_lowercase()
            })
            .filter(|host| !self.hosts.contains(host))
            .collect()
    }
}

/// The host without its port. An IPv6 address keeps its colons.
pub fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':') => {
            name
        }
        _ => host,
    }
}
