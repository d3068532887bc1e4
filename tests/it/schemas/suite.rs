//! The JSON Schema test suite, read as schemas of tools.

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
    /// The suite's schema as it is, which judges.
    judge: Validator,
    within: bool,
}

impl Shown {
    /// Whether the suite's own schema lets pass what was made for the tool's.
    pub fn judges(&self, arguments: &Value) -> bool {
        if self.within {
            arguments
                .get(PROPERTY)
                .is_some_and(|x| self.judge.is_valid(x))
        } else {
            self.judge.is_valid(arguments)
        }
    }
}

/// Every schema that something satisfies, and how many refer to other documents.
pub struct Suite {
    pub shown: Vec<Shown>,
    pub remote: usize,
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
        remote: 0,
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
        if schema.to_string().contains(REMOTE) && judge(schema, draft).is_none() {
            self.remote += 1;
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
        let label = format!("{file}: {}", group["description"].as_str().unwrap());
        if !fine.is_empty() {
            self.shown.push(Shown {
                label: format!("{label} (as a property)"),
                schema: within(schema, draft, dialect),
                judge: judge(schema, draft).unwrap(),
                within: true,
            });
        }
        if fine.iter().any(|data| data.is_object()) && schema.is_object() {
            let mut schema = schema.clone();
            let map = schema.as_object_mut().unwrap();
            map.entry("$schema").or_insert_with(|| dialect.into());
            self.shown.push(Shown {
                label: format!("{label} (as it is)"),
                judge: judge(&schema, draft).unwrap(),
                schema,
                within: false,
            });
        }
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
fn within(schema: &Value, draft: Draft, dialect: &str) -> Value {
    let mut schema = schema.clone();
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
        Some(_) if !named => reroot(&mut schema),
        _ => {}
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
fn reroot(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(rest) = target.strip_prefix('#') {
                            *target = format!("#/properties/{PROPERTY}{rest}");
                        }
                    }
                    _ if key == "enum" || key == "const" => {}
                    other => reroot(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(reroot),
        _ => {}
    }
}
