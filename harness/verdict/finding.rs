//! One thing a reader should know, with its evidence.

use crate::effect::Phase;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much a finding matters before any policy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Shown with `-v`.
    Info,
    /// Observable, worth a reader's decision.
    Change,
    /// No honest upgrade needs it without saying so.
    Suspicious,
}

/// A difference, or with one version alone an unexplained behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable across runs and versions of turncoat: rule, tool and place, hashed.
    pub id: String,
    /// The rule's stable name, such as `hidden-recipient`.
    pub rule: String,
    pub severity: Severity,
    pub phase: Phase,
    pub tool: Option<String>,
    /// The tool that was given in an earlier call what turns up here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed_by: Option<String>,
    /// The package that did it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// One line.
    pub title: String,
    /// The effect, typed, of one occurrence in the version it was seen in.
    pub effect: Value,
    /// What the old version did in this place; null where it did nothing.
    pub was: Value,
    /// What the new version does there; null where it does nothing.
    pub now: Value,
    /// The explanation of the value in question, in the words of `provenance`.
    pub provenance: String,
    pub seen: Seen,
    /// The condition under which it happens, where it is not always and one was learnt.
    pub when: Option<String>,
    /// A command that shows it again.
    pub reproduce: String,
}

/// A package of the dependency tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: Option<String>,
    /// Whether another package brought it, rather than being the server's own.
    pub dependency: bool,
    /// The script that acted, such as `postinstall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// In how many calls of its tool (or runs of its phase) a finding was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub calls: u64,
    pub of: u64,
}

/// The answer to "did it change sides?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Unchanged,
    Changed,
    Suspicious,
    Inconclusive,
}
