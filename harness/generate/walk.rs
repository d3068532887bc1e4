//! The walk from a schema to one value: every step's decisions come from the choices.

use super::{
    budget::{self, Budget},
    choice::{Choices, Span},
    facets::{Facets, Types},
    feed::Theme,
    generator::{Hints, Mark},
    meaning::{self, Meaning, Quantity},
    place::Place,
    refs,
    schema::Schema,
    stock, token,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

pub(super) struct Walk<'s, 'c> {
    pub(super) schema: &'s Schema,
    /// What is walked: the schema, or the same said outright.
    root: &'s Value,
    pub(super) outright: bool,
    pub(super) tool: &'s str,
    pub(super) hints: &'s Hints,
    /// Names of the tool's properties, and what this call is made of beside.
    pub(super) names: &'s BTreeSet<String>,
    pub(super) theme: Theme,
    pub(super) choices: Choices<'c>,
    pub(super) budget: Budget,
    /// Draw what the plan would otherwise decide: an item has to differ from its neighbours.
    pub(super) freely: bool,
    /// Dependent schemas already taken in, of the object at hand.
    pub(super) followed: Vec<*const Value>,
    marks: Vec<Mark>,
    dead_end: Option<DeadEnd>,
    /// Branches chosen so far: with none, a dead end is one for every walk.
    branched: bool,
}

/// A required place where nothing can stand.
#[derive(Clone, Debug)]
pub(super) struct DeadEnd {
    pub(super) path: String,
    pub(super) why: &'static str,
}

/// What a walk leaves behind.
pub(super) struct Made {
    pub(super) arguments: Value,
    pub(super) marks: Vec<Mark>,
    pub(super) choices: Vec<u64>,
    pub(super) spans: Vec<Span>,
    pub(super) dead_end: Option<DeadEnd>,
    /// A bound was in the way: the arguments are not all that was asked for.
    pub(super) overdrawn: bool,
}

/// What every walk of a tool has in common.
#[derive(Clone, Copy)]
pub(super) struct Ground<'s> {
    pub(super) schema: &'s Schema,
    pub(super) tool: &'s str,
    pub(super) hints: &'s Hints,
    pub(super) names: &'s BTreeSet<String>,
}

impl<'s, 'c> Walk<'s, 'c> {
    pub(super) fn run(ground: Ground<'s>, choices: Choices<'c>) -> Made {
        let (arguments, walk) = Self::whole(ground, choices);
        let (choices, spans) = walk.choices.record();
        Made {
            arguments,
            marks: walk.marks,
            choices,
            spans,
            dead_end: walk.dead_end,
            overdrawn: walk.budget.overdrawn(),
        }
    }

    /// The arguments alone, and choices that can go on.
    pub(super) fn start(ground: Ground<'s>, choices: Choices<'c>) -> (Value, Choices<'c>) {
        let (arguments, walk) = Self::whole(ground, choices);
        (arguments, walk.choices)
    }

    /// A value for `at`, `depth` levels down, made by `root` instead of the schema.
    pub(super) fn part(
        ground: Ground<'s>,
        root: &'s Value,
        at: &Place,
        depth: usize,
        choices: Choices<'c>,
    ) -> (Value, Choices<'c>) {
        let mut walk = Self::new(ground, root, true, choices);
        let types = if depth == 0 {
            Types::OBJECT
        } else {
            Types::ANY
        };
        let facets = walk.laid_out(&[root], at, depth, types);
        let value = walk.of_facets(facets, at, depth);
        (value, walk.choices)
    }

    fn new(ground: Ground<'s>, root: &'s Value, outright: bool, choices: Choices<'c>) -> Self {
        Self {
            schema: ground.schema,
            root,
            outright,
            tool: ground.tool,
            hints: ground.hints,
            names: ground.names,
            theme: Theme::Nothing,
            choices,
            budget: Budget::full(),
            freely: false,
            followed: Vec::new(),
            marks: Vec::new(),
            dead_end: None,
            branched: false,
        }
    }

    fn whole(ground: Ground<'s>, mut choices: Choices<'c>) -> (Value, Self) {
        let outright = choices.outright();
        let root = if outright {
            ground.schema.outright()
        } else {
            &ground.schema.root
        };
        let mut walk = Self::new(ground, root, outright, choices);
        let place = Place::default();
        walk.theme = walk.themed(&place);
        let facets = walk.laid_out(&[root], &place, 0, Types::OBJECT);
        let arguments = match walk.of_facets(facets, &place, 0) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        (Value::Object(arguments), walk)
    }

