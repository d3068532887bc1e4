//! What was confided and left otherwise than in one of an effect's values: in the bytes around
//! them, cut across several of them, or piece by piece over several effects.

use super::Collector;
use crate::effect::{Effect, Kind};
use crate::provenance::{Dissected, Expr, Part, Source, in_a_row, streams};

/// Where values stand together that made sense only so.
const IN_A_ROW: &str = "values in a row";
/// Where the last piece of something was.
const PIECES: &str = "pieces";
/// Where a surface's texts stand.
const LISTING: &str = "listing";

/// What the values of one effect told of.
#[derive(Default)]
pub struct Told {
    sources: Vec<Source>,
    /// Text of values that nothing explains, with their places.
    unexplained: Vec<(String, String)>,
}

impl Told {
    pub fn note(&mut self, place: &str, expr: &Expr) {
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
    pub(super) fn leaks(
        &self,
        kind: &Kind,
        parts: &Dissected,
        told: &Told,
    ) -> Vec<(&'static str, Expr)> {
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
            let exprs = self.explainer.hidden(&stream, &sources, &rest);
            note(place, exprs, &mut known);
        }
        if told.unexplained.len() > 1 {
            let row = in_a_row(told.unexplained.iter().map(|(_, text)| text.as_str()));
            let sources: Vec<&Source> = known.iter().collect();
            let exprs = self.explainer.hidden(&row, &sources, "");
            note(IN_A_ROW, exprs, &mut known);
        }
        for (trail, crumb) in trails(kind, parts, told) {
            note(PIECES, self.explainer.follow(&trail, &crumb), &mut known);
        }
        note(PIECES, self.explainer.completed(), &mut known);
        found
    }

    /// What a surface's texts let out: it has no values otherwise.
    pub(super) fn listing_leaks(&mut self, effect: &Effect) {
        let leaks = self.leaks(&effect.kind, &Dissected::default(), &Told::default());
        if leaks.is_empty() {
            return;
        }
        let (scope, call) = self.place_of(effect);
        self.seen(&scope, LISTING, None, call, effect.seq);
        self.add(&scope, LISTING, leaks, call, effect.seq);
    }
}

impl Told {
    fn text(&self) -> String {
        let texts: Vec<&str> = self.unexplained.iter().map(|(_, t)| t.as_str()).collect();
        texts.join(" ")
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
