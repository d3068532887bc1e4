//! Which calls to make. The plan is made once, from the old version's surface, and both
//! versions get the same calls; what only the new version declares is called in addition.

use super::asked::{Asked, Offer, offers};
use super::deed::Deed;
use super::given::Given;
use crate::effect::Surface;
use crate::generate::{Dictionary, Generator, Hints};
use crate::mcp::Request;
use crate::scenario::Exercise;
use crate::secret::Seed;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Calls made of one tool at least: one with what is required, one with everything.
const LEAST: u32 = 2;
/// And where code says what it compares arguments with: one more, made of that, unless as few
/// calls in all were asked for.
const LEAST_OF_CODE: u32 = 3;
const FEW: u32 = 16;
/// Calls made of a schema that only the new version has.
const FRESH: u32 = 6;
/// And of what is no tool: with what is required, with everything, where that is not the same.
const BESIDE: u32 = 2;

/// Calls of a run in which upstreams may fail, and of one tool.
const FAILING: u32 = 32;
const FAILING_EACH: u32 = 7;

/// Why a tool is left out that the scenario wants left out.
pub const SKIPPED: &str = "skipped by the scenario";

/// Why a tool is left out that would be called in earnest.
pub const DESTROYS: &str = "its annotations say that it destroys, and the server is a real one";

/// One call to be made, of a tool mostly.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What it is told as: the tool's name.
    pub tool: String,
    pub asked: Asked,
    pub arguments: Value,
    /// Whether the arguments satisfy the tool's schema.
    pub valid: bool,
    /// Whether somebody gave the arguments as they stand.
    pub given: bool,
}

impl Call {
    pub fn request(&self) -> Request {
        self.asked.request(&self.tool, &self.arguments)
    }

    /// Of whom it is, in words.
    pub fn whose(&self) -> String {
        match self.asked {
            Asked::Tool => format!("tool `{}`", self.tool),
            _ => format!("`{}`", self.tool),
        }
    }

    /// Whether it is a tool's.
    pub fn is_tool(&self) -> bool {
        self.asked == Asked::Tool
    }
}

/// Calls in the order they are made: round by round, one of each tool, so that calls of different
/// tools alternate and a budget cut short has still reached every tool. Each is made when it is
/// asked for: those of a long run would fill memory.
#[derive(Clone, Default)]
pub struct Plan {
    shares: Vec<Share>,
    /// Further calls after the rounds: tool, and number within its cases.
    further: Vec<(Arc<Tool>, u32)>,
    /// Calls of what is no tool, each with how many.
    beside: Vec<Share>,
    /// How much of that is not asked for.
    unasked: usize,
    /// Calls as somebody gave them, after all others.
    given: Arc<[Call]>,
    /// Make only this one, from 0.
    only: Option<u32>,
    /// In how many calls of each tool upstreams may fail, where they do: trying again takes time.
    pub ways: u32,
    /// Draws another order for the tools of each round.
    shuffled: Option<Seed>,
    /// Tools that cannot be called, and why: skipped, or a schema that nothing satisfies.
    pub left_out: BTreeMap<String, String>,
}

#[derive(Clone)]
struct Share {
    tool: Arc<Tool>,
    calls: u32,
}

impl Plan {
    pub fn calls(&self) -> impl Iterator<Item = Call> {
        let rounds = self
            .shares
            .iter()
            .map(|share| share.calls)
            .max()
            .unwrap_or(0);
        let of_round = |nth| {
            let left = self.shares.iter().filter(move |share| nth < share.calls);
            let mut tools: Vec<&Arc<Tool>> = left.map(|share| &share.tool).collect();
            if let Some(seed) = self.shuffled {
                // A tool more or less must not change the order of the others.
                let draw = |name: &str| seed.stream(&format!("order {nth} {name}")).next_u64();
                tools.sort_by_cached_key(|tool| draw(&tool.name));
            }
            tools.into_iter().map(move |tool| (tool, nth))
        };
        let further = self.further.iter().map(|(tool, nth)| (tool, *nth));
        let beside = self.beside.iter();
        let beside = beside.flat_map(|share| (0..share.calls).map(move |nth| (&share.tool, nth)));
        let made = (0..rounds).flat_map(of_round).chain(further).chain(beside);
        let made = made.map(Next::Made);
        let all = made.chain(self.given.iter().map(Next::Given));
        let (before, most) = self.only.map_or((0, usize::MAX), |only| (only as usize, 1));
        all.skip(before).take(most).map(|next| match next {
            Next::Made((tool, nth)) => tool.call(nth),
            Next::Given(call) => call.clone(),
        })
    }

