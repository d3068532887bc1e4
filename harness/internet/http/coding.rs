//! Undoing content codings (RFC 9110, section 8.4.1), as far as a bomb does not pay.

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// `body` with the codings in `codings` (the header's value, outermost last) undone; none where one
/// of them is not known here, is broken, or grows beyond `limit` bytes.
pub fn undo(body: &[u8], codings: &str, limit: usize) -> Option<Bytes> {
    let codings: Vec<&str> = codings
        .split(',')
        .map(str::trim)
        .filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("identity"))
        .collect();
    // Nobody codes a body more than twice; each coding is a chance to grow.
    if codings.is_empty() || codings.len() > 3 {
        return None;
    }
    let mut bytes = Vec::new();
    for (i, coding) in codings.iter().rev().enumerate() {
        let from = if i == 0 { body } else { &bytes };
        bytes = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(from), limit)?,
            // Both readings of the name are in use.
            "deflate" => read(ZlibDecoder::new(from), limit)
                .or_else(|| read(DeflateDecoder::new(from), limit))?,
            _ => return None,
        };
    }
    Some(bytes.into())
}

fn read(from: impl Read, limit: usize) -> Option<Vec<u8>> {
    let mut into = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut into).ok()?;
    (into.len() <= limit).then_some(into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut to = write::GzEncoder::new(Vec::new(), Compression::fast());
        to.write_all(bytes).unwrap();
        to.finish().unwrap()
    }

    #[test]
    fn codings_are_undone_from_the_outside_in() {
        let mut zlib = write::ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(undo(&zlib, "deflate", 99).as_deref(), Some(&b"hello"[..]));
        let both = gzip(&zlib);
        assert_eq!(
            undo(&both, "deflate, GZIP", 99).as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(undo(&gzip(b"hello"), "br", 99), None);
        assert_eq!(undo(b"hello", "gzip", 99), None);
        assert_eq!(undo(b"hello", "identity", 99), None);
    }

    #[test]
    fn a_bomb_is_left_alone() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert_eq!(undo(&bomb, "gzip", 1 << 16), None);
    }
}
