//! How long calls are waited for. A tool that hangs is not waited for in every call as if it were
//! the first: hundreds of calls would take hours to say the same.

use std::collections::BTreeMap;
use std::time::Duration;

/// Calls in a row without an answer, after which little more is expected of a tool.
const IN_A_ROW: u32 = 2;
/// What further calls of it get, as a share of the whole and at least. It is still long for an
/// answer: who answers again is waited for as before.
const SHARE: u32 = 8;
const AT_LEAST: Duration = Duration::from_secs(1);

/// What tools have been worth waiting for.
pub struct Patience {
    whole: Duration,
    /// Calls of a tool in a row that had no answer, and whether it was ever hurried.
    silent: BTreeMap<String, (u32, bool)>,
}

impl Patience {
    /// At first every call may take the whole time.
    pub fn new(whole: Duration) -> Self {
        Self {
            whole,
            silent: BTreeMap::new(),
        }
    }

    /// How long the next call of a tool may take.
    pub fn limit(&mut self, tool: &str) -> Duration {
        match self.silent.get_mut(tool) {
            Some((IN_A_ROW.., hurried)) => {
                *hurried = true;
                self.least()
            }
            _ => self.whole,
        }
    }

    fn least(&self) -> Duration {
        (self.whole / SHARE).max(AT_LEAST).min(self.whole)
    }

    /// A call of the tool has ended, answered in time or not.
    pub fn ended(&mut self, tool: &str, answered: bool) {
        match self.silent.get_mut(tool) {
            Some((silent, _)) if answered => *silent = 0,
            Some((silent, _)) => *silent += 1,
            None if answered => {}
            None => {
                self.silent.insert(tool.to_owned(), (1, false));
            }
        }
    }

    /// What a reader should know of calls that were given less time.
    pub fn note(&self) -> Option<String> {
        let hurried = self.silent.iter().filter(|(_, (_, hurried))| *hurried);
        let (whole, least) = (self.whole.as_secs_f64(), self.least().as_secs_f64());
        let names: Vec<String> = hurried.map(|(tool, _)| format!("`{tool}`")).collect();
        (!names.is_empty() && least < whole).then(|| {
            let names = names.join(", ");
            format!(
                "{names} did not answer {IN_A_ROW} calls in a row within {whole} s: after that calls were waited for {least} s, until one was answered",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_is_waited_for_less_until_it_answers() {
        let whole = Duration::from_secs(32);
        let mut patience = Patience::new(whole);
        let mut call = |tool: &str, answered: bool| {
            let limit = patience.limit(tool);
            patience.ended(tool, answered);
            limit.as_secs()
        };
        let limits: Vec<u64> = [false, true, false, false, false, true, false, false, false]
            .into_iter()
            .map(|answered| call("hangs", answered))
            .collect();
        assert_eq!(limits, [32, 32, 32, 32, 4, 4, 32, 32, 4]);
        assert_eq!((call("other", false), call("other", true)), (32, 32));
        let note = patience.note().unwrap();
        assert!(note.starts_with("`hangs` did not answer 2 calls"), "{note}");
        let mut short = Patience::new(Duration::from_millis(500));
        for _ in 0..4 {
            assert_eq!(short.limit("x"), Duration::from_millis(500));
            short.ended("x", false);
        }
    }
}
