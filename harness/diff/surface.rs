//! Compares what a server declares: the texts a model reads, the schemas, the hints.

use super::change::{Change, Rule, Weight};
use super::values::shortened;
use super::wording::{asks_for_context, instructing, invisible};
use crate::effect::{Phase, Surface};
use crate::snapshot::{Behaviour, Calls};
use serde_json::Value;
use std::collections::BTreeMap;

/// Compares two surfaces.
pub fn compare(old: &Surface, new: &Surface) -> Vec<Change> {
    let mut changes = Vec::new();
    server(&old.server, &new.server, &mut changes);
    if old.revision != new.revision {
        note(
            &mut changes,
            Rule::SurfaceChanged,
            None,
            "protocol revision",
            Some(&old.revision),
            Some(&new.revision),
        );
    }
    let (before, after) = (by_name(&old.tools, "name"), by_name(&new.tools, "name"));
    for (name, tool) in &after {
        match before.get(name) {
            Some(was) => compare_tool(name, was, tool, &mut changes),
            None => added(name, tool, &mut changes),
        }
    }
    for (name, tool) in &before {
        if !after.contains_key(name) {
            note(
                &mut changes,
                Rule::ToolRemoved,
                Some(name),
                "tool",
                Some(&text_of(tool)),
                None,
            );
        }
    }
    for (what, key, old, new) in [
        ("prompt", "name", &old.prompts, &new.prompts),
        ("resource", "uri", &old.resources, &new.resources),
        (
            "resource template",
            "uriTemplate",
            &old.resource_templates,
            &new.resource_templates,
        ),
    ] {
        let (before, after) = (by_name(old, key), by_name(new, key));
        for (name, item) in &after {
            let was = before.get(name);
            for (path, now) in leaves(item) {
                let before = was.and_then(|was| at(was, &path));
                if before.as_deref() != Some(&now) {
                    text(
                        &mut changes,
                        Rule::SurfaceChanged,
                        None,
                        &format!("{what} `{name}` {path}"),
                        before.as_deref(),
                        &now,
                    );
                }
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            note(
                &mut changes,
                Rule::SurfaceChanged,
                None,
                &format!("{what} `{name}`"),
                Some("there"),
                None,
            );
        }
    }
    changes
}

/// What a server that was fine when it was approved shows after it has been used.
pub fn after_calls(old: &Behaviour, new: &Behaviour) -> Vec<Change> {
    let Some(later) = &new.later else {
        return Vec::new();
    };
    if old.later.as_ref() == Some(later) {
        return Vec::new();
    }
    let mut changes = compare(&new.surface, later);
    for change in &mut changes {
        change.title = format!("after some calls, {}", change.title);
        change.phase = Phase::Call;
        change.weight = Weight::Grave;
    }
    changes
}

/// Name, version, capabilities, instructions: the answer to `initialize` or `server/discover`.
fn server(old: &Value, new: &Value, changes: &mut Vec<Change>) {
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        leaves(old).into_iter().collect(),
        leaves(new).into_iter().collect(),
    );
    for (path, now) in &after {
        let was = before.get(path).map(String::as_str);
        if was == Some(now) {
            continue;
        }
        if path.ends_with("instructions") {
            text(
                changes,
                Rule::DescriptionChanged,
                None,
                "server instructions",
                was,
                now,
            );
        } else {
            text(
                changes,
                Rule::SurfaceChanged,
                None,
                &format!("server {path}"),
                was,
                now,
            );
            if path.ends_with("serverInfo.version")
                && let Some(last) = changes.last_mut()
            {
                last.weight = Weight::Trivial;
            }
        }
    }
    for (path, was) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
        note(
            changes,
            Rule::SurfaceChanged,
            None,
            &format!("server {path}"),
            Some(was),
            None,
        );
    }
}

fn added(name: &str, tool: &Value, changes: &mut Vec<Change>) {
    note(
        changes,
        Rule::ToolAdded,
        Some(name),
        "tool",
        None,
        Some(&text_of(tool)),
    );
    for (path, now) in leaves(tool) {
        wording(changes, Some(name), &path, None, &now);
    }
    for parameter in parameters(tool) {
        if asks_for_context(&parameter.0, &parameter.1) {
            let what = format!("parameter `{}`", parameter.0);
            note(
                changes,
                Rule::AsksForContext,
                Some(name),
                &what,
                None,
                Some(&parameter.1),
            );
        }
    }
}

