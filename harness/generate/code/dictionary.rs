//! The literals that one version's code has and another's has not.

use super::lex::{Language, tokens};
use super::used::{Literal, Order, Use, What, literals};
use crate::generate::pattern::Pattern;
use crate::secret::Seed;
use data_encoding::BASE64;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// Tokens read of one file, and literals counted in all.
const TOKENS: usize = 1_000_000;
const COUNTED: usize = 200_000;
/// Literals kept: more than the calls of any run try.
const KEPT: usize = 256;
/// Texts kept that one pattern matches, bytes of the longest, and draws for them.
const SAMPLES: usize = 4;
const SAMPLE: usize = 200;
const DRAWS: usize = 16;

/// What to make arguments of: literals that code compares something with, the most telling first.
/// The same code gives the same dictionary.
#[derive(Default)]
pub struct Dictionary {
    pub(in crate::generate) entries: Vec<Entry>,
}

pub(in crate::generate) struct Entry {
    pub(in crate::generate) literal: Literal,
    /// The name of what it is compared with, in the [`plain`] form.
    pub(in crate::generate) of: Option<String>,
    /// Of a pattern, and texts that it matches.
    pub(in crate::generate) pattern: Option<(Pattern, Vec<String>)>,
}

impl Entry {
    fn new(literal: Literal) -> Self {
        let pattern = match &literal.what {
            What::Pattern(source) => Pattern::new(source).map(|pattern| {
                let samples = samples(&pattern, source);
                (pattern, samples)
            }),
            _ => None,
        };
        Self {
            of: literal.of.as_deref().map(plain),
            literal,
            pattern,
        }
    }
}

/// A name as code and schema both have it: `html_body` and `htmlBody` are one.
pub(in crate::generate) fn plain(name: &str) -> String {
    name.replace(['_', '-'], "").to_lowercase()
}

/// The same for the same pattern, whoever asks: what arguments are made of must be known to
/// whoever explains what was sent.
fn samples(pattern: &Pattern, source: &str) -> Vec<String> {
    let mut draws = Seed(0).stream(source);
    let mut made: Vec<String> = (0..DRAWS)
        .filter_map(|_| pattern.sample("", 0, &mut |bound| draws.below(bound)))
        .filter(|sample| !sample.trim().is_empty() && sample.len() <= SAMPLE)
        .filter(|sample| pattern.matches(sample))
        .collect();
    made.dedup();
    made.truncate(SAMPLES);
    made
}

/// One file of code: its language, whether it is the package's own and not a dependency's, and its
/// text.
pub type File = (Language, bool, Vec<u8>);

impl Dictionary {
    /// What stands in `new` more often than in `old`.
    pub fn newly(old: impl Iterator<Item = File>, new: impl Iterator<Item = File>) -> Self {
        let mut seen = Counted::default();
        new.for_each(|file| seen.count(file, 1));
        if !seen.times.is_empty() {
            old.for_each(|file| seen.count(file, -1));
        }
        let mut kept: Vec<(Literal, Seen)> = seen.times.into_iter().collect();
        kept.retain(|(literal, seen)| seen.times > 0 && is_telling(literal));
        kept.sort_by_key(|(literal, seen)| (!seen.own, rank(literal), seen.first));
        let kept = kept.into_iter().take(KEPT);
        Self {
            entries: kept.map(|(literal, _)| Entry::new(literal)).collect(),
        }
    }

