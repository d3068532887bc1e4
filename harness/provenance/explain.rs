//! Explains one value at a time by what the server was given before it.

use super::clock::ClockReader;
use super::coding::decoded;
use super::inputs::{MIN_INSIDE, Patterns, Words, address, is_telling, json_leaves, words};
use super::watch::{Sighting, Watch};
use super::{Coding, Confided, Expr, Part, Said, Source};
use crate::secret::Planted;
use serde_json::Value;
use std::sync::Arc;

/// Longest value that is explained in full; the rest of a longer one is taken as text.
const MAX_VALUE: usize = 256 * 1024;
/// Codings inside codings that are undone.
const DEPTH: u8 = 3;

/// Longest argument that is read as a URL.
const MAX_URL: usize = 4096;

/// An argument that says where to go.
pub struct Lead {
    pub source: Source,
    /// Nothing where the argument is the bare host.
    pub url: Option<url::Url>,
}

/// Knows what was given to one server in one run, in order.
pub struct Explainer {
    planted: Patterns,
    arguments: Patterns,
    here: Words,
    words: Words,
    clock: ClockReader,
    tool: Option<String>,
    /// Leaves of the call in progress, to be filed as earlier ones when the next begins.
    call: Vec<(String, String)>,
    said: Arc<Said>,
    watch: Watch,
}

impl Explainer {
    /// `now` is the start of the run in Unix seconds.
    pub fn new(planted: &[Planted], now: i64) -> Self {
        let confided = Arc::new(Confided::planted(planted, []));
        Self::watching(confided, planted, now)
    }

    /// As [`Self::new`], with what is confided made ready once for several runs.
    pub fn watching(confided: Arc<Confided>, planted: &[Planted], now: i64) -> Self {
        let values = planted.iter().map(|p| (Source::of(p), p.value.clone()));
        Self {
            planted: Patterns::new(values),
            arguments: Patterns::new([]),
            here: Words::default(),
            words: Words::default(),
            clock: ClockReader::new(now),
            tool: None,
            call: Vec::new(),
            said: Arc::default(),
            watch: Watch::new(confided),
        }
    }

    /// What arguments hold because the code says it is explained by none of them.
    pub fn made_of(mut self, said: Arc<Said>) -> Self {
        self.said = said;
        self
    }

    /// A call begins: its arguments are the nearest explanation from now on.
    pub fn call(&mut self, tool: &str, arguments: &Value) {
        if let Some(earlier) = self.tool.take() {
            for (path, value) in std::mem::take(&mut self.call) {
                self.words
                    .learn(&Source::Earlier(earlier.clone(), path), &value, &self.said);
            }
        }
        self.tool = Some(tool.to_owned());
        self.call = json_leaves(arguments);
        self.call
            .retain(|(_, value)| value.len() < MIN_INSIDE || !self.said.covers(value));
        self.watch.call(&self.call);
        self.here = Words::default();
        for (path, value) in &self.call {
            self.here
                .learn(&Source::Argument(path.clone()), value, &self.said);
        }
        self.arguments = Patterns::new(
            self.call
                .iter()
                .map(|(path, v)| (Source::Argument(path.clone()), v.clone())),
        );
    }

    /// The clock jumped to `now`, in Unix seconds.
    pub fn jump(&mut self, now: i64) {
        self.clock.jump(now);
    }

    /// An upstream answered: what it said explains what the server says from now on. Values that
    /// echo something known keep their first origin.
    pub fn reply(&mut self, host: &str, leaves: impl IntoIterator<Item = (String, String)>) {
        for (place, value) in leaves {
            let expr = self.read(&value, &[]);
            let from_replies = |source: &Source| matches!(source, Source::Upstream(..));
            if expr.sources().into_iter().all(from_replies) {
                // Answers are made of what the code says as well.
                let source = Source::Upstream(host.to_owned(), place);
                self.words.learn(&source, &value, &self.said);
            }
        }
    }