    /// Whether these arguments satisfy a tool's schema.
    pub fn accepts(&self, tool: &str, arguments: &Value) -> bool {
        let further = self.further.iter().map(|(tool, _)| tool);
        let shares = self.shares.iter().chain(&self.beside);
        let mut tools = shares.map(|share| &share.tool).chain(further);
        tools
            .find(|known| known.name == tool)
            .is_some_and(|tool| tool.generator.accepts(arguments))
    }

    /// How many calls there are.
    pub fn len(&self) -> u32 {
        let further = self.further.len() + self.given.len();
        let shares = self.shares.iter().chain(&self.beside);
        let all = shares.map(|share| share.calls).sum::<u32>() + further as u32;
        self.only.map_or(all, |only| u32::from(only < all))
    }

    /// What is not asked for, in a sentence.
    pub fn note(&self) -> Option<String> {
        let unasked = self.unasked;
        (unasked > 0).then(|| {
            format!(
                "{unasked} prompts, resources or completions were not asked for: it lists too many"
            )
        })
    }

    /// Only the call with this number, from 0.
    pub fn only(self, call: Option<u32>) -> Self {
        Self { only: call, ..self }
    }

    /// The same calls, with the tools of each round in an order of its own.
    pub fn shuffled(self, seed: Seed) -> Self {
        Self {
            shuffled: Some(seed),
            ..self
        }
    }

    /// This plan for a version that declares `new` where the plan was made for `old`: without the
    /// tools that it lacks, and with further calls for what `old` did not declare, new tools and
    /// tools whose input schema is another.
    pub fn adapted(&self, old: &Surface, new: &Surface, wishes: &Wishes<'_>) -> Self {
        let mut plan = self.clone();
        let (beside, unasked) = beside(new, wishes, &mut BTreeMap::new());
        let is_tool = |name: &str| new.tools.iter().any(|tool| tool["name"] == *name);
        let is_there = |call: &&Call| match call.asked {
            Asked::Tool => is_tool(&call.tool),
            _ => beside.iter().any(|share| share.tool.name == call.tool),
        };
        plan.shares.retain(|share| is_tool(&share.tool.name));
        plan.given = plan.given.iter().filter(is_there).cloned().collect();
        if wishes.given.sequence.is_some() {
            return plan;
        }
        // In the old version's order, and with the arguments made for its schemas.
        let kept = |share: &Share| beside.iter().any(|new| new.tool.name == share.tool.name);
        plan.beside.retain(kept);
        for share in beside {
            if !plan
                .beside
                .iter()
                .any(|old| old.tool.name == share.tool.name)
            {
                plan.beside.push(share);
            }
        }
        plan.unasked = unasked;
        let schema = |surface: &Surface, name: &str| {
            let tool = surface.tools.iter().find(|tool| tool["name"] == name);
            tool.map(|tool| tool["inputSchema"].clone())
        };
        for tool in usable(new, wishes, &mut BTreeMap::new()) {
            if schema(old, &tool.name) == schema(new, &tool.name) {
                continue;
            }
            let share = self
                .shares
                .iter()
                .find(|share| share.tool.name == tool.name);
            let made = share.map_or(0, |share| share.calls);
            // The required-only and the everything case are the first two of any schema.
            let numbers = [0, 1]
                .into_iter()
                .chain(made.max(2)..made.max(2) + FRESH - 2);
            plan.further
                .extend(numbers.map(|nth| (Arc::clone(&tool), nth)));
        }
        plan
    }
}

