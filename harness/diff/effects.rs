//! Compares what was done: operations, their places, the values in them.

mod appeared;

use super::carry::{carried, departed, had_argument, summary, whole_of};
use super::change::{Change, Rule, Side, Weight};
use super::known::Known;
use super::scripts::{clip, owner};
use super::values::{Spot, read, shown};
use super::weigh;
use crate::effect::Phase;
use crate::provenance::{END, Expr, Source};
use crate::snapshot::{Behaviour, Calls, Operation, Place, Scope, Scoped};
use std::collections::BTreeSet;

/// Compares every scope of the two.
pub fn compare(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    let known = Known::new(old);
    let elsewhere = Known::new(new);
    let mut changes = Vec::new();
    let empty = Scoped::default();
    let scopes: BTreeSet<&Scope> = old.scopes.keys().chain(new.scopes.keys()).collect();
    for scope in scopes {
        let before = old.scopes.get(scope).unwrap_or(&empty);
        let Some(after) = new.scopes.get(scope) else {
            if scope.tool.is_none() {
                for (name, operation) in &before.operations {
                    let context = Context {
                        scope,
                        before,
                        after: &empty,
                        known: &known,
                    };
                    context.vanished(name, operation, &elsewhere, &mut changes);
                }
            }
            continue;
        };
        let context = Context {
            scope,
            before,
            after,
            known: &known,
        };
        for (name, operation) in &after.operations {
            match before.operations.get(name) {
                Some(was) => context.both(name, was, operation, &mut changes),
                None => context.appeared(name, operation, &elsewhere, &mut changes),
            }
        }
        // A tool that was not called again says nothing about what it no longer does.
        if after.calls > 0 {
            for (name, operation) in &before.operations {
                if !after.operations.contains_key(name) {
                    context.vanished(name, operation, &elsewhere, &mut changes);
                }
            }
        }
    }
    changes
}

pub struct Context<'a> {
    pub scope: &'a Scope,
    pub before: &'a Scoped,
    pub after: &'a Scoped,
    known: &'a Known<'a>,
}

