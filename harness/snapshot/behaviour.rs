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

/// Where in a server's life: a tool's calls, a script of its installation, or a phase without
/// either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub phase: Phase,
    pub tool: Option<String>,
    pub script: Option<Script>,
}

/// A script of an installation, whatever the version of its package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Script {
    pub package: String,
    /// `postinstall`, say.
    pub event: String,
}

/// Follows the deed in the name of an operation on files of a script's own package.
pub const OWN_FOLDER: &str = "(its own folder)";

/// Everything done in one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scoped {
    /// Calls made of the tool; 1 for a phase or script.
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
            script: None,
        }
    }

    pub fn phase(phase: Phase) -> Self {
        Self {
            phase,
            tool: None,
            script: None,
        }
    }

    pub fn script(script: Script) -> Self {
        Self {
            phase: Phase::Install,
            tool: None,
            script: Some(script),
        }
    }
}

impl Operation {
    /// What stands before the first space: `http`, `mail`, `file`, `exec`, `result` …
    pub fn verb(name: &str) -> &str {
        name.split(' ').next().unwrap_or(name)
    }
}
