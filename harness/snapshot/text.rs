//! The snapshot as text: what people review in a pull request and what a later run is compared
//! with. Sorted and stable; no value of the recording machine or run stands in it.
//!
//! ```text
//! turncoat.snapshot/1
//! seed 1, calls 64
//!
//! == install left-pad, postinstall
//! script
//!   text = node build.js
//!
//! == call sendEmail, 16 calls
//! http POST https://api.example/email
//!   @ to api.example
//!   body.Cc = {argument(cc)}
//!     @ calls 1,4-6
//!   body.To = {argument(to)}
//! ```
//!
//! `@ calls` is left out where it is every call of the tool, or every call of the operation.
//! `sometimes` marks what runs of one version disagreed about.

use super::{Behaviour, Calls, Operation, Place, Scope, Scoped, Script, Sightings};
use crate::effect::{Phase, Surface};
use crate::provenance::{Expr, is_invisible};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The first line.
pub const FORMAT: &str = "turncoat.snapshot/1";

/// A behaviour with the exercise that showed it, so that it can be repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    pub seed: u64,
    pub calls: u32,
    pub behaviour: Behaviour,
}

/// Text that is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SnapshotError {
    /// From 1, within the snapshot's contents.
    pub line: usize,
    pub what: &'static str,
}

/// Writes a snapshot.
pub fn write(accepted: &Accepted) -> String {
    let mut out = format!(
        "{FORMAT}\nseed {}, calls {}\n",
        accepted.seed, accepted.calls
    );
    for (scope, scoped) in &accepted.behaviour.scopes {
        let phase = phase_name(scope.phase);
        let _ = match (&scope.tool, &scope.script) {
            (Some(tool), _) => write!(out, "\n== call {}, {} calls\n", escape(tool), scoped.calls),
            (None, Some(Script { package, event })) => {
                // The last comma is the one between them.
                let (package, event) = (escape(package), escape(event).replace(',', "\\u{2c}"));
                write!(out, "\n== {phase} {package}, {event}\n")
            }
            (None, None) => write!(out, "\n== {phase}\n"),
        };
        for (name, operation) in &scoped.operations {
            write_operation(&mut out, name, operation, scoped.calls);
        }
    }
    out.push_str("\n== surface\n");
    out.push_str(&spelled_out(
        &serde_json::to_string_pretty(&accepted.behaviour.surface).unwrap_or_default(),
    ));
    out.push('\n');
    if let Some(later) = &accepted.behaviour.later {
        out.push_str("\n== surface after the calls\n");
        out.push_str(&spelled_out(
            &serde_json::to_string_pretty(later).unwrap_or_default(),
        ));
        out.push('\n');
    }
    out
}

fn write_operation(out: &mut String, name: &str, operation: &Operation, calls: u32) {
    let _ = writeln!(out, "{}", escape(name));
    let mut facts = Vec::new();
    if let Some(host) = &operation.host {
        facts.push(format!("to {}", escape(host)));
    }
    if operation.calls != Calls::first(calls) {
        facts.push(format!("calls {}", operation.calls));
    }
    if operation.most > 1 {
        facts.push(format!("up to {} times", operation.most));
    }
    if !operation.steady {
        facts.push("sometimes".to_owned());
    }
    if !facts.is_empty() {
        let _ = writeln!(out, "  @ {}", facts.join("; "));
    }
    for (name, place) in &operation.places {
        for (value, seen) in &place.values {
            let _ = writeln!(out, "  {} = {value}", escape(name).replace('=', "\\u{3d}"));
            let mut facts = Vec::new();
            if seen.calls != operation.calls {
                facts.push(format!("calls {}", seen.calls));
            }
            if !place.steady {
                facts.push("sometimes".to_owned());
            }
            if !facts.is_empty() {
                let _ = writeln!(out, "    @ {}", facts.join("; "));
            }
        }
    }
}

/// Reads a snapshot.
pub fn read(text: &str) -> Result<Accepted, SnapshotError> {
    let mut reader = Reader {
        lines: text.lines().enumerate().peekable(),
        at: 0,
    };
    reader.snapshot()
}

