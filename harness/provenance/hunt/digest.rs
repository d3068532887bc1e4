//! Hashes that a value may be sent as.

use crate::provenance::Coding;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use sha1::{Digest, Sha1};

/// The value's hashes, each with its name.
pub fn digests(value: &[u8]) -> [(Coding, Vec<u8>); 5] {
    let ring = |algorithm| digest(algorithm, value).as_ref().to_vec();
    [
        (Coding::Md5, md5(value).to_vec()),
        (Coding::Sha1, Sha1::digest(value).to_vec()),
        (Coding::Sha256, ring(&SHA256)),
        (Coding::Sha384, ring(&SHA384)),
        (Coding::Sha512, ring(&SHA512)),
    ]
}

/// RFC 1321. Thieves still use it, to name what they took.
fn md5(value: &[u8]) -> [u8; 16] {
    const TURNS: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    let mut padded = value.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - value.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(value.len() as u64 * 8).to_le_bytes());

    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let word = |at: usize| {
            let at = 4 * (at % 16);
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (mix, from) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, 5 * i + 1),
                2 => (b ^ c ^ d, 3 * i + 5),
                _ => (c ^ (b | !d), 7 * i),
            };
            // Section 3.4: the table is made of the sine's absolute values.
            let sine = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a
                .wrapping_add(mix)
                .wrapping_add(sine)
                .wrapping_add(word(from));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(TURNS[i / 16][i % 4]));
        }
        for (sum, new) in state.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(new);
        }
    }
    let mut out = [0; 16];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::md5;
    use data_encoding::HEXLOWER;

    #[test]
    fn md5_is_that_of_the_rfc() {
        let long = "1234567890".repeat(8);
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "abcdefghijklmnopqrstuvwxyz",
                "c3fcd3d76192e4007dfb496cca67e13b",
            ),
            (&long, "57edf4a22be3c955ac49da2e2107b67a"),
        ] {
            assert_eq!(HEXLOWER.encode(&md5(text.as_bytes())), expected, "{text}");
        }
        for len in 50..70 {
            // Every way of padding ends at a whole block.
            assert_ne!(md5(&vec![b'a'; len]), md5(&vec![b'a'; len + 1]));
        }
    }
}
