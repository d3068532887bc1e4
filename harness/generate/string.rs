//! Strings: candidates from the most telling to the plainest, the first that fits is taken.

use super::{
    budget,
    facets::{Facets, Types},
    meaning::{self, Meaning, Said},
    pattern::Pattern,
    place::Place,
    render::Pen,
    token, told,
    walk::Walk,
    words,
};
use jsonschema::Validator;
use serde_json::{Map, Value};

/// What the schema says about the string itself.
pub(super) struct Limits<'s> {
    min: usize,
    max: usize,
    patterns: Vec<&'s Pattern>,
    formats: Vec<&'s Validator>,
    /// What the string must not be like.
    not_patterns: Vec<&'s Pattern>,
    not_formats: Vec<&'s Validator>,
}

impl Limits<'_> {
    pub(super) fn fit(&self, text: &str) -> bool {
        let length = text.chars().count();
        (self.min..=self.max).contains(&length)
            && self.patterns.iter().all(|pattern| pattern.matches(text))
            && self
                .formats
                .iter()
                .all(|format| format.is_valid(&Value::from(text)))
            && !self
                .not_patterns
                .iter()
                .any(|pattern| pattern.matches(text))
            && !self
                .not_formats
                .iter()
                .any(|format| format.is_valid(&Value::from(text)))
    }

    /// Short texts of many kinds, where there is something to be unlike.
    fn unlike(&self) -> impl Iterator<Item = String> {
        let asked = !self.not_patterns.is_empty() || !self.not_formats.is_empty();
        let texts = asked.then_some(["-", "", "0", "A b", "@", "\\", "[", "%", "\n", "é", "{"]);
        texts.into_iter().flatten().map(str::to_owned)
    }
}

impl<'s> Walk<'s, '_> {
    pub(super) fn string(&mut self, facets: &Facets<'s>, at: &Place) -> Value {
        let limits = self.limits(facets);
        if limits.min > budget::STRING {
            self.budget.refuse();
            return Value::from("");
        }
        let mark = self.mark(at, "mark");
        let second = self.mark(at, "second mark");
        let about = facets.about();
        let meaning = beside(
            meaning::of_text(&self.said(facets, at, &about)),
            facets.beside,
        );
        let style = Style::from(self.style(at, 24));
        let about = format!("{about} {}", self.tool.to_lowercase());
        let made = self.candidate(
            facets,
            at,
            &limits,
            meaning,
            style,
            [&mark, &second],
            &about,
        );
        let text = made.unwrap_or_else(|| {
            // Nothing fits: say something of the right length, the case is checked as a whole.
            let room = limits.max.max(limits.min).min(budget::STRING);
            stretch(&mark, limits.min).chars().take(room).collect()
        });
        let fed = self.fed_text(at, meaning, &limits, &mark, &text);
        let text = fed.unwrap_or(text);
        if !self.budget.text(text.len()) {
            return Value::from("");
        }
        for mark in [mark, second] {
            let encoded = matches!(
                meaning,
                Meaning::Base64 | Meaning::Base64Json | Meaning::Jwt
            );
            if contains(&text, &mark) || (encoded && text.len() > token::FULL) {
                self.remember(at, mark);
            }
        }
        Value::from(text)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one string's circumstances, used once"
    )]
    fn candidate(
        &mut self,
        facets: &Facets<'s>,
        at: &Place,
        limits: &Limits<'s>,
        meaning: Meaning,
        style: Style,
        marks: [&str; 2],
        about: &str,
    ) -> Option<String> {
        let shown: Vec<&str> = facets
            .shown()
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        if style == Style::Shown
            && !shown.is_empty()
            && let Some(text) = shown.get(self.choices.draw(at, shown.len() as u64) as usize)
            && limits.fit(text)
        {
            return Some((*text).to_owned());
        }
        let [mark, second] = marks;
        let told: Vec<&str> = match meaning {
            Meaning::Text => facets.texts("description").flat_map(told::values).collect(),
            _ => Vec::new(),
        };
        if !told.is_empty() && self.choices.draw(at, 4) < 3 {
            let text = self.cover(at, told.len()).and_then(|index| told.get(index));
            if let Some(text) = text.filter(|text| limits.fit(text)) {
                return Some((*text).to_owned());
            }
        }
        // A second and third go: another variant of the same meaning may fit where one did not.
        for _ in 0..3 {
            let choices = &mut self.choices;
            let draw = &mut |bound| choices.draw(at, bound);
            let text = Pen {
                mark,
                second,
                about,
                name: at.name(),
                draw,
            }
            .write(meaning);
            let text = fitted(text, meaning, limits, style, mark);
            if limits.fit(&text) {
                return Some(text);
            }
        }
        for i in 0..24 {
            let choices = &mut self.choices;
            let draw = &mut |bound| choices.draw(at, bound);
            let length = if i % 2 == 0 {
                limits.min
            } else {
                limits.min.max(8) + i
            };
            let sample = limits.patterns.first()?.sample(mark, length, draw);
            let Some(sample) = sample else { break };
            // A pattern without anchors leaves room around what it asks for.
            let with_mark = format!("{sample} {mark}");
            if !contains(&sample, mark) && limits.fit(&with_mark) {
                return Some(with_mark);
            }
            if limits.fit(&sample) {
                // Digits in a row are a date more often than the date is one.
                let guess = (!contains(&sample, mark))
                    .then(|| self.guess_text(at, limits))
                    .flatten();
                return guess.or(Some(sample));
            }
        }
        let plain = [mark.to_owned(), mark.chars().take(limits.max).collect()];
        shown
            .iter()
            .map(|text| (*text).to_owned())
            .chain(plain)
            .chain(limits.unlike())
            .find(|text| limits.fit(text))
    }

    /// A well-known form that a pattern without room for a mark may describe.
    fn guess_text(&mut self, at: &Place, limits: &Limits<'s>) -> Option<String> {
        [
            Meaning::Date,
            Meaning::DateTime,
            Meaning::Time,
            Meaning::Uuid,
            Meaning::Phone,
            Meaning::Colour,
        ]
        .into_iter()
        .map(|meaning| {
            let choices = &mut self.choices;
            let draw = &mut |bound| choices.draw(at, bound);
            Pen {
                mark: "",
                second: "",
                about: "",
                name: at.name(),
                draw,
            }
            .write(meaning)
        })
        .find(|text| limits.fit(text))
    }

    fn limits(&self, facets: &Facets<'s>) -> Limits<'s> {
        let schema = self.schema;
        let not = |key: &'static str| {
            let alone = |not: &&Map<String, Value>| not.len() == 1;
            let parts = facets.all("not").filter_map(Value::as_object);
            parts
                .filter(alone)
                .filter_map(move |not| not.get(key)?.as_str())
        };
        Limits {
            not_patterns: not("pattern")
                .filter_map(|p| schema.patterns.get(p))
                .collect(),
            not_formats: not("format")
                .filter_map(|f| schema.formats.get(f))
                .collect(),
            min: facets.at_least("minLength"),
            max: facets.at_most("maxLength").unwrap_or(budget::STRING),
            patterns: facets
                .texts("pattern")
                .filter_map(|p| schema.patterns.get(p))
                .collect(),
            formats: facets
                .texts("format")
                .filter_map(|f| schema.formats.get(f))
                .collect(),
        }
    }

    /// What is said about `at`, for its meaning.
    pub(super) fn said<'a>(&self, facets: &Facets<'a>, at: &'a Place, about: &'a str) -> Said<'a>
    where
        's: 'a,
    {
        let encoded = facets
            .texts("contentEncoding")
            .any(|e| e.starts_with("base64"));
        let json = facets.texts("contentMediaType").any(|m| m.contains("json"));
        let content = match (encoded, json) {
            (true, true) => Some("base64-json"),
            (true, false) => Some("base64"),
            (false, json) => json.then_some("json"),
        };
        Said {
            name: at.name(),
            parent: at.parent_name(),
            tool: self.tool,
            about,
            format: content.or_else(|| facets.texts("format").next()),
        }
    }
}

