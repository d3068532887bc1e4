//! The report that every renderer and every machine reader works from (`turncoat.report/1`).

use super::{Finding, Verdict};
use crate::effect::{Phase, Usage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of `schema`.
pub const SCHEMA: &str = "turncoat.report/1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub verdict: Verdict,
    /// The baseline; absent where there is none (`triage`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Subject>,
    pub new: Subject,
    pub exercise: Exercise,
    pub findings: Vec<Finding>,
    /// Findings that the policy allowed, with the entry that did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
    /// Why the result is inconclusive, each with a hint; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// One of the versions compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// As typed or written in the scenario.
    pub target: String,
    /// Exactly what was run: a package URL with its version, or the folder's name.
    pub resolved: String,
    pub version: Option<String>,
    /// Subresource integrity of the package (`sha512-…`), or the hash of a folder's content.
    pub integrity: Option<String>,
    /// Packages that differ in version from the other subject's dependency tree: `name old → new`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
}

/// What was done to reach the verdict, and what could not be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exercise {
    pub tools: u64,
    pub tools_called: u64,
    pub calls: u64,
    pub calls_ok: u64,
    pub seed: u64,
    pub runs: u64,
    /// Seconds.
    pub wall_s: f64,
    /// The sandbox's level, `L0` to `L4`.
    pub isolation: String,
    pub blind_spots: Vec<String>,
    /// What was different in further runs, by the names that `--under` reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// The campaign that this was a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// Per tool: calls made, answered without error, and calls that reached an upstream.
    pub reach: Vec<Reach>,
    /// What one run of each version used, by phase.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
}

/// What a campaign has come to, with all earlier ones on the same targets in the same folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    pub rounds: u64,
    /// Made of each version.
    pub calls: u64,
    /// Calls of all servers, in this campaign alone.
    pub per_second: f64,
    /// Different things that the version in question was seen doing.
    pub behaviours: u64,
    /// Arguments worth keeping.
    pub inputs: u64,
    /// Where all of it is kept.
    pub folder: String,
}

/// Figures of the first run of each version; of the old one only where it was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub old: BTreeMap<Phase, Usage>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub new: BTreeMap<Phase, Usage>,
}

impl Resources {
    pub fn is_empty(&self) -> bool {
        self.old.is_empty() && self.new.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    pub tool: String,
    pub calls: u64,
    pub ok: u64,
    /// Calls that caused at least one effect outside the process (network, mail, file, program).
    pub effects: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowed {
    pub finding: Finding,
    /// The policy entry as written.
    pub by: String,
}

/// A reason why nothing can be concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub what: String,
    pub hint: Option<String>,
}
