//! The JSON Schema test suite, read as schemas of tools.

#![allow(dead_code, reason = "the benchmark uses more of it than the test")]

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Where the suite keeps what it refers to elsewhere: outside of every tool's schema.
const REMOTE: &str = "http://localhost:1234/";
/// The property that a schema stands for when it is not the whole tool's.
const PROPERTY: &str = "x";

/// A schema of the suite, in one of the two places in which a tool may show it.
pub struct Shown {
    /// Dialect, file, description, and where it is shown.
    pub label: String,
    /// What the tool shows.
    pub schema: Value,
    /// In which dialect: 7, 2019 or 2020.
    pub dialect: &'static str,
    /// The suite's schema as it is, which judges.
    judge: Validator,
    /// As a property, and of which type.
    within: Option<Option<&'static str>>,
}

impl Shown {
    /// A tool that a server lists; `None` for one whose schema no validator takes.
    pub fn tool(label: String, schema: &Value) -> Option<Self> {
        let named = schema.get("$schema").and_then(Value::as_str).unwrap_or("");
        let (draft, dialect) = if named.contains("draft-07") {
            (Draft::Draft7, "7")
        } else if named.contains("2019-09") {
            (Draft::Draft201909, "2019")
        } else {
            (Draft::Draft202012, "2020")
        };
        Some(Self {
            label,
            judge: judge(schema, draft)?,
            schema: schema.clone(),
            dialect,
            within: None,
        })
    }

    /// Whether the suite's own schema lets pass what was made for the tool's.
    pub fn judges(&self, arguments: &Value) -> bool {
        match self.within {
            Some(kind) => {
                let fits = |x: &&Value| kind.is_none_or(|kind| is(x, kind));
                let x = arguments.get(PROPERTY).filter(fits);
                x.is_some_and(|x| self.judge.is_valid(x))
            }
            None => self.judge.is_valid(arguments),
        }
    }
}

const KINDS: [&str; 6] = ["array", "boolean", "null", "number", "object", "string"];

fn is(value: &Value, kind: &str) -> bool {
    match value {
        Value::Array(_) => kind == "array",
        Value::Bool(_) => kind == "boolean",
        Value::Null => kind == "null",
        Value::Number(_) => kind == "number",
        Value::Object(_) => kind == "object",
        Value::String(_) => kind == "string",
    }
}

/// The suite's schemas, as tools show them.
pub struct Suite {
    /// Each that something satisfies.
    pub shown: Vec<Shown>,
    /// Label and tool's schema of each that refers to another document.
    pub remote: Vec<(String, Value)>,
}

/// Reads the suite below `folder`, whose children are the dialects' folders.
pub fn read(folder: &Path) -> Suite {
    let dialects = [
        (
            "draft7",
            Draft::Draft7,
            "http://json-schema.org/draft-07/schema#",
        ),
        (
            "draft2019-09",
            Draft::Draft201909,
            "https://json-schema.org/draft/2019-09/schema",
        ),
        (
            "draft2020-12",
            Draft::Draft202012,
            "https://json-schema.org/draft/2020-12/schema",
        ),
    ];
    let mut suite = Suite {
        shown: Vec::new(),
        remote: Vec::new(),
    };
    for (name, draft, dialect) in dialects {
        for below in ["", "optional", "optional/format"] {
            let folder = folder.join(name).join(below);
            let entries = std::fs::read_dir(&folder).unwrap();
            let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            files.retain(|path| path.extension().is_some_and(|end| end == "json"));
            files.sort();
            for file in files {
                let label = format!(
                    "{name}/{below}/{}",
                    file.file_stem().unwrap().to_string_lossy()
                )
                .replace("//", "/");
                let text = std::fs::read_to_string(&file).unwrap();
                let groups: Vec<Value> = serde_json::from_str(&text).unwrap();
                for group in &groups {
                    suite.add(group, &label, draft, dialect);
                }
            }
        }
    }
    suite
}

impl Suite {
    fn add(&mut self, group: &Value, file: &str, draft: Draft, dialect: &str) {
        let schema = &group["schema"];
        let label = format!("{file}: {}", group["description"].as_str().unwrap());
        if schema.to_string().contains(REMOTE) && judge(schema, draft).is_none() {
            let schema = within(schema, draft, dialect, None);
            self.remote.push((label, schema));
            return;
        }
        let Some(validator) = judge(schema, draft) else {
            return;
        };
        let tests = group["tests"].as_array().unwrap();
        let fine: Vec<&Value> = tests
            .iter()
            .filter(|test| test["valid"] == true)
            .map(|test| &test["data"])
            .filter(|data| validator.is_valid(data))
            .collect();
        if !fine.is_empty() {
            // Without a type most keywords let every value of another one pass: with each as well.
            let kinds = KINDS
                .iter()
                .filter(|kind| fine.iter().any(|data| is(data, kind)));
            for kind in kinds.copied().map(Some).chain([None]) {
                let place = match kind {
                    Some(kind) => format!("as a property, {kind}"),
                    None => "as a property".to_owned(),
                };
                self.shown.push(Shown {
                    label: format!("{label} ({place})"),
                    schema: within(schema, draft, dialect, kind),
                    judge: judge(schema, draft).unwrap(),
                    dialect: short(draft),
                    within: Some(kind),
                });
            }
        }
        if fine.iter().any(|data| data.is_object()) && schema.is_object() {
            let mut schema = schema.clone();
            let map = schema.as_object_mut().unwrap();
            map.entry("$schema").or_insert_with(|| dialect.into());
            self.shown.push(Shown {
                label: format!("{label} (as it is)"),
                judge: judge(&schema, draft).unwrap(),
                dialect: short(draft),
                schema,
                within: None,
            });
        }
    }
}

fn short(draft: Draft) -> &'static str {
    match draft {
        Draft::Draft7 => "7",
        Draft::Draft201909 => "2019",
        _ => "2020",
    }
}

fn judge(schema: &Value, draft: Draft) -> Option<Validator> {
    jsonschema::options()
        .with_draft(draft)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::fancy_regex())
        .build(schema)
        .ok()
}

/// A tool's schema whose one property is `schema`, meaning what it meant.
fn within(schema: &Value, draft: Draft, dialect: &str, kind: Option<&str>) -> Value {
    let mut schema = schema.clone();
    let below = if kind.is_some() { "/allOf/1" } else { "" };
    let named = schema.get("$id").is_some();
    // A `$ref` hides what stands beside it in draft-07, also a name.
    let nameable = draft != Draft::Draft7 || schema.get("$ref").is_none();
    match schema.as_object_mut() {
        Some(map) if !named && nameable => {
            let mut named = Map::new();
            named.insert("$id".into(), "https://suite.example/schema".into());
            named.append(map);
            *map = named;
        }
        Some(_) if !named => reroot(&mut schema, &format!("#/properties/{PROPERTY}{below}")),
        _ => {}
    }
    if let Some(kind) = kind {
        schema = json!({ "allOf": [{ "type": kind }, schema] });
    }
    json!({
        "$schema": dialect,
        "type": "object",
        "properties": { PROPERTY: schema },
        "required": [PROPERTY],
        "additionalProperties": false,
    })
}

/// Has every reference to the whole lead to where it now stands.
fn reroot(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(rest) = target.strip_prefix('#') {
                            *target = format!("{place}{rest}");
                        }
                    }
                    _ if key == "enum" || key == "const" => {}
                    other => reroot(other, place),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|sub| reroot(sub, place)),
        _ => {}
    }
}
