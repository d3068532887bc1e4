//! Undoing content codings (RFC 9110, section 8.4.1), as far as a bomb does not pay.

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// How far back a frame may refer: what every decoder of the web takes, and none more
/// (RFC 9659, section 3).
const WINDOW: u64 = 8 << 20;
/// Bytes of a body that brotli's decoder looks at at once.
const PIECE: usize = 4096;
/// Most frames of one body; each costs a decoder, and a body is one frame mostly.
const FRAMES: usize = 1024;

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
            "br" => read(Decompressor::new(from, PIECE), limit)?,
            "zstd" => frames(from, limit)?,
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

/// All frames of a zstd body, one after the other (RFC 8878, section 3.1).
fn frames(mut from: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut into = Vec::new();
    for _ in 0..FRAMES {
        if from.is_empty() {
            return Some(into);
        }
        if let Some(rest) = after_skippable(from) {
            from = rest;
            continue;
        }
        let mut frame = StreamingDecoder::new_with_max_window_size(&mut from, WINDOW).ok()?;
        let left = (limit - into.len()) as u64 + 1;
        frame.by_ref().take(left).read_to_end(&mut into).ok()?;
        if into.len() > limit {
            return None;
        }
    }
    None
}

/// What follows a frame that holds nothing of the content (RFC 8878, section 3.1.2).
fn after_skippable(from: &[u8]) -> Option<&[u8]> {
    let (head, rest) = from.split_first_chunk::<8>()?;
    let [a, b, c, d, len @ ..] = *head;
    let is_skippable = u32::from_le_bytes([a, b, c, d]) & !0xf == 0x184d_2a50;
    rest.get(u32::from_le_bytes(len) as usize..)
        .filter(|_| is_skippable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write};
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    /// `hello, hello, hello`, as Node's zlib writes it.
    const BROTLI: &[u8] = &[
        0x1b, 0x12, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0x44, 0x09, 0x52, 0x86, 0x96, 0x6c, 0x2c,
        0x6f, 0x11, 0x4f, 0x24, 0xd0, 0x71, 0x00,
    ];
    /// A mebibyte of zeros.
    const BROTLI_BOMB: &[u8] = &[
        0x5b, 0xff, 0xff, 0x8f, 0x7f, 0x02, 0x20, 0x1e, 0x0b, 0x04, 0x72, 0xef, 0x1f, 0x00,
    ];

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

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
        let greeting = &b"hello, hello, hello"[..];
        assert_eq!(undo(BROTLI, "br", 99).as_deref(), Some(greeting));
        let two = [zstd(b"hello, "), zstd(b"hello, hello")].concat();
        assert_eq!(undo(&two, "zstd", 99).as_deref(), Some(greeting));
        let skipped = [&[0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7][..], &two].concat();
        assert_eq!(undo(&skipped, "zstd", 99).as_deref(), Some(greeting));
        let both = undo(&gzip(BROTLI), "br, gzip", 99);
        assert_eq!(both.as_deref(), Some(greeting));
        assert_eq!(undo(&gzip(b"hello"), "br", 99), None);
        assert_eq!(undo(&gzip(b"hello"), "zstd", 99), None);
        assert_eq!(undo(b"hello", "gzip", 99), None);
        assert_eq!(undo(b"hello", "identity", 99), None);
    }

    #[test]
    fn a_bomb_is_left_alone() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert_eq!(undo(&bomb, "gzip", 1 << 16), None);
        assert_eq!(undo(BROTLI_BOMB, "br", 1 << 16), None);
        assert_eq!(
            undo(BROTLI_BOMB, "br", 1 << 20).map(|b| b.len()),
            Some(1 << 20)
        );
        let bomb = zstd(&vec![0; 1 << 20]);
        assert_eq!(undo(&bomb, "zstd", 1 << 16), None);
        assert_eq!(undo(&bomb, "zstd", 1 << 20).map(|b| b.len()), Some(1 << 20));
        // A window of two gibibytes, of which nothing follows.
        assert_eq!(
            undo(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0], "zstd", 1 << 16),
            None
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic_or_grow_beyond_the_limit(
            start in proptest::sample::select(vec![&[][..], &[0x28, 0xb5, 0x2f, 0xfd], BROTLI]),
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let body = [start, &rest].concat();
            for coding in ["gzip", "deflate", "br", "zstd", "zstd, br"] {
                let undone = undo(&body, coding, 4096);
                prop_assert!(undone.is_none_or(|bytes| bytes.len() <= 4096));
            }
        }

        #[test]
        fn what_was_coded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let undone = undo(&zstd(&bytes), "zstd", 2000);
            prop_assert_eq!(undone.as_deref(), Some(&bytes[..]));
        }
    }
}
