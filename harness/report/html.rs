//! The report as one page that needs nothing else: no script, no font, no request. Readable in
//! light and dark, on paper, and without styles.

use super::{evidence, text::html};
use crate::diff::Rule;
use crate::verdict::{Finding, Report, Severity, Subject, Verdict};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Characters of one text.
const CLIP: usize = 50_000;

/// Writes the whole page.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let verdict = match report.verdict {
        Verdict::Unchanged => "unchanged",
        Verdict::Changed => "changed",
        Verdict::Suspicious => "suspicious",
        Verdict::Inconclusive => "inconclusive",
    };
    let subjects = shown(&evidence::subjects(report));
    // No source is allowed, so even markup that got past the escaping could load and run nothing.
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>turncoat: {verdict}: {subjects}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1 class=\"{verdict}\">{verdict}</h1>\n<p class=\"subjects\"><bdi>{subjects}</bdi></p>\n"
    )?;
    problems(report, out)?;
    for (severity, title) in [
        (Severity::Suspicious, "Suspicious"),
        (Severity::Change, "Changes"),
        (Severity::Info, "For information"),
    ] {
        let all = report.findings.iter();
        let findings: Vec<&Finding> = all.filter(|f| f.severity == severity).collect();
        if !findings.is_empty() {
            writeln!(out, "<section>\n<h2>{title} ({})</h2>", findings.len())?;
            for finding in findings {
                entry(finding, severity == Severity::Suspicious, out)?;
            }
            writeln!(out, "</section>")?;
        }
    }
    if report.findings.is_empty() && report.problems.is_empty() {
        writeln!(out, "<p>Nothing was found.</p>")?;
    }
    allowed(report, out)?;
    exercise(report, out)?;
    rules(report, out)?;
    writeln!(out, "</body>\n</html>")
}

