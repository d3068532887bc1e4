//! A finding's evidence in words: the effect in one line, what it carried, the step from was to
//! now. Returns text as it came: whoever shows it escapes it.

use crate::effect::{
    Body, Effect, FileAction, Kind, Life, MailTls, Outlived, Peer, Phase, Stage, TlsOutcome,
};
use crate::verdict::{Finding, Report, Subject};
use serde::Deserialize as _;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Longest value compared line by line; of a longer one the first characters are.
const LONGEST: usize = 20_000;
/// Characters of context kept around a change in a long line.
const AROUND: usize = 48;

/// The versions in question: `npm:postmark-mcp 1.0.15 → 1.0.16` where the package is the same.
pub fn subjects(report: &Report) -> String {
    let new = &report.new;
    let Some(old) = &report.old else {
        return name(new);
    };
    let bare = |subject: &Subject| {
        let version = subject.version.as_deref()?;
        let package = subject.resolved.strip_suffix(version)?;
        let package = package.strip_suffix('@')?;
        Some((short(package), version.to_owned()))
    };
    match (bare(old), bare(new)) {
        (Some((package, was)), Some((same, now))) if package == same && was != now => {
            format!("{package} {was} → {now}")
        }
        _ if old.resolved == new.resolved && old.target != new.target => {
            format!("{} → {}", old.target, new.target)
        }
        _ => format!("{} → {}", name(old), name(new)),
    }
}

/// Where in a server's life: `` `sendEmail` ``, `at install`, `while idle`.
pub fn scope(finding: &Finding) -> String {
    match (&finding.tool, finding.phase) {
        (Some(tool), Phase::Call) => format!("`{tool}`"),
        (Some(tool), phase) => format!("`{tool}`, {}", when(phase)),
        (None, phase) => when(phase).to_owned(),
    }
}

/// A phase as an adverb.
pub fn when(phase: Phase) -> &'static str {
    match phase {
        Phase::Install => "at install",
        Phase::Start => "at start",
        Phase::Call => "during calls",
        Phase::Idle => "while idle",
        Phase::Exit => "at exit",
    }
}

/// `48 of 48 calls`, `3 of 3 runs`.
pub fn seen(finding: &Finding) -> String {
    let what = match finding.phase {
        Phase::Call => "call",
        _ => "run",
    };
    let plural = if finding.seen.of == 1 { "" } else { "s" };
    format!(
        "{} of {} {what}{plural}",
        finding.seen.calls, finding.seen.of
    )
}

/// The effect in one line; none where the finding has none (a description that changed).
/// What is no effect of this version's format is shown as the JSON it is.
pub fn effect(finding: &Finding) -> Option<String> {
    match &finding.effect {
        Value::Null => None,
        value => Some(match typed(value) {
            Some(effect) => match effect.call {
                Some(call) if effect.phase == Phase::Call => {
                    format!("call {call}: {}", told(&effect.kind))
                }
                _ => match effect.stage {
                    Some(at) => format!("{}: {}", stage(at), told(&effect.kind)),
                    None => told(&effect.kind),
                },
            },
            None => value.to_string(),
        }),
    }
}

/// The bytes an effect carried, for those that carry some.
pub fn carried(finding: &Finding) -> Option<Body> {
    match typed(&finding.effect)?.kind {
        Kind::Http(http) => Some(http.body),
        Kind::Mail(mail) => Some(mail.raw),
        Kind::Flow(flow) => Some(flow.sent),
        Kind::Datagram(datagram) => Some(datagram.payload),
        Kind::File(file) => Some(file.content),
        Kind::Misbehaviour(it) => Some(it.bytes),
        Kind::Dns(_)
        | Kind::Tls(_)
        | Kind::Program(_)
        | Kind::Life(_)
        | Kind::Script(_)
        | Kind::Forbidden(_)
        | Kind::Signal(_)
        | Kind::Read(_)
        | Kind::Reads(_)
        | Kind::Exit(_)
        | Kind::Usage(_)
        | Kind::Surface(_)
        | Kind::Result(_)
        | Kind::Message(_) => None,
    }
    .filter(|body| !body.is_empty())
}

/// Which side a line of a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Was,
    Now,
    Both,
}

impl Side {
    pub fn sign(self) -> char {
        match self {
            Self::Was => '-',
            Self::Now => '+',
            Self::Both => ' ',
        }
    }
}

/// The step from `was` to `now` as a small diff, one line of text each. Empty where the finding
/// says neither.
pub fn step(finding: &Finding) -> Vec<(Side, String)> {
    match (&finding.was, &finding.now) {
        (Value::Null, Value::Null) => Vec::new(),
        (was, Value::Null) => all(Side::Was, &plain(was)).chain(none(Side::Now)).collect(),
        (Value::Null, now) => none(Side::Was).chain(all(Side::Now, &plain(now))).collect(),
        (was, now) => compared(&plain(was), &plain(now)),
    }
}

