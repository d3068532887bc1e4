//! Compressed stretches: gzip and zlib wherever they begin, deflate without a header where a
//! stream begins. What is damaged or cut is read as far as it goes.

use super::search::Work;
use crate::provenance::Coding;
use flate2::FlushDecompress;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::Read;
use std::ops::Range;

/// Shortest output that counts as something: chance decodes to a few bytes now and then.
const SHORTEST: usize = 8;
/// Headers that are tried: one may cost all that follows it, without anything to show for it.
const HEADERS: usize = 64;
/// Most that one stretch is unpacked to.
const MOST: usize = 1 << 20;

/// Everything in `bytes` that can be unpacked, with where it stands.
pub fn unpacked(bytes: &[u8], work: &mut Work) -> Vec<(Coding, Vec<u8>, Range<usize>)> {
    let mut found = Vec::new();
    let end = bytes.len();
    // Text begins no block of a compressed stream that a thief would care to send.
    if !bytes
        .iter()
        .take(64)
        .any(|b| !b.is_ascii() || b.is_ascii_control())
        && bytes.is_ascii()
    {
        return found;
    }
    let headers = memchr::memmem::find_iter(bytes, b"\x1f\x8b\x08");
    for at in headers.take(HEADERS) {
        let from = GzDecoder::new(&bytes[at..]);
        found.extend(read(from, work).map(|out| (Coding::Gzip, out, at..end)));
    }
    // RFC 1950, section 2.2: the two bytes together are a multiple of 31; no dictionary.
    let is_header = |at: &usize| {
        let second = bytes.get(at + 1).copied().unwrap_or(0);
        (0x7800 + u32::from(second)).is_multiple_of(31) && second & 0x20 == 0
    };
    let headers = memchr::memchr_iter(0x78, bytes).filter(is_header);
    for at in headers.take(HEADERS) {
        let from = ZlibDecoder::new(&bytes[at..]);
        found.extend(read(from, work).map(|out| (Coding::Deflate, out, at..end)));
    }
    if found.is_empty() && may_be_bare(bytes, work) {
        let from = DeflateDecoder::new(bytes);
        found.extend(read(from, work).map(|out| (Coding::Deflate, out, 0..end)));
    }
    found
}

/// Whether bytes read as deflate for as long as it takes to be something. Most do not.
fn may_be_bare(bytes: &[u8], work: &mut Work) -> bool {
    let mut start = [0; SHORTEST];
    let inflate = work.inflate();
    let _ = inflate.decompress(bytes, &mut start, FlushDecompress::None);
    inflate.total_out() >= SHORTEST as u64
}

fn read(from: impl Read, work: &mut Work) -> Option<Vec<u8>> {
    let most = MOST.min(work.left());
    let mut out = Vec::new();
    // An error ends what can be read; what came before it stands.
    let _ = from.take(most as u64).read_to_end(&mut out);
    work.take(out.len());
    (out.len() >= SHORTEST).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn all(mut from: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        from.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn packed_bytes_are_unpacked_wherever_they_begin() {
        let text = b"hello, hello, hello, world";
        let level = Compression::default();
        let gzip = all(GzEncoder::new(&text[..], level));
        let zlib = all(ZlibEncoder::new(&text[..], level));
        let bare = all(DeflateEncoder::new(&text[..], level));
        let has = |bytes: &[u8], coding| {
            let found = unpacked(bytes, &mut Work::of(bytes.len()));
            found.iter().any(|(c, out, _)| *c == coding && out == text)
        };
        assert!(has(&gzip, Coding::Gzip) && has(&zlib, Coding::Deflate));
        assert!(has(&bare, Coding::Deflate));
        let around = |packed: &[u8]| [b"x\x00y", packed, b"after"].concat();
        assert!(has(&around(&gzip), Coding::Gzip) && has(&around(&zlib), Coding::Deflate));
        // Without its checksum, too.
        assert!(has(&gzip[..gzip.len() - 4], Coding::Gzip));
    }

    #[test]
    fn a_bomb_is_unpacked_as_far_as_work_goes() {
        let bomb = all(GzEncoder::new(&vec![0; 8 << 20][..], Compression::best()));
        let mut work = Work::of(bomb.len());
        let total: usize = unpacked(&bomb, &mut work).iter().map(|f| f.1.len()).sum();
        assert!(total <= MOST, "{total}");
    }
}
