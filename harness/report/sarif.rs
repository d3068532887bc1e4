//! SARIF 2.1.0 (OASIS standard), as code-scanning services read it. A server's behaviour has no
//! line of its own in the reader's repository: results stand at the scenario or the snapshot.

use super::{evidence, json, text};
use crate::diff::Rule;
use crate::verdict::{Finding, Report, Severity, Verdict};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Where results are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the repository's root, with `/` between folders.
    pub file: String,
    /// From 1.
    pub line: u64,
}

/// Code-scanning services refuse files with more results; the gravest are kept.
const RESULTS: usize = 5_000;
/// Characters of one message.
const MESSAGE: usize = 8_000;
/// Characters that a URI reference's path does not hold as they are (RFC 3986, section 3.3).
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b':');

/// Writes one run. Allowed findings are left out: readers show suppressed results as open ones.
pub fn write(report: &Report, place: &Place, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.truncate(RESULTS);
    let names: BTreeSet<&str> = findings.iter().map(|f| f.rule.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            result(
                finding,
                names.binary_search(&finding.rule.as_str()).ok(),
                place,
            )
        })
        .collect();
    let notifications: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            let hint = problem
                .hint
                .as_deref()
                .map(|hint| format!("\nhint: {hint}"));
            let what = format!("{}{}", problem.what, hint.unwrap_or_default());
            json!({ "level": "error", "message": { "text": message(&what) } })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "turncoat",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": names.iter().map(|name| rule(name)).collect::<Vec<_>>(),
            } },
            "invocations": [{
                "executionSuccessful": report.verdict != Verdict::Inconclusive,
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    writeln!(out, "{}", json::indented(&log)?)
}

fn rule(name: &str) -> Value {
    let known = Rule::named(name);
    let doc = known.map_or("A difference in behaviour.", Rule::doc);
    let help = match known {
        Some(rule) => json!({ "text": rule.page(), "markdown": rule.page() }),
        None => json!({ "text": doc }),
    };
    let first = doc.split_inclusive(". ").next().unwrap_or(doc).trim_end();
    json!({
        "id": text::line(name),
        "shortDescription": { "text": first },
        "fullDescription": { "text": doc },
        "help": help,
        "properties": { "tags": ["security"] },
    })
}

fn result(finding: &Finding, index: Option<usize>, place: &Place) -> Value {
    let mut said = format!("{}: {}", evidence::scope(finding), finding.title);
    if let Some(effect) = evidence::effect(finding) {
        said += &format!("\neffect: {effect}");
    }
    said += &format!(
        "\nprovenance: {}, seen in {}",
        finding.provenance,
        evidence::seen(finding)
    );
    if let Some(when) = &finding.when {
        said += &format!(", when {when}");
    }
    said += &format!("\nreproduce: {}", finding.reproduce);
    let line = place.line.max(1);
    json!({
        "ruleId": text::line(&finding.rule),
        "ruleIndex": index,
        "level": match finding.severity {
            Severity::Suspicious => "error",
            Severity::Change => "warning",
            Severity::Info => "note",
        },
        "message": { "text": message(&said) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": utf8_percent_encode(&place.file, PATH).to_string() },
                "region": { "startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2 },
            },
        }],
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{}:1", text::line(&finding.id)),
            "turncoatFinding/v1": text::line(&finding.id),
        },
    })
}

/// Brackets would make a link of what a server wrote (section 3.11.6).
fn message(said: &str) -> String {
    let said = text::lines(&text::clip(said, MESSAGE));
    said.replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn shown(report: &Report) -> String {
        let place = Place {
            file: "scenarios/my postmark.toml".into(),
            line: 3,
        };
        let mut out = Vec::new();
        write(report, &place, &mut out).unwrap();
        let page = json!(Rule::HiddenRecipient.page()).to_string();
        let out = String::from_utf8(out).unwrap();
        out.replace(&page, "\"[page]\"")
    }

    #[test]
    fn suspicious() {
        let mut report = sample::report();
        report.findings.truncate(1);
        insta::assert_snapshot!(shown(&report), @r#"
        {
          "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {
              "tool": {
                "driver": {
                  "name": "turncoat",
                  "semanticVersion": "0.1.0",
                  "rules": [
                    {
                      "id": "hidden-recipient",
                      "shortDescription": {
                        "text": "A mail or message goes to an address that no argument, setting, secret or upstream reply explains: in an API field, a header, a comma-joined list or the SMTP envelope."
                      },
                      "fullDescription": {
                        "text": "A mail or message goes to an address that no argument, setting, secret or upstream reply explains: in an API field, a header, a comma-joined list or the SMTP envelope."
                      },
                      "help": {
                        "text": "[page]",
                        "markdown": "[page]"
                      },
                      "properties": {
                        "tags": [
                          "security"
                        ]
                      }
                    }
                  ]
                }
              },
              "invocations": [
                {
                  "executionSuccessful": true,
                  "toolExecutionNotifications": []
                }
              ],
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "ruleId": "hidden-recipient",
                  "ruleIndex": 0,
                  "level": "error",
                  "message": {
                    "text": "`sendEmail`: `body.Bcc` goes to `audit@elsewhere.example`, which nothing the server was given explains: http POST https://api.postmarkapp.com/email\neffect: call 12: POST https://api.postmarkapp.com/email, answered 200 by postmark POST /email\nprovenance: constant, seen in 48 of 48 calls\nreproduce: turncoat diff npm:postmark-mcp@1.0.15 npm:postmark-mcp@1.0.16 --seed 7 --only-call 12"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "scenarios/my%20postmark.toml"
                        },
                        "region": {
                          "startLine": 3,
                          "startColumn": 1,
                          "endLine": 3,
                          "endColumn": 2
                        }
                      }
                    }
                  ],
                  "partialFingerprints": {
                    "primaryLocationLineHash": "f1:1",
                    "turncoatFinding/v1": "f1"
                  }
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_inconclusive_run_was_not_successful() {
        let log: Value = serde_json::from_str(&shown(&sample::inconclusive())).unwrap();
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(
            invocation["toolExecutionNotifications"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn every_result_points_at_its_rule() {
        let log: Value = serde_json::from_str(&shown(&sample::report())).unwrap();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 4);
        for result in results {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
        }
    }

    #[test]
    fn a_servers_brackets_make_no_link() {
        assert_eq!(
            message("[x](https://evil.example)"),
            r"\[x\](https://evil.example)"
        );
    }
}