    /// A value that is meant to satisfy all of `schemas`.
    pub(super) fn value(&mut self, schemas: &[&'s Value], at: &Place, depth: usize) -> Value {
        if !self.budget.value() || depth > budget::FLOOR {
            self.budget.refuse();
            return Value::Null;
        }
        let facets = self.laid_out(schemas, at, depth, Types::ANY);
        self.of_facets(facets, at, depth)
    }

    /// The parts that hold at one place; chosen anew where there is a choice and they leave nothing.
    fn laid_out(
        &mut self,
        schemas: &[&'s Value],
        at: &Place,
        depth: usize,
        types: Types,
    ) -> Facets<'s> {
        let freely = self.freely;
        for _ in 1..budget::TRIES {
            let mut facets = self.flatten(schemas, at, depth);
            facets.types = facets.types & types;
            if !self.outright || facets.leave_something() || !self.budget.try_again() {
                self.freely = freely;
                return facets;
            }
            self.freely = true;
        }
        let mut facets = self.flatten(schemas, at, depth);
        facets.types = facets.types & types;
        self.freely = freely;
        facets
    }

    fn of_facets(&mut self, mut facets: Facets<'s>, at: &Place, depth: usize) -> Value {
        if let Some(hint) = self.hint(at) {
            return hint;
        }
        if self.outright && depth > 0 {
            let stock = stock::values(&facets);
            if let Some(index) = self.choices.stock(at, stock.len()) {
                return stock.into_iter().nth(index).unwrap_or_default();
            }
        }
        if let Some(listed) = facets.listed() {
            let Some(index) = self.cover(at, listed.len()) else {
                self.dead_end(at, "no listed value is allowed");
                return Value::Null;
            };
            return listed[index].clone();
        }
        if facets.impossible || facets.types.is_empty() {
            self.dead_end(at, "no type is left for it");
            return Value::Null;
        }
        let kind = self.kind(&facets, at, depth);
        match kind {
            Types::STRING => self.string(&facets, at),
            Types::OBJECT => match self.shown(&facets, at, Value::is_object) {
                Some(value) => value,
                None => self.object(&mut facets, at, depth),
            },
            Types::ARRAY => match self.shown(&facets, at, Value::is_array) {
                Some(value) => value,
                None => self.array(&facets, at, depth),
            },
            Types::NUMBER | Types::INTEGER => self.number(&facets, at),
            Types::BOOLEAN => {
                let yes = self.cover(at, 2) == Some(1);
                let value = Value::Bool(yes);
                if facets.excludes(&value) {
                    Value::Bool(!yes)
                } else {
                    value
                }
            }
            _ => Value::Null,
        }
    }

    /// The parts that hold at one place, with a branch chosen wherever there are several.
    pub(super) fn flatten(
        &mut self,
        schemas: &[&'s Value],
        at: &Place,
        depth: usize,
    ) -> Facets<'s> {
        let mut facets = Facets::new();
        let mut waiting: Vec<&'s Value> = schemas.iter().rev().copied().collect();
        let mut left = budget::PARTS;
        while let Some(schema) = waiting.pop() {
            let map = match schema {
                Value::Object(map) => map,
                Value::Bool(false) => {
                    facets.impossible = true;
                    continue;
                }
                _ => continue,
            };
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
            facets.add(map);
            waiting.extend(refs::referred(self.root, map));
            waiting.extend(
                map.get("allOf")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .rev(),
            );
            for key in ["anyOf", "oneOf"] {
                if let Some(Value::Array(branches)) = map.get(key) {
                    match self.branch(branches, &facets, at, depth) {
                        Some(branch) => {
                            waiting.push(branch);
                            let others = branches.iter().filter_map(Value::as_object);
                            facets.beside = others.fold(facets.beside, |set, b| set | Types::of(b));
                        }
                        None => facets.impossible = true,
                    }
                }
            }
            if let Some(condition) = map.get("if") {
                self.branched = true;
                let holds = self.choices.draw_apart(at, "if", 2) == 0;
                if holds {
                    waiting.push(condition);
                }
                waiting.extend(map.get(if holds { "then" } else { "else" }));
            }
        }
        facets
    }

    /// One branch that may go with what is known of the place.
    fn branch(
        &mut self,
        branches: &'s [Value],
        facets: &Facets<'s>,
        at: &Place,
        depth: usize,
    ) -> Option<&'s Value> {
        let levels = if self.outright { 8 } else { 0 };
        let root = self.root;
        let types = |schema: &Value| {
            facets.types & possible(root, schema, levels, &mut budget::PARTS.clone())
        };
        let mut open: Vec<&'s Value> = branches.iter().filter(|b| !types(b).is_empty()).collect();
        // `null` says nothing: it comes last, and only now and then.
        open.sort_by_key(|branch| types(branch) == Types::NULL);
        if self.deep(depth) {
            let mut fuel = budget::PARTS;
            let lowest = open.iter().map(|b| self.height(b, 6, &mut fuel)).min();
            let mut fuel = budget::PARTS;
            open.retain(|b| Some(self.height(b, 6, &mut fuel)) == lowest);
        }
        if open.len() > 1 {
            self.branched = true;
        }
        let nulls = open.iter().filter(|b| types(b) == Types::NULL).count();
        let telling = open.len() - nulls;
        if nulls > 0 && telling > 0 {
            let null = self.choices.planned(at, 6, |plan| match plan.nth() {
                0 | 1 => 0,
                _ => plan.cover(at.as_str(), 6),
            });
            if null == 5 {
                return open.last().copied();
            }
            open.truncate(telling);
        }
        // The first branch is what the author had in mind; the others get their turn.
        let n = open.len() as u64;
        let index = match n {
            0 => return None,
            1 => 0,
            _ if self.freely => self.choices.draw(at, n),
            _ => self.choices.planned(at, n, |plan| match plan.nth() {
                0 | 1 => 0,
                _ => plan.cover(at.as_str(), n),
            }),
        };
        open.get(index as usize).copied()
    }

