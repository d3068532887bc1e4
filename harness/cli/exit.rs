//! How the program ends. The one place where outcomes become numbers.

use super::args::FailOn;
use crate::verdict::Verdict;
use std::process::ExitCode;

/// The exit statuses, which scripts and CI systems rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Nothing beyond what the policy allows, and the exercise reached its floor.
    Passed = 0,
    /// The policy failed: behaviour changed or, without a baseline, something is unexplained.
    Failed = 1,
    /// A usage, configuration or scenario error: nothing was run.
    Usage = 2,
    /// The server did not start, the sandbox could not be built, or too few calls succeeded.
    /// Also where turncoat itself failed: what was not seen never passes.
    Inconclusive = 3,
}

impl Exit {
    pub fn of(verdict: Verdict, fail_on: FailOn) -> Self {
        match (verdict, fail_on) {
            (Verdict::Unchanged, FailOn::Change | FailOn::Suspicious) => Self::Passed,
            (Verdict::Changed, FailOn::Suspicious) => Self::Passed,
            (Verdict::Changed, FailOn::Change) => Self::Failed,
            (Verdict::Suspicious, FailOn::Change | FailOn::Suspicious) => Self::Failed,
            (Verdict::Inconclusive, FailOn::Change | FailOn::Suspicious) => Self::Inconclusive,
        }
    }

    /// Of several outcomes the one to end with: a failure is known, whatever else is not; then
    /// what could not be run, then what could not be concluded.
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Passed => 0,
            Self::Inconclusive => 1,
            Self::Usage => 2,
            Self::Failed => 3,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }

    pub fn status(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.status().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_status() {
        let table = [
            (Verdict::Unchanged, 0, 0),
            (Verdict::Changed, 0, 1),
            (Verdict::Suspicious, 1, 1),
            (Verdict::Inconclusive, 3, 3),
        ];
        for (verdict, suspicious, change) in table {
            assert_eq!(Exit::of(verdict, FailOn::Suspicious).status(), suspicious);
            assert_eq!(Exit::of(verdict, FailOn::Change).status(), change);
        }
    }

    #[test]
    fn of_several_the_worst_counts() {
        use Exit::*;
        assert_eq!(Passed.worse(Inconclusive), Inconclusive);
        assert_eq!(Inconclusive.worse(Failed), Failed);
        assert_eq!(Failed.worse(Passed), Failed);
    }
}
