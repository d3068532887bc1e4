//! schemathesis, asked for values of the same schemas: what the generator is measured against.

use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Reads a list of schemas with their dialects, writes a line for each: seconds, and the values.
const SCRIPT: &str = r#"
import json, sys, time, signal, warnings
warnings.simplefilter("ignore")
import jsonschema_rs
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation.jsonschema.builder import build
from schemathesis.specs.openapi.formats import format_lengths_for, get_default_format_strategies
formats = get_default_format_strategies()
lengths = format_lengths_for(formats)
drafts = {"7": jsonschema_rs.Draft7, "2019": jsonschema_rs.Draft201909, "2020": jsonschema_rs.Draft202012}
class Late(Exception): pass
def late(*_): raise Late()
signal.signal(signal.SIGALRM, late)
count = int(sys.argv[1])
for schema, draft in json.load(sys.stdin):
    values, why = [], None
    began = time.perf_counter()
    signal.alarm(20)
    try:
        strategy = build(schema, draft=drafts[draft], formats=formats, format_lengths=lengths, whole_floats=True)
        @seed(7)
        @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None,
                  suppress_health_check=list(HealthCheck), print_blob=False)
        @given(strategy)
        def draw(value): values.append(value)
        draw()
    except BaseException as error:
        why = type(error).__name__
    signal.alarm(0)
    taken = time.perf_counter() - began
    try:
        print(json.dumps([taken, values, why], allow_nan=False))
    except Exception:
        print(json.dumps([taken, [], "not JSON"]))
"#;

/// What it made of one schema.
pub struct Made {
    pub seconds: f64,
    pub values: Vec<Value>,
    /// Why there are no more.
    pub why: Option<String>,
}

/// None where there is none, and none can be installed.
pub fn values(schemas: &[(Value, &str)], count: u32) -> Option<Vec<Made>> {
    let mut child = Command::new(found()?)
        .args(["-c", SCRIPT, &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let asked = serde_json::to_vec(schemas).ok()?;
    child.stdin.take()?.write_all(&asked).ok()?;
    let said = child.wait_with_output().ok()?.stdout;
    let lines = said
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let made = lines.map(|line| {
        let (seconds, values, why) = serde_json::from_slice(line).unwrap_or_default();
        Made {
            seconds,
            values,
            why,
        }
    });
    Some(made.collect())
}

/// The interpreter of a virtual environment in this repository's target folder.
fn found() -> Option<PathBuf> {
    let folder = super::place("target/schemathesis");
    let python = folder.join("bin/python");
    if !folder.join("bin/schemathesis").is_file() {
        let run = |program: PathBuf, args: &[&str]| {
            let mut command = Command::new(program);
            let ran = command
                .args(args)
                .current_dir(super::place("target"))
                .stdout(Stdio::null());
            ran.status()
                .is_ok_and(|status| status.success())
                .then_some(())
        };
        run("python3".into(), &["-m", "venv", "schemathesis"])?;
        run(
            folder.join("bin/pip"),
            &["install", "--quiet", "schemathesis==4.32.5"],
        )?;
    }
    python.is_file().then_some(python)
}