    /// A number that changes when half of what was learnt is about to be forgotten: memory is
    /// bounded, and a long run brings more than it holds. What comes again is learnt again then.
    pub fn generation(&self) -> u64 {
        self.words.generation()
    }

    /// What `value` is made of.
    pub fn explain(&self, value: &str) -> Expr {
        let expr = self.read(value, &[]);
        if expr.is_a_list() {
            return expr;
        }
        let (known, rest) = (expr.sources(), expr.unexplained());
        let sightings = self.watch.look(value.as_bytes(), &known, &rest);
        if sightings.is_empty() {
            return expr;
        }
        let mut expr = self.read(value, &sightings);
        // What is spread over other finds stands after them.
        for sighting in sightings {
            if !expr.sources().contains(&&sighting.source) {
                expr.0.push(sighting.part);
            }
        }
        expr
    }

    /// What was confided, or is an argument in disguise, in bytes of which the values are
    /// explained already: by `known`, but for the text `unexplained`.
    pub fn hidden(&self, stream: &[u8], known: &[&Source], unexplained: &str) -> Vec<Expr> {
        let sightings = self.watch.look(stream, known, unexplained).into_iter();
        sightings
            .map(|sighting| Expr(vec![sighting.part]))
            .collect()
    }

    /// What small pieces say together that were sent one after the other.
    pub fn together(&self, pieces: &[u8]) -> Vec<Expr> {
        let sightings = self.watch.together(pieces).into_iter();
        sightings
            .map(|sighting| Expr(vec![sighting.part]))
            .collect()
    }

    /// What has left as a whole by now, piece by piece; each is told once.
    pub fn completed(&self) -> Vec<Expr> {
        let parts = self.watch.completed().into_iter();
        parts.map(|part| Expr(vec![part])).collect()
    }

    fn read(&self, value: &str, sightings: &[Sighting]) -> Expr {
        let cut = floor_char(value, MAX_VALUE);
        let mut parts = self.parts(&value[..cut], DEPTH, sightings);
        if cut < value.len() {
            parts.push(Part::Text(format!("… {} more bytes", value.len() - cut)));
        }
        Expr(joined(parts))
    }

    /// Sources whose whole value is `value`, for values too plain to prove anything alone.
    pub fn candidates(&self, value: &str) -> Vec<Source> {
        let mut found = self.arguments.whole(value).to_vec();
        found.extend(self.planted.whole(value).iter().cloned());
        found
    }

    /// The argument of the call in progress that is a URL with this host (`name` or `name:port`),
    /// or is the host itself; and the path and scheme that it asks for.
    pub fn led_to(&self, host: &str) -> Option<Lead> {
        self.call.iter().find_map(|(path, value)| {
            let source = Source::Argument(path.clone());
            if value.eq_ignore_ascii_case(host) {
                return Some(Lead { source, url: None });
            }
            if value.len() > MAX_URL || !value.contains("://") {
                return None;
            }
            let url = url::Url::parse(value).ok()?;
            let named = url.host_str()?;
            let same = match url.port() {
                Some(port) => host.strip_suffix(&format!(":{port}")) == Some(named),
                None => host == named,
            };
            same.then_some(Lead {
                source,
                url: Some(url),
            })
        })
    }

