//! A set of call numbers, kept as ranges: a behaviour seen in every call of a long run costs
//! no more than one seen once.

use std::fmt;
use std::str::FromStr;

/// Ranges kept of one set; a set with more holes forgets its oldest, keeping its count right.
const MAX_RANGES: usize = 256;

/// Call numbers in the order they were added, which must not go down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Calls {
    /// Inclusive, ascending, apart.
    ranges: Vec<(u32, u32)>,
    count: u32,
}

impl Calls {
    /// The first so many calls.
    pub fn first(count: u32) -> Self {
        let ranges = count.checked_sub(1).map(|last| (0, last));
        Self {
            ranges: ranges.into_iter().collect(),
            count,
        }
    }

    /// Adds a call; false if it was the last one added already.
    pub fn add(&mut self, call: u32) -> bool {
        match self.ranges.last_mut() {
            Some((_, last)) if *last >= call => return false,
            Some((_, last)) if *last + 1 == call => *last = call,
            _ => {
                if self.ranges.len() == MAX_RANGES {
                    self.ranges.drain(..MAX_RANGES / 4);
                }
                self.ranges.push((call, call));
            }
        }
        self.count += 1;
        true
    }

    /// How many calls.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn contains(&self, call: u32) -> bool {
        self.ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&call))
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(from, to)| *from..=*to)
    }

    /// Whether any call is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.ranges
            .iter()
            .any(|(a, b)| other.ranges.iter().any(|(c, d)| a <= d && c <= b))
    }

    pub fn union(&self, other: &Self) -> Self {
        let mut ranges: Vec<(u32, u32)> =
            self.ranges.iter().chain(&other.ranges).copied().collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, last)) if from <= last.saturating_add(1) => *last = (*last).max(to),
                _ => merged.push((from, to)),
            }
        }
        merged.truncate(MAX_RANGES);
        let count = merged.iter().map(|(from, to)| to - from + 1).sum();
        Self {
            ranges: merged,
            count,
        }
    }

    /// Calls of `self` that are not in `other`. Costs what the ranges are, not what is in them: a
    /// snapshot may name any number.
    pub fn minus(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        for &(from, to) in &self.ranges {
            let mut left = Some(from);
            for &(taken, until) in &other.ranges {
                let Some(start) = left.filter(|start| *start <= to) else {
                    break;
                };
                if until < start || taken > to {
                    continue;
                }
                if taken > start {
                    ranges.push((start, taken - 1));
                }
                left = until.checked_add(1);
            }
            ranges.extend(left.filter(|start| *start <= to).map(|start| (start, to)));
        }
        ranges.truncate(MAX_RANGES);
        let count = ranges.iter().map(|(from, to)| to - from + 1).sum();
        Self { ranges, count }
    }
}

impl FromIterator<u32> for Calls {
    fn from_iter<I: IntoIterator<Item = u32>>(calls: I) -> Self {
        let mut out = Self::default();
        for call in calls {
            out.add(call);
        }
        out
    }
}

/// `0-3,7,9-12`
impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (from, to)) in self.ranges.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            if from == to {
                write!(f, "{comma}{from}")?;
            } else {
                write!(f, "{comma}{from}-{to}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Calls {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut out = Self::default();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (from, to): (u32, u32) = (from.parse().map_err(drop)?, to.parse().map_err(drop)?);
            let in_order = out.ranges.last().is_none_or(|(_, last)| *last < from);
            // As many calls as there are numbers could not be counted.
            if from > to || to == u32::MAX || !in_order || out.ranges.len() == MAX_RANGES {
                return Err(());
            }
            out.count += to - from + 1;
            out.ranges.push((from, to));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn as_many_as_there_are_numbers_cost_nothing() {
        assert!("0-4294967295".parse::<Calls>().is_err());
        let all: Calls = "0-4294967294".parse().unwrap();
        assert_eq!((all.count(), &all), (u32::MAX, &Calls::first(u32::MAX)));
        let halves = ["0-2147483647", "2147483648-4294967294"].map(|half| half.parse().unwrap());
        let [low, high]: [Calls; 2] = halves;
        assert_eq!((low.union(&high), all.minus(&low)), (all.clone(), high));
        assert_eq!(all.minus(&all), Calls::default());
        let holed = all.minus(&"5,7-9".parse().unwrap());
        assert_eq!(holed.to_string(), "0-4,6,10-4294967294");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_like_a_set(a: BTreeSet<u8>, b: BTreeSet<u8>) {
            let make = |set: &BTreeSet<u8>| -> Calls { set.iter().map(|n| u32::from(*n)).collect() };
            let (x, y) = (make(&a), make(&b));
            prop_assert_eq!(x.count() as usize, a.len());
            prop_assert_eq!(x.to_string().parse(), Ok(x.clone()));
            let list = |calls: Calls| calls.iter().map(|n| n as u8).collect::<BTreeSet<_>>();
            prop_assert_eq!(list(x.union(&y)), &a | &b);
            prop_assert_eq!(list(x.minus(&y)), &a - &b);
            prop_assert_eq!(x.meets(&y), !a.is_disjoint(&b));
        }

        #[test]
        fn the_first_are_those_up_to_a_number(n in 0u32..200) {
            prop_assert_eq!(Calls::first(n), (0..n).collect());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,-]{0,20}") {
            let _ = text.parse::<Calls>();
        }
    }
}
