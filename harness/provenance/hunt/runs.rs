//! Stretches of text that an alphabet of letters and digits could have made: base64 in both
//! alphabets, hex, base32, base58. Where a group begins nobody knows, so each is tried from every
//! letter of a group. What comes out need not be text: it is only looked at.

use crate::provenance::Coding;
use std::ops::Range;

/// Shortest stretch that can hold anything worth finding.
const SHORTEST: usize = 14;
/// A line this long may go on in the next one.
const LINE: usize = 16;
/// Longest number that is read in base 58: reading one takes time by its square.
const NUMBER: usize = 160;

/// Reads each stretch in every alphabet that it fits; whether there was one.
pub fn each(bytes: &[u8], see: &mut dyn FnMut(Coding, Vec<u8>, Range<usize>)) -> bool {
    let mut any = false;
    for (run, place) in stretches(bytes) {
        any = true;
        for within in fitting(&run, |b| hex(b).is_some()) {
            for skip in 0..2 {
                see(Coding::Hex, grouped(&within[skip..], 4, hex), place.clone());
            }
        }
        for within in fitting(&run, |b| base32(b).is_some()) {
            for skip in 0..8 {
                let group = grouped(&within[skip..], 5, base32);
                see(Coding::Base32, group, place.clone());
            }
        }
        for skip in 0..4 {
            let group = grouped(&run[skip..], 6, base64);
            see(Coding::Base64, group, place.clone());
        }
        if run.len() <= NUMBER
            && let Some(number) = base58(&run)
        {
            see(Coding::Base58, number, place);
        }
    }
    any
}

/// Bytes at the start that end a text in base64: letters of which what follows decides a part,
/// and padding. None where more follows.
pub fn tail(rest: &[u8]) -> usize {
    let letters = rest.iter().take_while(|b| base64(**b).is_some()).count();
    let padding = rest
        .iter()
        .skip(letters)
        .take_while(|b| **b == b'=')
        .count();
    if letters <= 2 { letters + padding } else { 0 }
}

/// Stretches of a stretch that a narrower alphabet could have made.
fn fitting(run: &[u8], fits: fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    let parts = run.split(move |b| !fits(*b));
    parts.filter(|part| part.len() >= SHORTEST)
}

/// The longest stretches of letters of the widest alphabet, with where they stand. Padding ends
/// one; the end of a long line does not.
fn stretches(bytes: &[u8]) -> Vec<(Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if base64(bytes[at]).is_none() {
            at += 1;
            continue;
        }
        let start = at;
        let mut run = Vec::new();
        loop {
            let line = at;
            while at < bytes.len() && base64(bytes[at]).is_some() {
                run.push(bytes[at]);
                at += 1;
            }
            let rest = &bytes[at..];
            let gap = rest.iter().take_while(|b| b"\r\n\t ".contains(b)).count();
            let broken = rest[..gap].contains(&b'\n') && gap <= 4;
            let goes_on = rest.get(gap).is_some_and(|b| base64(*b).is_some());
            if !(at - line >= LINE && broken && goes_on) {
                break;
            }
            at += gap;
        }
        let mut end = at;
        while end < bytes.len() && bytes[end] == b'=' && end - at < 6 {
            end += 1;
        }
        if run.len() >= SHORTEST {
            found.push((run, start..end));
        }
        at = end.max(at);
    }
    found
}

/// Letters of `width` bits each, the highest bit first; a rest below a byte is dropped.
fn grouped(run: &[u8], width: u32, read: fn(u8) -> Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len() * width as usize / 8);
    let (mut bits, mut count) = (0u32, 0);
    for digit in run.iter().filter_map(|b| read(*b)) {
        bits = bits << width | u32::from(digit);
        count += width;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// RFC 4648, section 6, in either case.
fn base32(byte: u8) -> Option<u8> {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => Some(letter - b'a'),
        digit @ b'2'..=b'7' => Some(digit - b'2' + 26),
        _ => None,
    }
}

/// RFC 4648, sections 4 and 5.
fn base64(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// One large number, in the digits that Bitcoin uses.
fn base58(run: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    // From the lowest byte up.
    let mut number: Vec<u8> = Vec::with_capacity(run.len());
    for letter in run {
        let mut carry = DIGITS.iter().position(|digit| digit == letter)?;
        for byte in &mut number {
            carry += usize::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        while carry > 0 {
            number.push(carry as u8);
            carry >>= 8;
        }
    }
    number.reverse();
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Coding, String)> {
        let mut found = Vec::new();
        each(text.as_bytes(), &mut |coding, bytes, _| {
            found.extend(String::from_utf8(bytes).ok().map(|text| (coding, text)));
        });
        found
    }

    #[track_caller]
    fn reads(text: &str, coding: Coding, expected: &str) {
        let found = read(text);
        assert!(
            found.contains(&(coding, expected.to_owned())),
            "{text}: {found:?}"
        );
    }

    #[test]
    fn every_alphabet_is_read() {
        reads("x=aGVsbG8sIHdvcmxk&y", Coding::Base64, "hello, world");
        reads("68656c6c6f2c20776f726c64", Coding::Hex, "hello, world");
        reads("NBSWY3DPFQQHO33SNRSA====", Coding::Base32, "hello, world");
        reads("StV1DL6CwTryKyV", Coding::Base58, "hello world");
    }

    #[test]
    fn lines_are_joined_and_words_are_not() {
        reads(
            "aGVsbG8sIHdvcmxk\r\naGVsbG8sIHdvcmxk",
            Coding::Base64,
            "hello, worldhello, world",
        );
        assert_eq!(read("see you\nat noon, or whenever it suits you"), []);
    }

    #[test]
    fn a_group_may_begin_anywhere() {
        for glued in ["", "z", "zz", "zzz"] {
            let text = format!("{glued}aGVsbG8sIHdvcmxk");
            let mut all = Vec::new();
            each(text.as_bytes(), &mut |_, bytes, _| all.push(bytes));
            let holds = |bytes: &Vec<u8>| memchr::memmem::find(bytes, b"hello, world").is_some();
            assert!(all.iter().any(holds), "{text}");
        }
    }
}
