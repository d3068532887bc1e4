//! Many known byte strings, found in a stream by any eight neighbouring bytes of theirs: whole,
//! or the longest stretch that is there.

use std::collections::HashMap;
use std::ops::Range;

/// Bytes that must be there before anything is compared.
pub const WINDOW: usize = 8;
/// Stretches of one text that are told of one stream.
const MOST: u8 = 16;

/// A stretch of a known text in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Index of the text, in the order in which they were given.
    pub text: usize,
    /// What of the text is there.
    pub part: Range<usize>,
    /// Where in the stream.
    pub at: usize,
}

/// The texts and where each of their windows stands.
pub struct Table {
    texts: Vec<(Vec<u8>, Range<usize>)>,
    /// Window, text, position; sorted.
    windows: Vec<(u64, u32, u32)>,
    /// Two bits in one word for every window: most places of a stream need no other look.
    gate: Vec<u64>,
    shift: u32,
}

impl Table {
    /// Each text with the range of it that is worth finding: windows outside it are not looked
    /// for, though a stretch may reach into them.
    pub fn new(texts: Vec<(Vec<u8>, Range<usize>)>) -> Self {
        let mut windows = Vec::new();
        for ((text, telling), index) in texts.iter().zip(0u32..) {
            let telling = text.get(telling.clone()).unwrap_or_default();
            let first = texts[index as usize].1.start as u32;
            for (window, at) in telling.windows(WINDOW).zip(first..) {
                windows.push((key(window), index, at));
            }
        }
        windows.sort_unstable();
        let words = windows.len().div_ceil(4).next_power_of_two();
        let words = words.clamp(2, 1 << 18);
        let shift = 64 - words.trailing_zeros();
        let mut closed = vec![0; words];
        for (window, ..) in &windows {
            let (word, bits) = gate(*window, shift);
            closed[word] |= bits;
        }
        Self {
            texts,
            windows,
            gate: closed,
            shift,
        }
    }

    /// Every stretch of a text in a stream of `len` bytes, as long as it goes; in the order of the
    /// stream, of which `byte` tells each.
    pub fn find(&self, len: usize, byte: impl Fn(usize) -> u8) -> Vec<Hit> {
        let mut hits = Vec::new();
        if self.windows.is_empty() {
            return hits;
        }
        let mut told: HashMap<u32, u8> = HashMap::new();
        let mut key = 0;
        for end in 0..len {
            key = key << 8 | u64::from(byte(end));
            let Some(at) = (end + 1).checked_sub(WINDOW) else {
                continue;
            };
            let (word, bits) = gate(key, self.shift);
            if self.gate[word] & bits != bits {
                continue;
            }
            let from = self.windows.partition_point(|known| known.0 < key);
            for (_, index, pos) in self.windows[from..].iter().take_while(|w| w.0 == key) {
                let (text, telling) = &self.texts[*index as usize];
                let pos = *pos as usize;
                // The window before was there as well: this stretch has been told.
                if pos > telling.start && at > 0 && byte(at - 1) == text[pos - 1] {
                    continue;
                }
                let told = told.entry(*index).or_default();
                if *told >= MOST {
                    continue;
                }
                *told += 1;
                let before = text[..pos].iter().rev().zip((0..at).rev());
                let back = before.take_while(|(a, b)| **a == byte(*b)).count();
                let after = text[pos..].iter().zip(at..len);
                let on = after.take_while(|(a, b)| **a == byte(*b)).count();
                hits.push(Hit {
                    text: *index as usize,
                    part: pos - back..pos + on,
                    at: at - back,
                });
            }
        }
        hits
    }
}

fn key(window: &[u8]) -> u64 {
    window
        .iter()
        .fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// The word of a window, and its bits there.
fn gate(key: u64, shift: u32) -> (usize, u64) {
    // Fibonacci hashing: the upper bits depend on all of the key.
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (one, other) = (hash >> 28 & 63, hash >> 34 & 63);
    ((hash >> shift) as usize, 1 << one | 1 << other)
}

#[cfg(test)]
mod tests {
    use super::{Hit, Table};

    fn table(texts: &[&str]) -> Table {
        let whole = |text: &&str| (text.as_bytes().to_vec(), 0..text.len());
        Table::new(texts.iter().map(whole).collect())
    }

    fn find(table: &Table, stream: &[u8]) -> Vec<Hit> {
        table.find(stream.len(), |at| stream[at])
    }

    #[test]
    fn a_stretch_is_told_once_and_as_long_as_it_goes() {
        let table = table(&["k7w3xq9zhd5m", "other"]);
        let hit = |part, at| Hit { text: 0, part, at };
        assert_eq!(find(&table, b"..k7w3xq9zhd5m.."), [hit(0..12, 2)]);
        assert_eq!(find(&table, b"w3xq9zhd5m"), [hit(2..12, 0)]);
        assert_eq!(
            find(&table, b"k7w3xq9z-xq9zhd5m"),
            [hit(0..8, 0), hit(4..12, 9)]
        );
        assert_eq!(find(&table, b"k7w3xq9 other"), []);
    }

    #[test]
    fn what_everybody_knows_is_no_find_alone_and_belongs_to_one() {
        let table = Table::new(vec![(b"ghp_prefix_k7w3xq9zhd5m".to_vec(), 11..23)]);
        assert_eq!(find(&table, b"ghp_prefix_k7w"), []);
        assert_eq!(find(&table, b"ghp_prefix_k7w3xq9zhd5m")[0].part, 0..23);
    }

    #[test]
    fn a_stream_full_of_one_text_is_told_so_often_and_hides_no_other() {
        let table = table(&["k7w3xq9zhd5m", "p4n8v2c6b1x5"]);
        let stream = format!("{}p4n8v2c6b1x5", "k7w3xq9zhd5m ".repeat(1000));
        let hits = find(&table, stream.as_bytes());
        assert_eq!(hits.len(), 17);
        assert_eq!(hits[16].text, 1);
    }
}