impl Context<'_> {
    pub fn change(&self, rule: Rule, name: &str, title: String, calls: Calls) -> Change {
        Change {
            rule,
            weight: Weight::Ordinary,
            phase: self.scope.phase,
            tool: self.scope.tool.clone(),
            owner: self.scope.script.as_ref().map(owner),
            also: Vec::new(),
            operation: Some(name.to_owned()),
            place: None,
            host: None,
            title,
            was: None,
            now: None,
            provenance: "constant".to_owned(),
            calls,
            of: self.after.calls.max(self.before.calls).max(1),
            evidence: None,
        }
    }

    fn both(&self, name: &str, was: &Operation, now: &Operation, changes: &mut Vec<Change>) {
        let steady = was.steady && now.steady;
        let called_then = |call: &u32| *call < self.before.calls || self.scope.tool.is_none();
        let more: Calls = now
            .calls
            .minus(&was.calls)
            .iter()
            .filter(called_then)
            .collect();
        let effect = !matches!(
            Operation::verb(name),
            "dns" | "result" | "listing" | "output" | "message" | "script" | "read"
        );
        if effect && steady && !more.is_empty() {
            let title = format!("now also does this in calls where it did not: {name}");
            let mut change = self.change(Rule::NewRequest, name, title, more);
            change.host = now.host.clone();
            change.evidence = Some((Side::New, now.first));
            changes.push(change);
        }
        let fewer = was.calls.minus(&now.calls);
        if effect && steady && !fewer.is_empty() && self.answered(&fewer) {
            let mut change = self.change(
                Rule::VanishedEffect,
                name,
                format!("reports success without doing this in some calls: {name}"),
                fewer,
            );
            change.host = was.host.clone();
            change.evidence = Some((Side::Old, was.first));
            change.weight = weigh::vanished(name);
            changes.push(change);
        }
        if effect && steady && now.most > was.most {
            let title = format!(
                "does this {} times in one call, before {}: {name}",
                now.most, was.most
            );
            let mut change = self.change(Rule::RepeatedEffect, name, title, now.calls.clone());
            change.host = now.host.clone();
            change.evidence = Some((Side::New, now.first));
            changes.push(change);
        }
        if Operation::verb(name) == "result" && steady {
            self.outcome(name, now, changes);
        }
        if effect && steady {
            self.dropped(name, was, now, changes);
        }
        self.places(name, Some(was), now, changes);
    }

    /// Arguments that were passed on and no longer are, though the call is answered as before.
    fn dropped(&self, name: &str, was: &Operation, now: &Operation, changes: &mut Vec<Change>) {
        let (before, after) = (carried(was), carried(now));
        for (source, calls) in before {
            let still = after.get(source).cloned().unwrap_or_default();
            let lost: Calls = calls
                .minus(&still)
                .iter()
                .filter(|call| now.calls.contains(*call))
                .collect();
            if lost.is_empty() || !self.answered(&lost) {
                continue;
            }
            let title = format!("reports success without passing on {source} any more: {name}");
            let mut change = self.change(Rule::VanishedField, name, title, lost);
            change.place = Some(source.to_string());
            change.host = was.host.clone();
            change.was = Some(source.to_string());
            change.provenance = source.to_string();
            change.evidence = Some((Side::Old, was.first));
            change.weight = weigh::vanished(name);
            changes.push(change);
        }
    }

    /// Calls that were answered otherwise than before.
    fn outcome(&self, name: &str, now: &Operation, changes: &mut Vec<Change>) {
        let was = self.before.operations.get(name);
        if self.before.calls == 0 {
            return;
        }
        if Operation::verb(name) == "exit" {
            if was.is_none() && self.known.anywhere(name).is_empty() {
                let mut change = self.change(
                    Rule::ExitChanged,
                    name,
                    "ends by itself".into(),
                    now.calls.clone(),
                );
                change.evidence = Some((Side::New, now.first));
                changes.push(change);
            }
            return;
        }
        let before = was.map(|was| was.calls.clone()).unwrap_or_default();
        let more: Calls = now
            .calls
            .minus(&before)
            .iter()
            .filter(|call| *call < self.before.calls)
            .collect();
        if more.is_empty() || was.is_some_and(|was| !was.steady) {
            return;
        }
        let outcome = name.strip_prefix("result ").unwrap_or(name);
        let other: Vec<&str> = self
            .before
            .operations
            .iter()
            .filter(|(other, op)| {
                Operation::verb(other) == "result"
                    && other.as_str() != name
                    && op.calls.meets(&more)
            })
            .map(|(other, _)| other.strip_prefix("result ").unwrap_or(other))
            .collect();
        let title = format!(
            "{} calls end in `{outcome}`, before in `{}`",
            more.count(),
            other.join("`, `")
        );
        let mut change = self.change(Rule::OutcomeChanged, name, title, more);
        change.was = Some(other.join(", "));
        change.now = Some(outcome.to_owned());
        change.evidence = Some((Side::New, now.first));
        changes.push(change);
    }

    fn vanished(&self, name: &str, was: &Operation, new: &Known, changes: &mut Vec<Change>) {
        if !was.steady
            || matches!(
                Operation::verb(name),
                "dns" | "result" | "listing" | "output" | "message" | "exit" | "read"
            )
            || !new.anywhere(name).is_empty()
        {
            return;
        }
        let silent = self.scope.tool.is_none() || self.answered(&was.calls);
        let moved = self.moved(name, was);
        let title = if let Some(now) = moved {
            format!("does this in another place, {now}: {name}")
        } else if self.scope.tool.is_some() && silent {
            format!("reports success without doing this any more: {name}")
        } else {
            format!("no longer does this: {name}")
        };
        let mut change = self.change(Rule::VanishedEffect, name, title, was.calls.clone());
        change.host = was.host.clone();
        change.was = Some(summary(name, was));
        change.evidence = Some((Side::Old, was.first));
        change.now = moved.map(str::to_owned);
        change.weight = if moved.is_some() {
            Weight::Ordinary
        } else if self.scope.tool.is_some() && silent {
            weigh::vanished(name)
        } else {
            Weight::Trivial
        };
        changes.push(change);
    }

    /// The same deed in another place: a file of that name, in the same calls, which holds all
    /// that this one held. What is wrong with the place is told of the file that appeared.
    fn moved(&self, name: &str, was: &Operation) -> Option<&str> {
        let (deed, path) = name
            .split_once(" /")
            .filter(|(deed, _)| deed.starts_with("file "))?;
        let held = carried(was);
        let same = |other: &str, now: &Operation| {
            let alike = other.split_once(" /").is_some_and(|(other, there)| {
                other == deed && there.rsplit('/').next() == path.rsplit('/').next()
            });
            let holds = carried(now);
            let within = |(source, calls): (&&Source, &Calls)| {
                holds
                    .get(*source)
                    .is_some_and(|still| calls.minus(still).is_empty())
            };
            alike && was.calls.minus(&now.calls).is_empty() && held.iter().all(within)
        };
        let appeared = self.after.operations.iter();
        let mut appeared =
            appeared.filter(|(other, _)| !self.before.operations.contains_key(*other));
        appeared
            .find(|(other, now)| same(other, now))
            .map(|(other, _)| other.as_str())
    }

    /// Whether any of these calls is answered with success now.
    fn answered(&self, calls: &Calls) -> bool {
        self.scope.phase == Phase::Call
            && self
                .after
                .operations
                .get("result ok")
                .is_some_and(|ok| ok.calls.meets(calls))
    }

    fn places(
        &self,
        name: &str,
        was: Option<&Operation>,
        now: &Operation,
        changes: &mut Vec<Change>,
    ) {
        let moved = was.map(|was| departed(was, now)).unwrap_or_default();
        for (place_name, place) in &now.places {
            let before = was.and_then(|was| was.places.get(whole_of(was, place_name)));
            for (value, seen) in &place.values {
                let frame = SpotFrame {
                    place: place_name,
                    host: now.host.as_deref(),
                    is_result: matches!(Operation::verb(name), "result" | "listing"),
                    steady: now.steady && place.steady,
                };
                self.value(
                    name,
                    &frame,
                    before,
                    value,
                    &seen.calls,
                    seen.first,
                    &moved,
                    was,
                    changes,
                );
            }
        }
        let Some(was) = was else { return };
        let is_effect = !matches!(
            Operation::verb(name),
            "result" | "listing" | "output" | "message"
        );
        for (place_name, before) in &was.places {
            let gone = !now.places.contains_key(place_name) && before.steady;
            if gone
                && is_effect
                && place_name != END
                && !place_name.starts_with("address in")
                && !place_name.starts_with("mention in")
            {
                let was_value = before.values.keys().next().map(shown).unwrap_or_default();
                let title = format!("no longer carries `{place_name}` (was {was_value}): {name}");
                let mut change =
                    self.change(Rule::VanishedField, name, title, before.calls.clone());
                change.place = Some(place_name.clone());
                change.host = was.host.clone();
                change.was = Some(was_value);
                change.evidence = Some((Side::Old, was.first));
                changes.push(change);
            }
        }
    }

    /// Of what is new as a whole, only recipients and what was confided are worth a word of their
    /// own.
    fn grave_only(&self, name: &str, now: &Operation, changes: &mut Vec<Change>) {
        let mut all = Vec::new();
        self.places(name, None, now, &mut all);
        changes.extend(all.into_iter().filter(|change| {
            matches!(
                change.rule,
                Rule::HiddenRecipient
                    | Rule::CanaryLeak
                    | Rule::SecretLeak
                    | Rule::SecretInResult
                    | Rule::LeavesProcessBehind
            )
        }));
    }

    #[expect(clippy::too_many_arguments, reason = "one value in its whole context")]
    fn value(
        &self,
        name: &str,
        frame: &SpotFrame,
        before: Option<&Place>,
        value: &Expr,
        calls: &Calls,
        first: u64,
        moved: &[Source],
        operation: Option<&Operation>,
        changes: &mut Vec<Change>,
    ) {
        let operation_known = operation.is_some();
        let was: Vec<&Expr> = before
            .map(|place| {
                place
                    .values
                    .iter()
                    .filter(|(_, seen)| seen.calls.meets(calls))
                    .map(|(expr, _)| expr)
                    .collect()
            })
            .unwrap_or_default();
        let (was, calls) = match before.map(|place| (place, place.values.get(value))) {
            Some((place, Some(seen))) => {
                // Known here, but perhaps not in these calls: there another value stood.
                let swapped: Calls = calls
                    .minus(&seen.calls)
                    .iter()
                    .filter(|call| place.calls.contains(*call))
                    .collect();
                let was: Vec<&Expr> = was.into_iter().filter(|expr| *expr != value).collect();
                if swapped.is_empty() || was.is_empty() || !place.steady || value.has_varying() {
                    return;
                }
                (was, swapped)
            }
            _ => (was, calls.clone()),
        };
        // What a call was given is an earlier call's where it turns up after the last one: a deed
        // that is done later is the same deed.
        let mut later: Vec<Expr> = Vec::new();
        if matches!(self.scope.phase, Phase::Idle | Phase::Exit)
            && let Some(tool) = value.sources().into_iter().find_map(Source::of_call)
        {
            later.extend(was.iter().map(|expr| (*expr).clone().of_earlier(tool)));
            if later.contains(value) {
                return;
            }
        }
        let was: Vec<&Expr> = match later.is_empty() {
            true => was,
            false => later.iter().collect(),
        };
        if value.has_varying()
            && was.iter().any(|expr| expr.has_varying())
            && same_sources(value, &was)
        {
            // Both vary: shapes learnt from few examples differ by chance.
            return;
        }
        let tool = self.scope.tool.as_deref();
        let had_argument = |path: &str| match tool {
            Some(tool) => had_argument(&self.known.behaviour.surface.tools, tool, path),
            None => true,
        };
        let spot = Spot {
            known: self.known,
            host: frame.host,
            place: frame.place,
            was: &was,
            operation_known,
            moved,
            had_argument: &had_argument,
            is_result: frame.is_result,
            is_file: Operation::verb(name) == "file",
        };
        let reading = read(value, &spot);
        let quiet = matches!(
            reading.rule,
            Rule::NewField | Rule::ResultChanged | Rule::ChangedValue
        );
        let stays = weigh::stays(name, frame.place, value);
        // What a new operation carries is told with the operation; a list is told as a whole.
        if quiet
            && stays.is_none()
            && (!operation_known
                || frame.place.starts_with("address in")
                || frame.place.starts_with("mention in"))
        {
            return;
        }
        if quiet && matches!(Operation::verb(name), "dns" | "output") {
            return;
        }
        // That an end was not seen before says nothing: it may have come too late to be counted.
        if stays.is_none() && frame.place == END && was.is_empty() {
            return;
        }
        let (rule, title) = match name {
            "script" => (
                Rule::InstallScriptChanged,
                format!(
                    "another script is executed to install it: `{}`",
                    clip(&value.to_string())
                ),
            ),
            _ if let Some(stays) = stays.filter(|_| quiet) => (
                Rule::LeavesProcessBehind,
                format!(
                    "{stays}: {}",
                    if name == "exit" {
                        shown(value)
                    } else {
                        name.to_owned()
                    }
                ),
            ),
            _ if quiet && frame.place == END => (
                Rule::ExitChanged,
                format!(
                    "a program it starts ends otherwise, {}: {name}",
                    reading.says
                ),
            ),
            "exit" if quiet => (
                Rule::ExitChanged,
                format!("`{}` {}", frame.place, reading.says),
            ),
            _ => (
                reading.rule,
                format!("`{}` {}: {name}", frame.place, reading.says),
            ),
        };
        let mut change = self.change(rule, name, title, calls);
        change.weight = reading.weight;
        // What comes and goes by itself says little by coming with a value not seen yet.
        let unsteady = !frame.steady
            || operation.is_some_and(|operation| !operation.steady)
            || before.is_some_and(|place| !place.steady);
        let by_itself = was.is_empty() && rule != Rule::ExitChanged || frame.place == END;
        if quiet && unsteady && by_itself {
            change.weight = Weight::Trivial;
        }
        change.place = Some(frame.place.to_owned());
        change.host = frame.host.map(str::to_owned);
        change.was = (!was.is_empty()).then(|| {
            was.iter()
                .take(4)
                .map(|e| shown(e))
                .collect::<Vec<_>>()
                .join(" or ")
        });
        change.now = Some(shown(value));
        change.provenance = value.provenance();
        change.evidence = Some((Side::New, first));
        changes.push(change);
    }
}

struct SpotFrame<'a> {
    place: &'a str,
    host: Option<&'a str>,
    is_result: bool,
    /// Whether all runs of the new version showed it in the same calls.
    steady: bool,
}

fn same_sources(value: &Expr, was: &[&Expr]) -> bool {
    was.iter().any(|expr| expr.sources() == value.sources())
}