    fn parts(&self, text: &str, depth: u8, sightings: &[Sighting]) -> Vec<Part> {
        if text.is_empty() {
            return Vec::new();
        }
        if text.len() >= MIN_INSIDE
            && let Some(source) = self
                .planted
                .whole(text)
                .first()
                .or_else(|| self.arguments.whole(text).first())
        {
            return vec![Part::From(source.clone())];
        }
        // Places are those of bytes, and characters may be longer.
        let mut hits: Vec<(usize, usize, Part)> = sightings
            .iter()
            .map(|sighting| {
                let start = floor_char(text, sighting.place.start);
                let end = ceil_char(text, sighting.place.end);
                (start, end, sighting.part.clone())
            })
            .collect();
        for patterns in [&self.planted, &self.arguments] {
            for (start, end, source, coding) in patterns.find(text) {
                let part = Part::From(source.clone());
                let hit = &text[start..end];
                let short = hit.len() < 8;
                if short
                    && !(is_edge(text[..start].chars().next_back())
                        && is_edge(text[end..].chars().next()))
                {
                    continue;
                }
                let exact = coding.is_some() || patterns.whole(hit).contains(source);
                let part = match coding {
                    Some(coding) => Part::Coded(coding, Expr(vec![part])),
                    None if exact => part,
                    None => Part::Coded(Coding::Case, Expr(vec![part])),
                };
                hits.push((start, end, part));
            }
        }
        // Arguments are made to be told apart. A reply's sentence may be a constant here, too.
        if hits.is_empty()
            && let Some(source @ Source::Earlier(..)) = self.words.whole(text)
        {
            return vec![Part::From(source.clone())];
        }
        // Longest first where they overlap; the planted ones were pushed first and win ties.
        hits.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut parts = Vec::new();
        let mut at = 0;
        for (start, end, part) in hits {
            if start < at {
                continue;
            }
            self.gap(&text[at..start], depth, &mut parts);
            parts.push(part);
            at = end;
        }
        self.gap(&text[at..], depth, &mut parts);
        parts
    }

    /// A stretch that holds no whole known value: times, known words, coded text.
    fn gap(&self, text: &str, depth: u8, parts: &mut Vec<Part>) {
        let mut at = 0;
        for (range, format) in self.clock.find(text) {
            self.by_words(&text[at..range.start], depth, parts);
            parts.push(Part::Clock(format));
            at = range.end;
        }
        self.by_words(&text[at..], depth, parts);
    }

    fn by_words(&self, text: &str, depth: u8, parts: &mut Vec<Part>) {
        let mut at = 0;
        let addressed = text.contains('@');
        for (start, word) in words(text) {
            if start < at {
                continue;
            }
            if addressed
                && let Some(address) = address(text, start)
                && let Some(known) = self.here.get(address).or_else(|| self.words.given(address))
            {
                parts.push(Part::Text(text[at..start].to_owned()));
                parts.push(known);
                at = start + address.len();
                continue;
            }
            let end = start + word.len();
            let known = is_telling(word)
                .then(|| self.here.get(word).or_else(|| self.words.get(word)))
                .flatten();
            if let Some(known) = known {
                parts.push(Part::Text(text[at..start].to_owned()));
                parts.push(known);
                at = end;
                continue;
            }
            if depth == 0 || word.len() < 8 {
                continue;
            }
            // A coded stretch may go on over characters that are no part of a word.
            let coded = start..coded_end(text, start);
            let read = decoded(&text[coded.clone()])
                .into_iter()
                .find_map(|(coding, inner)| {
                    let inner = Expr(joined(self.parts(&inner, depth - 1, &[])));
                    (!inner.sources().is_empty()).then_some(Part::Coded(coding, inner))
                });
            if let Some(part) = read {
                parts.push(Part::Text(text[at..coded.start].to_owned()));
                parts.push(part);
                at = coded.end;
            }
        }
        parts.push(Part::Text(text[at..].to_owned()));
    }
}

/// The end of the longest stretch from `start` that base64, hex or URL coding could have made.
fn coded_end(text: &str, start: usize) -> usize {
    let coded =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '%');
    start
        + text[start..]
            .find(|c| !coded(c))
            .unwrap_or(text.len() - start)
}

fn is_edge(c: Option<char>) -> bool {
    c.is_none_or(|c| !c.is_alphanumeric())
}