fn none(side: Side) -> impl Iterator<Item = (Side, String)> {
    std::iter::once((side, "nothing".to_owned()))
}

fn all(side: Side, text: &str) -> impl Iterator<Item = (Side, String)> {
    let lines: Vec<_> = text
        .split('\n')
        .map(|line| (side, line.to_owned()))
        .collect();
    lines.into_iter()
}

fn compared(was: &str, now: &str) -> Vec<(Side, String)> {
    if !was.contains('\n') && !now.contains('\n') {
        let (was, now) = around(was, now);
        return vec![(Side::Was, was), (Side::Now, now)];
    }
    let diff = TextDiff::from_lines(was, now);
    let mut out = Vec::new();
    for (i, group) in diff.grouped_ops(1).iter().enumerate() {
        if i > 0 {
            out.push((Side::Both, "…".to_owned()));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let side = match change.tag() {
                ChangeTag::Delete => Side::Was,
                ChangeTag::Insert => Side::Now,
                ChangeTag::Equal => Side::Both,
            };
            out.push((side, change.value().trim_end_matches('\n').to_owned()));
        }
    }
    out
}

/// Of two long lines, the part that differs with some of what stands around it.
fn around(was: &str, now: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (was.chars().collect(), now.chars().collect());
    if a.len().max(b.len()) <= 3 * AROUND {
        return (was.to_owned(), now.to_owned());
    }
    let shorter = a.len().min(b.len());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = (a.iter().rev().zip(b.iter().rev()))
        .take(shorter - head)
        .take_while(|(x, y)| x == y)
        .count();
    let cut = |text: &[char]| {
        let from = head.saturating_sub(AROUND);
        let to = (text.len() - tail + AROUND).min(text.len());
        let (before, after) = (
            if from > 0 { "…" } else { "" },
            if to < text.len() { "…" } else { "" },
        );
        let middle: String = text[from..to].iter().collect();
        format!("{before}{middle}{after}")
    };
    (cut(&a), cut(&b))
}

/// A string as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    super::text::clip(&text, LONGEST)
}

fn typed(value: &Value) -> Option<Effect> {
    Effect::deserialize(value).ok()
}

/// One line about an effect, not escaped.
pub fn told(kind: &Kind) -> String {
    match kind {
        Kind::Dns(dns) => format!("DNS {} {} asked of {}", dns.record, dns.name, dns.server),
        Kind::Tls(tls) => {
            let what = match &tls.outcome {
                TlsOutcome::Refused(alert) => format!("refused by the server ({alert})"),
                TlsOutcome::Silent => "ended by the server without a byte".to_owned(),
                TlsOutcome::Malformed(what) => format!("malformed ({what})"),
                TlsOutcome::Misnamed => "for a name that is not that address's".to_owned(),
                TlsOutcome::Authenticated(subject) => {
                    format!("the server shows a certificate of {subject}")
                }
            };
            format!("TLS with {}: {what}", at(&tls.peer))
        }
        Kind::Http(http) => format!(
            "{} {}://{}{}, answered {} by {}",
            http.method, http.scheme, http.authority, http.target, http.reply.status, http.reply.by
        ),
        Kind::Mail(mail) => {
            let tls = match mail.tls {
                MailTls::None => "",
                MailTls::Starttls | MailTls::Implicit => " over TLS",
            };
            let to = mail.rcpt_to.join(", ");
            format!(
                "mail from {} to {to} through {}{tls}",
                mail.mail_from,
                at(&mail.peer)
            )
        }
        Kind::Flow(flow) => format!(
            "TCP to {} ({}), {} bytes sent",
            at(&flow.peer),
            flow.protocol,
            flow.sent.len
        ),
        Kind::Datagram(datagram) => format!(
            "{} to {}, {} bytes",
            datagram.protocol,
            at(&datagram.peer),
            datagram.payload.len
        ),
        Kind::File(file) => {
            let action = match file.action {
                FileAction::Created => "created",
                FileAction::Modified => "modified",
                FileAction::Deleted => return format!("file deleted: {}", file.path),
                FileAction::FolderCreated => return format!("folder created: {}", file.path),
                FileAction::LinkCreated => "linked",
                FileAction::Attempted => return format!("file tried: {}", file.path),
            };
            format!("file {action}: {}, {} bytes", file.path, file.content.len)
        }
        Kind::Read(read) => {
            let missing = if read.missing { " (not there)" } else { "" };
            let what = if read.listed {
                "folder listed"
            } else {
                "file read"
            };
            match &read.asked {
                Some(asked) => format!("{what}: {}{missing}, asked for as {asked}", read.path),
                None => format!("{what}: {}{missing}", read.path),
            }
        }
        Kind::Reads(reads) => match &reads.folder {
            Some(folder) => format!("read {folder}/: {} further opens", reads.opens),
            None => format!("read runtime and package, or again: {} opens", reads.opens),
        },
        Kind::Program(program) => {
            let missing = if program.missing { " (not found)" } else { "" };
            format!(
                "program {}{missing}: {}",
                program.path,
                program.argv.join(" ")
            )
        }
        Kind::Life(life) => self::life(life),
        Kind::Script(script) => {
            let version = script.version.as_deref().unwrap_or_default();
            let skipped = if script.skipped { " (not run)" } else { "" };
            format!(
                "{} script of {} {version}{skipped}: {}",
                script.name, script.package, script.text
            )
        }
        Kind::Signal(signal) => {
            format!(
                "signal {} to {} ({})",
                signal.number, signal.target, signal.call
            )
        }
        Kind::Forbidden(call) => match call.target.as_str() {
            "" => format!("system call {}", call.call),
            target => format!("system call {} on {target}", call.call),
        },
        Kind::Exit(exit) => {
            let how = match (exit.code, exit.signal) {
                (Some(code), _) => format!("with status {code}"),
                (None, Some(signal)) => format!("by signal {signal}"),
                (None, None) => "in an unknown way".to_owned(),
            };
            let left = match exit.left_behind.as_slice() {
                [] => String::new(),
                left => format!(", leaving {}", left.join(", ")),
            };
            format!("ended {how} after {}{left}", exit.after)
        }
        Kind::Usage(usage) => usage.to_string(),
        Kind::Surface(surface) => format!("declared {} tools", surface.tools.len()),
        Kind::Result(result) => format!("result of `{}`: {}", result.tool, result.outcome),
        Kind::Message(message) => format!("message {}", message.method),
        Kind::Misbehaviour(it) => format!("output ({}), {} bytes", it.what, it.bytes.len),
    }
}

