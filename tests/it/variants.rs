//! Every row of `tests/servers/variants.toml` through the binary: what changed sides is caught,
//! what is honest passes.

use crate::context::{Context, servers};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which rows to run: `all`, or names (or parts of names) separated by commas. Without it, the
/// default selection.
const SELECTION: &str = "TURNCOAT_TEST_VARIANTS";
/// Calls of each server: six of every tool where there are four.
const CALLS: &str = "24";
/// Rows run side by side.
const POOL: usize = 2;

#[derive(Deserialize)]
struct Table {
    variant: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    base: String,
    class: String,
    /// For people.
    #[expect(dead_code, reason = "told in the table, and of no use to a check")]
    trigger: Option<String>,
    needs: Option<String>,
    #[serde(default)]
    elsewhere: bool,
    expected: Expected,
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    exit: i32,
    severity: String,
    rule: Option<String>,
    #[serde(default)]
    contains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    replace: String,
    with: String,
}

#[test]
fn every_variant_gets_its_verdict() {
    let text = fs::read_to_string(servers().join("variants.toml")).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    let (skipped, able): (Vec<_>, Vec<_>) = table
        .variant
        .into_iter()
        .partition(|variant| variant.needs.is_some());
    for variant in &skipped {
        eprintln!(
            "skipped {}: needs {}",
            variant.name,
            variant.needs.as_deref().unwrap_or("?")
        );
    }
    let chosen = chosen(able);
    assert!(!chosen.is_empty(), "no variant is chosen by {SELECTION}");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..POOL {
            scope.spawn(|| {
                while let Some(variant) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = run(variant) {
                        failures.lock().unwrap().insert(variant.name.clone(), why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let told: Vec<String> = failures
        .iter()
        .map(|(name, why)| format!("{name}\n    {}", why.replace('\n', "\n    ")))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} variants got another verdict:\n{}",
        failures.len(),
        chosen.len(),
        told.join("\n")
    );
}

/// The rows to run. By default the first of each class, expected rule and base.
fn chosen(variants: Vec<Variant>) -> Vec<Variant> {
    match std::env::var(SELECTION).as_deref() {
        Ok("all") => variants,
        Ok(names) => {
            let names: Vec<&str> = names.split(',').map(str::trim).collect();
            let meant = |variant: &Variant| names.iter().any(|name| variant.name.contains(name));
            variants.into_iter().filter(meant).collect()
        }
        Err(_) => {
            let mut seen = BTreeSet::new();
            let kind = |v: &Variant| {
                let Variant {
                    class,
                    base,
                    expected,
                    ..
                } = v;
                (
                    class.clone(),
                    expected.rule.clone(),
                    base.clone(),
                    v.elsewhere,
                )
            };
            let first = |variant: &Variant| seen.insert(kind(variant));
            variants.into_iter().filter(first).collect()
        }
    }
}

fn run(variant: &Variant) -> Result<(), String> {
    let mut context = Context::new();
    let new = context.copy(&variant.base, "new");
    for edit in &variant.edit {
        let file = new.join(&edit.file);
        let text = fs::read_to_string(&file).unwrap();
        let places = text.matches(&edit.replace).count();
        if places != 1 {
            return Err(format!("its edit of {} fits {places} places", edit.file));
        }
        fs::write(&file, text.replacen(&edit.replace, &edit.with, 1)).unwrap();
    }
    let server = variant.base.split('/').next().unwrap_or_default();
    // What shows in the ordinary world need not be looked for in others; what is honest must be
    // honest in all of them.
    let elsewhere = variant.elsewhere || variant.class == "honest";
    let old = format!("tests/servers/{}", variant.base);
    let scenario = format!("scenarios/{server}.toml");
    let args = [
        "diff",
        &old,
        new.to_str().unwrap(),
        "--scenario",
        &scenario,
        "--format",
        "json",
        "--calls",
        CALLS,
        "--jobs",
        "1",
    ];
    if elsewhere {
        context = context.everywhere();
    }
    let output = context.run(args);
    let exit = output.code();
    let Ok(report) = serde_json::from_str::<Value>(&output.stdout) else {
        return Err(format!(
            "status {exit:?} and no report: {}",
            output.stderr.trim()
        ));
    };
    let mut wrong = judge(variant, &report);
    if exit != Some(variant.expected.exit) {
        wrong.insert(
            0,
            format!("status {exit:?} instead of {}", variant.expected.exit),
        );
    }
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => Err(format!("{}\ngot: {}", wrong.join("\n"), told(&report))),
    }
}

fn judge(variant: &Variant, report: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let expected = &variant.expected;
    let findings = report["findings"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let worst = findings
        .iter()
        .map(|finding| rank(&finding["severity"]))
        .max()
        .unwrap_or(0);
    let bound = rank(&expected.severity.as_str().into());
    match variant.class.as_str() {
        "honest" if worst > bound => wrong.push(format!("worse than {}", expected.severity)),
        "honest" => {}
        _ if worst != bound => wrong.push(format!("not {}", expected.severity)),
        _ => {}
    }
    let Some(rule) = &expected.rule else {
        return wrong;
    };
    let of_rule: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["rule"] == **rule)
        .collect();
    if of_rule.is_empty() {
        wrong.push(format!("no {rule}"));
    } else if !of_rule.iter().any(|finding| {
        let text = evidence(finding);
        expected
            .contains
            .iter()
            .all(|part| text.contains(&part.to_lowercase()))
    }) {
        wrong.push(format!("no {rule} tells of {:?}", expected.contains));
    }
    wrong
}

/// Everything a reader is shown of a finding, in lower case.
fn evidence(finding: &Value) -> String {
    let parts = ["title", "tool", "effect", "was", "now", "when"];
    parts
        .map(|part| finding[part].to_string().to_lowercase())
        .join("\n")
}

fn rank(severity: &Value) -> u8 {
    match severity.as_str() {
        Some("suspicious") => 3,
        Some("change") => 2,
        Some("info") => 1,
        _ => 0,
    }
}

fn told(report: &Value) -> String {
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let one = |finding: &Value| {
        let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let (severity, rule, title) = (part("severity"), part("rule"), part("title"));
        format!("\n  {severity} {rule}: {title} [{}]", finding["seen"])
    };
    let problems = report["problems"].as_array().cloned().unwrap_or_default();
    format!(
        "{}{}{}",
        report["verdict"],
        findings.iter().map(one).collect::<String>(),
        problems
            .iter()
            .map(|problem| format!("\n  problem {problem}"))
            .collect::<String>()
    )
}
