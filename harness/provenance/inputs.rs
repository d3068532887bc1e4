//! Everything that was given to a server so far, searchable. Bounded: of a long run the most
//! recent values are kept.

use super::coding::written;
use super::said::Said;
use super::search::{SHORTEST, Search};
use super::{Coding, Expr, Part, Source};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Shortest value that is looked for inside a longer one; below it chance finds would win.
pub const MIN_INSIDE: usize = SHORTEST;
/// Longest stretch of a value that is searched for as a whole.
const MAX_PATTERN: usize = 4096;
/// Longest value that is remembered as a whole.
const LONGEST: usize = 256;
/// Words remembered from replies and earlier calls.
const WORDS: usize = 20_000;
/// Sources of words that are met again and again: fields of arguments and replies.
const SOURCES: usize = 4_096;
/// Leaves taken from one reply or one call's arguments.
const LEAVES: usize = 2_000;

/// Values with their sources, and every way of writing them.
pub struct Patterns {
    search: Search,
    meaning: Vec<(Source, Option<Coding>)>,
    /// Whole values, also those too short to look for inside others.
    whole: HashMap<String, Vec<Source>>,
}

impl Patterns {
    pub fn new(values: impl IntoIterator<Item = (Source, String)>) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut meaning = Vec::new();
        let mut whole: HashMap<String, Vec<Source>> = HashMap::new();
        for (source, value) in values {
            let sources = whole.entry(value.clone()).or_default();
            if !sources.contains(&source) {
                sources.push(source.clone());
            }
            if !(MIN_INSIDE..=MAX_PATTERN).contains(&value.len()) {
                continue;
            }
            for (coding, text) in written(&value) {
                texts.push(text);
                meaning.push((source.clone(), Some(coding)));
            }
            texts.push(value);
            meaning.push((source, None));
        }
        Self {
            search: Search::new(texts),
            meaning,
            whole,
        }
    }

    /// Sources whose whole value is `text`.
    pub fn whole(&self, text: &str) -> &[Source] {
        self.whole.get(text).map_or(&[], Vec::as_slice)
    }

    /// Occurrences inside `text`, leftmost longest first: start, end, source, coding.
    pub fn find(
        &self,
        text: &str,
    ) -> impl Iterator<Item = (usize, usize, &Source, Option<Coding>)> {
        self.search.find(text).into_iter().map(|(range, index)| {
            let (source, coding) = &self.meaning[index];
            (range.start, range.end, source, *coding)
        })
    }
}

/// Words of values that are too many for an automaton: replies and earlier arguments. A long run
/// fills it, so sources are shared. Two generations: what is met again lives on, and what is not
/// goes with the older one.
#[derive(Default)]
pub struct Words {
    /// True where the word is the whole value.
    known: HashMap<Box<str>, (Arc<Source>, bool)>,
    older: HashMap<Box<str>, (Arc<Source>, bool)>,
    /// Of the sources in use, those met lately.
    sources: HashSet<Arc<Source>>,
    /// Generations that have gone.
    gone: u64,
}

impl Words {
    /// Remembers the whole value, the addresses in it and its telling words, but for what is
    /// `said` by the code in any case.
    pub fn learn(&mut self, source: &Source, value: &str, said: &Said) {
        let source = &self.shared(source);
        if value.len() <= LONGEST && is_telling(value) && !said.covers(value) {
            self.insert(value, source, true);
        }
        for (start, _) in words(value).take(64) {
            if let Some(address) = address(value, start)
                && !said.covers(address)
            {
                self.insert(address, source, address == value);
            }
        }
        for (_, word) in words(value).take(64) {
            if is_telling(word) && !said.covers(word) {
                self.insert(word, source, false);
            }
        }
    }

    fn shared(&mut self, source: &Source) -> Arc<Source> {
        if let Some(known) = self.sources.get(source) {
            return Arc::clone(known);
        }
        if self.sources.len() >= SOURCES {
            self.sources.clear();
        }
        let source = Arc::new(source.clone());
        self.sources.insert(Arc::clone(&source));
        source
    }

    fn insert(&mut self, word: &str, source: &Arc<Source>, whole: bool) {
        // The first to bring a word is its origin: an upstream that echoes an argument must not
        // hide that the argument was where it came from.
        if self.known.contains_key(word) {
            return;
        }
        if self.known.len() >= WORDS / 2 {
            self.older = std::mem::take(&mut self.known);
            self.gone += 1;
        }
        let origin = self.older.remove(word);
        let origin = origin.unwrap_or_else(|| (Arc::clone(source), whole));
        self.known.insert(word.into(), origin);
    }