/// What calls are made by, apart from the surface.
#[derive(Clone, Copy)]
pub struct Wishes<'a> {
    pub exercise: &'a Exercise,
    /// What the code compares its arguments with.
    pub code: &'a Arc<Dictionary>,
    pub given: &'a Given,
    pub seed: Seed,
    /// Whether calls have consequences: the server is not in a sandbox.
    pub in_earnest: bool,
}

/// The calls for a surface.
pub fn plan(surface: &Surface, wishes: &Wishes<'_>, calls: u32) -> Plan {
    let mut plan = Plan::default();
    let mut tools = usable(surface, wishes, &mut plan.left_out);
    tools.sort_by_cached_key(|tool| Deed::of(&tool.name));
    let (beside, unasked) = beside(surface, wishes, &mut plan.left_out);
    let alone = wishes.given.sequence.is_some();
    let steps: Vec<(&str, &Value)> = match &wishes.given.sequence {
        Some(steps) => steps.iter().map(|s| (&*s.tool, &s.arguments)).collect(),
        None => {
            let steps = wishes.exercise.sequence.iter();
            steps.map(|s| (&*s.tool, &s.arguments)).collect()
        }
    };
    let others = beside.iter().map(|share| &share.tool);
    let callable: Vec<&Arc<Tool>> = tools.iter().chain(others).collect();
    plan.given = given(&steps, &callable, &mut plan.left_out);
    let many = (tools.len() as u32).max(1);
    plan.ways = (FAILING / many).clamp(1, FAILING_EACH);
    let least = match wishes.code.is_empty() || calls <= FEW {
        true => LEAST,
        false => LEAST_OF_CODE,
    };
    let share = (calls / many).max(least);
    if alone {
        return plan;
    }
    (plan.beside, plan.unasked) = (beside, unasked);
    let mut extra = calls.saturating_sub(share * tools.len() as u32);
    for tool in tools {
        let calls = match wishes
            .exercise
            .tools
            .get(&tool.name)
            .and_then(|plan| plan.calls)
        {
            Some(fixed) => fixed,
            None if extra > 0 => {
                extra -= 1;
                share + 1
            }
            None => share,
        };
        plan.shares.push(Share { tool, calls });
    }
    plan
}

/// The calls of a sequence that can be made.
fn given(
    steps: &[(&str, &Value)],
    tools: &[&Arc<Tool>],
    left_out: &mut BTreeMap<String, String>,
) -> Arc<[Call]> {
    let mut calls = Vec::new();
    for (name, arguments) in steps {
        match tools.iter().find(|tool| tool.name == *name) {
            Some(tool) => calls.push(Call {
                tool: tool.name.clone(),
                asked: tool.asked.clone(),
                arguments: (*arguments).clone(),
                valid: tool.generator.accepts(arguments),
                given: true,
            }),
            None => {
                let why = left_out.entry((*name).to_owned());
                why.or_insert_with(|| "a sequence calls it, and there is no such tool".to_owned());
            }
        }
    }
    calls.into()
}

