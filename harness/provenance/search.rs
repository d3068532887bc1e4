//! Finds many known texts in one text at once, whatever the case of their ASCII letters. Cheap
//! to make, because every call brings new texts: a table of their first bytes instead of an
//! automaton with a state for every byte.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

/// Shortest text that can be looked for.
pub const SHORTEST: usize = 5;

/// Bytes that may be compared in vain for each byte of a text.
const PATIENCE: usize = 16;

type Head = [u8; SHORTEST];

/// Texts to be found.
pub struct Search {
    texts: Vec<String>,
    /// Texts by how they begin, the longest first.
    heads: HashMap<Head, Vec<u32>>,
    /// A bit for every hash of the first three bytes of a text: most places need no other look.
    gate: Box<[u64; 1024]>,
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl Search {
    /// Texts shorter than [`SHORTEST`] are never found.
    pub fn new(texts: Vec<String>) -> Self {
        let mut heads: HashMap<Head, Vec<u32>> = HashMap::new();
        let mut gate = Box::new([0; 1024]);
        for (index, text) in texts.iter().enumerate() {
            let Some(head) = head(text.as_bytes()) else {
                continue;
            };
            let bit = gate_of(text.as_bytes());
            gate[bit / 64] |= 1 << (bit % 64);
            heads.entry(head).or_default().push(index as u32);
        }
        for alike in heads.values_mut() {
            // Stable: of equal texts the first one counts.
            alike.sort_by_key(|index| std::cmp::Reverse(texts[*index as usize].len()));
        }
        Self {
            texts,
            heads,
            gate,
            automaton: OnceLock::new(),
        }
    }

    /// Where known texts stand in `text`, and which: leftmost first, the longest of those that
    /// begin at one place, without overlaps.
    pub fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        // A text may be made to begin like a known one at every place; an automaton does not mind.
        let patience = PATIENCE * text.len() + 4096;
        self.by_heads(text.as_bytes(), patience)
            .unwrap_or_else(|| self.by_automaton(text))
    }

    fn by_heads(&self, text: &[u8], mut patience: usize) -> Option<Vec<(Range<usize>, usize)>> {
        let mut found = Vec::new();
        if self.heads.is_empty() {
            return Some(found);
        }
        let mut at = 0;
        while let Some(head) = head(&text[at..]) {
            let bit = gate_of(&text[at..]);
            let alike = match self.gate[bit / 64] >> (bit % 64) & 1 {
                0 => None,
                _ => self.heads.get(&head),
            };
            let mut end = None;
            for index in alike.into_iter().flatten() {
                let known = self.texts[*index as usize].as_bytes();
                let same = known
                    .iter()
                    .zip(&text[at..])
                    .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
                    .count();
                if same == known.len() {
                    end = Some(at + same);
                    found.push((at..at + same, *index as usize));
                    break;
                }
                patience = patience.checked_sub(same)?;
            }
            at = end.unwrap_or(at + 1);
        }
        Some(found)
    }

    fn by_automaton(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let automaton = self.automaton.get_or_init(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .kind(Some(AhoCorasickKind::NoncontiguousNFA))
                .ascii_case_insensitive(true)
                .build(&self.texts)
                .ok()
        });
        let hits = automaton
            .iter()
            .flat_map(|automaton| automaton.find_iter(text));
        hits.map(|hit| (hit.range(), hit.pattern().as_usize()))
            .collect()
    }
}

fn head(text: &[u8]) -> Option<Head> {
    let mut head: Head = *text.first_chunk()?;
    head.make_ascii_lowercase();
    Some(head)
}

/// Which bit of the gate stands for the first three bytes.
fn gate_of(text: &[u8]) -> usize {
    let byte = |i: usize| usize::from(text[i].to_ascii_lowercase());
    (byte(0) | byte(1) << 8 ^ byte(2) << 5) & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(texts: &[&str], text: &str) -> Vec<(usize, usize, usize)> {
        let search = Search::new(texts.iter().map(|text| (*text).to_owned()).collect());
        let hits = search.find(text).into_iter();
        hits.map(|(range, index)| (range.start, range.end, index))
            .collect()
    }

    #[test]
    fn the_leftmost_and_longest_is_found_in_any_case() {
        let texts = ["hello", "hello world", "world peace", "HELLO"];
        assert_eq!(found(&texts, "say Hello WORLD peace"), [(4, 15, 1)]);
        assert_eq!(found(&texts, "hellohello!"), [(0, 5, 0), (5, 10, 0)]);
        assert_eq!(found(&texts, "hell"), []);
        assert_eq!(found(&[], "anything"), []);
    }

    #[test]
    fn a_text_made_to_be_slow_gives_the_same_answer() {
        let known = format!("{}b", "a".repeat(4000));
        let text = format!("{}{known}", "a".repeat(100_000));
        let search = Search::new(vec![known.clone()]);
        assert!(
            search
                .by_heads(text.as_bytes(), PATIENCE * text.len())
                .is_none()
        );
        assert_eq!(search.find(&text), [(100_000..104_001, 0)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn it_finds_what_an_automaton_finds(
            texts in proptest::collection::vec("[abAé]{5,9}", 0..8),
            text in "[abABéx]{0,80}",
        ) {
            let search = Search::new(texts);
            let by_heads = search.by_heads(text.as_bytes(), usize::MAX).unwrap();
            prop_assert_eq!(by_heads, search.by_automaton(&text));
        }
    }
}
