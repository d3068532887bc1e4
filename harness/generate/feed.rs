//! Arguments made of what the code compares them with.
//!
//! A call is made of one literal, which goes wherever it may be meant, or of all at once: texts
//! hold every word that is looked for, addresses lie at one host after the other. Where the code
//! names what it compares and a property has that name, only that property gets the literal.
//!
//! Whole addresses and URLs that nothing is compared with stay out: they are what a hidden
//! recipient looks like, and what an argument holds explains what is sent.

use super::{
    code::{Entry, Literal, Order, Use, What, is_a_host, plain},
    meaning::{Meaning, Quantity},
    place::Place,
    string::{Limits, is_free, stretch},
    walk::Walk,
};
use serde_json::{Number, Value};
use std::collections::BTreeSet;

/// Longest text that is made for its length, alone and beside everything else.
const LONG: u32 = 20_000;
const LONG_BESIDE: u32 = 5_000;
/// Longest list.
const ITEMS: u32 = 64;
/// Bytes of words, and patterns, that one text is made to hold.
const WORDS: usize = 400;
const PATTERNS: usize = 8;
/// Names of properties known of one schema.
const NAMES: usize = 5_000;

/// What a call is made of, beside what its schema asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Nothing,
    /// The entry with this number.
    One(usize),
    /// All of them, in this turn.
    All(usize),
}

/// The names of all properties in a schema.
pub(super) fn names(schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut waiting = vec![schema];
    while let Some(next) = waiting.pop() {
        match next {
            Value::Object(map) => {
                if let Some(Value::Object(properties)) = map.get("properties") {
                    names.extend(properties.keys().map(|name| plain(name)));
                }
                waiting.extend(map.values());
            }
            Value::Array(list) => waiting.extend(list),
            _ => {}
        }
        if names.len() > NAMES {
            break;
        }
    }
    names
}

