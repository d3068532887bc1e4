//! Data in characters that nobody sees: Unicode's tags, variation selectors, and zero-width
//! characters for bits.

use super::text::packed;
use crate::provenance::{Coding, is_invisible};
use std::collections::BTreeMap;

/// Invisible characters that can hold anything worth finding.
const SHORTEST: usize = 8;
/// Alphabets of so many characters are read; of a larger one the most frequent.
const ALPHABET: usize = 4;

/// Every reading of what is hidden in a text.
pub fn hidden(bytes: &[u8]) -> Vec<(Coding, Vec<u8>)> {
    // Each of them begins with one of these in UTF-8.
    const LEADS: [u8; 6] = [0xc2, 0xcd, 0xe1, 0xe2, 0xef, 0xf3];
    let may_be = bytes.iter().filter(|b| LEADS.contains(b));
    if may_be.take(SHORTEST).count() < SHORTEST {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let unseen: Vec<u32> = text
        .chars()
        .filter(|c| is_invisible(*c))
        .map(u32::from)
        .collect();
    let mut found = Vec::new();
    let tags: Vec<u8> = unseen
        .iter()
        .filter(|c| (0xe_0020..0xe_007f).contains(*c))
        .map(|c| (c - 0xe_0000) as u8)
        .collect();
    let selectors: Vec<u8> = unseen.iter().filter_map(|c| selector(*c)).collect();
    for (coding, read) in [
        (Coding::Tags, tags),
        (Coding::VariationSelectors, selectors),
    ] {
        if read.len() >= SHORTEST {
            found.push((coding, read));
        }
    }
    let zero: Vec<u32> = unseen.into_iter().filter(|c| *c < 0xe_0000).collect();
    if zero.len() >= SHORTEST * 4 {
        let readings = zero_width(&zero).into_iter();
        found.extend(readings.map(|read| (Coding::ZeroWidth, read)));
    }
    found
}

/// The byte that a variation selector stands for: the 256 of them in their order.
fn selector(c: u32) -> Option<u8> {
    match c {
        0xfe00..=0xfe0f => Some((c - 0xfe00) as u8),
        0xe_0100..=0xe_01ef => Some((c - 0xe_0100 + 16) as u8),
        _ => None,
    }
}

/// Readings of zero-width characters: as bits, as digits of two bits, or as numbers with one
/// character between them; rare characters are frames and say nothing.
fn zero_width(text: &[u32]) -> Vec<Vec<u8>> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for c in text {
        *counts.entry(*c).or_default() += 1;
    }
    let mut alphabet: Vec<u32> = counts.keys().copied().collect();
    alphabet.sort_by_key(|c| std::cmp::Reverse(counts[c]));
    alphabet.truncate(ALPHABET);
    let mut found = Vec::new();
    if let [a, b, ..] = alphabet[..] {
        bits(text, a, b, &mut found);
    }
    for between in alphabet.iter().take(3) {
        let mut two = alphabet.iter().take(3).filter(|c| *c != between);
        if let (Some(a), Some(b)) = (two.next(), two.next()) {
            numbers(text, *between, *a, *b, &mut found);
            numbers(text, *between, *b, *a, &mut found);
        }
    }
    if let [a, b, c, d] = alphabet[..] {
        quarters(text, [a, b, c, d], &mut found);
    }
    found
}

/// Two characters are bits, the highest first or last, whichever is the one; eight to a byte, or
/// seven.
fn bits(text: &[u32], zero: u32, one: u32, found: &mut Vec<Vec<u8>>) {
    let both = text.iter().filter(|c| **c == zero || **c == one);
    let bits: Vec<bool> = both.map(|c| *c == one).collect();
    for skip in 0..8 {
        let bits = bits.get(skip..).unwrap_or_default();
        let highest_last: Vec<bool> = bits
            .chunks_exact(8)
            .flat_map(|byte| byte.iter().rev().copied())
            .collect();
        let sevens: Vec<bool> = bits
            .chunks_exact(7)
            .flat_map(|seven| std::iter::once(false).chain(seven.iter().copied()))
            .collect();
        for read in [packed(bits), packed(&highest_last)] {
            found.push(read.iter().map(|byte| !byte).collect());
            found.push(read);
        }
        found.push(packed(&sevens).iter().map(|byte| !byte & 0x7f).collect());
        found.push(packed(&sevens));
    }
}

