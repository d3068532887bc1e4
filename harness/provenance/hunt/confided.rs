//! What is looked for, written in every way that is not undone.

use super::digest::digests;
use super::table::{Hit, Table, WINDOW};
use crate::provenance::{Coding, Source};
use crate::secret::Planted;
use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};
use std::ops::Range;

/// Longest value that is looked for; of a longer one its head.
const LONGEST: usize = 4096;
/// What a stretch must be worth before it counts, in bits: over thousands of runs with thousands
/// of identifiers each, none of them may hold it by chance.
const EVIDENCE: f64 = 50.0;
/// Further characters of a stretch that only one of 255 keys explains.
const FOR_THE_KEY: usize = 2;

/// A value to be recognised.
#[derive(Clone, Debug)]
pub struct Known {
    pub source: Source,
    pub value: Vec<u8>,
    /// What nobody could know of it: a stretch of the rest proves nothing.
    pub unknown: Range<usize>,
    /// Recognised by its hash alone: the file that a secret stands in.
    pub hash_only: bool,
}

/// Values to be recognised, in every way of writing them. Made once for all runs: it takes
/// milliseconds.
pub struct Confided {
    pub(super) values: Vec<Known>,
    pub(super) plain: Lens,
    /// Differences of neighbours under XOR.
    pub(super) xored: Lens,
    /// Differences of neighbours under subtraction.
    pub(super) added: Lens,
}

/// Texts under one byte for byte view, and what each means.
pub(super) struct Lens {
    view: View,
    table: Table,
    forms: Vec<Written>,
}

/// How a lens sees bytes. Where something stands is the same in a stream and in its view.
#[derive(Clone, Copy)]
enum View {
    /// Letter case aside, which look-ups lose, and with one of base64's two alphabets.
    Folded,
    /// What no key of one byte alters: the difference of two neighbours under XOR.
    Xored,
    /// What adding a number to every byte leaves.
    Added,
}

/// One way of writing one value.
pub(super) struct Written {
    /// Index of the value.
    pub value: usize,
    pub form: Form,
    /// As it is written, before the view of the lens.
    pub text: Vec<u8>,
    telling: Range<usize>,
    least: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Raw,
    Reversed,
    Rot13,
    /// With so many bytes before it: the letters depend on them.
    Base64(usize),
    Hex,
    Bytes,
    Digest(Coding),
}

/// What a stretch of a written value says.
pub(super) struct Said {
    pub value: usize,
    pub codings: Vec<Coding>,
    /// What of the value it is; nothing for all of it.
    pub part: Option<Range<usize>>,
}

impl Confided {
    /// Everything planted that is confidential, and the files it stands in: name and content.
    pub fn planted<'a>(
        planted: &[Planted],
        files: impl IntoIterator<Item = (String, &'a [u8])>,
    ) -> Self {
        let values = planted.iter().map(|planted| Known {
            source: Source::of(planted),
            value: planted.value.clone().into_bytes(),
            unknown: planted.unknown.clone(),
            hash_only: false,
        });
        let mut values: Vec<Known> = values.filter(|v| v.source.is_confidential()).collect();
        for (name, content) in files {
            // Who reads a file may leave out the end of its last line.
            let contents = [content, content.trim_ascii_end()];
            values.extend(contents.map(|content| Known {
                source: Source::Canary(name.clone()),
                value: content.to_vec(),
                unknown: 0..0,
                hash_only: true,
            }));
        }
        Self::new(values)
    }

    /// Values that are watched for in every way. Those shorter than eight bytes are not found.
    pub fn new(values: Vec<Known>) -> Self {
        let forms = |value: &Known| {
            let mut plain = raw(value);
            plain.extend(reversed(&plain));
            let mut differ = raw(value);
            differ.extend(reversed(&differ));
            plain.push(rot13(value));
            plain.extend((0..3).map(|before| base64(value, before)));
            differ.extend((0..3).map(|before| base64(value, before)));
            differ.extend([hex(value, &HEXLOWER), hex(value, &HEXUPPER)]);
            (plain, differ)
        };
        Self::made(values, forms, false)
    }

    /// Values that change with every call, in fewer ways: nothing that undoing finds as well.
    pub fn passing(values: Vec<Known>) -> Self {
        let forms = |value: &Known| {
            let raw = raw(value);
            let mut plain = raw.clone();
            plain.extend(reversed(&raw));
            plain.push(rot13(value));
            (plain, raw)
        };
        Self::made(values, forms, true)
    }