impl<'s> Walk<'s, '_> {
    /// What this call is made of: the first two calls of nothing, every second one after them of
    /// everything and of one entry in turn.
    pub(super) fn themed(&mut self, root: &Place) -> Theme {
        let many = self.hints.code.entries.len();
        if many == 0 {
            return Theme::Nothing;
        }
        let bound = 2 * many as u64 + 1;
        let choice = self.choices.planned(root, bound, |plan| {
            let turn = match plan.nth().checked_sub(2) {
                Some(later) if later % 2 == 0 => u64::from(later / 2),
                _ => return 0,
            };
            let many = many as u64;
            1 + turn / 2 % many + if turn % 2 == 0 { many } else { 0 }
        }) as usize;
        match choice.checked_sub(1) {
            None => Theme::Nothing,
            Some(one) if one < many => Theme::One(one),
            Some(all) => Theme::All(all - many),
        }
    }

    /// Whether `at` is to be given for what it is made of, optional or not.
    pub(super) fn wanted(&self, at: &Place) -> bool {
        match self.theme {
            Theme::Nothing => false,
            Theme::All(turn) => turn % 2 == 0,
            Theme::One(nth) => {
                let entry = self.hints.code.entries.get(nth);
                entry.is_some_and(|entry| meant(entry, at, self.names) == Meant::Here)
            }
        }
    }

    /// A text for `at` in the place of `text`, which satisfies the schema.
    pub(super) fn fed_text(
        &mut self,
        at: &Place,
        meaning: Meaning,
        limits: &Limits<'_>,
        mark: &str,
        text: &str,
    ) -> Option<String> {
        let hints = self.hints;
        let entries = &hints.code.entries;
        let mut feeding = Feeding {
            meaning,
            mark,
            text,
            draw: &mut |bound| self.choices.draw_apart(at, "fed", bound),
        };
        let made = match self.theme {
            Theme::Nothing => return None,
            Theme::One(nth) => {
                let entry = entries.get(nth)?;
                match meant(entry, at, self.names) {
                    Meant::Elsewhere => return None,
                    meant => feeding.alone(entry, meant == Meant::Here),
                }
            }
            Theme::All(turn) => {
                let entries = at_place(entries, at, self.names);
                feeding.together(&entries, turn, &|made| limits.fit(made))
            }
        };
        made.into_iter()
            .find(|made| made != text && limits.fit(made))
    }

    /// A number for `at` that `fits`.
    pub(super) fn fed_number(
        &self,
        at: &Place,
        quantity: Quantity,
        fits: &dyn Fn(f64) -> bool,
    ) -> Option<Value> {
        // Time is waited for.
        if quantity == Quantity::Effort {
            return None;
        }
        let number = |entry: &Entry| match entry.literal.what {
            What::Number(order, number) => Some(beyond(order, number.value())).filter(|n| fits(*n)),
            _ => None,
        };
        let number = self.one_of(at, &number)?;
        if number.fract() == 0.0 {
            Some(Value::from(number as i64))
        } else {
            Number::from_f64(number).map(Value::Number)
        }
    }

    /// How long the list at `at` is to be.
    pub(super) fn fed_length(&self, at: &Place) -> Option<usize> {
        let length = |entry: &Entry| match entry.literal.what {
            What::Length(order, length) if entry.literal.of.is_some() && length <= ITEMS => {
                Some(beyond(order, f64::from(length)))
            }
            _ => None,
        };
        self.one_of(at, &length).map(|length| length as usize)
    }

    /// What `of` makes of the entry whose turn it is at `at`.
    fn one_of(&self, at: &Place, of: &dyn Fn(&Entry) -> Option<f64>) -> Option<f64> {
        let entries = &self.hints.code.entries;
        match self.theme {
            Theme::Nothing => None,
            Theme::One(nth) => {
                let entry = entries.get(nth)?;
                let here = meant(entry, at, self.names) != Meant::Elsewhere;
                here.then(|| of(entry)).flatten()
            }
            Theme::All(turn) => {
                let placed = at_place(entries, at, self.names);
                let made: Vec<f64> = placed.iter().filter_map(|(entry, _)| of(entry)).collect();
                made.get(turn % made.len().max(1)).copied()
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    Here,
    Anywhere,
    Elsewhere,
}

/// Whether an entry is meant for the property at `at`, of a tool with these `names`.
fn meant(entry: &Entry, at: &Place, names: &BTreeSet<String>) -> Meant {
    meant_for(entry, &plain(at.name()), names)
}

/// The same for a name in the [`plain`] form.
fn meant_for(entry: &Entry, name: &str, names: &BTreeSet<String>) -> Meant {
    match &entry.of {
        Some(of) if of == name => Meant::Here,
        Some(of) if names.contains(of) => Meant::Elsewhere,
        _ => Meant::Anywhere,
    }
}

/// The entries that may be meant for `at`, those first that name it, and whether they do.
fn at_place<'e>(
    entries: &'e [Entry],
    at: &Place,
    names: &BTreeSet<String>,
) -> Vec<(&'e Entry, bool)> {
    let name = plain(at.name());
    let of = |entry: &'e Entry| match meant_for(entry, &name, names) {
        Meant::Elsewhere => None,
        meant => Some((entry, meant == Meant::Here)),
    };
    let mut placed: Vec<(&Entry, bool)> = entries.iter().filter_map(of).collect();
    placed.sort_by_key(|(_, here)| !here);
    placed
}

/// A number for which a comparison with `number` holds.
fn beyond(order: Order, number: f64) -> f64 {
    let step = if number.fract() == 0.0 { 1.0 } else { 0.01 };
    match order {
        Order::Below => number - step,
        Order::Equal => number,
        Order::Above => number + step,
    }
}

/// One text being made of entries.
struct Feeding<'a> {
    meaning: Meaning,
    mark: &'a str,
    /// What stands there otherwise.
    text: &'a str,
    draw: &'a mut dyn FnMut(u64) -> u64,
}

