//! Text that stands for other text: escapes, lists of numbers, zeros and ones, letters with
//! something between them.

use crate::provenance::Coding;
use std::ops::Range;

/// Members that a list must have before it can hold anything worth finding.
pub const MEMBERS: usize = 9;
/// Bits of the same.
const BITS: usize = 64;
/// Letters with something between them.
const SPACED: usize = 10;
/// Accents that a short text may have.
const SOME: usize = 4;

/// The whole text with its escapes undone, for each kind of escape that it has.
pub fn unescaped(bytes: &[u8]) -> Vec<(Coding, Vec<u8>)> {
    let has = |byte| memchr::memchr(byte, bytes).is_some();
    let mut found = Vec::new();
    let mut add = |coding, text: Vec<u8>| {
        if text != bytes {
            found.push((coding, text));
        }
    };
    if has(b'%') {
        add(
            Coding::Url,
            percent_encoding::percent_decode(bytes).collect(),
        );
    }
    if has(b'\\') {
        add(Coding::Json, backslashes(bytes));
    }
    if has(b'&') {
        add(Coding::Html, entities(bytes));
    }
    if has(b'=') {
        add(Coding::QuotedPrintable, quoted_printable(bytes));
    }
    found
}

/// `\u0041`, `\u{41}`, `\x41`, `\101`, and a backslash before anything else.
fn backslashes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (number, len) = match more {
            [b'u', b'{', inner @ ..] => {
                let len = inner.iter().take(7).position(|b| *b == b'}').unwrap_or(0);
                (number(&inner[..len], 16), 3 + len)
            }
            [b'u', inner @ ..] => (number(inner.get(..4).unwrap_or_default(), 16), 5),
            [b'x', inner @ ..] => (number(inner.get(..2).unwrap_or_default(), 16), 3),
            [b'0'..=b'3', ..] => (number(more.get(..3).unwrap_or_default(), 8), 3),
            [b'n', ..] => (Some(10), 1),
            [b'r', ..] => (Some(13), 1),
            [b't', ..] => (Some(9), 1),
            [other, ..] => (Some(u32::from(*other)), 1),
            [] => (None, 0),
        };
        match number {
            Some(code) => {
                push(&mut out, code);
                rest = more.get(len..).unwrap_or_default();
            }
            None => out.push(b'\\'),
        }
    }
    out
}

/// Numeric references in either base, and the five names that everybody uses.
fn entities(bytes: &[u8]) -> Vec<u8> {
    const NAMES: [(&[u8], u8); 5] = [
        (b"amp;", b'&'),
        (b"lt;", b'<'),
        (b"gt;", b'>'),
        (b"quot;", b'"'),
        (b"apos;", b'\''),
    ];
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'&' {
            out.push(*first);
            continue;
        }
        if let Some((name, byte)) = NAMES.iter().find(|(name, _)| more.starts_with(name)) {
            out.push(*byte);
            rest = &more[name.len()..];
            continue;
        }
        let end = more.iter().take(10).position(|b| *b == b';');
        let code = end.and_then(|end| match &more[..end] {
            [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
            [b'#', digits @ ..] => number(digits, 10),
            _ => None,
        });
        match (code, end) {
            (Some(code), Some(end)) => {
                push(&mut out, code);
                rest = &more[end + 1..];
            }
            _ => out.push(b'&'),
        }
    }
    out
}

/// RFC 2045, section 6.7; what is no escape stays.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match more {
            _ if *first != b'=' => out.push(*first),
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => rest = after,
            [high, low, after @ ..] => match number(&[*high, *low], 16) {
                Some(code) => {
                    out.push(code as u8);
                    rest = after;
                }
                None => out.push(b'='),
            },
            _ => out.push(b'='),
        }
    }
    out
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
    plain
        .then(|| u32::from_str_radix(text, base).ok())
        .flatten()
}

