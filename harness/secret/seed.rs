//! One number decides everything that turncoat makes up.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};

/// The run's seed. Two runs with the same seed and the same inputs make the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A stream of its own for `label`. Streams are independent, so a part that draws
    /// more numbers than before does not shift the values of any other part.
    pub fn stream(self, label: &str) -> Rng {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(label.as_bytes());
        Rng(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

/// A seeded stream of numbers. The algorithm is fixed (ChaCha8), so saved seeds stay valid.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`; `bound` of 0 counts as 1. The bias of the multiplication is below 2⁻³².
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound.max(1))) >> 64) as u64
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// `n` characters drawn from `alphabet` (ASCII).
    pub fn text(&mut self, n: usize, alphabet: &[u8]) -> String {
        (0..n).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn streams_are_independent_and_repeatable() {
        let draw = |label| Seed(7).stream(label).next_u64();
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        assert_ne!(Seed(8).stream("a").next_u64(), draw("a"));
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Seed(1).stream("x");
        assert!((0..10_000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.below(0), 0);
    }
}