    /// Counts generations: what was learnt in one is there until the next but one begins.
    pub fn generation(&self) -> u64 {
        self.gone
    }

    fn origin(&self, word: &str) -> Option<&(Arc<Source>, bool)> {
        self.known.get(word).or_else(|| self.older.get(word))
    }

    /// The source whose whole value this is.
    pub fn whole(&self, value: &str) -> Option<&Source> {
        let known = self.origin(value)?;
        known.1.then_some(&known.0)
    }

    /// The origin of an address, where an argument is: upstreams echo what they were sent, also
    /// an address that nobody gave.
    pub fn given(&self, address: &str) -> Option<Part> {
        let (source, _) = self.origin(address)?;
        match &**source {
            Source::Upstream(..) => None,
            _ => self.get(address),
        }
    }

    /// The origin of a word, as an explanation: the source, or a part of it.
    pub fn get(&self, word: &str) -> Option<Part> {
        let (source, whole) = self.origin(word)?;
        let part = Part::From(Source::clone(source));
        Some(if *whole {
            part
        } else {
            Part::Coded(Coding::Part, Expr(vec![part]))
        })
    }
}

/// Stretches of letters, digits, `-` and `_`, with their offsets.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(is_word)?;
        let len = text[start..]
            .find(|c| !is_word(c))
            .unwrap_or(text.len() - start);
        at = start + len;
        Some((start, &text[start..at]))
    })
}

/// The mail address that begins at `start`, which is where a word does. An address is one value:
/// its words alone prove less than all of it.
pub fn address(text: &str, start: usize) -> Option<&str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-@".contains(c);
    let rest = &text[start..];
    let stretch = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
    let address = stretch.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let (local, domain) = address.split_once('@')?;
    let plain = !local.is_empty() && domain.contains('.') && !domain.contains(['@', '/']);
    (plain && address.len() <= LONGEST).then_some(address)
}

/// Whether a word is rare enough to prove where it came from: long, with a digit in it, or
/// very long. Ordinary words are not; neither are years and small numbers.
pub fn is_telling(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match word.len() {
        0..=4 => false,
        5..=6 => digits == word.len(),
        7..=15 => digits > 0,
        _ => true,
    }
}

/// The scalar leaves of a JSON value with their paths: `to`, `files[].name`.
pub fn json_leaves(value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut todo = vec![(String::new(), value)];
    while let Some((path, value)) = todo.pop() {
        if out.len() >= LEAVES {
            break;
        }
        match value {
            Value::Null => {}
            Value::Bool(b) => out.push((path, b.to_string())),
            Value::Number(n) => out.push((path, n.to_string())),
            Value::String(s) => out.push((path, s.clone())),
            Value::Array(items) => {
                todo.extend(items.iter().rev().map(|item| (format!("{path}[]"), item)));
            }
            Value::Object(map) => todo.extend(map.iter().rev().map(|(key, item)| {
                (
                    if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    },
                    item,
                )
            })),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_carry_paths_without_positions() {
        let value = serde_json::json!({"to": "a", "files": [{"name": "x", "n": 3}], "ok": true});
        assert_eq!(
            json_leaves(&value),
            [
                ("to", "a"),
                ("files[].name", "x"),
                ("files[].n", "3"),
                ("ok", "true")
            ]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn an_address_is_told_from_what_stands_around_it() {
        for (text, start, expected) in [
            (
                "Jane <jane.k7@corp.example>, x",
                6,
                Some("jane.k7@corp.example"),
            ),
            ("a@b.example,c@d.example", 0, Some("a@b.example")),
            ("write to a@b.example.", 9, Some("a@b.example")),
            ("see you @ noon", 0, None),
            ("jane@corp", 0, None),
            ("https://jane@corp.example/", 0, None),
            ("plain", 0, None),
        ] {
            assert_eq!(address(text, start), expected, "{text}");
        }
    }

    #[test]
    fn words_are_bounded_and_the_first_origin_wins() {
        let mut known = Words::default();
        let a = Source::Argument("a".into());
        let none = Said::default();
        known.learn(&a, "hello k7w3xq9z there", &none);
        known.learn(&Source::Upstream("h".into(), "b".into()), "k7w3xq9z", &none);
        let part = Part::Coded(Coding::Part, Expr::from(a.clone()));
        assert_eq!(known.get("k7w3xq9z"), Some(part));
        assert_eq!(known.get("hello"), None);
        for i in 0..WORDS * 2 {
            known.learn(&a, &format!("word{i:09}"), &none);
        }
        assert!(known.known.len() + known.older.len() <= WORDS);
    }
}