    fn made(
        mut values: Vec<Known>,
        forms: impl Fn(&Known) -> (Vec<Text>, Vec<Text>),
        mark: bool,
    ) -> Self {
        let (mut plain, mut differ) = (Vec::new(), Vec::new());
        for (index, value) in values.iter_mut().enumerate() {
            let hashed = digests(&value.value)
                .into_iter()
                .map(|(coding, hash)| (Form::Digest(coding), 0..hash.len(), hash));
            plain.extend(hashed.map(|text| (index, text)));
            if value.hash_only {
                value.value = Vec::new();
                continue;
            }
            value.value.truncate(LONGEST);
            value.unknown.end = value.unknown.end.min(value.value.len());
            let (more_plain, more_differ) = forms(value);
            plain.extend(more_plain.into_iter().map(|text| (index, text)));
            differ.extend(more_differ.into_iter().map(|text| (index, text)));
        }
        let lens = |texts: &[(usize, Text)], view: View, key| {
            Lens::new(
                texts.iter().cloned(),
                view,
                if mark { 0 } else { key },
                mark,
            )
        };
        Self {
            plain: lens(&plain, View::Folded, 0),
            xored: lens(&differ, View::Xored, FOR_THE_KEY),
            added: lens(&differ, View::Added, FOR_THE_KEY),
            values,
        }
    }

    /// Where a value comes from, by its index.
    pub fn source(&self, value: usize) -> Option<&Source> {
        self.values.get(value).map(|known| &known.source)
    }