fn push(out: &mut Vec<u8>, code: u32) {
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend(c.encode_utf8(&mut [0; 4]).bytes());
}

/// Lists of bytes, with where they stand: pairs of hex digits or decimal numbers with something
/// between them (`6b:37`, `0x6b, 0x37`, `[107,55]`), and zeros and ones.
pub fn lists(bytes: &[u8]) -> Vec<(Coding, Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    if bytes.iter().filter(|b| b.is_ascii_digit()).count() < MEMBERS {
        return found;
    }
    let pairs = members(bytes, |token| {
        let digits = token.strip_prefix(b"0x").unwrap_or(token);
        let digits = digits.strip_prefix(b"x").unwrap_or(digits);
        (digits.len() == 2).then(|| number(digits, 16)).flatten()
    });
    let hex = pairs.into_iter().map(|(b, place)| (Coding::Hex, b, place));
    found.extend(hex);
    let numbers = members(bytes, |token| {
        let digits = token.len() <= 3 && token.iter().all(u8::is_ascii_digit);
        digits.then(|| number(token, 10)).flatten()
    });
    let numbers = numbers.into_iter();
    found.extend(numbers.map(|(b, place)| (Coding::Numbers, b, place)));
    found.extend(binary(bytes));
    found
}

/// Stretches of tokens that are bytes, at most three characters apart.
fn members(bytes: &[u8], read: impl Fn(&[u8]) -> Option<u32>) -> Vec<(Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    let mut list: Vec<u8> = Vec::new();
    let mut place = 0..0;
    let mut at = 0;
    loop {
        let start = match bytes[at..].iter().position(u8::is_ascii_alphanumeric) {
            Some(gap) if list.is_empty() || gap <= 3 => Some(at + gap),
            Some(gap) => {
                end(&mut list, &place, &mut found);
                Some(at + gap)
            }
            None => None,
        };
        let Some(start) = start else {
            end(&mut list, &place, &mut found);
            return found;
        };
        let len = bytes[start..]
            .iter()
            .position(|b| !b.is_ascii_alphanumeric())
            .unwrap_or(bytes.len() - start);
        at = start + len;
        match read(&bytes[start..at]).and_then(|code| u8::try_from(code).ok()) {
            Some(byte) => {
                if list.is_empty() {
                    place.start = start;
                }
                place.end = at;
                list.push(byte);
            }
            None => end(&mut list, &place, &mut found),
        }
    }
}

fn end(list: &mut Vec<u8>, place: &Range<usize>, found: &mut Vec<(Vec<u8>, Range<usize>)>) {
    let list = std::mem::take(list);
    if list.len() >= MEMBERS {
        found.push((list, place.clone()));
    }
}

/// Zeros and ones, read from each bit of a byte: spaces between them do not count.
fn binary(bytes: &[u8]) -> Vec<(Coding, Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let inside = |b: &u8| matches!(b, b'0' | b'1' | b' ' | b',');
        let len = bytes[at..].iter().take_while(|b| inside(b)).count();
        if len >= BITS {
            let digits = bytes[at..at + len].iter().filter(|b| b.is_ascii_digit());
            let bits: Vec<bool> = digits.map(|b| *b == b'1').collect();
            for skip in 0..8 {
                let packed = packed(bits.get(skip..).unwrap_or_default());
                found.push((Coding::Bits, packed, at..at + len));
            }
        }
        at += len.max(1);
    }
    found
}

/// Eight bits a byte, the highest first.
pub fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}

/// Stretches in which every second byte is one and the same, which is no letter and no digit:
/// without it.
pub fn spaced(bytes: &[u8]) -> Vec<(Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 1;
    while at < bytes.len() {
        let filler = bytes[at];
        // Known beforehand: a run of one byte would be counted anew from each of its members.
        if filler.is_ascii_alphanumeric() || bytes[at - 1] == filler {
            at += 1;
            continue;
        }
        let members = bytes[at..].iter().step_by(2);
        let len = members.take_while(|b| **b == filler).count();
        if len < SPACED {
            at += 1;
            continue;
        }
        let place = at - 1..(at + 2 * len).min(bytes.len());
        let letters = bytes[place.clone()].iter().step_by(2).copied().collect();
        at = place.end + 1;
        found.push((letters, place));
    }
    found
}

