//! Made-up values for replies. Every one is a function of the seed and of what it belongs to,
//! and unlike anything else in the run, so that it is recognised where it turns up again.

use crate::secret::{Rng, Seed};
use time::OffsetDateTime;

const HEX: &[u8] = b"0123456789abcdef";
/// Without the characters that people mix up; 12 of them carry 60 bits.
const TOKEN: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
const TOKEN_LEN: usize = 12;
/// 2025-01-01T00:00:00Z: what upstreams hold is older than any run.
const FIRST_SECOND: u64 = 1_735_689_600;
const SECONDS_A_DAY: u64 = 86_400;

/// The values of one thing, such as an object of an upstream or a reply, each under a label.
#[derive(Clone, Debug)]
pub(in crate::internet) struct Made {
    seed: Seed,
    what: String,
}

impl Made {
    pub fn new(seed: Seed, what: impl Into<String>) -> Self {
        Self {
            seed,
            what: what.into(),
        }
    }

    /// A part of this thing, or a thing inside it.
    pub fn part(&self, name: impl std::fmt::Display) -> Self {
        Self::new(self.seed, format!("{}\0{name}", self.what))
    }

    pub fn rng(&self, label: &str) -> Rng {
        self.part(label).seed_stream()
    }

    fn seed_stream(&self) -> Rng {
        self.seed.stream(&self.what)
    }

    /// Twelve lower-case letters and digits.
    pub fn token(&self, label: &str) -> String {
        self.rng(label).text(TOKEN_LEN, TOKEN)
    }

    /// `n` letters and digits, for credentials.
    pub fn long_token(&self, label: &str, n: usize) -> String {
        self.rng(label).text(n, TOKEN)
    }

    /// A version 4 UUID (RFC 9562, section 5.4).
    pub fn uuid(&self, label: &str) -> String {
        let mut rng = self.rng(label);
        let mut hex = |n| rng.text(n, HEX);
        let (a, b, c, d, e) = (hex(8), hex(4), hex(3), hex(3), hex(12));
        format!("{a}-{b}-4{c}-a{d}-{e}")
    }

    /// A number in `from..to`.
    pub fn number(&self, label: &str, from: u64, to: u64) -> u64 {
        from + self.rng(label).below(to.saturating_sub(from))
    }

    /// A time in the first half of 2025.
    pub fn moment(&self, label: &str) -> Moment {
        let mut rng = self.rng(label);
        Moment {
            seconds: FIRST_SECOND + rng.below(180 * SECONDS_A_DAY),
            ticks: rng.below(10_000_000),
        }
    }
}

/// A point in time in UTC, to 100 nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::internet) struct Moment {
    seconds: u64,
    ticks: u64,
}

impl Moment {
    /// This moment and so many seconds.
    pub fn plus(self, seconds: u64) -> Self {
        Self {
            seconds: self.seconds.saturating_add(seconds),
            ..self
        }
    }

    /// `2025-03-14`.
    pub fn date(self) -> String {
        let t = self.parts();
        let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// RFC 3339 to the second: `2025-03-14T09:26:53Z`.
    pub fn seconds(self) -> String {
        format!("{}Z", self.clock())
    }

    /// RFC 3339 with seven digits, as .NET writes it: `2025-03-14T09:26:53.5897932Z`.
    pub fn ticks(self) -> String {
        format!("{}.{:07}Z", self.clock(), self.ticks)
    }

    fn clock(self) -> String {
        let t = self.parts();
        let (hour, minute, second) = (t.hour(), t.minute(), t.second());
        format!("{}T{hour:02}:{minute:02}:{second:02}", self.date())
    }

    /// Beyond the year 9999 the epoch stands in: nothing here gets near it.
    fn parts(self) -> OffsetDateTime {
        i64::try_from(self.seconds)
            .ok()
            .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_repeatable_and_differ_by_label() {
        let made = Made::new(Seed(7), "x");
        assert_eq!(made.token("a"), Made::new(Seed(7), "x").token("a"));
        assert_ne!(made.token("a"), made.token("b"));
        assert_ne!(made.token("a"), made.part("y").token("a"));
        assert_eq!(made.uuid("id").len(), 36);
    }

    #[test]
    fn moments_are_written_as_upstreams_write_them() {
        let moment = Moment {
            seconds: 1_741_944_413,
            ticks: 5_897_932,
        };
        assert_eq!(moment.ticks(), "2025-03-14T09:26:53.5897932Z");
        assert_eq!(moment.plus(60).seconds(), "2025-03-14T09:27:53Z");
        assert_eq!(moment.plus(u64::MAX).date(), "1970-01-01");
    }
}