    /// What of a value nobody could know.
    pub fn unknown(&self, value: usize) -> Range<usize> {
        let known = self.values.get(value);
        known.map_or(0..0, |known| known.unknown.clone())
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Lens {
    fn new(
        texts: impl Iterator<Item = (usize, Text)>,
        view: View,
        more: usize,
        mark: bool,
    ) -> Self {
        let forms: Vec<Written> = texts
            .filter(|(_, (_, _, text))| text.len() >= WINDOW)
            .map(|(value, (form, telling, text))| Written {
                value,
                form,
                least: least(form, &text[telling.clone()], mark) + more,
                telling,
                text,
            })
            .collect();
        let seen = forms.iter().map(|written| {
            let text = view.of(&written.text);
            let end = written.telling.end.min(text.len());
            (text, written.telling.start.min(end)..end)
        });
        Self {
            table: Table::new(seen.collect()),
            forms,
            view,
        }
    }

    /// Stretches of a stream, as this lens sees it: where they stand is the same in both.
    pub fn find(&self, stream: &[u8]) -> Vec<Hit> {
        let pairs = stream.len().saturating_sub(1);
        match self.view {
            View::Folded => self.table.find(stream.len(), |at| folded(stream[at])),
            View::Xored => self.table.find(pairs, |at| stream[at] ^ stream[at + 1]),
            View::Added => {
                let added = |at: usize| stream[at + 1].wrapping_sub(stream[at]);
                self.table.find(pairs, added)
            }
        }
    }

    pub fn written(&self, hit: &Hit) -> &Written {
        &self.forms[hit.text]
    }
}

impl Written {
    /// What a stretch of it proves, if anything. The stretch is one of the text, not of a view.
    pub fn says(&self, part: &Range<usize>, len: usize) -> Option<Said> {
        let whole = *part == (0..self.text.len()) || matches!(self.form, Form::Digest(_));
        let telling =
            part.end.min(self.telling.end) as isize - part.start.max(self.telling.start) as isize;
        if !whole && telling < self.least as isize {
            return None;
        }
        let codings = match self.form {
            Form::Raw => vec![],
            Form::Reversed => vec![Coding::Reversed],
            Form::Rot13 => vec![Coding::Rot13],
            Form::Base64(_) => vec![Coding::Base64],
            Form::Hex => vec![Coding::Hex],
            Form::Bytes => vec![Coding::Bytes],
            Form::Digest(coding) => vec![coding],
        };
        let part = (!whole).then(|| match self.form {
            Form::Raw | Form::Rot13 => part.clone(),
            Form::Reversed => len - part.end..len - part.start,
            Form::Base64(before) => {
                let first = first_letter(before);
                let start = ((first + part.start) * 6).div_ceil(8) - before;
                start..((first + part.end) * 6 / 8 - before).min(len)
            }
            Form::Hex => part.start.div_ceil(2)..part.end / 2,
            // The text is longer than the bytes it stands for, by the same factor everywhere.
            Form::Bytes => {
                let scale = |at: usize| at * len / self.text.len().max(1);
                scale(part.start)..scale(part.end)
            }
            Form::Digest(_) => 0..len,
        });
        Some(Said {
            value: self.value,
            codings,
            part,
        })
    }
}

/// A form, what of it is telling, and the text.
type Text = (Form, Range<usize>, Vec<u8>);

fn raw(known: &Known) -> Vec<Text> {
    let mut texts = vec![(Form::Raw, known.unknown.clone(), known.value.clone())];
    texts.extend(
        meant(known)
            .into_iter()
            .map(|(b, telling)| (Form::Bytes, telling, b)),
    );
    texts
}

/// The bytes that a value stands for, where it is a long text for bytes: hex, the lines of a key
/// (which begin anywhere in a group of base64), or a list of numbers. With what of them is telling.
fn meant(known: &Known) -> Vec<(Vec<u8>, Range<usize>)> {
    const LONG: usize = 64;
    let (value, unknown) = (&known.value, &known.unknown);
    let list = value.strip_prefix(b"[").and_then(|v| v.strip_suffix(b"]"));
    if let Some(list) = list {
        let text = String::from_utf8_lossy(list);
        let numbers: Result<Vec<u8>, _> = text.split(',').map(|n| n.trim().parse()).collect();
        let bytes = numbers
            .into_iter()
            .filter(|bytes| *unknown == (0..value.len()) && !bytes.is_empty());
        return bytes
            .map(|bytes| {
                let all = 0..bytes.len();
                (bytes, all)
            })
            .collect();
    }
    if value.len() >= 32 && value.len().is_multiple_of(2) {
        let hex = value.to_ascii_lowercase();
        if let Ok(bytes) = HEXLOWER.decode(&hex) {
            return vec![(bytes, unknown.start.div_ceil(2)..unknown.end / 2)];
        }
    }
    if value.len() < LONG {
        return Vec::new();
    }
    let from = |at: usize| {
        let group = &value[at..at + (value.len() - at) / 4 * 4];
        let bytes = BASE64_NOPAD.decode(group).ok()?;
        let start = (unknown.start.saturating_sub(at) * 6).div_ceil(8);
        let end = (unknown.end.saturating_sub(at) * 6 / 8).min(bytes.len());
        Some((bytes, start.min(end)..end))
    };
    (0..4).filter_map(from).collect()
}

fn reversed(texts: &[Text]) -> Vec<Text> {
    let turn = |(form, telling, text): &Text| {
        (*form == Form::Raw).then(|| {
            let turned = text.iter().rev().copied().collect();
            let telling = text.len() - telling.end..text.len() - telling.start;
            (Form::Reversed, telling, turned)
        })
    };
    texts.iter().filter_map(turn).collect()
}

fn rot13(known: &Known) -> Text {
    let turned = known.value.iter().map(|b| turned(*b)).collect();
    (Form::Rot13, known.unknown.clone(), turned)
}

/// One letter, thirteen on.
pub(super) fn turned(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        other => other,
    }
}

/// The letters that the value alone decides where `before` bytes stand before it.
fn base64(known: &Known, before: usize) -> Text {
    let mut bytes = vec![0; before];
    bytes.extend(&known.value);
    let first = first_letter(before);
    let end = bytes.len() * 8 / 6;
    let text = BASE64_NOPAD.encode(&bytes).into_bytes();
    let text = text.get(first..end).unwrap_or_default().to_vec();
    let letter = |byte: usize| ((before + byte) * 8).div_ceil(6).saturating_sub(first);
    let telling = letter(known.unknown.start)..letter(known.unknown.end).min(text.len());
    (Form::Base64(before), telling, text)
}

fn first_letter(before: usize) -> usize {
    (before * 8).div_ceil(6)
}

fn hex(known: &Known, alphabet: &data_encoding::Encoding) -> Text {
    let telling = known.unknown.start * 2..known.unknown.end * 2;
    let text = alphabet.encode(&known.value).into_bytes();
    (Form::Hex, telling, text)
}

/// Characters of a text like this that are worth [`EVIDENCE`], letter case aside; of a mark, which
/// was made for one call, all.
fn least(form: Form, telling: &[u8], mark: bool) -> usize {
    if mark && telling.len() >= WINDOW {
        return telling.len();
    }
    let has = |class: fn(&u8) -> bool| telling.iter().any(class);
    let digits = has(u8::is_ascii_digit);
    let hex = has(|b| matches!(b.to_ascii_lowercase(), b'a'..=b'f'));
    let letters = has(|b| matches!(b.to_ascii_lowercase(), b'g'..=b'z'));
    let mut letters_in_use = 0.0;
    for (there, many) in [(digits, 10.0), (hex, 6.0), (letters, 20.0)] {
        letters_in_use += if there { many } else { 0.0 };
    }
    let bits = match form {
        Form::Bytes | Form::Digest(_) => 8.0,
        // The first half of each byte's two digits says little.
        Form::Hex => 2.5,
        _ => f64::log2(f64::max(letters_in_use, 2.0)),
    };
    WINDOW.max((EVIDENCE / bits).ceil() as usize)
}

impl View {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let pairs = bytes.windows(2);
        match self {
            Self::Folded => bytes.iter().map(|byte| folded(*byte)).collect(),
            Self::Xored => pairs.map(|pair| pair[0] ^ pair[1]).collect(),
            Self::Added => pairs.map(|pair| pair[1].wrapping_sub(pair[0])).collect(),
        }
    }
}

fn folded(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other.to_ascii_lowercase(),
    }
}