/// The largest boundary of a character at or below `at`.
fn floor_char(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

/// The smallest boundary of a character at or above `at`.
fn ceil_char(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(text.len())
}

/// Neighbouring texts become one; the same source twice in a row (words of one value) too, with
/// the spaces between them.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (_, Part::Text(text)) if text.is_empty() => {}
            (Some(Part::Text(a)), Part::Text(b)) => a.push_str(&b),
            (_, part) => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Kind;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: i64 = 1_795_392_000;

    fn explainer() -> Explainer {
        let planted = |name: &str, value: &str, kind| Planted {
            name: name.into(),
            value: value.into(),
            kind,
            unknown: 0..value.len(),
        };
        let mut explainer = Explainer::new(
            &[
                planted(
                    "TOKEN",
                    "3f1c9a52-77aa-4c1e-9b1d-0c55f2e1a001",
                    Kind::Secret,
                ),
                planted("SENDER", "sender@corp.example", Kind::Setting),
                planted("~/.npmrc token", "npm_8sHw0aPqLzXc", Kind::Canary),
            ],
            NOW,
        );
        explainer.call(
            "sendEmail",
            &json!({"to": "maria.k7w3xq9z@northwind.example", "subject": "About x9tq2mfa & more", "n": 5}),
        );
        explainer
    }

    fn shown(value: &str) -> String {
        explainer().explain(value).to_string()
    }

    #[test]
    fn whole_values_and_concatenations() {
        assert_eq!(shown("maria.k7w3xq9z@northwind.example"), "{argument(to)}");
        assert_eq!(
            shown("Bearer 3f1c9a52-77aa-4c1e-9b1d-0c55f2e1a001"),
            "Bearer {secret(TOKEN)}"
        );
        assert_eq!(
            shown("maria.k7w3xq9z@northwind.example, spy@elsewhere.example"),
            "{argument(to)}, spy@elsewhere.example"
        );
    }

    #[test]
    fn codings_are_named() {
        assert_eq!(
            shown("q=About+x9tq2mfa+%26+more"),
            "q={url:{argument(subject)}}"
        );
        assert_eq!(
            shown("MARIA.K7W3XQ9Z@northwind.example"),
            "{case:{argument(to)}}"
        );
        let basic = data_encoding::BASE64.encode(b"api:3f1c9a52-77aa-4c1e-9b1d-0c55f2e1a001");
        assert_eq!(
            shown(&format!("Basic {basic}")),
            "Basic {base64:api:{secret(TOKEN)}}"
        );
        let hex = data_encoding::HEXLOWER.encode(b"npm_8sHw0aPqLzXc");
        assert_eq!(
            shown(&format!("id-{hex}")),
            "id-{hex:{canary(~/.npmrc token)}}"
        );
    }

    #[test]
    fn a_part_of_an_argument_is_still_the_argument() {
        assert_eq!(shown("About x9tq2mfa"), "About {part:{argument(subject)}}");
    }

    #[test]
    fn replies_explain_what_follows_and_do_not_hide_arguments() {
        let mut explainer = explainer();
        explainer.reply(
            "api.example",
            [
                ("id".into(), "b7d20c1e-90ab".into()),
                ("echo".into(), "k7w3xq9z".into()),
            ],
        );
        let shown = |v: &str| explainer.explain(v).to_string();
        assert_eq!(shown("see b7d20c1e-90ab"), "see {upstream(api.example id)}");
        assert_eq!(shown("k7w3xq9z"), "{part:{argument(to)}}");
    }

    #[test]
    fn earlier_calls_are_remembered() {
        let mut explainer = explainer();
        explainer.call("other", &json!({}));
        assert_eq!(
            explainer.explain("k7w3xq9z").to_string(),
            "{part:{earlier(sendEmail to)}}"
        );
        let whole = explainer.explain("maria.k7w3xq9z@northwind.example");
        assert_eq!(
            whole,
            Expr::from(Source::Earlier("sendEmail".into(), "to".into()))
        );
        assert_eq!(
            explainer
                .explain("Maria <maria.k7w3xq9z@northwind.example>; spy@elsewhere.example")
                .to_string(),
            "Maria <{earlier(sendEmail to)}>; spy@elsewhere.example"
        );
        // What the call in progress was given is nearer.
        explainer.call(
            "sendEmail",
            &json!({"to": "maria.k7w3xq9z@northwind.example"}),
        );
        assert_eq!(
            explainer
                .explain("maria.k7w3xq9z@northwind.example")
                .to_string(),
            "{argument(to)}"
        );
    }

    #[test]
    fn an_upstream_that_echoes_an_address_explains_it_no_more() {
        let mut explainer = explainer();
        let echo = |value: &str| ("Bcc".to_owned(), value.to_owned());
        explainer.reply("api.example", [echo("spy@elsewhere.example")]);
        for value in ["spy@elsewhere.example", "Spy <spy@elsewhere.example>"] {
            let expr = explainer.explain(value);
            assert_eq!(expr.as_constant(), Some(value));
        }
    }

    #[test]
    fn a_member_of_a_list_is_a_part_of_it() {
        let mut explainer = explainer();
        explainer.call(
            "sendEmail",
            &json!({"to": "ada@corp.example, bo@corp.example"}),
        );
        assert_eq!(
            explainer.explain("bo@corp.example").to_string(),
            "{part:{argument(to)}}"
        );
    }

    #[test]
    fn what_the_code_says_itself_is_explained_by_no_argument_that_holds_it() {
        let said = Said::new([
            "spy.master@elsewhere.example",
            "@bank.example",
            "campaign-2026",
        ]);
        let mut explainer = explainer().made_of(Arc::new(said));
        let arguments = json!({
            "to": "maria.k7w3xq9z@bank.example, jo.x9tq2mfa@corp.example",
            "replyTo": "spy.master@elsewhere.example",
            "subject": "About it p4nq8rtz campaign-2026",
        });
        explainer.call("sendEmail", &arguments);
        let shown = |value: &str| explainer.explain(value).to_string();
        for constant in [
            "spy.master@elsewhere.example",
            "Spy <spy.master@elsewhere.example>",
            "campaign-2026",
        ] {
            assert_eq!(shown(constant), constant);
        }
        assert_eq!(
            shown("maria.k7w3xq9z@bank.example"),
            "{part:{argument(to)}}"
        );
        assert_eq!(
            shown("About it p4nq8rtz campaign-2026"),
            "{argument(subject)}"
        );
        assert_eq!(shown("p4nq8rtz"), "{part:{argument(subject)}}");
        explainer.call("other", &json!({}));
        let shown = |value: &str| explainer.explain(value).to_string();
        assert_eq!(
            shown("spy.master@elsewhere.example"),
            "spy.master@elsewhere.example"
        );
        assert_eq!(shown("p4nq8rtz"), "{part:{earlier(sendEmail subject)}}");
    }

    #[test]
    fn times_are_the_clock() {
        assert_eq!(shown("at 2026-11-23T08:01:02.345Z!"), "at {clock:iso-z}!");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_hidden_in_any_text_is_found_and_the_rest_stays(
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
            way in 0..4,
        ) {
            let token = "npm_8sHw0aPqLzXc";
            let written = match way {
                0 => token.chars().rev().collect(),
                1 => token.chars().map(|c| char::from(c as u8 ^ 0xa5)).collect(),
                2 => token.chars().map(|c| format!("{:02x}:", u32::from(c))).collect(),
                _ => data_encoding::BASE64.encode(format!("~{token}~").as_bytes()),
            };
            let expr = explainer().explain(&format!("{before} {written} {after}"));
            let canary = Source::Canary("~/.npmrc token".into());
            prop_assert!(expr.sources().contains(&&canary), "{}", expr);
            prop_assert_eq!(Expr::parse(&expr.to_string()), Some(expr));
        }

        #[test]
        fn text_that_nothing_explains_stays_itself(text in "\\PC{0,60}") {
            let expr = explainer().explain(&text);
            if expr.is_constant() {
                prop_assert_eq!(expr.as_constant(), Some(text.as_str()));
            }
        }
    }
}
