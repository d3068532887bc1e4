//! What was confided and left otherwise than in one of an effect's values: in the bytes around
//! them, cut across several of them, or piece by piece over several effects.

use super::Collector;
use super::trails::{Due, Spot};
use crate::effect::{Effect, Kind};
use crate::provenance::{Dissected, Expr, Part, Source, in_a_row, streams};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Where values stand together that made sense only so.
const IN_A_ROW: &str = "values in a row";
/// Where the last piece of something was.
const PIECES: &str = "pieces";
/// Where a surface's texts stand.
const LISTING: &str = "listing";
/// Shortest value that is left out of a stream it stands in: a piece of something coded that is
/// as long was found when the value was looked at.
const LONG: usize = 16;
/// Values that are left out of one stream.
const VALUES: usize = 32;
/// Answers that are remembered, and the longest.
const ANSWERS: usize = 4;
const LONGEST_ANSWER: usize = 64 * 1024;

/// What the values of one effect told of.
#[derive(Default)]
pub struct Told {
    sources: Vec<Source>,
    /// Text of values that nothing explains, with their places.
    unexplained: Vec<(String, String)>,
    /// Longer values, which were looked at by themselves.
    seen: Vec<String>,
}

impl Told {
    pub fn note(&mut self, place: &str, value: &str, expr: &Expr) {
        if value.len() >= LONG && self.seen.len() < VALUES {
            self.seen.push(value.to_owned());
        }
        for source in expr.sources() {
            if !self.sources.contains(source) {
                self.sources.push(source.clone());
            }
        }
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        };
        let text: String = expr.0.iter().filter_map(text).collect();
        if !text.is_empty() {
            self.unexplained.push((place.to_owned(), text));
        }
    }
}

impl Collector {
    /// What an effect lets out beyond what its values told of: places and explanations.
    pub(super) fn leaks(&self, kind: &Kind, told: &Told) -> Vec<(&'static str, Expr)> {
        let mut known: Vec<Source> = told.sources.clone();
        let mut found = Vec::new();
        let mut note = |place, exprs: Vec<Expr>, known: &mut Vec<Source>| {
            for expr in exprs {
                known.extend(expr.sources().into_iter().cloned());
                found.push((place, expr));
            }
        };
        for (place, stream) in streams(kind) {
            // Of bytes, all is unexplained that no value says.
            let rest = match std::str::from_utf8(&stream) {
                Ok(_) => told.text(),
                Err(_) => "\u{0}".to_owned(),
            };
            let sources: Vec<&Source> = known.iter().collect();
            let around = self.answers.left_out_of(&stream);
            let around = told.without_seen(&around);
            let exprs = self.explainer.hidden(&around, &sources, &rest);
            note(place, exprs, &mut known);
        }
        if told.unexplained.len() > 1 {
            let row = in_a_row(told.unexplained.iter().map(|(_, text)| text.as_str()));
            let sources: Vec<&Source> = known.iter().collect();
            let exprs = self.explainer.hidden(&row, &sources, "");
            note(IN_A_ROW, exprs, &mut known);
        }
        note(PIECES, self.explainer.completed(), &mut known);
        found
    }

    /// Follows the small pieces of an effect to where they are sent.
    pub(super) fn follow(&mut self, kind: &Kind, parts: &Dissected, told: &Told, by: &Spot) {
        for (trail, crumb) in trails(kind, parts, told) {
            let due = self.trails.add(&trail, &crumb, by);
            self.read(due);
        }
    }

    /// Reads the pieces that no further ones came after.
    pub(super) fn read_rest(&mut self) {
        let due = self.trails.rest();
        self.read(due);
    }

    fn read(&mut self, due: Vec<Due>) {
        for (by, pieces) in due {
            let found = self.explainer.together(&pieces).into_iter();
            let found = found.map(|expr| (PIECES, expr));
            self.add(&by.scope, &by.name, found, by.call, by.seq);
        }
    }

    /// What a surface's texts let out: it has no values otherwise.
    pub(super) fn listing_leaks(&mut self, effect: &Effect) {
        let leaks = self.leaks(&effect.kind, &Told::default());
        if leaks.is_empty() {
            return;
        }
        let (scope, call) = self.place_of(effect);
        self.seen(&scope, LISTING, None, call, effect.seq);
        self.add(&scope, LISTING, leaks, call, effect.seq);
    }
}

