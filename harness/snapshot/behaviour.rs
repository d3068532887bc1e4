//! What a server does, without the values it happened to do it with: per phase and tool the
//! operations, per operation the places that carried values, per place their explanations.

use super::Calls;
use crate::effect::{Phase, Surface};
use crate::provenance::Expr;
use std::collections::BTreeMap;

/// The behaviour of one version under one exercise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    pub surface: Surface,
    /// The surface listed again after the calls, where it was another by then.
    pub later: Option<Surface>,
    pub scopes: BTreeMap<Scope, Scoped>,
}

/// Where in a server's life: a tool's calls, or a phase without a tool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub phase: Phase,
    pub tool: Option<String>,
}

/// Everything done in one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scoped {
    /// Calls made of the tool; 1 for a phase.
    pub calls: u32,
    /// By name: `http POST https://api.example/email`.
    pub operations: BTreeMap<String, Operation>,
}

/// One kind of effect: the same verb on the same object.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub calls: Calls,
    /// The most times it was done in one call.
    pub most: u32,
    pub host: Option<String>,
    pub places: BTreeMap<String, Place>,
    /// False when runs of the same version disagree on whether it happens.
    pub steady: bool,
    /// Sequence number of the first such effect in its run, to show as evidence.
    pub first: u64,
}

/// One place of an operation that carries values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub calls: Calls,
    pub values: BTreeMap<Expr, Sightings>,
    /// False when runs of the same version disagree on whether it is there.
    pub steady: bool,
}

/// When a value was seen.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Sightings {
    pub calls: Calls,
    pub first: u64,
}

impl Behaviour {
    /// The calls and operations of one tool, in every phase it acts in.
    pub fn tool(&self, name: &str) -> Option<&Scoped> {
        self.scopes.get(&Scope::tool(name))
    }

    /// Whether nothing was seen while nothing was asked.
    pub fn is_still(&self) -> bool {
        let idle = self.scopes.get(&Scope::phase(Phase::Idle));
        idle.is_none_or(|scoped| scoped.operations.is_empty())
    }

    /// Every operation with its scope.
    pub fn operations(&self) -> impl Iterator<Item = (&Scope, &str, &Operation)> {
        self.scopes.iter().flat_map(|(scope, scoped)| {
            scoped
                .operations
                .iter()
                .map(move |(name, op)| (scope, name.as_str(), op))
        })
    }
}

impl Scope {
    pub fn tool(name: &str) -> Self {
        Self {
            phase: Phase::Call,
            tool: Some(name.to_owned()),
        }
    }

    pub fn phase(phase: Phase) -> Self {
        Self { phase, tool: None }
    }
}

impl Operation {
    /// What stands before the first space: `http`, `mail`, `file`, `exec`, `result` …
    pub fn verb(name: &str) -> &str {
        name.split(' ').next().unwrap_or(name)
    }
}