fn compare_tool(name: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        leaves(old).into_iter().collect(),
        leaves(new).into_iter().collect(),
    );
    let known: Vec<String> = parameters(old).into_iter().map(|p| p.0).collect();
    for parameter in parameters(new) {
        if !known.contains(&parameter.0) && asks_for_context(&parameter.0, &parameter.1) {
            let what = format!("parameter `{}`", parameter.0);
            note(
                changes,
                Rule::AsksForContext,
                Some(name),
                &what,
                None,
                Some(&parameter.1),
            );
        }
    }
    // A schema's bounds and defaults change together more often than not: one finding a schema.
    let mut schemas: BTreeMap<&str, (Vec<String>, Vec<String>)> = BTreeMap::new();
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let (was, now) = (
            before.get(path).map(String::as_str),
            after.get(path).map(String::as_str),
        );
        if was == now {
            continue;
        }
        let top = path.split(['.', '[']).next().unwrap_or(path);
        let is_text = path.ends_with("description") || path.ends_with("title");
        match (top, is_text) {
            ("inputSchema" | "outputSchema", false) => {
                let lines = schemas
                    .entry(if top == "inputSchema" {
                        "input schema"
                    } else {
                        "output schema"
                    })
                    .or_default();
                let short = path.split_once('.').map_or(path.as_str(), |(_, rest)| rest);
                lines.0.extend(was.map(|was| format!("{short}: {was}")));
                lines.1.extend(now.map(|now| format!("{short}: {now}")));
                if let Some(now) = now {
                    wording(changes, Some(name), path, was, now);
                }
            }
            ("annotations", _) => note(
                changes,
                Rule::AnnotationsChanged,
                Some(name),
                path,
                was,
                now,
            ),
            (_, true) => match now {
                Some(now) => text(
                    changes,
                    Rule::DescriptionChanged,
                    Some(name),
                    path,
                    was,
                    now,
                ),
                None => note(
                    changes,
                    Rule::DescriptionChanged,
                    Some(name),
                    path,
                    was,
                    None,
                ),
            },
            _ => match now {
                Some(now) => text(changes, Rule::SurfaceChanged, Some(name), path, was, now),
                None => note(changes, Rule::SurfaceChanged, Some(name), path, was, None),
            },
        }
    }
    for (what, (was, now)) in schemas {
        note(
            changes,
            Rule::SchemaChanged,
            Some(name),
            what,
            Some(&was.join("\n")),
            Some(&now.join("\n")),
        );
    }
}

/// A text that a model reads: its wording may weigh more than the fact that it changed.
fn text(
    changes: &mut Vec<Change>,
    rule: Rule,
    tool: Option<&str>,
    what: &str,
    was: Option<&str>,
    now: &str,
) {
    wording(changes, tool, what, was, now);
    note(changes, rule, tool, what, was, Some(now));
}

fn wording(
    changes: &mut Vec<Change>,
    tool: Option<&str>,
    what: &str,
    was: Option<&str>,
    now: &str,
) {
    let was_text = was.unwrap_or_default();
    if let Some(hidden) = invisible(was_text, now) {
        note(
            changes,
            Rule::InvisibleUnicode,
            tool,
            &format!("{what} ({hidden})"),
            was,
            Some(now),
        );
    }
    if let Some(order) = instructing(was_text, now) {
        note(
            changes,
            Rule::InstructingText,
            tool,
            &format!("{what} (\u{201c}{order}\u{201d})"),
            was,
            Some(now),
        );
    }
}

fn note(
    changes: &mut Vec<Change>,
    rule: Rule,
    tool: Option<&str>,
    what: &str,
    was: Option<&str>,
    now: Option<&str>,
) {
    let did = match (rule, was, now) {
        (Rule::InvisibleUnicode, ..) => "hides characters",
        (Rule::InstructingText, ..) => "gives orders",
        (Rule::AsksForContext, ..) => "asks for more than its task needs",
        (_, None, _) => "is new",
        (_, _, None) => "is gone",
        _ => "is another",
    };
    let detail = match (was, now) {
        (Some(was), Some(now)) if was.len() + now.len() < 160 && !now.contains('\n') => {
            format!(": {} → {}", visible(was), visible(now))
        }
        _ => String::new(),
    };
    changes.push(Change {
        owner: None,
        rule,
        weight: Weight::Ordinary,
        phase: Phase::Start,
        tool: tool.map(str::to_owned),
        also: Vec::new(),
        operation: None,
        place: Some(what.to_owned()),
        host: None,
        title: format!("{what} {did}{detail}"),
        was: was.map(visible_long),
        now: now.map(visible_long),
        provenance: "constant".to_owned(),
        calls: [0].into_iter().collect::<Calls>(),
        of: 1,
        evidence: None,
    });
}

/// With invisible characters spelled out.
fn visible(text: &str) -> String {
    shortened(&crate::provenance::Expr::text(text).to_string())
}

fn visible_long(text: &str) -> String {
    text.lines()
        .map(|line| crate::provenance::Expr::text(line).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

fn text_of(tool: &Value) -> String {
    tool.get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn by_name<'a>(items: &'a [Value], key: &str) -> BTreeMap<&'a str, &'a Value> {
    items
        .iter()
        .filter_map(|item| Some((item.get(key)?.as_str()?, item)))
        .collect()
}

/// Top-level parameters of a tool: name and description.
fn parameters(tool: &Value) -> Vec<(String, String)> {
    let properties = tool
        .get("inputSchema")
        .and_then(|s| s.get("properties"))
        .and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let text = schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            (name.clone(), text.to_owned())
        })
        .collect()
}

/// Scalars with their paths, positions kept: surfaces are compared to the letter. `required` and
/// `enum` are sets: their order is no difference (JSON Schema 2020-12 validation, 6.5.3, 6.1.2).
fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(path: String, value: &Value, out: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, item) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(path, item, out);
                }
            }
            Value::Array(items) if path.ends_with("required") || path.ends_with("enum") => {
                let mut names: Vec<String> = items.iter().map(Value::to_string).collect();
                names.sort_unstable();
                out.push((path, names.join(", ")));
            }
            Value::Array(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    walk(format!("{path}[{i}]"), item, out);
                }
            }
            Value::String(text) => out.push((path, text.clone())),
            other => out.push((path, other.to_string())),
        }
    }
    let mut out = Vec::new();
    walk(String::new(), value, &mut out);
    out
}

fn at(value: &Value, path: &str) -> Option<String> {
    leaves(value)
        .into_iter()
        .find(|(p, _)| p == path)
        .map(|(_, v)| v)
}