impl Feeding<'_> {
    /// Texts for which a comparison with one entry may hold, the best first.
    fn alone(&mut self, entry: &Entry, here: bool) -> Vec<String> {
        let text = self.text;
        match &entry.literal.what {
            What::Text(r#use, said) => self.holding(*r#use, said, here),
            What::Pattern(_) => {
                let sample = self.sample(entry);
                let made = sample
                    .map(|sample| self.around(sample, here))
                    .unwrap_or_default();
                let pattern = entry.pattern.as_ref();
                let matches = |text: &String| pattern.is_some_and(|(p, _)| p.matches(text));
                made.into_iter().filter(matches).collect()
            }
            What::Length(order, length) => {
                let length = match order {
                    Order::Below => length - 1,
                    Order::Equal => *length,
                    Order::Above => length + 1,
                };
                if length > LONG || !is_prose(self.meaning) {
                    return Vec::new();
                }
                let cut = |text: &str| text.chars().take(length as usize).collect::<String>();
                vec![cut(&stretch(text, length as usize)), cut(self.mark)]
            }
            What::Number(..) => Vec::new(),
        }
    }

    /// Texts for which all entries hold that can hold at once; of the others, one in turn.
    fn together(
        &mut self,
        entries: &[(&Entry, bool)],
        turn: usize,
        fits: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let one_of = |texts: &[String]| texts.get(turn % texts.len().max(1)).cloned();
        if !is_prose(self.meaning) {
            let open = matches!(
                self.meaning,
                Meaning::Email
                    | Meaning::EmailList
                    | Meaning::Url
                    | Meaning::Domain
                    | Meaning::Html
            );
            let compared = |(entry, here): &&(&Entry, bool)| match &entry.literal.what {
                // A host that nothing is compared with is no trigger, for all that is known.
                What::Text(r#use, said) => {
                    (open || *here) && *r#use != Use::Plain && !is_an_address(said)
                }
                What::Pattern(_) => open || *here,
                _ => false,
            };
            let made: Vec<String> = (entries.iter().filter(compared))
                .filter_map(|(entry, here)| {
                    let made = self.alone(entry, *here).into_iter();
                    made.into_iter().find(|made| fits(made))
                })
                .collect();
            return one_of(&made).into_iter().collect();
        }
        let text = |literal: &Literal, uses: &[Use]| match &literal.what {
            What::Text(r#use, said)
                if uses.contains(r#use) && !is_a_host(said) && !is_an_address(said) =>
            {
                Some(said.clone())
            }
            _ => None,
        };
        let all = |uses: &[Use]| -> Vec<String> {
            entries
                .iter()
                .filter_map(|(entry, _)| text(&entry.literal, uses))
                .collect()
        };
        let mut words = all(&[Use::Within]);
        let patterns = entries.iter().filter(|(entry, _)| entry.pattern.is_some());
        let patterns = patterns.take(PATTERNS);
        words.extend(patterns.filter_map(|(entry, _)| self.sample(entry)));
        words.extend(all(&[Use::Listed]));
        words.extend(all(&[Use::Plain]));
        let mut room = WORDS;
        words.retain(|word| {
            let fits = word.len() < room;
            room -= if fits { word.len() + 1 } else { 0 };
            fits
        });
        let longest = entries
            .iter()
            .filter_map(|(entry, _)| match entry.literal.what {
                What::Length(Order::Above, length) if length < LONG_BESIDE => Some(length + 1),
                _ => None,
            });
        let length = longest.max().unwrap_or(0) as usize;
        let whole = |words: &[String], length: usize| {
            let start = one_of(&all(&[Use::Start])).map(|start| format!("{start} "));
            let end = one_of(&all(&[Use::End])).map(|end| format!(" {end}"));
            let middle = format!("{} {}", self.text, words.join(" "));
            let middle = stretch(middle.trim(), length);
            format!(
                "{}{middle}{}",
                start.unwrap_or_default(),
                end.unwrap_or_default()
            )
        };
        let single: Vec<String> = one_of(&words).into_iter().collect();
        let equal = entries.iter().filter(|(_, here)| *here);
        let equal: Vec<String> = equal
            .filter_map(|(entry, _)| text(&entry.literal, &[Use::Equal]))
            .collect();
        // What is to be the whole text can hold nothing else: it gets every second turn.
        let alone = (turn % 2 == 1).then(|| equal.get(turn / 2 % equal.len().max(1)).cloned());
        let made = [whole(&words, length), whole(&words, 0), whole(&single, 0)];
        alone.flatten().into_iter().chain(made).collect()
    }

    /// Texts of this meaning that hold `said` where its use asks for it.
    fn holding(&self, r#use: Use, said: &str, here: bool) -> Vec<String> {
        let (text, mark) = (self.text, self.mark);
        // A host that nothing is compared with is more likely one that is sent to.
        if r#use == Use::Plain && matches!(self.meaning, Meaning::Url | Meaning::Domain) {
            return Vec::new();
        }
        let host = is_a_host(said).then(|| said.strip_prefix('@').unwrap_or(said));
        let owned = str::to_owned;
        match (self.meaning, host) {
            (Meaning::Email | Meaning::EmailList, Some(host)) => {
                let (local, _) = text.split_once('@').unwrap_or((mark, ""));
                let below = if host.starts_with('.') { "mail" } else { "" };
                vec![format!("{local}@{below}{host}")]
            }
            (Meaning::Email | Meaning::EmailList, None) => match r#use {
                _ if is_an_address(said) => vec![owned(said)],
                Use::End | Use::Plain => Vec::new(),
                _ => vec![
                    format!("{said}{text}"),
                    format!("{}.{text}", said.to_lowercase()),
                ],
            },
            (Meaning::Url, Some(host)) => {
                let below = if host.starts_with('.') { mark } else { "" };
                vec![format!("https://{below}{host}/{mark}")]
            }
            (Meaning::Domain, Some(host)) => vec![
                owned(host.trim_start_matches('.')),
                format!("{mark}.{host}"),
            ],
            (Meaning::Url, None) if said.starts_with("http") => {
                vec![owned(said), format!("{said}/{mark}")]
            }
            (Meaning::Url, None) => vec![format!("{}/{said}", text.trim_end_matches('/'))],
            (Meaning::Path | Meaning::RelativePath | Meaning::FileName, _) if r#use == Use::End => {
                let (stem, _) = text.rsplit_once('.').unwrap_or((text, ""));
                vec![format!("{stem}{said}"), format!("{stem}/{said}")]
            }
            (Meaning::Html, _) if r#use != Use::Equal => {
                vec![text.replacen("<p>", &format!("<p>{said} "), 1)]
            }
            (meaning, _) if is_prose(meaning) => match r#use {
                Use::Equal => vec![owned(said)],
                Use::Start => vec![format!("{said} {text}"), format!("{said}{text}")],
                Use::End => vec![format!("{text} {said}"), format!("{text}{said}")],
                Use::Listed => vec![owned(said), format!("{text} {said}")],
                Use::Within | Use::Plain => vec![format!("{text} {said}")],
            },
            (meaning, _) if is_free(meaning) => match r#use {
                Use::Equal | Use::Listed => vec![owned(said)],
                Use::Start => vec![format!("{said}{text}")],
                Use::End => vec![format!("{text}{said}")],
                Use::Within => vec![format!("{text}-{said}")],
                Use::Plain => Vec::new(),
            },
            // Servers know what they take there: only where it is meant.
            _ if here => vec![owned(said)],
            _ => Vec::new(),
        }
    }

    /// Texts of this meaning around one that a pattern matches.
    fn around(&self, sample: String, here: bool) -> Vec<String> {
        let (text, mark) = (self.text, self.mark);
        let made = match self.meaning {
            Meaning::Email | Meaning::EmailList => {
                let (local, _) = text.split_once('@').unwrap_or((mark, ""));
                let between = ["", "@", "@mail"];
                let ending = between.map(|between| format!("{local}{between}{sample}"));
                let begun = [format!("{sample}{text}"), format!("{sample}.{text}")];
                ending.into_iter().chain(begun).collect()
            }
            Meaning::Url if is_a_host(&sample) => vec![format!("https://{sample}/{mark}")],
            Meaning::Url => vec![format!("{}/{sample}", text.trim_end_matches('/'))],
            Meaning::Html => vec![text.replacen("<p>", &format!("<p>{sample} "), 1)],
            meaning if is_prose(meaning) => vec![format!("{text} {sample}")],
            _ if here => Vec::new(),
            _ => return Vec::new(),
        };
        made.into_iter().chain([sample]).collect()
    }

    /// A text that an entry's pattern matches.
    fn sample(&mut self, entry: &Entry) -> Option<String> {
        let (_, samples) = entry.pattern.as_ref()?;
        let drawn = (self.draw)(samples.len() as u64) as usize;
        samples.get(drawn).cloned()
    }
}

/// Whether a text of this kind is written for people: they write what they like.
fn is_prose(meaning: Meaning) -> bool {
    let name = matches!(
        meaning,
        Meaning::Id | Meaning::Slug | Meaning::Username | Meaning::Secret
    );
    is_free(meaning) && !name
}

/// `a@b.example`, or a URL: what is sent to, not what is looked for.
fn is_an_address(text: &str) -> bool {
    let mail = text
        .split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && is_a_host(host));
    mail || text.contains("://")
}
