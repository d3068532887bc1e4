//! One finding for one cause: the same header changed by a client library shows in every tool,
//! a request sent elsewhere as one that vanished and one that appeared.

use super::change::{Change, Rule, Weight};
use crate::effect::is_bookkeeping;
use crate::provenance::Expr;
use crate::snapshot::{Behaviour, Calls, Operation, Scope};
use serde_json::Value;
use std::collections::BTreeSet;

/// Joins changes that differ in their tool alone, and drops what another change says better.
pub fn merge(changes: Vec<Change>) -> Vec<Change> {
    let mut out: Vec<Change> = Vec::new();
    for change in changes {
        let same = out.iter_mut().find(|known| {
            is_mergeable(known)
                && known.rule == change.rule
                && known.weight == change.weight
                && known.place == change.place
                && known.host == change.host
                && known.was == change.was
                && known.now == change.now
                && known.phase == change.phase
                && known.owner == change.owner
        });
        match same {
            Some(known) => {
                if let Some(tool) = change.tool
                    && known.tool.as_ref() != Some(&tool)
                    && !known.also.contains(&tool)
                {
                    known.also.push(tool);
                }
            }
            None => out.push(change),
        }
    }
    // A value in a list is told once, as the member that is new rather than as the whole list.
    let told: Vec<(Option<String>, Option<String>)> = out
        .iter()
        .filter(|c| {
            c.place
                .as_deref()
                .is_some_and(|p| p.starts_with("address in "))
        })
        .filter(|c| c.rule == Rule::HiddenRecipient || c.rule == Rule::RedirectField)
        .map(|c| {
            (
                c.operation.clone(),
                c.place
                    .as_deref()
                    .map(|p| p["address in ".len()..].to_owned()),
            )
        })
        .collect();
    out.retain(|c| {
        let whole = (c.operation.clone(), c.place.clone());
        !(told.contains(&whole)
            && matches!(
                c.rule,
                Rule::AlteredValue
                    | Rule::ChangedValue
                    | Rule::NewField
                    | Rule::HiddenRecipient
                    | Rule::RedirectField
            ))
    });
    out.sort_by(|a, b| {
        (
            a.phase,
            &a.tool,
            &a.owner,
            a.rule,
            &a.operation,
            &a.place,
            &a.now,
        )
            .cmp(&(
                b.phase,
                &b.tool,
                &b.owner,
                b.rule,
                &b.operation,
                &b.place,
                &b.now,
            ))
    });
    out
}

/// `changed-destination`: a request that vanished at one host and turned up at another, with the
/// same arguments or secrets, is one change.
pub fn redirected(mut changes: Vec<Change>) -> Vec<Change> {
    let shape = |change: &Change| {
        let name = change.operation.clone().unwrap_or_default();
        match &change.host {
            Some(host) => name
                .replace(&format!("://{host}"), "")
                .replace(host.as_str(), ""),
            None => name,
        }
    };
    let vanished: Vec<(usize, String)> = changes
        .iter()
        .enumerate()
        .filter(|(_, c)| c.rule == Rule::VanishedEffect && c.host.is_some())
        .map(|(i, c)| (i, shape(c)))
        .collect();
    let mut drop = BTreeSet::new();
    for (i, vanished_shape) in vanished {
        let (phase, tool) = (changes[i].phase, changes[i].tool.clone());
        let owner = changes[i].owner.clone();
        let was = (changes[i].host.clone(), changes[i].was.clone());
        let found = changes.iter_mut().find(|c| {
            c.rule == Rule::NewDestination
                && c.phase == phase
                && c.tool == tool
                && c.owner == owner
                && shape(c) == vanished_shape
        });
        if let Some(change) = found {
            change.rule = Rule::ChangedDestination;
            change.title = format!(
                "what went to {} now goes to {}: {}",
                was.0.unwrap_or_default(),
                change.host.clone().unwrap_or_default(),
                change.operation.clone().unwrap_or_default()
            );
            change.was = was.1;
            drop.insert(i);
        }
    }
    let mut i = 0;
    changes.retain(|_| {
        i += 1;
        !drop.contains(&(i - 1))
    });
    changes
}

