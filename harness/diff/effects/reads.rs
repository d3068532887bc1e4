//! What was read, and what only prepares what follows.

use super::*;

impl Context<'_> {
    /// Something is read that this scope did not read. What is no longer read, or in other calls,
    /// says little: programs read again when they have forgotten.
    pub(super) fn read(&self, name: &str, operation: &Operation, changes: &mut Vec<Change>) {
        let (rule, weight, what) = weigh::read(name);
        let mut change = self.change(
            rule,
            name,
            format!("{what}: {name}"),
            operation.calls.clone(),
        );
        change.weight = weight;
        if !self.known.anywhere(name).is_empty() {
            change.weight = Weight::Trivial;
        }
        change.evidence = Some((Side::New, operation.first));
        changes.push(change);
    }

    /// Whether the same scope goes on to contact the name that was looked up, or always could.
    pub(super) fn is_preparation(&self, name: &str, operation: &Operation, new: &Known) -> bool {
        let Some(host) = operation.host.as_deref() else {
            return false;
        };
        let carries = operation
            .places
            .values()
            .any(|p| p.values.keys().any(|e| !e.sources().is_empty()));
        let contacted = new.behaviour.operations().any(|(_, other, op)| {
            !other.starts_with("dns ") && op.host.as_deref().map(bare) == Some(host)
        });
        !carries && (contacted || self.known.host(host) || name.contains("{random"))
    }
}
