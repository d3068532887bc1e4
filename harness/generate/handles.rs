//! What results name, for later calls to use: the `id` of what one tool made is the `noteId` that
//! another asks for.

use super::meaning::words;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Last words of names whose values stand for something that can be asked for again.
const HEADS: &[&str] = &[
    "id", "ids", "uuid", "guid", "number", "slug", "cursor", "sha", "uri", "handle",
];
/// Names, values of each, letters of a value, and leaves looked at in one result.
const NAMES: usize = 512;
const VALUES: usize = 8;
const LETTERS: usize = 200;
const LEAVES: usize = 4096;
/// A text that is read as JSON, in bytes; and how deep it is looked into.
const TEXT: usize = 256 << 10;
const DEPTH: u32 = 16;
/// One call in so many is given handles: the others are made of what was generated alone.
const EVERY: u32 = 4;

/// The values that results gave names, the latest last.
#[derive(Debug, Default)]
pub struct Handles {
    known: BTreeMap<String, Vec<Value>>,
    /// By an argument's whole name: what the server itself would fill in.
    completed: BTreeMap<String, Vec<Value>>,
}

impl Handles {
    /// Learns from what a call of `tool` came back with: its structured content and whatever of
    /// its text is JSON.
    pub fn hear(&mut self, tool: &str, result: &Value) {
        let mut left = LEAVES;
        let noun = noun(tool);
        self.leaves(&result["structuredContent"], &noun, DEPTH, &mut left);
        for part in result["content"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().unwrap_or_default();
            if text.len() <= TEXT
                && text.trim_start().starts_with(['{', '['])
                && let Ok(value) = serde_json::from_str(text)
            {
                self.leaves(&value, &noun, DEPTH, &mut left);
            }
        }
    }

    /// Learns what the server proposes for an argument (server/utilities/completion).
    pub fn complete(&mut self, argument: &str, result: &Value) {
        let values = result["completion"]["values"]
            .as_array()
            .into_iter()
            .flatten();
        let fits = |value: &&Value| {
            let text = value.as_str().unwrap_or_default();
            !text.is_empty() && text.len() <= LETTERS
        };
        let values: Vec<Value> = values.filter(fits).take(VALUES).cloned().collect();
        let room = self.completed.len() < NAMES || self.completed.contains_key(argument);
        if room && !values.is_empty() {
            self.completed.insert(argument.to_owned(), values);
        }
    }

    /// The arguments of a tool's `nth` call with handles for what of them asks for one; nothing
    /// where none is to be had, or where it is not this call's turn.
    pub fn feed(&self, tool: &str, nth: u32, arguments: &Value) -> Option<Value> {
        if nth % EVERY != 1 {
            return None;
        }
        let mut fed: Map<String, Value> = arguments.as_object()?.clone();
        let noun = noun(tool);
        let turn = (nth / EVERY) as usize;
        let mut any = false;
        for (name, value) in &mut fed {
            let Some(handle) = self.handle(name, &noun, turn) else {
                continue;
            };
            let place = match value {
                Value::Array(items) => items.first_mut(),
                value => Some(value),
            };
            let Some(place) = place else { continue };
            // `12` where an integer is asked for, `"12"` where a text is.
            let handle = match (&*place, handle) {
                (Value::String(_), Value::Number(number)) => Value::from(number.to_string()),
                (Value::Number(_), Value::String(text)) => match text.parse::<i64>() {
                    Ok(number) => Value::from(number),
                    Err(_) => continue,
                },
                (_, handle) => handle.clone(),
            };
            any |= *place != handle;
            *place = handle;
        }
        any.then_some(Value::Object(fed))
    }

    /// The arguments of a prompt's or template's `nth` call with what the server proposes for them:
    /// every second call.
    pub fn fill(&self, nth: u32, arguments: &Value) -> Option<Value> {
        if nth % 2 == 1 {
            return None;
        }
        let mut filled: Map<String, Value> = arguments.as_object()?.clone();
        let turn = (nth / 2) as usize;
        let mut any = false;
        for (name, value) in &mut filled {
            if let Some(values) = self.completed.get(name) {
                value.clone_from(&values[turn % values.len()]);
                any = true;
            }
        }
        any.then_some(Value::Object(filled))
    }

    /// A value for an argument: by its whole name, then by the name together with what the tool is
    /// about.
    fn handle(&self, argument: &str, noun: &str, turn: usize) -> Option<&Value> {
        let (stem, head) = named(argument)?;
        let names = match stem.is_empty() {
            true => [format!("{noun} {head}"), head.to_owned()],
            false => [format!("{stem} {head}"), String::new()],
        };
        let values = names.iter().find_map(|name| self.known.get(name))?;
        values.iter().rev().cycle().nth(turn % values.len())
    }

