//! From changes to findings and a verdict.

use super::{Allowed, Finding, Package, Policy, Seen, Severity, Verdict};
use crate::diff::{Change, Owner};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the judge cannot know from a change alone.
pub trait Evidence {
    /// The effect that shows the change, bounded; null where there is none.
    fn effect(&self, change: &Change) -> Value;
    /// The condition under which it happens.
    fn when(&self, change: &Change) -> Option<String>;
    /// A command that shows it again.
    fn reproduce(&self, change: &Change) -> String;
}

/// Findings by falling severity, and those that the policy allowed.
pub fn judge(
    changes: Vec<Change>,
    policy: &Policy,
    evidence: &dyn Evidence,
) -> (Vec<Finding>, Vec<Allowed>) {
    let mut findings = Vec::new();
    let mut allowed = Vec::new();
    for change in changes {
        let Some(severity) = policy.severity(&change) else {
            continue;
        };
        let finding = finding(&change, severity, evidence);
        match policy.allows(&change) {
            Some(allow) => allowed.push(Allowed {
                finding,
                by: allow.text.clone(),
            }),
            None => findings.push(finding),
        }
    }
    findings.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    (findings, allowed)
}

/// The verdict on findings alone, without regard to the exercise.
pub fn verdict(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Suspicious) => Verdict::Suspicious,
        Some(Severity::Change) => Verdict::Changed,
        Some(Severity::Info) | None => Verdict::Unchanged,
    }
}

fn finding(change: &Change, severity: Severity, evidence: &dyn Evidence) -> Finding {
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
    let mut title = match &change.owner {
        Some(owner) => format!("{owner}: {}", change.title),
        None => change.title.clone(),
    };
    if !change.also.is_empty() {
        title.push_str(&format!(" (also in {})", change.also.join(", ")));
    }
    if let Some(tool) = change.armed_by() {
        title.push_str(&format!(" (a call of {tool} armed it)"));
    }
    Finding {
        id: id(change),
        rule: change.rule.name().to_owned(),
        severity,
        phase: change.phase,
        tool: change.tool.clone(),
        armed_by: change.armed_by().map(str::to_owned),
        package: change.owner.as_ref().map(package),
        title,
        effect: evidence.effect(change),
        was: text(&change.was),
        now: text(&change.now),
        provenance: change.provenance.clone(),
        seen: Seen {
            calls: u64::from(change.calls.count()),
            of: u64::from(change.of),
        },
        when: evidence.when(change),
        reproduce: evidence.reproduce(change),
    }
}

fn package(owner: &Owner) -> Package {
    Package {
        name: owner.name.clone(),
        version: owner.version.clone(),
        dependency: owner.dependency,
        script: owner.script.clone(),
    }
}

/// Rule, tool, package and place, without any value: the same finding keeps its name when the run, the
/// seed or the wording of its title differ.
fn id(change: &Change) -> String {
    let mut hash = Sha256::new();
    let parts = [
        Some(change.rule.name()),
        change.tool.as_deref(),
        change.operation.as_deref(),
        change.place.as_deref(),
        Some(change.provenance.as_str()),
    ];
    for part in parts {
        hash.update(part.unwrap_or_default().as_bytes());
        hash.update([0]);
    }
    // Last, and only where there is one: the others keep the names they had before there was any.
    if let Some(owner) = &change.owner {
        for part in [Some(owner.name.as_str()), owner.script.as_deref()] {
            hash.update(part.unwrap_or_default().as_bytes());
            hash.update([0]);
        }
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..6])
}
