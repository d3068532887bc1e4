//! Which combinations the n-th call of a tool tries.
//!
//! Call 0 gives what is required, call 1 everything, the later ones cover pairs. A covering array
//! built for a known set of properties would move every row when a property is added, so each
//! property's column is a function of its own path: within each block of four calls it is one of
//! the three balanced columns of an orthogonal array, possibly inverted. Two properties that meet
//! on the same column in one block part in a later one.

use crate::secret::Seed;

#[derive(Clone, Debug)]
pub(super) struct Plan {
    seed: Seed,
    tool: String,
    nth: u32,
}

impl Plan {
    pub(super) fn new(seed: Seed, tool: &str, nth: u32) -> Self {
        Self {
            seed,
            tool: tool.to_owned(),
            nth,
        }
    }

    pub(super) fn nth(&self) -> u32 {
        self.nth
    }

    /// Whether the optional property at `path` is given.
    pub(super) fn present(&self, path: &str) -> bool {
        let Some(row) = self.nth.checked_sub(2) else {
            return self.nth == 1;
        };
        let hash = self.hash("present", path, row / 4);
        let column = 1 + (hash % 3) as u32;
        let inverted = hash >> 32 & 1 == 1;
        ((column & (row % 4)).count_ones() % 2 == 1) != inverted
    }

    /// One of `options`, each once in that many calls, in an order that changes with every round.
    pub(super) fn cover(&self, path: &str, options: u64) -> u64 {
        let options = options.max(1);
        let (round, step) = (u64::from(self.nth) / options, u64::from(self.nth) % options);
        let hash = self.hash("cover", path, round as u32);
        let stride = (1..options)
            .map(|n| (hash % options + n) % options)
            .find(|stride| coprime(*stride, options))
            .unwrap_or(1);
        let offset = (hash >> 32) % options;
        ((u128::from(step) * u128::from(stride) + u128::from(offset)) % u128::from(options)) as u64
    }

    fn hash(&self, what: &str, path: &str, round: u32) -> u64 {
        let label = format!("plan\0{}\0{what}\0{path}\0{round}", self.tool);
        self.seed.stream(&label).next_u64()
    }
}

fn coprime(a: u64, b: u64) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(nth: u32) -> Plan {
        Plan::new(Seed(7), "tool", nth)
    }

    #[test]
    fn all_pairs_of_twenty_properties_are_covered_within_a_run() {
        let paths: Vec<_> = (0..20).map(|n| format!("property{n}")).collect();
        for (i, a) in paths.iter().enumerate() {
            for b in &paths[..i] {
                let seen: BTreeSet<_> = (0..64)
                    .map(|nth| (plan(nth).present(a), plan(nth).present(b)))
                    .collect();
                assert_eq!(seen.len(), 4, "{a} {b}");
            }
        }
    }

    #[test]
    fn every_option_comes_once_in_a_round() {
        for options in 1..40 {
            let seen: BTreeSet<_> = (0..options as u32)
                .map(|nth| plan(nth).cover("x", options))
                .collect();
            assert_eq!(seen.len() as u64, options);
        }
    }
}