    /// How many levels a value of `schema` needs at the least.
    fn height(&self, schema: &Value, levels: u32, fuel: &mut usize) -> u32 {
        *fuel = fuel.saturating_sub(1);
        let Value::Object(map) = schema else { return 0 };
        if levels == 0 || *fuel == 0 {
            return 100;
        }
        let list = |key: &str| map.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut height = 0;
        for found in refs::referred(self.root, map) {
            height = height.max(self.height(found, levels - 1, fuel));
        }
        for sub in list("allOf") {
            height = height.max(self.height(sub, levels - 1, fuel));
        }
        for key in ["anyOf", "oneOf"] {
            let least = list(key)
                .map(|sub| self.height(sub, levels - 1, fuel))
                .min();
            height = height.max(least.unwrap_or(0));
        }
        let inside = list("required")
            .filter_map(|name| map.get("properties")?.get(name.as_str()?))
            .map(|sub| 1 + self.height(sub, levels - 1, fuel))
            .max();
        let items = map.get("items").filter(|_| {
            map.get("minItems")
                .and_then(Value::as_f64)
                .is_some_and(|n| n > 0.0)
        });
        let items = items.map(|sub| 1 + self.height(sub, levels - 1, fuel));
        height.max(inside.unwrap_or(0)).max(items.unwrap_or(0))
    }

    /// The type to make, when several are allowed.
    fn kind(&mut self, facets: &Facets<'s>, at: &Place, depth: usize) -> Types {
        let mut types = facets.types;
        let keywords: &[(Types, &[&str])] = &[
            (
                Types::OBJECT,
                &[
                    "properties",
                    "required",
                    "additionalProperties",
                    "patternProperties",
                    "minProperties",
                ],
            ),
            (
                Types::ARRAY,
                &["items", "prefixItems", "contains", "minItems"],
            ),
            (
                Types::NUMBER,
                &[
                    "minimum",
                    "maximum",
                    "multipleOf",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                ],
            ),
            (
                Types::STRING,
                &[
                    "pattern",
                    "format",
                    "minLength",
                    "maxLength",
                    "contentEncoding",
                ],
            ),
        ];
        if types == Types::ANY {
            let told = keywords
                .iter()
                .find(|(_, keys)| keys.iter().any(|key| facets.has(key)));
            let shown = facets.shown().first().map(|value| Types::of_value(value));
            let guess = told.map(|(types, _)| *types).or(shown);
            types = guess.unwrap_or_else(|| self.guess(facets, at));
        }
        let mut options = types.each();
        let null = options.last() == Some(&Types::NULL) && options.len() > 1;
        if null {
            options.pop();
            let given = self.choices.planned(at, 6, |plan| match plan.nth() {
                0 | 1 => 0,
                _ => plan.cover(at.as_str(), 6),
            });
            if given == 5 {
                return Types::NULL;
            }
        }
        if self.deep(depth) {
            options.sort_by_key(|one| *one == Types::OBJECT || *one == Types::ARRAY);
            options.truncate(1);
        }
        let index = self.cover(at, options.len()).unwrap_or(0);
        options.get(index).copied().unwrap_or(Types::NULL)
    }

