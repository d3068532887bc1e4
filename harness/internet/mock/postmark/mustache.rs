//! Postmark's template language (a Mustache dialect): `{{x}}`, `{{{x}}}`, `{{#x}}…{{/x}}`,
//! `{{#each x}}…{{/each}}`, `{{^x}}…{{/x}}`, `{{.}}`, `../`, `{{! comment}}`, and `@content` in
//! layouts. Depth and output are bounded: a template can nest loops over lists.

use serde_json::{Map, Value};

const MAX_DEPTH: usize = 32;
const MAX_OUTPUT: usize = 1024 * 1024;
/// Tags evaluated in one rendering; loops over loops end here.
const MAX_STEPS: usize = 100_000;

/// Where and why a template does not parse; line and position from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub message: String,
    pub line: usize,
    pub position: usize,
}

pub(super) fn render(template: &str, model: &Value) -> Result<String, Mistake> {
    Ok(run(&parse(template)?, model, None))
}

/// Renders a layout around what its template rendered to.
pub(super) fn render_layout(layout: &str, content: &str, model: &Value) -> Result<String, Mistake> {
    Ok(run(&parse(layout)?, model, Some(content)))
}

/// A model that fills every place of a template: `name` becomes `name_Value`.
pub(super) fn suggest(template: &str) -> Result<Map<String, Value>, Mistake> {
    let mut model = Map::new();
    suggest_into(&parse(template)?, &mut model);
    Ok(model)
}

#[derive(Debug)]
enum Node {
    Text(String),
    Value {
        path: String,
        raw: bool,
    },
    Section {
        kind: Kind,
        path: String,
        inner: Vec<Node>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scope,
    Each,
    Inverted,
}

fn parse(template: &str) -> Result<Vec<Node>, Mistake> {
    let mut open: Vec<(Kind, String, usize, Vec<Node>)> = Vec::new();
    let mut nodes = Vec::new();
    let (mut rest, mut at) = (template, 0);
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            nodes.push(Node::Text(rest[..start].to_owned()));
        }
        let here = at + start;
        let (tag, raw, end) = tag(&rest[start..]).ok_or_else(|| {
            mistake(
                template,
                here,
                "A placeholder is opened but not closed.".to_owned(),
            )
        })?;
        rest = &rest[start + end..];
        at = here + end;
        let (mark, name) = match tag.chars().next() {
            Some(c @ ('#' | '^' | '/' | '&' | '!')) => (c, tag[1..].trim()),
            _ => (' ', tag),
        };
        match mark {
            '!' => {}
            '/' => {
                let Some((kind, path, _, before)) = open.pop() else {
                    let message = format!("'{name}' is closed but was not opened.");
                    return Err(mistake(template, here, message));
                };
                if name != path && !(kind == Kind::Each && name == "each") {
                    let message = format!("'{path}' is opened but '{name}' is closed.");
                    return Err(mistake(template, here, message));
                }
                let inner = std::mem::replace(&mut nodes, before);
                nodes.push(Node::Section { kind, path, inner });
            }
            '#' | '^' => {
                if open.len() == MAX_DEPTH {
                    let message = format!("Sections nest deeper than {MAX_DEPTH}.");
                    return Err(mistake(template, here, message));
                }
                let each = name.strip_prefix("each ").filter(|_| mark == '#');
                let kind = match (mark, each) {
                    ('^', _) => Kind::Inverted,
                    (_, Some(_)) => Kind::Each,
                    _ => Kind::Scope,
                };
                let path = each.unwrap_or(name).trim().to_owned();
                open.push((kind, path, here, std::mem::take(&mut nodes)));
            }
            _ => nodes.push(Node::Value {
                path: name.to_owned(),
                raw: raw || mark == '&',
            }),
        }
    }
    if let Some((_, path, here, _)) = open.pop() {
        let message = format!("'{path}' is opened but not closed.");
        return Err(mistake(template, here, message));
    }
    nodes.push(Node::Text(rest.to_owned()));
    Ok(nodes)
}

/// The trimmed inside of the tag that `text` starts with, whether it is raw, and its length.
fn tag(text: &str) -> Option<(&str, bool, usize)> {
    if let Some(inner) = text.strip_prefix("{{{") {
        let end = inner.find("}}}")?;
        return Some((inner[..end].trim(), true, end + 6));
    }
    let inner = &text[2..];
    let end = inner.find("}}")?;
    Some((inner[..end].trim(), false, end + 4))
}

fn mistake(template: &str, at: usize, message: String) -> Mistake {
    let before = &template[..at];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Mistake {
        message,
        line: before.matches('\n').count() + 1,
        position: before[line_start..].chars().count() + 1,
    }
}

struct Run<'a> {
    content: Option<&'a str>,
    out: String,
    steps: usize,
}