/// The latest answers of upstreams. They were made up here: what passes one on word for word says
/// nothing by it that the server did not have to say to the upstream first.
#[derive(Default)]
pub struct Answers(VecDeque<Vec<u8>>);

impl Answers {
    /// An upstream answered.
    pub(super) fn hear(&mut self, kind: &Kind) {
        let Kind::Http(http) = kind else { return };
        let body = &http.reply.body;
        let fits = (LONG..=LONGEST_ANSWER).contains(&body.kept.len());
        if body.is_whole() && fits && !self.0.contains(&body.kept) {
            self.0.truncate(ANSWERS - 1);
            self.0.push_front(body.kept.clone());
        }
    }

    fn left_out_of<'a>(&self, stream: &'a [u8]) -> Cow<'a, [u8]> {
        without(stream, self.0.iter().map(Vec::as_slice))
    }
}

/// A stream without these stretches.
fn without<'a, 'b>(stream: &'a [u8], known: impl IntoIterator<Item = &'b [u8]>) -> Cow<'a, [u8]> {
    let mut rest = Cow::Borrowed(stream);
    for known in known {
        let mut kept: Vec<u8> = Vec::new();
        let mut at = 0;
        for found in memchr::memmem::find_iter(&rest, known) {
            kept.extend(&rest[at..found]);
            // No coding has it for a letter.
            kept.push(0);
            at = found + known.len();
        }
        if at > 0 {
            kept.extend(&rest[at..]);
            rest = Cow::Owned(kept);
        }
    }
    rest
}

impl Told {
    fn text(&self) -> String {
        let texts: Vec<&str> = self.unexplained.iter().map(|(_, t)| t.as_str()).collect();
        texts.join(" ")
    }

    /// A stream without the values that were looked at by themselves: what stands around them is
    /// mostly the same in every call, and was looked at before.
    fn without_seen<'a>(&self, stream: &'a [u8]) -> Cow<'a, [u8]> {
        let mut longest: Vec<&[u8]> = self.seen.iter().map(String::as_bytes).collect();
        longest.sort_by_key(|value| std::cmp::Reverse(value.len()));
        without(stream, longest)
    }
}

/// Labels of a name that may be one piece together.
const LABELS: usize = 4;

/// Where small pieces may be sent one after the other, and the piece that this effect sends
/// there. Of a name that was looked up, the first labels: which of them is the domain's nobody
/// says.
fn trails(kind: &Kind, parts: &Dissected, told: &Told) -> Vec<(String, String)> {
    if let Kind::Dns(question) = kind {
        let labels: Vec<&str> = question.name.split('.').collect();
        let own = labels.len().saturating_sub(2).min(LABELS);
        let trail = |cut| {
            let (piece, domain) = labels.split_at(cut);
            (format!("dns {}", domain.join(".")), piece.concat())
        };
        return (1..=own).map(trail).collect();
    }
    let to = match (&parts.host, kind) {
        (Some(host), _) => host.as_str(),
        (None, Kind::Result(result)) => &result.tool,
        (None, Kind::Message(message)) => &message.method,
        _ => return Vec::new(),
    };
    let crumbs = told.unexplained.iter();
    crumbs
        .map(|(place, text)| (format!("{to} {place}"), text.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_leaves_a_gap_and_no_more() {
        let known: [&[u8]; 2] = [
            b"an answer of an upstream",
            b"another one, which is not there",
        ];
        let stream = b"head an answer of an upstream tail an answer of an upstream";
        assert_eq!(*without(stream, known), *b"head \0 tail \0");
        assert_eq!(*without(b"an answer", known), *b"an answer");
        let mut told = Told::default();
        for value in [
            "a value that is long",
            "short",
            "a value that is long enough",
        ] {
            told.note("place", value, &Expr::text(value.to_owned()));
        }
        let stream = b"short: a value that is long enough, a value that is long";
        assert_eq!(*told.without_seen(stream), *b"short: \0, \0");
    }
}
