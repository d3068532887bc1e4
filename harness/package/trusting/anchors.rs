//! The real root in a program file as bytes: a whole certificate (DER), as BoringSSL's users have
//! it, or no more than its name and key, which is what rustls keeps of a root.

use super::Root;
use super::bytes::{Patch, occurrences, window};
use std::fs::File;
use std::io;

/// A certificate begins at most so many bytes before its key.
const BEFORE: usize = 1024;
/// And is no longer than so many.
const LONGEST: usize = 4096;

/// What to write so that programs which keep the real root know `root` in its place.
///
/// # Errors
/// Where the program cannot be read.
pub fn patches(program: &File, root: &Root) -> io::Result<Vec<Patch>> {
    let mut patches = Vec::new();
    for key in occurrences(program, root.real_key)? {
        let begin = key.saturating_sub(BEFORE as u64);
        let around = window(program, begin, BEFORE + LONGEST)?;
        let whole = certificate(&around, (key - begin) as usize, root);
        patches.push(match whole {
            // One of another length has no room for ours: its key alone is replaced, as where
            // there is nothing but the key.
            Some((at, length)) if length == root.der.len() => Patch {
                at: begin + at as u64,
                bytes: root.der.to_vec(),
            },
            _ => Patch {
                at: key,
                bytes: root.key.to_vec(),
            },
        });
    }
    Ok(patches)
}

/// Where the certificate with the key at `key` begins, and its length.
fn certificate(around: &[u8], key: usize, root: &Root) -> Option<(usize, usize)> {
    (0..key).rev().find_map(|at| {
        // A sequence whose length has two bytes (X.690, sections 8.1.3 and 8.9).
        let [0x30, 0x82, high, low] = *around.get(at..at + 4)? else {
            return None;
        };
        let length = 4 + usize::from(u16::from_be_bytes([high, low]));
        let bytes = around.get(at..at + length)?;
        let holds = at + length >= key + root.real_key.len();
        (holds && (root.is_namesake)(bytes)).then_some((at, length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    const KEY: &[u8] = b"\x04 the real key";
    const OWN: &[u8] = b"\x04 another  one";

    fn der(key: &[u8], more: usize) -> Vec<u8> {
        let mut der = vec![0x30, 0x82, 0, 0];
        der.extend(b"name\x30\x82");
        der.extend(key);
        der.resize(300 + more, b's');
        let length = (der.len() - 4) as u16;
        der[2..4].copy_from_slice(&length.to_be_bytes());
        der
    }

    #[test]
    fn a_certificate_is_replaced_whole_and_else_the_key() {
        let ours = der(OWN, 0);
        let is_namesake = |bytes: &[u8]| bytes[4..].starts_with(b"name");
        let root = Root {
            der: &ours,
            key: OWN,
            real_key: KEY,
            is_namesake: &is_namesake,
            ..Root::NONE
        };
        let (same, longer) = (der(KEY, 0), der(KEY, 5));
        let nameless = [b"\x30\x82\x01\x00 other".as_slice(), KEY, &[b'x'; 400]].concat();
        let parts: [&[u8]; 6] = [KEY, b"junk", &same, &longer, &nameless, b"end"];
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&parts.concat(), 0).unwrap();
        for patch in patches(&file, &root).unwrap() {
            file.write_all_at(&patch.bytes, patch.at).unwrap();
        }
        let nameless = [b"\x30\x82\x01\x00 other".as_slice(), OWN, &[b'x'; 400]].concat();
        let want: [&[u8]; 6] = [OWN, b"junk", &ours, &der(OWN, 5), &nameless, b"end"];
        assert_eq!(window(&file, 0, 1 << 20).unwrap(), want.concat());
    }
}