struct Reader<'a> {
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (i, line) = self.lines.next()?;
        self.at = i + 1;
        Some(line)
    }

    fn peek(&mut self) -> Option<&'a str> {
        self.lines.peek().map(|(_, line)| *line)
    }

    fn error(&self, what: &'static str) -> SnapshotError {
        SnapshotError {
            line: self.at,
            what,
        }
    }

    fn snapshot(&mut self) -> Result<Accepted, SnapshotError> {
        if self.next() != Some(FORMAT) {
            return Err(self.error("the format is not `turncoat.snapshot/1`"));
        }
        let (seed, calls) = self
            .next()
            .and_then(|line| {
                let (seed, calls) = line.strip_prefix("seed ")?.split_once(", calls ")?;
                Some((seed.parse().ok()?, calls.parse().ok()?))
            })
            .ok_or_else(|| self.error("`seed N, calls N` is missing"))?;
        let mut behaviour = Behaviour::default();
        while let Some(line) = self.next() {
            if line.is_empty() {
                continue;
            }
            let Some(head) = line.strip_prefix("== ") else {
                return Err(self.error("a section `== …` was expected"));
            };
            if head == "surface" {
                behaviour.surface = self.surface()?;
                continue;
            }
            if head == "surface after the calls" {
                behaviour.later = Some(self.surface()?);
                continue;
            }
            let (scope, calls) = scope(head).ok_or_else(|| self.error("unknown section"))?;
            let operations = self.operations(calls)?;
            let scoped = Scoped { calls, operations };
            if behaviour.scopes.insert(scope, scoped).is_some() {
                return Err(self.error("a section for the second time"));
            }
        }
        Ok(Accepted {
            seed,
            calls,
            behaviour,
        })
    }

    fn surface(&mut self) -> Result<Surface, SnapshotError> {
        let mut json = String::new();
        while let Some(line) = self.peek().filter(|line| !line.starts_with("== ")) {
            json.push_str(line);
            json.push('\n');
            self.next();
        }
        serde_json::from_str(&json).map_err(|_| self.error("the surface is not JSON of its kind"))
    }

    fn operations(&mut self, calls: u32) -> Result<BTreeMap<String, Operation>, SnapshotError> {
        let mut operations = BTreeMap::new();
        while let Some(line) = self.peek().filter(|line| !line.is_empty()) {
            if line.starts_with(' ') || line.starts_with("== ") {
                self.next();
                return Err(self.error("an operation was expected"));
            }
            self.next();
            let name = unescape(line).ok_or_else(|| self.error("a broken escape"))?;
            let operation = self.operation(calls)?;
            if operations.insert(name, operation).is_some() {
                return Err(self.error("an operation for the second time"));
            }
        }
        Ok(operations)
    }

    fn operation(&mut self, calls: u32) -> Result<Operation, SnapshotError> {
        let mut operation = Operation {
            calls: Calls::first(calls),
            most: 1,
            host: None,
            places: BTreeMap::new(),
            steady: true,
            first: 0,
        };
        if let Some(facts) = self.facts("  @ ") {
            for fact in facts {
                if let Some(host) = fact.strip_prefix("to ") {
                    operation.host =
                        Some(unescape(host).ok_or_else(|| self.error("a broken escape"))?);
                } else if let Some(list) = fact.strip_prefix("calls ") {
                    operation.calls = list
                        .parse()
                        .map_err(|()| self.error("a broken list of calls"))?;
                } else if let Some(times) = fact
                    .strip_prefix("up to ")
                    .and_then(|t| t.strip_suffix(" times"))
                {
                    let times = times.parse().ok().filter(|times| *times > 0);
                    operation.most = times.ok_or_else(|| self.error("a broken number"))?;
                } else if fact == "sometimes" {
                    operation.steady = false;
                } else {
                    return Err(self.error("an unknown fact of an operation"));
                }
            }
        }
        while let Some(line) = self.peek().filter(|line| line.starts_with("  ")) {
            self.next();
            let (place, value) = split_value(&line[2..])
                .ok_or_else(|| self.error("`place = value` was expected"))?;
            let value =
                Expr::parse(value).ok_or_else(|| self.error("a value that cannot be read"))?;
            let mut seen = Sightings {
                calls: operation.calls.clone(),
                first: 0,
            };
            let mut steady = true;
            for fact in self.facts("    @ ").unwrap_or_default() {
                if let Some(list) = fact.strip_prefix("calls ") {
                    seen.calls = list
                        .parse()
                        .map_err(|()| self.error("a broken list of calls"))?;
                } else if fact == "sometimes" {
                    steady = false;
                } else {
                    return Err(self.error("an unknown fact of a value"));
                }
            }
            let known = operation.places.entry(place).or_insert_with(|| Place {
                calls: Calls::default(),
                values: BTreeMap::new(),
                steady,
            });
            known.calls = known.calls.union(&seen.calls);
            known.steady &= steady;
            if known.values.insert(value, seen).is_some() {
                return Err(self.error("a value for the second time"));
            }
        }
        Ok(operation)
    }

    fn facts(&mut self, indent: &str) -> Option<Vec<&'a str>> {
        let facts = self.peek()?.strip_prefix(indent)?;
        self.next();
        Some(facts.split("; ").collect())
    }
}