    fn leaves(&mut self, value: &Value, about: &str, depth: u32, left: &mut usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match (value, named(name)) {
                        (Value::String(_) | Value::Number(_), Some((stem, head))) => {
                            if *left == 0 {
                                return;
                            }
                            *left -= 1;
                            if stem.is_empty() {
                                self.keep(format!("{about} {head}"), value);
                                self.keep(head.to_owned(), value);
                            } else {
                                self.keep(format!("{stem} {head}"), value);
                            }
                        }
                        (Value::Object(_) | Value::Array(_), _) => {
                            let about = singular(words(name));
                            self.leaves(value, &about, depth - 1, left);
                        }
                        _ => {}
                    }
                }
            }
            Value::Array(items) => {
                for item in items.iter().take(VALUES) {
                    self.leaves(item, about, depth - 1, left);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, name: String, value: &Value) {
        let fits = match value {
            Value::String(text) => !text.is_empty() && text.len() <= LETTERS,
            Value::Number(number) => number.is_i64() || number.is_u64(),
            _ => false,
        };
        if !fits || (self.known.len() == NAMES && !self.known.contains_key(&name)) {
            return;
        }
        let values = self.known.entry(name).or_default();
        values.retain(|known| known != value);
        if values.len() == VALUES {
            values.remove(0);
        }
        values.push(value.clone());
    }
}

/// What a name of a handle is about, and what kind of handle it is: `noteIds` is `note`, `id`.
fn named(name: &str) -> Option<(String, &'static str)> {
    let mut parts = words(name);
    let last = parts.pop()?;
    let head = HEADS.iter().find(|head| **head == last)?;
    let head = if *head == "ids" { "id" } else { head };
    Some((singular(parts), head))
}

/// What a tool is about: the last of its name's words.
fn noun(tool: &str) -> String {
    singular(words(tool).pop().into_iter().collect())
}

/// Words as one, the last of them not in the plural.
fn singular(mut words: Vec<String>) -> String {
    if let Some(last) = words.last_mut()
        && last.len() > 3
        && last.ends_with('s')
        && !last.ends_with("ss")
    {
        last.pop();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn heard(tool: &str, result: Value) -> Handles {
        let mut handles = Handles::default();
        handles.hear(tool, &result);
        handles
    }

    fn text(value: Value) -> Value {
        json!({"content": [{"type": "text", "text": value.to_string()}]})
    }

    #[test]
    fn what_was_made_is_asked_for_by_its_own_name() {
        let made = heard(
            "create_note",
            text(json!({"id": "n-17", "title": "A note"})),
        );
        for (tool, given, fed) in [
            ("get_note", json!({"id": "x"}), Some(json!({"id": "n-17"}))),
            (
                "move",
                json!({"noteId": "x"}),
                Some(json!({"noteId": "n-17"})),
            ),
            (
                "delete_notes",
                json!({"ids": ["x", "y"]}),
                Some(json!({"ids": ["n-17", "y"]})),
            ),
            ("move", json!({"folderId": "x"}), None),
            ("rename", json!({"title": "x"}), None),
            ("count", json!({"id": 3}), None),
        ] {
            assert_eq!(made.feed(tool, 1, &given), fed, "{tool}");
            assert_eq!(made.feed(tool, 2, &given), None, "not its turn");
        }
    }

    #[test]
    fn numbers_and_structures_are_handles_too() {
        let listed = json!({"structuredContent": {"issues": [
            {"number": 7, "user": {"id": 1}}, {"number": 9},
        ]}});
        let handles = heard("list_issues", listed);
        let fed = |nth| handles.feed("close_issue", nth, &json!({"issue_number": 1}));
        assert_eq!(fed(1), Some(json!({"issue_number": 9})));
        assert_eq!(fed(5), Some(json!({"issue_number": 7})));
        assert_eq!(
            handles.feed("get", 1, &json!({"user_id": "x"})),
            Some(json!({"user_id": "1"}))
        );
    }

    #[test]
    fn what_the_server_proposes_is_taken() {
        let mut handles = Handles::default();
        handles.complete("tone", &json!({"completion": {"values": ["warm", "dry"]}}));
        handles.complete("topic", &json!({"completion": {"values": []}}));
        let given = json!({"tone": "x", "topic": "y"});
        let filled = |nth| handles.fill(nth, &given);
        assert_eq!(filled(0), Some(json!({"tone": "warm", "topic": "y"})));
        assert_eq!(filled(1), None);
        assert_eq!(filled(2), Some(json!({"tone": "dry", "topic": "y"})));
        assert_eq!(handles.feed("set", 1, &given), None, "no tool's affair");
    }

    #[test]
    fn memory_is_bounded() {
        let many = (0..5_000)
            .map(|nth| (format!("a{nth}b_id"), json!(nth)))
            .collect();
        let mut handles = heard("list", text(Value::Object(many)));
        let long = "x".repeat(LETTERS + 1);
        handles.hear("list", &text(json!({"note_id": long})));
        assert_eq!(handles.known.len(), NAMES);
        assert!(handles.feed("get", 1, &json!({"note_id": "x"})).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_panics(text in any::<String>(), tool in any::<String>()) {
            let result = json!({"content": [{"text": text}], "structuredContent": {&text: {"id": &text}}});
            heard(&tool, result).feed(&tool, 1, &json!({&text: "x", "id": "y"}));
        }
    }
}