/// Characters from U+0080 to U+00FF are how a language with wide strings writes bytes: those
/// bytes, where there are some. What is no byte becomes a space.
pub fn narrow(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let upper = |c: &char| matches!(u32::from(*c), 0x80..=0xff);
    let byte = |c| u8::try_from(u32::from(c)).unwrap_or(b' ');
    let some = text.chars().filter(upper).nth(SOME).is_some();
    some.then(|| text.chars().map(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        let undone = |text: &str| -> Vec<(Coding, String)> {
            let found = unescaped(text.as_bytes()).into_iter();
            found
                .map(|(c, b)| (c, String::from_utf8(b).unwrap()))
                .collect()
        };
        for (text, coding, expected) in [
            ("a%20b%41%zz", Coding::Url, "a bA%zz"),
            (
                r"\u0041\u{42}\x43\104\n\\\u00zz",
                Coding::Json,
                "ABCD\n\\\\u00zz",
            ),
            ("&#65;&#x42;&amp;&unknown;&", Coding::Html, "AB&&unknown;&"),
            ("a=41=\r\nb=\nc=zz=", Coding::QuotedPrintable, "aAbc=zz="),
        ] {
            let expected = (coding, expected.to_owned());
            assert!(
                undone(text).contains(&expected),
                "{text}: {:?}",
                undone(text)
            );
        }
        assert_eq!(undone("a & b = 50"), []);
    }

    #[test]
    fn lists_of_bytes_are_read() {
        let hex = "68:65:6c:6c:6f:2c:20:77:6f:72:6c:64";
        let prefixed = "0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20, 0x77, 0x6f, 0x72, 0x6c, 0x64";
        let decimal = "data: [104,101,108,108,111,44,32,119,111,114,108,100] end";
        for (text, coding) in [
            (hex, Coding::Hex),
            (prefixed, Coding::Hex),
            (decimal, Coding::Numbers),
        ] {
            let found = lists(text.as_bytes());
            let is = |(c, b, _): &(Coding, Vec<u8>, _)| *c == coding && b == b"hello, world";
            assert!(found.iter().any(is), "{text}: {found:?}");
        }
        let bits: String = b"hello, world"
            .iter()
            .map(|byte| format!("{byte:08b} "))
            .collect();
        let found = lists(bits.as_bytes());
        assert!(found.iter().any(|(_, b, _)| b == b"hello, world"));
        assert_eq!(lists(b"2026-11-23 08:01:02, 17 of 20"), []);
    }

    #[test]
    fn letters_with_something_between_them_are_joined() {
        let wide: Vec<u8> = "hello, world"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(spaced(&wide), [(b"hello, world".to_vec(), 0..24)]);
        let dotted = b"see h.e.l.l.o.,. .w.o.r.l.d end";
        assert_eq!(spaced(dotted)[0].0, b"hello, world");
        assert_eq!(spaced(b"====================="), []);
        assert_eq!(spaced(b"an ordinary sentence, as people write them"), []);
    }

    #[test]
    fn wide_strings_of_bytes_are_narrowed() {
        let wide = "a\u{e9}\u{c8}\u{80}\u{ff}\u{a5}\u{2713}";
        let bytes = vec![b'a', 0xe9, 0xc8, 0x80, 0xff, 0xa5, b' '];
        assert_eq!(narrow(wide.as_bytes()), Some(bytes));
        assert_eq!(narrow("na\u{ef}ve".as_bytes()), None);
        assert_eq!(narrow(b"ascii"), None);
        assert_eq!(narrow("\u{2713}".as_bytes()), None);
    }
}