/// Only what is said in the same words of every tool; a recipient is worth naming per tool.
fn is_mergeable(change: &Change) -> bool {
    let declared = matches!(change.rule, Rule::AnnotationsChanged | Rule::SurfaceChanged);
    if declared && change.operation.is_none() {
        return true;
    }
    matches!(
        change.rule,
        Rule::NewField
            | Rule::VanishedField
            | Rule::ChangedValue
            | Rule::ResultChanged
            | Rule::SurfaceChanged
    ) && change.place.as_deref().is_some_and(|place| {
        place.starts_with("header ") || place == "auth mechanism" || place == "helo"
    })
}

/// Tools that call themselves read-only and are not. A lie that the old version told as well is
/// no change.
pub fn contradictions(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    let lies = |behaviour: &Behaviour| -> Vec<(String, String, u64, Calls, u32)> {
        let mut found = Vec::new();
        for tool in &behaviour.surface.tools {
            let hint = tool.get("annotations").and_then(|a| a.get("readOnlyHint"));
            let Some(name) = tool.get("name").and_then(Value::as_str) else {
                continue;
            };
            if hint != Some(&Value::Bool(true)) {
                continue;
            }
            let Some(scoped) = behaviour.scopes.get(&Scope::tool(name)) else {
                continue;
            };
            if let Some((deed, operation)) = scoped
                .operations
                .iter()
                .find(|(deed, op)| is_deed(deed, op))
            {
                found.push((
                    name.to_owned(),
                    deed.clone(),
                    operation.first,
                    operation.calls.clone(),
                    scoped.calls,
                ));
            }
        }
        found
    };
    let before = lies(old);
    lies(new)
        .into_iter()
        .filter(|lie| !before.iter().any(|known| known.0 == lie.0))
        .map(|(tool, deed, first, calls, of)| Change {
            owner: None,
            rule: Rule::AnnotationContradicted,
            weight: Weight::Ordinary,
            phase: crate::effect::Phase::Call,
            tool: Some(tool),
            also: Vec::new(),
            operation: Some(deed.clone()),
            place: Some("annotations.readOnlyHint".into()),
            host: None,
            title: format!("says it is read-only and does this: {deed}"),
            was: None,
            now: Some(deed),
            provenance: Expr::default().provenance(),
            calls,
            of,
            evidence: Some((super::Side::New, first)),
        })
        .collect()
}

/// What changes something outside the process. A POST may be a search, so only what clearly
/// writes counts.
fn is_deed(name: &str, operation: &Operation) -> bool {
    let writes = ["http PUT", "http DELETE", "http PATCH"]
        .iter()
        .any(|verb| name.starts_with(verb));
    let sends = operation.places.keys().any(|place| {
        name.starts_with("http POST") && super::place::role(place) == super::place::Role::Recipient
    });
    let carries = || {
        let mut sources = operation.places.values().flat_map(|p| p.values.keys());
        sources.any(|value| !value.sources().is_empty())
    };
    match Operation::verb(name) {
        "mail" => true,
        // A helper of its own, or a log that holds nothing it was given, is how a tool reads.
        "exec" => carries(),
        "file" => {
            let path = name.find(" /").map_or("", |at| &name[at + 1..]);
            carries() || !is_bookkeeping(path)
        }
        _ => writes || sends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::Source;
    use crate::snapshot::{Place, Sightings};

    #[test]
    fn a_helper_is_no_deed_and_what_an_argument_reaches_is() {
        let operation = |value: Expr| {
            let seen = Sightings {
                calls: Calls::default(),
                first: 0,
            };
            let place = Place {
                values: [(value, seen)].into(),
                ..Place::default()
            };
            Operation {
                calls: Calls::default(),
                most: 1,
                host: None,
                places: [("argv[1]".to_owned(), place)].into(),
                steady: true,
                first: 0,
            }
        };
        let given = operation(Expr::from(Source::Argument("command".into())));
        let own = operation(Expr::text("extract.js"));
        assert!(is_deed("exec /bin/sh", &given) && !is_deed("exec /usr/bin/node", &own));
        let log = "file create /home/alex/.npm/_logs/x.log";
        assert!(is_deed(log, &given) && !is_deed(log, &own));
        assert!(is_deed("file create /home/alex/work/x", &own) && is_deed("mail mx.example", &own));
    }
}
