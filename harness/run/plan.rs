//! Which calls to make. The plan is made once, from the old version's surface, and both
//! versions get the same calls; what only the new version declares is called in addition.

use crate::effect::Surface;
use crate::generate::{Generator, Hints};
use crate::scenario::Exercise;
use crate::secret::Seed;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Calls made of one tool at least: one with what is required, one with everything.
const LEAST: u32 = 2;
/// Calls made of a schema that only the new version has.
const FRESH: u32 = 6;

/// Why a tool is left out that the scenario wants left out.
pub const SKIPPED: &str = "skipped by the scenario";

/// One tool call to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub tool: String,
    pub arguments: Value,
    /// Whether the arguments satisfy the tool's schema.
    pub valid: bool,
}

/// Calls in the order they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub calls: Vec<Call>,
    /// Tools that cannot be called, and why: skipped, or a schema that nothing satisfies.
    pub left_out: BTreeMap<String, String>,
}

/// The calls for a surface: round by round, one of each tool, so that calls of different tools
/// alternate and a budget cut short has still reached every tool.
pub fn plan(surface: &Surface, exercise: &Exercise, calls: u32, seed: Seed) -> Plan {
    let mut plan = Plan::default();
    let tools = usable(surface, exercise, seed, &mut plan.left_out);
    let share = (calls / (tools.len() as u32).max(1)).max(LEAST);
    let mut extra = calls.saturating_sub(share * tools.len() as u32);
    let budgets: Vec<u32> = tools
        .iter()
        .map(
            |tool| match exercise.tools.get(&tool.name).and_then(|plan| plan.calls) {
                Some(fixed) => fixed,
                None if extra > 0 => {
                    extra -= 1;
                    share + 1
                }
                None => share,
            },
        )
        .collect();
    for nth in 0..budgets.iter().copied().max().unwrap_or(0) {
        for (tool, budget) in tools.iter().zip(&budgets) {
            if nth < *budget {
                plan.calls.push(tool.call(nth));
            }
        }
    }
    plan
}

/// Further calls for what the new version declares and the old did not: new tools, and tools
/// whose input schema is another. Numbers go on where the common plan ended.
pub fn additional(
    old: &Surface,
    new: &Surface,
    exercise: &Exercise,
    common: &Plan,
    seed: Seed,
) -> Plan {
    let mut plan = Plan::default();
    let schema = |surface: &Surface, name: &str| {
        let tool = surface.tools.iter().find(|tool| tool["name"] == name);
        tool.map(|tool| tool["inputSchema"].clone())
    };
    for tool in usable(new, exercise, seed, &mut plan.left_out) {
        if schema(old, &tool.name) == schema(new, &tool.name) {
            continue;
        }
        let made = common
            .calls
            .iter()
            .filter(|call| call.tool == tool.name)
            .count() as u32;
        // The required-only and the everything case are the first two of any schema.
        let numbers = [0, 1]
            .into_iter()
            .chain(made.max(2)..made.max(2) + FRESH - 2);
        plan.calls.extend(numbers.map(|nth| tool.call(nth)));
    }
    plan
}

struct Tool {
    name: String,
    generator: Generator,
}

impl Tool {
    fn call(&self, nth: u32) -> Call {
        let case = self.generator.case(nth);
        Call {
            tool: self.name.clone(),
            arguments: case.arguments,
            valid: case.valid,
        }
    }
}

fn usable(
    surface: &Surface,
    exercise: &Exercise,
    seed: Seed,
    left_out: &mut BTreeMap<String, String>,
) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    for tool in &surface.tools {
        let Some(name) = tool["name"].as_str() else {
            continue;
        };
        if tools.iter().any(|known| known.name == name) {
            continue;
        }
        let wishes = exercise.tools.get(name);
        if wishes.is_some_and(|wishes| wishes.skip) {
            left_out.insert(name.to_owned(), SKIPPED.to_owned());
            continue;
        }
        let hints = Hints {
            args: wishes.map(|wishes| wishes.args.clone()).unwrap_or_default(),
        };
        let empty = json!({"type": "object"});
        let schema = tool
            .get("inputSchema")
            .filter(|schema| schema.is_object())
            .unwrap_or(&empty);
        match Generator::new(name, schema, &hints, seed) {
            Ok(generator) => tools.push(Tool {
                name: name.to_owned(),
                generator,
            }),
            Err(problem) => {
                left_out.insert(name.to_owned(), problem.to_string());
            }
        }
    }
    tools
}
