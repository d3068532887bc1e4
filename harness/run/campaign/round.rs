//! What each round of a campaign is: its seed, its circumstances and its size, all drawn from the
//! campaign's seed and the round's number, so that a campaign that goes on is the same campaign.

use crate::run::condition::{Condition, Conditions, Worlds};
use crate::secret::Seed;
use std::time::Duration;

/// How long a round should take, and the most calls of one.
const ROUND: Duration = Duration::from_secs(15);
const MOST: u32 = 50_000;
/// Conditions drawn for one round, at most.
const DRAWN: u64 = 4;

/// One round.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub seed: Seed,
    pub calls: u32,
    pub worlds: Worlds,
}

impl Round {
    /// The round with this number, from 0: the campaign's own seed in the ordinary world; then in
    /// all others as `diff` does it; then by turns the ordinary one and a few conditions.
    pub fn nth(seed: Seed, nth: u64, calls: u32) -> Self {
        let mut draw = seed.stream(&format!("round {nth}"));
        let worlds = match nth {
            1 => Worlds::OrdinaryAndOthers,
            nth if nth % 2 == 0 => Worlds::Only(Conditions::default()),
            _ => {
                let many = 1 + draw.below(DRAWN);
                let all = Condition::ALL;
                let one = |_| all[draw.below(all.len() as u64) as usize];
                Worlds::Only((0..many).map(one).collect())
            }
        };
        let times = match &worlds {
            Worlds::Only(conditions) => conditions.times(),
            // It is in a world of as many calls that what differs is looked into.
            Worlds::OrdinaryAndOthers => 4,
        };
        let seed = match nth {
            0 => seed,
            _ => Seed(draw.next_u64() >> 1),
        };
        Self {
            seed,
            calls: (calls / times).max(1),
            worlds,
        }
    }

    pub fn is_ordinary(&self) -> bool {
        matches!(&self.worlds, Worlds::Only(conditions) if conditions.is_empty())
    }

    pub fn is_in_one_world(&self) -> bool {
        matches!(&self.worlds, Worlds::Only(_))
    }

    /// The same where calls are given: neither their number nor their order is a circumstance.
    pub fn with_calls_alone(&self) -> Self {
        let worlds = match &self.worlds {
            Worlds::Only(conditions) => {
                let conditions = conditions.without(Condition::Calls);
                Worlds::Only(conditions.without(Condition::Order))
            }
            Worlds::OrdinaryAndOthers => Worlds::Only(Conditions::default()),
        };
        Self {
            worlds,
            ..self.clone()
        }
    }
}

/// How many calls the next round makes after one of so many that took so long.
pub fn next(calls: u32, took: Duration) -> u32 {
    let times = ROUND.as_secs_f64() / took.as_secs_f64().max(0.1);
    // A round with a difference takes as many runs again: no reason to shrink by more than half.
    let calls = f64::from(calls) * times.clamp(0.5, 4.0);
    (calls as u32).clamp(16, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_a_function_of_seed_and_number() {
        let round = |nth| Round::nth(Seed(7), nth, 400);
        for nth in 0..40 {
            assert_eq!(round(nth), round(nth));
            assert!(nth < 2 || round(nth).seed != round(nth - 1).seed);
            assert_eq!(nth % 2 == 0, round(nth).is_ordinary());
        }
        assert_eq!((round(0).seed, round(0).calls), (Seed(7), 400));
        assert!(!round(1).is_in_one_world());
        let drawn: Vec<Round> = (3..40).step_by(2).map(round).collect();
        assert!(drawn.iter().any(|round| round.calls == 100));
        assert!(drawn.iter().any(|round| round.calls == 400));
    }

    #[test]
    fn rounds_grow_to_what_fits_and_no_further() {
        assert_eq!(next(100, Duration::from_secs(1)), 400);
        assert_eq!(next(100, Duration::from_secs(15)), 100);
        assert_eq!(next(100, Duration::from_secs(900)), 50);
        assert_eq!(next(50_000, Duration::ZERO), MOST);
        assert_eq!(next(0, Duration::from_secs(15)), 16);
    }
}
