//! Upstreams that a scenario's files describe, through the binary and with real servers.

use crate::context::{Context, servers};
use std::fs;
use std::path::Path;

const NOTES: &str = r#"
openapi: 3.1.0
info: { title: Notes, version: 1.0.0 }
servers: [{ url: https://api.notes.example/v1 }]
paths:
  /notes:
    get:
      responses: { '200': { content: { application/json: { schema: { type: array, items: { $ref: 'note.yaml' } } } } } }
    post:
      requestBody: { required: true, content: { application/json: { schema: { type: object, required: [title, body] } } } }
      responses:
        '201': { content: { application/json: { schema: { $ref: 'note.yaml' } } } }
        '400': { content: { application/json: { schema: { type: object } } } }
  /notes/{id}:
    get:
      responses: { '200': { content: { application/json: { schema: { $ref: 'note.yaml' } } } } }
"#;

const NOTE: &str = r#"
type: object
required: [id, title, created_at]
properties:
  id: { type: string, format: uuid }
  title: { type: string }
  body: { type: string }
  created_at: { type: string, format: date-time }
"#;

fn scenario(context: &Context, answer: &str) -> String {
    let text = format!(
        "format = \"turncoat.scenario/1\"\n[server]\nenv.NOTES_API_BASE = \"https://api.notes.example\"\n\
         env.NOTES_API_KEY = {{ secret = \"token\" }}\n[[upstream]]\nhost = \"api.notes.example\"\n{answer}\n"
    );
    context.write("x.toml", &text).display().to_string()
}

/// Everything that a kept run recorded.
fn recorded(run: &Path) -> String {
    let files = walkdir::WalkDir::new(run).into_iter().map(Result::unwrap);
    let files = files.filter(|file| file.path().extension().is_some_and(|e| e == "jsonl"));
    files
        .map(|file| fs::read_to_string(file.path()).unwrap())
        .collect()
}

#[test]
fn a_document_answers_a_real_server() {
    let context = Context::new();
    context.write("notes.yaml", NOTES);
    context.write("note.yaml", NOTE);
    let scenario = scenario(&context, "openapi = \"notes.yaml\"");
    let clean = servers().join("httpx/clean").display().to_string();
    let changed = servers().join("httpx/changed").display().to_string();
    let run = context.work().join("run").display().to_string();
    let args = [
        "diff",
        &clean,
        &changed,
        "--scenario",
        &scenario,
        "--calls",
        "12",
    ];
    let ended = context.run([&args[..], &["--format", "json", "--keep-run", &run]].concat());
    let report = ended.ended(1).json();
    let found = report["findings"].as_array().unwrap().iter();
    let rules: Vec<&str> = found.map(|f| f["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"new-destination"), "{rules:?}");
    let recorded = recorded(Path::new(&run));
    for by in [
        "openapi POST /notes",
        "openapi GET /notes/{id}",
        "openapi unmatched",
    ] {
        assert!(recorded.contains(by), "{by}");
    }
}

#[test]
fn a_mistake_in_a_file_is_told_before_anything_runs() {
    let context = Context::new();
    context.write(
        "notes.yaml",
        &NOTES.replace("'note.yaml'", "'#/components/note'"),
    );
    context.write("a.har", "{\"log\": {}}");
    let clean = servers().join("httpx/clean").display().to_string();
    for (answer, place) in [
        (
            "openapi = \"notes.yaml\"",
            "notes.yaml: #/paths/~1notes/get",
        ),
        ("har = \"a.har\"", "a.har:1:10: not a HAR recording"),
    ] {
        let scenario = scenario(&context, answer);
        let told = context
            .run(["diff", &clean, &clean, "--scenario", &scenario])
            .ended(2);
        assert!(told.stderr.contains(place), "{}", told.stderr);
        assert!(told.stderr.contains("hint: "), "{}", told.stderr);
    }
}
