//! Keys of one byte, guessed where what is under them is no value but another coding: packed
//! bytes by how they begin, text by being text under that key and no other.

use crate::provenance::Coding;

/// Keys that are tried of one stream.
const KEYS: usize = 8;
/// Shortest stream whose letters say anything about a key.
const SHORTEST: usize = 16;

/// What the stream may be under a key. Nothing where it was just taken from under one.
pub fn guessed(bytes: &[u8], last: Option<Coding>) -> Vec<(Coding, Vec<u8>)> {
    if matches!(last, Some(Coding::Xor | Coding::Shift)) || bytes.len() < SHORTEST {
        return Vec::new();
    }
    let mut found = Vec::new();
    // Most streams are text as they are, and hold nothing enciphered that is not found as it is.
    let plain = bytes.iter().all(|b| is_text(*b));
    for cipher in [XOR, SHIFT] {
        let mut keys: Vec<u8> = packed_keys(bytes, &cipher);
        if !plain {
            keys.extend(text_keys(bytes, &cipher));
        }
        keys.retain(|key| *key != 0);
        keys.dedup();
        for key in keys.into_iter().take(KEYS) {
            let read = bytes.iter().map(|byte| (cipher.undo)(*byte, key)).collect();
            found.push((cipher.coding, read));
        }
    }
    found
}

/// A way of using a key.
pub struct Cipher {
    pub coding: Coding,
    undo: fn(u8, u8) -> u8,
    /// The key under which the first byte is written as the second.
    pub key: fn(u8, u8) -> u8,
    /// What no key alters of a byte and the next one.
    between: fn(u8, u8) -> u8,
    text: &'static Fitting,
}

pub const XOR: Cipher = Cipher {
    coding: Coding::Xor,
    undo: |byte, key| byte ^ key,
    key: |plain, written| plain ^ written,
    between: |byte, next| next ^ byte,
    text: &const { fitting(true) },
};
pub const SHIFT: Cipher = Cipher {
    coding: Coding::Shift,
    undo: u8::wrapping_sub,
    key: |plain, written| written.wrapping_sub(plain),
    between: |byte, next| next.wrapping_sub(byte),
    text: &const { fitting(false) },
};

/// Keys under which gzip begins anywhere, or zlib where the stream does.
fn packed_keys(bytes: &[u8], cipher: &Cipher) -> Vec<u8> {
    // No writer of a stream sets a flag, which makes it four bytes.
    const GZIP: [u8; 4] = [0x1f, 0x8b, 0x08, 0x00];
    // What no key alters is looked for, so that most places are one comparison.
    let difference = (cipher.between)(GZIP[0], GZIP[1]);
    let under = |window: &[u8], start: &[u8]| {
        let key = (cipher.key)(start[0], window[0]);
        let mut both = window.iter().zip(start);
        both.all(|(byte, is)| (cipher.undo)(*byte, key) == *is)
            .then_some(key)
    };
    let gzip = bytes
        .windows(GZIP.len())
        .filter(|window| (cipher.between)(window[0], window[1]) == difference)
        .filter_map(|window| under(window, &GZIP));
    let zlib = [0x01, 0x5e, 0x9c, 0xda];
    let zlib = zlib
        .iter()
        .filter_map(|second| under(&bytes[..2], &[0x78, *second]));
    gzip.take(KEYS).chain(zlib).collect()
}

/// Keys under which all of it is text, those first under which most of it is what codings use.
fn text_keys(bytes: &[u8], cipher: &Cipher) -> Vec<u8> {
    let undo = cipher.undo;
    let mut fit = [u64::MAX; 4];
    // What is no text under any key has none left after a few bytes.
    for byte in bytes {
        let keys = &cipher.text[usize::from(*byte)];
        fit.iter_mut()
            .zip(keys)
            .for_each(|(fit, keys)| *fit &= keys);
        if fit == [0; 4] {
            return Vec::new();
        }
    }
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let used: Vec<(u8, u32)> = (0..=255u8)
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut keys: Vec<(u32, u8)> = (1..=255u8)
        .filter(|key| fit[usize::from(*key) / 64] >> (key % 64) & 1 == 1)
        .map(|key| {
            let telling = |byte: &u8| is_usual(undo(*byte, key));
            let telling = used.iter().filter(|(byte, _)| telling(byte));
            (telling.map(|(_, count)| count).sum(), key)
        })
        .collect();
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.into_iter().map(|(_, key)| key).take(KEYS).collect()
}

/// For each byte, the keys under which it is text: a bit for each key.
type Fitting = [[u64; 4]; 256];

const fn fitting(xor: bool) -> Fitting {
    let mut all = [[0; 4]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut key = 0;
        while key < 256 {
            let (written, key_byte) = (byte as u8, key as u8);
            let plain = if xor {
                written ^ key_byte
            } else {
                written.wrapping_sub(key_byte)
            };
            if is_text(plain) {
                all[byte][key / 64] |= 1 << (key % 64);
            }
            key += 1;
        }
        byte += 1;
    }
    all
}

fn is_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" %&;:,.=+/-_\\#\"".contains(&byte)
}

const fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::guessed;
    use crate::provenance::Coding;

    #[test]
    fn text_and_packed_bytes_are_read_under_their_key() {
        let text = b"NBSWY3DPFQQHO33SNRSA, and some words after it";
        let gzip = b"ahead \x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03and so on";
        for (plain, key) in [(&text[..], 0xa5), (&gzip[..], 0x5a)] {
            let xor: Vec<u8> = plain.iter().map(|b| b ^ key).collect();
            let shift: Vec<u8> = plain.iter().map(|b| b.wrapping_add(key)).collect();
            assert!(guessed(&xor, None).contains(&(Coding::Xor, plain.to_vec())));
            assert!(guessed(&shift, None).contains(&(Coding::Shift, plain.to_vec())));
        }
        assert_eq!(guessed(text, None), []);
        assert_eq!(guessed(&[0xa5; 40], Some(Coding::Xor)), []);
    }
}
