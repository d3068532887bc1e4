//! A list of roots as text in a program file, one PEM certificate after the other, each a C string
//! of its own, as Node has it: finds them, and says what to write over which.

use super::Root;
use super::bytes::{Patch, occurrences, window};
use std::fs::File;
use std::io;

/// No certificate of a root is longer as text.
const LONGEST: usize = 16 * 1024;
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----\n";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// What to write so that the list has `root`.
///
/// # Errors
/// Where the program cannot be read.
pub fn patch(program: &File, root: &Root) -> io::Result<Option<Patch>> {
    Ok(replacement(certificates(program)?, root))
}

/// A certificate in a program: where, and the room up to the end of its string.
struct Slot {
    at: u64,
    pem: Vec<u8>,
}

/// Every certificate that is a string of its own.
fn certificates(program: &File) -> io::Result<Vec<Slot>> {
    let mut found = Vec::new();
    for at in occurrences(program, BEGIN)? {
        let mut pem = window(program, at, LONGEST)?;
        let Some(stop) = memchr::memchr(0, &pem) else {
            continue;
        };
        pem.truncate(stop);
        if pem.trim_ascii_end().ends_with(END) {
            found.push(Slot { at, pem });
        }
    }
    Ok(found)
}

/// Where to write what: over the namesake, else over the last one that has room. The string ends
/// where the text does, with or without an end of line as it did before.
fn replacement(slots: Vec<Slot>, root: &Root) -> Option<Patch> {
    let text = root.pem.trim_ascii_end().as_bytes();
    let has_room = |slot: &&Slot| text.len() <= slot.pem.trim_ascii_end().len();
    let is_namesake =
        |slot: &&Slot| der(&slot.pem).is_some_and(|certificate| (root.is_namesake)(&certificate));
    let fits = || slots.iter().filter(has_room);
    let slot = fits().find(is_namesake).or_else(|| fits().next_back())?;
    let tail = &slot.pem[slot.pem.trim_ascii_end().len()..];
    let mut bytes = [text, tail].concat();
    bytes.resize(slot.pem.len(), 0);
    Some(Patch { at: slot.at, bytes })
}

fn der(pem: &[u8]) -> Option<Vec<u8>> {
    let inner = pem.strip_prefix(BEGIN)?.trim_ascii_end();
    let inner = inner.strip_suffix(END)?;
    let inner: Vec<u8> = inner
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    data_encoding::BASE64.decode(&inner).ok()
}

#[cfg(test)]
mod tests {
    use super::super::bytes::PIECE;
    use super::*;
    use std::fs;

    /// As the roots of a program: each text a C string.
    fn program(texts: &[&str], padding: usize) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = vec![b'x'; padding];
        for text in texts {
            bytes.push(0);
            bytes.extend(text.bytes());
        }
        bytes.push(0);
        fs::write(file.path(), bytes).unwrap();
        file
    }

    fn pem(content: &str) -> String {
        let base64 = data_encoding::BASE64.encode(content.as_bytes());
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----")
    }

    /// The program's strings once `ours` is in its list.
    fn replaced(texts: &[&str], ours: &str, padding: usize) -> Option<Vec<String>> {
        let file = program(texts, padding);
        let source = File::open(file.path()).unwrap();
        let is_namesake = |certificate: &[u8]| certificate.starts_with(b"namesake");
        let root = Root {
            pem: ours,
            is_namesake: &is_namesake,
            ..Root::NONE
        };
        let Patch { at, bytes: text } = patch(&source, &root).unwrap()?;
        let mut bytes = fs::read(file.path()).unwrap();
        let at = usize::try_from(at).unwrap();
        bytes[at..at + text.len()].copy_from_slice(&text);
        let strings = bytes[padding..]
            .split(|b| *b == 0)
            .filter(|s| !s.is_empty());
        Some(
            strings
                .map(|s| String::from_utf8(s.to_vec()).unwrap())
                .collect(),
        )
    }

    #[test]
    fn the_namesake_is_replaced_and_else_the_last_with_room() {
        let (long, short) = (pem("a long certificate"), pem("x"));
        let namesake = pem("namesake, which is long enough");
        let ours = format!("{}\n", pem("ours"));
        let (own, lined) = (pem("ours"), format!("{namesake}\n"));
        let texts = [
            long.as_str(),
            &namesake,
            &long,
            "-----BEGIN CERTIFICATE-----\n",
            &short,
        ];
        for padding in [0, 7, PIECE - 40, PIECE - 5, 2 * PIECE] {
            let got = replaced(&texts, &ours, padding).unwrap();
            let want = [
                &long,
                own.as_str(),
                &long,
                "-----BEGIN CERTIFICATE-----\n",
                &short,
            ];
            assert_eq!(got, want, "{padding}");
        }
        let got = replaced(&[&long, &lined, &short], &ours, 0).unwrap();
        assert_eq!(
            got,
            [long.as_str(), &ours, &short],
            "its line is ended as before"
        );
        let got = replaced(&[&long, &long, &pem("namesake")[..40]], &ours, 0).unwrap();
        assert_eq!(got[..2], [long.clone(), own]);
        assert_eq!(replaced(&[&short, "text"], &ours, 0), None);
        assert_eq!(replaced(&[], &ours, 0), None);
    }
}