fn problems(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.problems.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section>\n<h2>Why nothing can be concluded</h2>\n<ul>"
    )?;
    for problem in &report.problems {
        write!(out, "<li>{}", shown(&problem.what))?;
        if let Some(hint) = &problem.hint {
            write!(out, "<br>Hint: {}", shown(hint))?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn entry(finding: &Finding, open: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<details{}>\n<summary><code>{}</code> <span class=\"scope\">{}</span> <bdi>{}</bdi></summary>",
        if open { " open" } else { "" },
        shown(&finding.rule),
        shown(&evidence::scope(finding)),
        shown(&finding.title)
    )?;
    let step = evidence::step(finding);
    if !step.is_empty() {
        write!(out, "<pre class=\"step\">")?;
        for (side, line) in step {
            let tag = match side {
                evidence::Side::Was => "del",
                evidence::Side::Now => "ins",
                evidence::Side::Both => "span",
            };
            writeln!(out, "<{tag}>{} {}</{tag}>", side.sign(), shown(&line))?;
        }
        writeln!(out, "</pre>")?;
    }
    writeln!(out, "<dl>")?;
    let mut row = |name: &str, value: &str| {
        let value = shown(value);
        writeln!(out, "<dt>{name}</dt><dd><bdi>{value}</bdi></dd>")
    };
    if let Some(effect) = evidence::effect(finding) {
        row("Effect", &effect)?;
    }
    row("Provenance", &finding.provenance)?;
    row("Seen in", &evidence::seen(finding))?;
    if let Some(when) = &finding.when {
        row("When", when)?;
    }
    row("Id", &finding.id)?;
    if let Some(rule) = Rule::named(&finding.rule) {
        row("Rule", rule.doc())?;
    }
    writeln!(
        out,
        "<dt>Reproduce</dt><dd><code class=\"command\">{}</code></dd>\n</dl>",
        shown(&finding.reproduce)
    )?;
    if let Some(body) = evidence::carried(finding) {
        let text = shown(&body.text());
        let kept = if body.is_whole() { "" } else { ", cut" };
        writeln!(
            out,
            "<details><summary>Carried ({} bytes{kept})</summary><pre>{text}</pre></details>",
            body.len
        )?;
    }
    if !finding.effect.is_null() {
        let json = shown(&serde_json::to_string_pretty(&finding.effect)?);
        writeln!(
            out,
            "<details><summary>As recorded</summary><pre>{json}</pre></details>"
        )?;
    }
    writeln!(out, "</details>")
}

/// The pages of the rules that were found, each once.
fn rules(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let allowed = report.allowed.iter().map(|allowed| &allowed.finding);
    let found: BTreeSet<Rule> = (report.findings.iter().chain(allowed))
        .filter_map(|finding| Rule::named(&finding.rule))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>About the rules</h2>")?;
    for rule in found {
        let (name, page) = (rule.name(), shown(rule.page()));
        writeln!(
            out,
            "<details><summary><code>{name}</code></summary><pre>{page}</pre></details>"
        )?;
    }
    writeln!(out, "</section>")
}

fn allowed(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.allowed.is_empty() {
        return Ok(());
    }
    let count = report.allowed.len();
    writeln!(out, "<section>\n<h2>Allowed by the policy ({count})</h2>")?;
    for allowed in &report.allowed {
        writeln!(out, "<p>By <code>{}</code>:</p>", shown(&allowed.by))?;
        entry(&allowed.finding, false, out)?;
    }
    writeln!(out, "</section>")
}

fn exercise(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let exercise = &report.exercise;
    writeln!(
        out,
        "<section>\n<h2>What was done</h2>\n<p>{} of {} tools reached, {} of {} calls answered without error, \
         {} runs, seed {}, isolation {}, {:.1} s.</p>",
        exercise.tools_called,
        exercise.tools,
        exercise.calls_ok,
        exercise.calls,
        exercise.runs,
        exercise.seed,
        shown(&exercise.isolation),
        exercise.wall_s
    )?;
    writeln!(
        out,
        "<table>\n<thead><tr><th>Tool</th><th>Calls</th><th>Answered</th><th>With effects</th></tr></thead>\n<tbody>"
    )?;
    for reach in &exercise.reach {
        writeln!(
            out,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            shown(&reach.tool),
            reach.calls,
            reach.ok,
            reach.effects
        )?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    list("Not observed", &exercise.blind_spots, out)?;
    list("Packages that differ", &report.new.dependencies, out)?;
    writeln!(out, "<dl>")?;
    for (name, subject) in [("Old", report.old.as_ref()), ("New", Some(&report.new))] {
        if let Some(subject) = subject {
            writeln!(out, "<dt>{name}</dt><dd><bdi>{}</bdi></dd>", ran(subject))?;
        }
    }
    writeln!(out, "</dl>\n</section>")
}

fn ran(subject: &Subject) -> String {
    let integrity = subject.integrity.as_deref().unwrap_or("none");
    let text = format!(
        "{}, as {}, integrity {integrity}",
        subject.target, subject.resolved
    );
    shown(&text)
}

fn list(title: &str, entries: &[String], out: &mut dyn Write) -> io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>{title}</h3>\n<ul>")?;
    for entry in entries {
        writeln!(out, "<li>{}</li>", shown(entry))?;
    }
    writeln!(out, "</ul>")
}

fn shown(text: &str) -> String {
    html(&super::text::clip(text, CLIP))
}

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --was: #f003; --now: #0a03; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { text-transform: uppercase; margin-bottom: 0; }
h1.suspicious { color: #c22; }
h1.changed { color: #a70; }
h1.unchanged { color: #283; }
h1.inconclusive { color: #72a; }
.subjects { font-size: 1.2em; margin-top: 0; }
details { border: 1px solid var(--line); border-radius: .4em; padding: .4em .8em; margin: .6em 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.scope { opacity: .75; }
pre, code { font: .9em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
del, ins, .step span { display: inline-block; width: 100%; text-decoration: none; }
del { background: var(--was); }
ins { background: var(--now); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
.command { user-select: all; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .2em .6em; text-align: start; }
@media print { body { max-width: none; margin: 0; } details { break-inside: avoid; } }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn page(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&sample::report());
        for other in [
            "<script", "<link", "<img", "src=", "href=", "url(", "@import",
        ] {
            assert!(!page.contains(other), "{other}");
        }
    }

    #[test]
    fn the_page_of_a_rule_is_there_once() {
        let page = page(&sample::report());
        let title = "# hidden-recipient\n";
        assert_eq!(page.matches(title).count(), 1);
        assert!(page.contains("## An honest cause"));
    }

    #[test]
    fn every_tag_is_closed() {
        for report in [
            sample::report(),
            sample::inconclusive(),
            sample::hostile("</pre><b>&'\""),
        ] {
            let page = page(&report);
            for tag in [
                "details", "summary", "pre", "section", "dl", "ul", "table", "bdi", "ins", "del",
                "code",
            ] {
                let opened = page.matches(&format!("<{tag}>")).count()
                    + page.matches(&format!("<{tag} ")).count();
                assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
            }
        }
    }
}
