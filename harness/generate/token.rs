//! The mark a made-up text carries so that it is known again wherever it turns up.

/// Length of a mark where the schema leaves room for it.
pub(super) const FULL: usize = 10;
/// Shortest text that still counts as a mark; below it chance meetings become likely.
pub(super) const LEAST: usize = 7;

// No vowels, so that no word comes out of it; no `l`, `o`, `0`, `1`, which fonts and people mix up.
const FIRST: &[u8] = b"bcdfghjkmnpqrstvwxz";
const LATER: &[u8] = b"bcdfghjkmnpqrstvwxz23456789";
const DIGITS: &[u8] = b"23456789";

/// The mark for `number` at `path`: a lower-case letter, then letters and digits, at least two of
/// them digits. The path is mixed in, so that shrinking the numbers never makes two marks alike.
pub(super) fn mark(number: u64, path: &str) -> String {
    let mut state = path.bytes().fold(number ^ 0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut pick = |from: &[u8]| {
        state = mix(state);
        char::from(from[(state % from.len() as u64) as usize])
    };
    (0..FULL)
        .map(|i| match i {
            0 => pick(FIRST),
            2 | 5 => pick(DIGITS),
            _ => pick(LATER),
        })
        .collect()
}

/// The finaliser of SplitMix64, a bijection: different numbers stay different.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_distinct_and_look_alike() {
        let mut seen = std::collections::HashSet::new();
        for number in 0..20_000 {
            let mark = mark(number, "to");
            assert_eq!(mark.len(), FULL);
            assert!(mark.starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(seen.insert(mark));
        }
        assert_ne!(mark(0, "to"), mark(0, "cc"));
    }
}