    /// The texts that arguments are made of as they stand.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| {
            let text = match &entry.literal.what {
                What::Text(_, text) => Some(text),
                _ => None,
            };
            let samples = entry.pattern.iter().flat_map(|(_, samples)| samples);
            text.into_iter().chain(samples).map(String::as_str)
        })
    }

    /// Values for which a comparison holds, each with the name of what is compared where the code
    /// has one: for whoever answers the code rather than calls it. Where nothing says that a text
    /// is compared with anything, it is left out.
    pub fn comparands(&self) -> impl Iterator<Item = (Option<String>, Value)> {
        self.entries.iter().flat_map(|entry| {
            let value = match &entry.literal.what {
                What::Text(Use::Plain, _) | What::Length(..) | What::Pattern(_) => None,
                What::Text(_, text) => Some(Value::from(text.as_str())),
                What::Number(order, number) => {
                    let by = match order {
                        Order::Below => -1.0,
                        Order::Equal => 0.0,
                        Order::Above => 1.0,
                    };
                    let number = number.value() + by;
                    let whole = number.fract() == 0.0 && number.abs() < 1e15;
                    Some(if whole {
                        Value::from(number as i64)
                    } else {
                        Value::from(number)
                    })
                }
            };
            let samples = entry.pattern.iter().flat_map(|(_, samples)| samples);
            let all = value
                .into_iter()
                .chain(samples.map(|sample| Value::from(sample.as_str())));
            all.map(|value| (entry.literal.of.clone(), value))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let literals = self.entries.iter().map(|entry| &entry.literal);
        f.debug_list().entries(literals).finish()
    }
}

#[derive(Default)]
struct Counted {
    times: HashMap<Literal, Seen>,
}

struct Seen {
    times: i64,
    own: bool,
    first: usize,
}

impl Counted {
    fn count(&mut self, (language, own, text): File, by: i64) {
        let text = String::from_utf8_lossy(&text);
        for literal in literals(&tokens(&text, language, TOKENS)) {
            if let Some(hidden) = unwrapped(&literal) {
                self.add(hidden, own, by);
            }
            self.add(literal, own, by);
        }
    }

    fn add(&mut self, literal: Literal, own: bool, by: i64) {
        let first = self.times.len();
        if by < 0 || first >= COUNTED {
            if let Some(seen) = self.times.get_mut(&literal) {
                seen.times += by;
            }
            return;
        }
        let seen = self.times.entry(literal).or_insert(Seen {
            times: 0,
            own,
            first,
        });
        seen.times += by;
        seen.own |= own;
    }
}

/// What a text says that is written in base64: who hides a word hides it from readers of code.
fn unwrapped(literal: &Literal) -> Option<Literal> {
    let What::Text(_, text) = &literal.what else {
        return None;
    };
    let long = text.len() >= 8 && text.len() % 4 == 0;
    let mixed = text.contains(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    let bytes = (long && mixed).then(|| BASE64.decode(text.as_bytes()).ok())??;
    let said = String::from_utf8(bytes).ok()?;
    let plain = said.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    plain.then(|| Literal {
        what: What::Text(Use::Listed, said),
        of: literal.of.clone(),
    })
}

fn is_telling(literal: &Literal) -> bool {
    match &literal.what {
        What::Text(Use::Plain | Use::Listed, text) => is_a_word(text) || is_a_host(text),
        What::Text(_, text) => text.trim().len() >= 2 && text.chars().all(|c| !c.is_control()),
        What::Pattern(_) | What::Length(..) => true,
        What::Number(order, number) => {
            *order == Order::Equal && number.value().abs() > 1.0 || number.value().abs() >= 5.0
        }
    }
}

/// A word that people write: nothing with which code addresses its own parts.
fn is_a_word(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let spoken = |c: char| c.is_alphanumeric() || " -_'".contains(c);
    let short = (3..=24).contains(&text.len()) && text.matches(' ').count() <= 2;
    short && letters >= 3 && !text.starts_with('-') && text.chars().all(spoken)
}

/// `bank.example`, `@bank.example`: where people get mail, not a whole address.
pub(in crate::generate) fn is_a_host(text: &str) -> bool {
    let host = text.strip_prefix('@').unwrap_or(text);
    let host = host.strip_prefix('.').unwrap_or(host);
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(fits) && !label.starts_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    let letters = top.len() >= 2 && top.chars().all(|c| c.is_ascii_lowercase());
    host.len() <= 100
        && host.contains('.')
        && host.split('.').all(label)
        && letters
        && !is_a_file(top)
}

/// Endings that files have and no host has.
fn is_a_file(top: &str) -> bool {
    [
        "js", "json", "mjs", "cjs", "ts", "py", "md", "txt", "html", "css", "log", "yaml", "yml",
    ]
    .contains(&top)
}

/// What decides something comes before what may.
fn rank(literal: &Literal) -> u8 {
    match &literal.what {
        What::Text(Use::Equal | Use::Start | Use::End | Use::Within, _) => 0,
        What::Pattern(_) | What::Length(..) => 0,
        What::Number(..) if literal.of.is_some() => 1,
        What::Text(Use::Listed, _) => 2,
        What::Text(Use::Plain, text) if is_a_host(text) => 2,
        What::Number(..) | What::Text(Use::Plain, _) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newly(old: &str, new: &str) -> Vec<String> {
        let file = |text: &str| std::iter::once((Language::JavaScript, true, text.into()));
        let entries = Dictionary::newly(file(old), file(new)).entries.into_iter();
        entries
            .map(|entry| format!("{:?}", entry.literal.what))
            .collect()
    }

    #[test]
    fn only_what_the_new_code_says_more_often_is_kept_and_what_decides_comes_first() {
        let old = "if (a === 'old') b('postbox@archive.example')";
        let new = "x('a word', 'https://archive.example/x'); y = 'bank.example';
            if (a === 'old' || a === 'new' || a.length > 80 || n > 1) b('postbox@archive.example')";
        assert_eq!(
            newly(old, new),
            [
                "Text(Equal, \"new\")",
                "Length(Above, 80)",
                "Text(Plain, \"bank.example\")",
                "Text(Plain, \"a word\")",
            ]
        );
        assert_eq!(newly(new, new), [""; 0]);
        assert_eq!(
            newly("", "atob('aW52b2ljZQ==')"),
            ["Text(Listed, \"invoice\")"]
        );
    }

    #[test]
    fn a_host_is_told_from_a_file_and_from_an_address() {
        for host in [
            "bank.example",
            "@bank.example",
            ".bank.example",
            "a-b.co.uk",
        ] {
            assert!(is_a_host(host), "{host}");
        }
        for other in [
            "index.js",
            "a@bank.example",
            "https://bank.example",
            "1.2.3",
            "a..b",
            "obj.Name",
        ] {
            assert!(!is_a_host(other), "{other}");
        }
    }
}