    /// A type for a schema that says nothing about it.
    fn guess(&self, facets: &Facets<'s>, at: &Place) -> Types {
        let about = facets.about();
        let said = self.said(facets, at, &about);
        let head = meaning::words(at.name()).pop().unwrap_or_default();
        if meaning::of_text(&said) != Meaning::Text {
            Types::STRING
        } else if meaning::of_number(&said) != Quantity::Distinct {
            Types::INTEGER
        } else if ["enabled", "active", "flag", "force", "recursive"].contains(&head.as_str()) {
            Types::BOOLEAN
        } else {
            Types::STRING
        }
    }

    /// A whole list or object that the schema shows: it says more than its parts do.
    fn shown(
        &mut self,
        facets: &Facets<'s>,
        at: &Place,
        fits: fn(&Value) -> bool,
    ) -> Option<Value> {
        let telling = |v: &&&Value| fits(v) && v.as_array().is_none_or(|list| !list.is_empty());
        let shown = facets.shown();
        let shown: Vec<&&Value> = shown.iter().filter(telling).collect();
        if shown.is_empty() || self.choices.draw_apart(at, "shown", 4) != 3 {
            return None;
        }
        let index = self.choices.draw_apart(at, "shown", shown.len() as u64);
        shown.get(index as usize).map(|value| (**value).clone())
    }

    /// The user's value for `at`, in every second call.
    fn hint(&mut self, at: &Place) -> Option<Value> {
        if self.hints.args.is_empty() {
            return None;
        }
        let values = self
            .hints
            .args
            .get(&at.general())
            .filter(|values| !values.is_empty())?;
        let n = values.len() as u64;
        let choice = self.choices.planned(at, n + 1, |plan| {
            let turn = u64::from(plan.nth());
            if turn % 2 == 0 { 1 + turn / 2 % n } else { 0 }
        });
        let index = choice.checked_sub(1)?;
        values.get(index as usize).cloned()
    }

    /// One of `options` as the plan covers them; `None` of none.
    pub(super) fn cover(&mut self, at: &Place, options: usize) -> Option<usize> {
        match options {
            0 => None,
            1 => Some(0),
            _ if self.freely => Some(self.choices.draw(at, options as u64) as usize),
            n => Some(
                self.choices
                    .planned(at, n as u64, |plan| plan.cover(at.as_str(), n as u64))
                    as usize,
            ),
        }
    }

    /// How a scalar is made: the simplest way (0) in the first two calls, each way in turn later.
    pub(super) fn style(&mut self, at: &Place, styles: u64) -> u64 {
        self.choices.planned(at, styles, |plan| match plan.nth() {
            0 | 1 => 0,
            _ => plan.cover(at.as_str(), styles),
        })
    }

    /// Forgets the marks made since there were `n`: their values were not taken.
    pub(super) fn forget(&mut self, n: usize) {
        self.marks.truncate(n);
    }

    pub(super) fn marked(&self) -> usize {
        self.marks.len()
    }

    /// Deep enough, or late enough, to leave out whatever can be left out.
    pub(super) fn deep(&self, depth: usize) -> bool {
        depth > budget::DEPTH || self.budget.short()
    }

    /// The mark of `at`, from a stream of its own: a changed description does not change it.
    pub(super) fn mark(&mut self, at: &Place, purpose: &str) -> String {
        let number = self.choices.draw_apart(at, purpose, u64::MAX);
        token::mark(number, &format!("{}\0{purpose}", at.as_str()))
    }

    pub(super) fn remember(&mut self, at: &Place, token: String) {
        self.marks.push(Mark {
            path: at.as_str().to_owned(),
            token,
        });
    }

    /// Notes that nothing can stand at `at`, unless another branch was open.
    pub(super) fn dead_end(&mut self, at: &Place, why: &'static str) {
        if !self.branched && self.dead_end.is_none() {
            self.dead_end = Some(DeadEnd {
                path: at.as_str().to_owned(),
                why,
            });
        }
    }
}

/// The types that `schema` may let stand, its parts looked into as deep as `levels` say.
fn possible(root: &Value, schema: &Value, levels: u32, fuel: &mut usize) -> Types {
    let map = match schema {
        Value::Object(map) => map,
        Value::Bool(true) => return Types::ANY,
        _ => return Types::NONE,
    };
    let own = Types::of(map);
    *fuel = fuel.saturating_sub(1);
    if levels == 0 || *fuel == 0 || own.is_empty() {
        return own;
    }
    let list = |key: &str| map.get(key).and_then(Value::as_array);
    let mut types = own;
    let parts = list("allOf").into_iter().flatten();
    for part in parts.chain(refs::referred(root, map)) {
        types = types & possible(root, part, levels - 1, fuel);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(parts) = list(key) {
            let mut any = Types::NONE;
            for part in parts {
                any = any | possible(root, part, levels - 1, fuel);
            }
            types = types & any;
        }
    }
    types
}
