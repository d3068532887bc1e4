//! SEARCH: which mails fit (RFC 3501, section 6.4.4).

use super::account::Mail;
use super::command::{Word, ranges};
use super::fetch::{lower, texts};

/// Keys in keys, and words of one search: each may look through every mail.
const DEPTH: u8 = 8;
const MAX_WORDS: usize = 128;

/// A condition on mails.
#[derive(Debug)]
pub enum Key {
    All,
    None,
    Flag(String, bool),
    /// A header field holds a text; every field where it has no name.
    Field(String, String),
    Body(String),
    Text(String),
    Size {
        larger: bool,
        than: usize,
    },
    /// Numbers, or identifiers.
    Set(String, bool),
    /// Days as numbers that sort: `20250303`.
    Arrived {
        from: u32,
        to: u32,
    },
    Not(Box<Key>),
    Any(Box<Key>, Box<Key>),
    Every(Vec<Key>),
}

/// The conditions that words name; none where one is not known.
pub fn keys(words: &[Word]) -> Option<Key> {
    let mut rest = words;
    if let [first, _, after @ ..] = rest
        && first.text().eq_ignore_ascii_case("charset")
    {
        rest = after;
    }
    (count(rest) <= MAX_WORDS).then(|| every(rest, 0)).flatten()
}

fn count(words: &[Word]) -> usize {
    words
        .iter()
        .map(|word| match word {
            Word::List(inner) => 1 + count(inner),
            _ => 1,
        })
        .sum()
}

fn every(words: &[Word], depth: u8) -> Option<Key> {
    let mut rest = words;
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(one(&mut rest, depth)?);
    }
    (!all.is_empty()).then_some(Key::Every(all))
}

fn one(rest: &mut &[Word], depth: u8) -> Option<Key> {
    if depth > DEPTH {
        return None;
    }
    let (first, after) = rest.split_first()?;
    *rest = after;
    let word = match first {
        Word::List(inner) => return every(inner, depth + 1),
        word => word.text(),
    };
    let mut text = || {
        let (first, after) = rest.split_first()?;
        *rest = after;
        Some(first.text().to_lowercase())
    };
    let flag = |name: &str, is: bool| Key::Flag(format!("\\{name}"), is);
    Some(match word.to_ascii_uppercase().as_str() {
        "ALL" => Key::All,
        "RECENT" | "NEW" => Key::None,
        "OLD" => Key::All,
        "SEEN" => flag("Seen", true),
        "UNSEEN" => flag("Seen", false),
        "ANSWERED" => flag("Answered", true),
        "UNANSWERED" => flag("Answered", false),
        "DELETED" => flag("Deleted", true),
        "UNDELETED" => flag("Deleted", false),
        "DRAFT" => flag("Draft", true),
        "UNDRAFT" => flag("Draft", false),
        "FLAGGED" => flag("Flagged", true),
        "UNFLAGGED" => flag("Flagged", false),
        "KEYWORD" => Key::Flag(text()?, true),
        "UNKEYWORD" => Key::Flag(text()?, false),
        field @ ("FROM" | "TO" | "CC" | "BCC" | "SUBJECT") => {
            Key::Field(field.to_ascii_lowercase(), text()?)
        }
        "HEADER" => Key::Field(text()?, text()?),
        "BODY" => Key::Body(text()?),
        "TEXT" => Key::Text(text()?),
        "LARGER" => Key::Size {
            larger: true,
            than: text()?.parse().ok()?,
        },
        "SMALLER" => Key::Size {
            larger: false,
            than: text()?.parse().ok()?,
        },
        "UID" => Key::Set(text()?, true),
        "SINCE" | "SENTSINCE" => Key::Arrived {
            from: day(&text()?)?,
            to: u32::MAX,
        },
        "BEFORE" | "SENTBEFORE" => Key::Arrived {
            from: 0,
            to: day(&text()?)?.checked_sub(1)?,
        },
        "ON" | "SENTON" => {
            let day = day(&text()?)?;
            Key::Arrived { from: day, to: day }
        }
        // In seconds before now: how long ago a mail came depends on the hour, and all are old.
        "YOUNGER" => {
            text()?;
            Key::None
        }
        "OLDER" => {
            text()?;
            Key::All
        }
        "NOT" => Key::Not(Box::new(one(rest, depth + 1)?)),
        "OR" => Key::Any(
            Box::new(one(rest, depth + 1)?),
            Box::new(one(rest, depth + 1)?),
        ),
        set if set.starts_with(|c: char| c.is_ascii_digit() || c == '*') => {
            Key::Set(set.to_owned(), false)
        }
        _ => return None,
    })
}

/// Positions of the mails that fit.
pub fn find(key: &Key, mails: &[Mail]) -> Vec<usize> {
    (0..mails.len()).filter(|i| fits(key, mails, *i)).collect()
}

fn fits(key: &Key, mails: &[Mail], at: usize) -> bool {
    let mail = &mails[at];
    match key {
        Key::All => true,
        Key::None => false,
        Key::Flag(flag, is) => mail.has(flag) == *is,
        Key::Field(name, text) => lower(&texts(mail).0, name).contains(text),
        Key::Body(text) => texts(mail).1.contains(text),
        Key::Text(text) => String::from_utf8_lossy(&mail.raw)
            .to_lowercase()
            .contains(text),
        Key::Size { larger, than } => {
            if *larger {
                mail.raw.len() > *than
            } else {
                mail.raw.len() < *than
            }
        }
        Key::Set(set, by_uid) => {
            let number = |i: usize| if *by_uid { mails[i].uid } else { i as u32 + 1 };
            let ranges = ranges(set, number(mails.len() - 1)).unwrap_or_default();
            ranges.iter().any(|range| range.contains(&number(at)))
        }
        Key::Arrived { from, to } => {
            let date = mail
                .arrived
                .trim_start()
                .split(' ')
                .next()
                .unwrap_or_default();
            day(date).is_some_and(|day| (*from..=*to).contains(&day))
        }
        Key::Not(key) => !fits(key, mails, at),
        Key::Any(a, b) => fits(a, mails, at) || fits(b, mails, at),
        Key::Every(all) => all.iter().all(|key| fits(key, mails, at)),
    }
}

/// `3-Mar-2025` as a number that sorts.
fn day(text: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let mut parts = text.trim_matches('"').split('-');
    let (day, month, year) = (
        parts.next()?,
        parts.next()?.to_ascii_lowercase(),
        parts.next()?,
    );
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let (day, year): (u32, u32) = (day.trim().parse().ok()?, year.parse().ok()?);
    let sane = (1..=31).contains(&day) && year <= 9999;
    sane.then_some(year * 10_000 + month * 100 + day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internet::imap::command::words;
    use crate::internet::imap::fetch::items;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_command_panics(text in "((NOT|OR|UID|SINCE|BODY|HEADER|1:\\*|\\(|\\)|1-Jan-2025|0-Foo-9|BODY\\[[A-Z0-9.() ]{0,9}\\]<?[0-9.]{0,4}>?|é|\"x\") ){0,12}") {
            if let Some(words) = words(text.as_bytes()) {
                let _ = keys(&words);
                for word in &words {
                    let _ = items(word);
                }
            }
        }
    }
}