/// A bare string that may stand where a number or an object may is most often one, written out.
fn beside(meaning: Meaning, others: Types) -> Meaning {
    match meaning {
        Meaning::Text if others.has(Types::BOOLEAN) || others == Types::ANY => meaning,
        Meaning::Text if others.has(Types::OBJECT) => Meaning::Json,
        Meaning::Text if others.has(Types::NUMBER) => Meaning::Digits,
        _ => meaning,
    }
}

/// How a string is written, apart from what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    /// One that the schema shows itself.
    Shown,
    /// As short or as long as the schema lets it be, within reason.
    Short,
    Long,
}

impl Style {
    fn from(number: u64) -> Self {
        match number {
            21 => Self::Shown,
            22 => Self::Short,
            23 => Self::Long,
            _ => Self::Plain,
        }
    }
}

/// Longest text made only because the schema lets it be long.
const LONG: usize = 2_000;

/// Makes free text as long as it must be; other meanings are what they are.
fn fitted(text: String, meaning: Meaning, limits: &Limits<'_>, style: Style, mark: &str) -> String {
    if !is_free(meaning) {
        return text;
    }
    let length = text.chars().count();
    if length > limits.max || (style == Style::Short && limits.min < token::FULL) {
        return mark.chars().take(limits.max).collect();
    }
    let bounded = limits.max <= LONG;
    if style == Style::Long && bounded && meaning != Meaning::Query && limits.patterns.is_empty() {
        return stretch(&text, limits.max);
    }
    if length < limits.min {
        stretch(&text, limits.min)
    } else {
        text
    }
}

/// Whether a text of this kind may say whatever it likes.
pub(super) fn is_free(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Text
            | Meaning::Prose
            | Meaning::Title
            | Meaning::Query
            | Meaning::Markdown
            | Meaning::PersonName
            | Meaning::Company
            | Meaning::Slug
            | Meaning::Id
            | Meaning::Username
            | Meaning::Secret
            | Meaning::Address
    )
}

/// Adds words until the text is exactly `length` characters; `length` is bounded by the caller's limits.
pub(super) fn stretch(text: &str, length: usize) -> String {
    let length = length.min(budget::STRING);
    let mut out = text.to_owned();
    let mut left = length.saturating_sub(text.chars().count());
    for sentence in words::SENTENCES.iter().cycle() {
        if left == 0 {
            break;
        }
        // Joined without a blank at the very end, which many servers trim away.
        let more: String = std::iter::once(' ')
            .chain(sentence.chars())
            .take(left)
            .collect();
        left -= more.chars().count();
        out.push_str(&more);
    }
    if out.ends_with(' ') && out.len() > text.len() {
        out.pop();
        out.push('.');
    }
    out
}

/// Whether `mark` stands in `text`, in either case.
fn contains(text: &str, mark: &str) -> bool {
    text.contains(mark) || text.contains(&mark.to_ascii_uppercase())
}
