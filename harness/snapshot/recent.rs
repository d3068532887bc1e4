//! What was noted of the last calls: a long run has more calls than memory should keep.

use std::collections::VecDeque;

/// Calls remembered. An effect belongs to the call in progress when it was seen; it may be told a
/// moment later, never this much.
const KEPT: usize = 1024;

/// A value for each call, by the call's number from 0; old ones are forgotten.
#[derive(Debug)]
pub struct Recent<T> {
    count: u32,
    last: VecDeque<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            count: 0,
            last: VecDeque::with_capacity(KEPT),
        }
    }
}

impl<T> Recent<T> {
    /// Notes the next call; its number.
    pub fn push(&mut self, value: T) -> u32 {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(value);
        self.count += 1;
        self.count - 1
    }

    /// How many calls there were.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What was noted of a call; nothing of one too long ago, or yet to come.
    pub fn get(&self, call: u32) -> Option<&T> {
        let back = self.count.checked_sub(call)? as usize;
        self.last.get(self.last.len().checked_sub(back)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_calls_are_known_by_their_number() {
        let mut recent = Recent::default();
        assert_eq!(recent.get(0), None);
        for call in 0..3000 {
            assert_eq!(recent.push(call * 2), call);
        }
        assert_eq!(recent.count(), 3000);
        assert_eq!(recent.get(2999), Some(&5998));
        assert_eq!(
            recent.get(3000 - KEPT as u32),
            Some(&(2 * (3000 - KEPT as u32)))
        );
        assert_eq!(recent.get(3000 - KEPT as u32 - 1), None);
        assert_eq!(recent.get(3000), None);
        assert_eq!(recent.get(u32::MAX), None);
    }
}