fn split_value(line: &str) -> Option<(String, &str)> {
    let (place, value) = line.split_once(" = ")?;
    Some((unescape(place)?, value))
}

fn scope(head: &str) -> Option<(Scope, u32)> {
    if let Some(rest) = head.strip_prefix("call ") {
        let (tool, calls) = rest.rsplit_once(", ")?;
        return Some((
            Scope::tool(&unescape(tool)?),
            calls.strip_suffix(" calls")?.parse().ok()?,
        ));
    }
    if let Some((package, event)) = head
        .strip_prefix("install ")
        .and_then(|rest| rest.rsplit_once(", "))
    {
        let script = Script {
            package: unescape(package)?,
            event: unescape(event)?,
        };
        return Some((Scope::script(script), 1));
    }
    let phases = [
        Phase::Install,
        Phase::Start,
        Phase::Call,
        Phase::Idle,
        Phase::Exit,
    ];
    let phase = phases
        .into_iter()
        .find(|phase| phase_name(*phase) == head)?;
    Some((Scope::phase(phase), 1))
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Install => "install",
        Phase::Start => "start",
        Phase::Call => "between calls",
        Phase::Idle => "idle",
        Phase::Exit => "exit",
    }
}

/// One line without what would end it or hide in it; `; ` would end a fact.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ';' => out.push_str("\\u{3b}"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    // A line's first characters say what it is.
    if out.starts_with([' ', '@', '=']) {
        format!("\\u{{{:x}}}{}", out.as_bytes()[0], &out[1..])
    } else {
        out
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            out.push('\\');
            rest = after;
        } else {
            let body = rest.strip_prefix("u{")?;
            let end = body.find('}')?;
            out.push(char::from_u32(u32::from_str_radix(&body[..end], 16).ok()?)?);
            rest = &body[end + 1..];
        }
    }
    out.push_str(rest);
    Some(out)
}