/// How a program ended or goes on.
fn life(life: &Life) -> String {
    let lived = life.lived_us as f64 / 1e6;
    let after = match life.outlived {
        Some(Outlived::Call) => " after the call that started it",
        Some(Outlived::Server) => " after the server's end",
        None => "",
    };
    let path = &life.path;
    match (life.code, life.signal) {
        _ if life.goes_on => format!("program {path} goes on{after}, {lived:.3} s old"),
        (Some(code), _) => {
            format!("program {path} ended{after} with status {code}, {lived:.3} s old")
        }
        (_, Some(signal)) => {
            format!("program {path} was ended{after} by signal {signal}, {lived:.3} s old")
        }
        _ => format!("program {path} ended{after}, {lived:.3} s old"),
    }
}

/// What had happened to the server in this part of its end.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::StdinClosed => "after its stdin was closed",
        Stage::Sigterm => "on SIGTERM",
        Stage::Sigkill => "on SIGKILL",
        Stage::Afterlife => "after the server's own end",
    }
}

fn at(peer: &Peer) -> String {
    match peer.host {
        Some(ref host) => format!("{host}:{}", peer.address.port()),
        None => peer.address.to_string(),
    }
}

fn name(subject: &Subject) -> String {
    let name = short(&subject.resolved);
    match &subject.version {
        Some(version) if !name.contains(version.as_str()) => format!("{name} {version}"),
        _ => name,
    }
}

/// The short form of a package URL; anything else as it is.
fn short(resolved: &str) -> String {
    match resolved
        .strip_prefix("pkg:")
        .and_then(|r| r.split_once('/'))
    {
        Some((kind, name)) => format!("{kind}:{}", name.replacen("%40", "@", 1)),
        None => resolved.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_a_long_line_is_shown_with_its_surroundings() {
        let long = "lorem ipsum ".repeat(40);
        let (was, now) = around(&format!("{long}.{long}"), &format!("{long} EVIL.{long}"));
        assert_eq!(was.chars().count(), 2 * AROUND + 2);
        assert!(now.contains(" EVIL.") && now.starts_with('…') && now.ends_with('…'));
    }

    #[test]
    fn lines_are_compared_as_lines() {
        let step = compared("a\nb\nc\n", "a\nx\nc\n");
        let shown: Vec<_> = step
            .iter()
            .map(|(side, text)| format!("{}{text}", side.sign()))
            .collect();
        assert_eq!(shown, [" a", "-b", "+x", " c"]);
    }
}