fn run(nodes: &[Node], model: &Value, content: Option<&str>) -> String {
    let mut run = Run {
        content,
        out: String::new(),
        steps: 0,
    };
    run.nodes(nodes, &mut vec![model]);
    run.out
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], scopes: &mut Vec<&Value>) {
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            match node {
                Node::Text(text) => self.push(text),
                Node::Value { path, .. } if path == "@content" => {
                    self.push(self.content.unwrap_or_default().to_owned().as_str());
                }
                Node::Value { path, raw } => {
                    let text = find(path, scopes).map(plain).unwrap_or_default();
                    self.push(&if *raw { text } else { escape(&text) });
                }
                Node::Section { kind, path, inner } => {
                    let value = find(path, scopes).filter(|v| is_something(v));
                    match (kind, value) {
                        (Kind::Inverted, None) => self.nodes(inner, scopes),
                        (Kind::Scope, Some(value)) => self.scope(inner, scopes, value),
                        (Kind::Each, Some(Value::Array(items))) => {
                            for item in items {
                                if self.steps > MAX_STEPS {
                                    return;
                                }
                                self.scope(inner, scopes, item);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn scope<'m>(&mut self, inner: &[Node], scopes: &mut Vec<&'m Value>, value: &'m Value) {
        scopes.push(value);
        self.nodes(inner, scopes);
        scopes.pop();
    }

    fn push(&mut self, text: &str) {
        let room = MAX_OUTPUT.saturating_sub(self.out.len());
        self.out.push_str(&text[..text.floor_char_boundary(room)]);
    }
}

/// The value at a path such as `a.b`, `.` or `../a`.
fn find<'m>(path: &str, scopes: &[&'m Value]) -> Option<&'m Value> {
    let (mut path, mut up) = (path, 0);
    while let Some(rest) = path.strip_prefix("../") {
        (path, up) = (rest, up + 1);
    }
    let mut value = *scopes.iter().rev().nth(up)?;
    for key in path.split('.').filter(|k| !k.is_empty()) {
        value = value.get(key)?;
    }
    Some(value)
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn suggest_into(nodes: &[Node], model: &mut Map<String, Value>) {
    for node in nodes {
        match node {
            Node::Value { path, .. } => {
                let up = path.starts_with("../") || path.starts_with('@') || path == ".";
                if !up {
                    place(model, path, format!("{path}_Value").into(), MAX_DEPTH);
                }
            }
            Node::Section { kind, path, inner } => {
                let mut below = Map::new();
                suggest_into(inner, &mut below);
                let value = match kind {
                    Kind::Each => Value::Array(vec![Value::Object(below)]),
                    Kind::Scope if below.is_empty() => Value::Bool(true),
                    Kind::Scope => Value::Object(below),
                    Kind::Inverted => Value::Null,
                };
                place(model, path, value, MAX_DEPTH);
            }
            Node::Text(_) => {}
        }
    }
}

/// Below `depth` levels the rest of a path is one name.
fn place(model: &mut Map<String, Value>, path: &str, value: Value, depth: usize) {
    match path.split_once('.').filter(|_| depth > 0) {
        None => {
            model.entry(path).or_insert(value);
        }
        Some((first, rest)) => {
            let inner = model
                .entry(first)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value, depth - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_dialect_is_rendered() {
        let model = json!({"name": "Jo <3", "items": [{"n": 1}, {"n": 2}], "who": {"last": "L"}});
        let cases = [
            ("Hi {{ name }}", "Hi Jo &lt;3"),
            ("Hi {{{name}}}", "Hi Jo <3"),
            (
                "{{#each items}}{{n}}{{../name}};{{/each}}",
                "1Jo &lt;3;2Jo &lt;3;",
            ),
            ("{{#who}}{{last}}{{/who}}{{who.last}}", "LL"),
            ("{{^none}}no{{/none}}{{#none}}yes{{/none}}{{! c }}", "no"),
        ];
        for (template, want) in cases {
            assert_eq!(render(template, &model).unwrap(), want, "{template}");
        }
        assert_eq!(
            render_layout("<{{{ @content }}}>", "x", &model).unwrap(),
            "<x>"
        );
    }

    #[test]
    fn mistakes_have_a_place() {
        let mistake = render("a\nb {{#x}}", &json!({})).unwrap_err();
        insta::assert_snapshot!(
            format!("{}:{} {}", mistake.line, mistake.position, mistake.message),
            @"2:3 'x' is opened but not closed."
        );
        assert!(render("{{a", &json!({})).is_err());
        assert!(render("{{/a}}", &json!({})).is_err());
    }

    #[test]
    fn a_model_is_suggested() {
        let model = suggest("{{name}} {{#each rows}}{{a.b}}{{/each}}").unwrap();
        let want = json!({"name": "name_Value", "rows": [{"a": {"b": "a.b_Value"}}]});
        assert_eq!(Value::Object(model), want);
    }

    #[test]
    fn loops_over_loops_end() {
        let rows: Value = vec![json!({"x": 1}); 300].into_iter().collect();
        let template = "{{#each r}}{{#each ../r}}{{#each ../../r}}y{{/each}}{{/each}}{{/each}}";
        let out = render(template, &json!({"r": rows})).unwrap();
        assert!(out.len() <= MAX_STEPS);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_template_is_rendered_or_refused(template in "[{}#^/&!. ab\né@]{0,60}") {
            let model = json!({"a": [{"b": 1}], "b": {"a": "x"}});
            let _ = (render(&template, &model), suggest(&template));
        }
    }
}