/// JSON whose invisible characters are spelled as escapes (RFC 8259, section 7).
fn spelled_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_invisible(c) || (c.is_control() && c != '\n') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::{Part, Source};
    use proptest::prelude::*;

    fn accepted() -> impl Strategy<Value = Accepted> {
        let text = "[a-z @=;\\\\\\[\\]{}\u{200b}\n.]{1,8}";
        let value = (text, "[A-Z]{1,4}").prop_map(|(text, name)| {
            Expr(vec![Part::Text(text), Part::From(Source::Setting(name))])
        });
        let calls = proptest::collection::btree_set(0..4u32, 1..4)
            .prop_map(|set| set.into_iter().collect::<Calls>());
        let place = (
            proptest::collection::btree_map(value, calls, 1..3),
            any::<bool>(),
        )
            .prop_map(|(values, steady)| {
                let all = values
                    .values()
                    .fold(Calls::default(), |all, calls| all.union(calls));
                let values = values
                    .into_iter()
                    .map(|(v, calls)| (v, Sightings { calls, first: 0 }));
                Place {
                    calls: all,
                    values: values.collect(),
                    steady,
                }
            });
        let operation = (
            proptest::collection::btree_map(text, place, 0..3),
            proptest::option::of(text),
            1..3u32,
            any::<bool>(),
        )
            .prop_map(|(places, host, most, steady)| Operation {
                calls: (0..4).collect(),
                most,
                host,
                places,
                steady,
                first: 0,
            });
        let operations = proptest::collection::btree_map(text, operation, 0..3);
        (
            proptest::collection::btree_map(text, operations, 0..3),
            any::<u64>(),
        )
            .prop_map(|(tools, seed)| {
                let scopes = tools
                    .into_iter()
                    .enumerate()
                    .map(|(i, (name, operations))| {
                        let script = Script {
                            package: name.clone(),
                            event: "postinstall".into(),
                        };
                        let (scope, calls) = match i {
                            0 => (Scope::script(script), 1),
                            _ => (Scope::tool(&name), 4),
                        };
                        (scope, Scoped { calls, operations })
                    });
                let surface = Surface {
                    revision: "r\u{200b}\u{e0041}".into(),
                    tools: vec![serde_json::json!({"name": "a\n== x"})],
                    ..Surface::default()
                };
                Accepted {
                    seed,
                    calls: 8,
                    behaviour: Behaviour {
                        later: (seed % 2 == 0).then(|| surface.clone()),
                        surface,
                        scopes: scopes.collect(),
                    },
                }
            })
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        let read_tail = |tail: &str| {
            let head = format!("{FORMAT}\nseed 1, calls 2\n\n== call a, 2 calls\n");
            read(&(head + tail))
                .map(|_| ())
                .map_err(|e| (e.line, e.what))
        };
        assert_eq!(read_tail("x\n  to = a\n  to = b\n"), Ok(()));
        for (tail, line, what) in [
            ("x\n  to = a\n  to = a\n", 7, "a value for the second time"),
            ("x\ny\nx\n", 7, "an operation for the second time"),
            (
                "x\n\n== call a, 2 calls\ny\n",
                8,
                "a section for the second time",
            ),
            ("x\n  @ up to 0 times\n", 6, "a broken number"),
        ] {
            assert_eq!(read_tail(tail), Err((line, what)), "{tail:?}");
        }
    }

    #[test]
    fn numbers_and_nesting_cost_no_more_than_their_text() {
        let deep = "{base64:".repeat(100_000);
        let text = format!(
            "{FORMAT}\nseed 1, calls 4294967295\n\n== call a, 4294967295 calls\nx\n  to = a\n    @ calls 1-4294967294\n"
        );
        let accepted = read(&text).unwrap();
        assert_eq!(read(&write(&accepted)), Ok(accepted));
        assert!(read(&format!("{text}  to = {deep}\n")).is_err());
    }

    #[test]
    fn what_is_not_as_it_would_be_written_reads_the_same_again() {
        for tail in [
            "== call a, 2 calls\nx\n  @ calls 5-6\n",
            "== install p, e\\u{2c} f\nx\n",
        ] {
            let accepted = read(&format!("{FORMAT}\nseed 1, calls 2\n\n{tail}")).unwrap();
            assert_eq!(read(&write(&accepted)), Ok(accepted), "{tail:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_snapshot_reads_back(accepted in accepted()) {
            let text = write(&accepted);
            let hides = text.contains('\u{200b}');
            prop_assert!(!hides);
            prop_assert_eq!(read(&text), Ok(accepted), "{}", text);
        }

        #[test]
        fn any_text_is_read_or_refused(tail in "(== |@ |  |[a-z={};,0-9]|\n){0,60}") {
            let _ = read(&format!("{FORMAT}\nseed 1, calls 2\n{tail}"));
        }
    }
}