/// Numbers of any width, with one character between them.
fn numbers(text: &[u32], between: u32, zero: u32, one: u32, found: &mut Vec<Vec<u8>>) {
    let number = |digits: &[u32]| {
        let digits = digits.iter().filter(|c| **c == zero || **c == one);
        digits.fold(0u32, |n, c| n << 1 & 0xffff | u32::from(*c == one))
    };
    let words = text.split(|c| *c == between).filter(|w| !w.is_empty());
    let codes = words.map(number).filter_map(char::from_u32);
    let read = codes.collect::<String>().into_bytes();
    if read.len() >= SHORTEST {
        found.push(read);
    }
}

/// Four characters are two bits each, in whatever order of the four.
fn quarters(text: &[u32], alphabet: [u32; 4], found: &mut Vec<Vec<u8>>) {
    for order in 0..24 {
        let mut left: Vec<u32> = alphabet.to_vec();
        left.sort_unstable();
        let digits = [left.remove(order / 6), left.remove(order % 6 / 2)];
        let last = left.remove(order % 2);
        let digits = [digits[0], digits[1], last, left[0]];
        let value = |c: &u32| digits.iter().position(|digit| digit == c);
        let bits: Vec<bool> = text
            .iter()
            .filter_map(value)
            .flat_map(|two| [two & 2 > 0, two & 1 > 0])
            .collect();
        for skip in [0, 2, 4, 6] {
            found.push(packed(bits.get(skip..).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, coding: Coding) {
        let found = hidden(text.as_bytes());
        let has = |(c, read): &(Coding, Vec<u8>)| {
            *c == coding && memchr::memmem::find(read, b"hello, world").is_some()
        };
        assert!(found.iter().any(has), "{}", text.escape_unicode());
    }

    fn as_bits(width: usize) -> String {
        let bits = |byte: u8| format!("{byte:08b}")[8 - width..].to_owned();
        b"hello, world".iter().map(|byte| bits(*byte)).collect()
    }

    #[test]
    fn bits_are_read_in_every_way() {
        for width in [7, 8] {
            for (zero, one) in [('\u{200b}', '\u{200c}'), ('\u{2060}', '\u{feff}')] {
                let text = as_bits(width)
                    .replace('0', &zero.to_string())
                    .replace('1', &one.to_string());
                reads(&format!("sent{text}."), Coding::ZeroWidth);
                // Between the letters of a text, with a frame.
                let spread: String = text.chars().map(|c| format!("a{c}")).collect();
                reads(&format!("\u{200d}{spread}\u{200d}"), Coding::ZeroWidth);
            }
        }
    }

    #[test]
    fn numbers_and_quarters_are_read() {
        let numbers = b"hello, world"
            .map(|byte| format!("{byte:b}"))
            .join("\u{200d}");
        let numbers = numbers.replace('0', "\u{200c}").replace('1', "\u{200b}");
        reads(&numbers, Coding::ZeroWidth);
        let digits = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];
        let quarters: String = b"hello, world"
            .iter()
            .flat_map(|b| [b >> 6, b >> 4 & 3, b >> 2 & 3, b & 3])
            .map(|two| digits[usize::from(two)])
            .collect();
        reads(&quarters, Coding::ZeroWidth);
    }

    #[test]
    fn tags_and_selectors_are_read() {
        let tags = |b: &u8| char::from_u32(0xe_0000 + u32::from(*b)).unwrap();
        let text: String = b"hello, world".iter().map(tags).collect();
        reads(&format!("sent{text}"), Coding::Tags);
        let selector = |b: &u8| match b {
            0..=15 => char::from_u32(0xfe00 + u32::from(*b)).unwrap(),
            b => char::from_u32(0xe_0100 + u32::from(*b) - 16).unwrap(),
        };
        let text: String = b"hello, world".iter().map(selector).collect();
        reads(&format!("\u{1f600}{text}"), Coding::VariationSelectors);
    }

    #[test]
    fn what_people_write_hides_nothing() {
        assert_eq!(hidden("naïve – “quoted” ❤\u{fe0f} text".as_bytes()), []);
    }
}