/// A call to be made, or made beforehand.
enum Next<'a> {
    Made((&'a Arc<Tool>, u32)),
    Given(&'a Call),
}

struct Tool {
    name: String,
    asked: Asked,
    generator: Generator,
    seed: Seed,
    /// Arguments worth taking a part of.
    kept: Vec<Value>,
}

impl Tool {
    fn call(&self, nth: u32) -> Call {
        let case = self.generator.case(nth);
        let (arguments, valid) = match self.crossed(nth, &case.arguments) {
            Some(arguments) => (arguments, true),
            None => (case.arguments, case.valid),
        };
        Call {
            tool: self.name.clone(),
            asked: self.asked.clone(),
            arguments,
            valid,
            given: false,
        }
    }

    /// Every fourth call: what was kept, with some of its properties those of a new case.
    fn crossed(&self, nth: u32, fresh: &Value) -> Option<Value> {
        if nth % 4 != 3 || self.kept.is_empty() {
            return None;
        }
        let mut crossed = self.kept[(nth / 4) as usize % self.kept.len()].clone();
        let properties = crossed.as_object_mut()?;
        for (name, value) in fresh.as_object()? {
            let mut draw = self.seed.stream(&format!("cross {nth} {name}"));
            if draw.below(2) == 0 {
                properties.insert(name.clone(), value.clone());
            }
        }
        self.generator.accepts(&crossed).then_some(crossed)
    }
}

fn usable(
    surface: &Surface,
    wishes: &Wishes<'_>,
    left_out: &mut BTreeMap<String, String>,
) -> Vec<Arc<Tool>> {
    let mut tools: Vec<Arc<Tool>> = Vec::new();
    for tool in &surface.tools {
        let Some(name) = tool["name"].as_str() else {
            continue;
        };
        if tools.iter().any(|known| known.name == name) {
            continue;
        }
        let of_tool = wishes.exercise.tools.get(name);
        if of_tool.is_some_and(|wishes| wishes.skip) {
            left_out.insert(name.to_owned(), SKIPPED.to_owned());
            continue;
        }
        if wishes.in_earnest && of_tool.is_none() && tool["annotations"]["destructiveHint"] == true
        {
            left_out.insert(name.to_owned(), DESTROYS.to_owned());
            continue;
        }
        let empty = json!({"type": "object"});
        let schema = tool
            .get("inputSchema")
            .filter(|schema| schema.is_object())
            .unwrap_or(&empty);
        let offer = Offer {
            asked: Asked::Tool,
            schema: schema.clone(),
            hints: BTreeMap::new(),
        };
        match made(name, offer, wishes) {
            Ok(tool) => tools.push(Arc::new(tool)),
            Err(why) => _ = left_out.insert(name.to_owned(), why),
        }
    }
    tools
}

fn made(name: &str, offer: Offer, wishes: &Wishes<'_>) -> Result<Tool, String> {
    let of_tool = wishes.exercise.tools.get(name);
    let mut args = offer.hints;
    args.extend(of_tool.into_iter().flat_map(|wishes| wishes.args.clone()));
    let hints = Hints {
        args,
        code: Arc::clone(wishes.code),
    };
    let generator = Generator::new(name, &offer.schema, &hints, wishes.seed);
    Ok(Tool {
        name: name.to_owned(),
        asked: offer.asked,
        generator: generator.map_err(|problem| problem.to_string())?,
        seed: wishes.seed,
        kept: wishes.given.kept.get(name).cloned().unwrap_or_default(),
    })
}

/// Calls of what a surface offers beside its tools, and how much is not asked for.
fn beside(
    surface: &Surface,
    wishes: &Wishes<'_>,
    left_out: &mut BTreeMap<String, String>,
) -> (Vec<Share>, usize) {
    let (offers, mut unasked) = offers(surface);
    let mut shares = Vec::new();
    for offer in offers {
        let name = offer.asked.name("");
        let of_tool = wishes.exercise.tools.get(&name);
        if of_tool.is_some_and(|wishes| wishes.skip) {
            left_out.insert(name, SKIPPED.to_owned());
            continue;
        }
        // A name or a schema that arguments cannot be made for is the server's own affair here:
        // no client would ask for it.
        let Ok(tool) = made(&name, offer, wishes) else {
            unasked += 1;
            continue;
        };
        let other = tool.call(0).arguments != tool.call(1).arguments;
        let calls = of_tool.and_then(|wishes| wishes.calls);
        shares.push(Share {
            calls: calls.unwrap_or(if other { BESIDE } else { 1 }),
            tool: Arc::new(tool),
        });
    }
    (shares, unasked)
}
