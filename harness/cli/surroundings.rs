//! Where the program was started. The only reader of the environment and of what the standard
//! streams are.

use anstream::{AutoStream, ColorChoice};
use std::io::{self, IsTerminal as _};

/// Columns where there is no terminal to measure.
const WIDTH: usize = 100;

#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Whether a CI system runs this: nothing is written to `snapshots/`.
    pub ci: bool,
    pub cores: usize,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours fit stdout and stderr: terminals that know them, and no NO_COLOR.
    pub colour: (bool, bool),
    pub stdin_is_terminal: bool,
    pub stderr_is_terminal: bool,
}

impl Surroundings {
    pub fn here() -> Self {
        let measured = terminal_size::terminal_size();
        let width = measured.map_or(WIDTH, |(columns, _)| usize::from(columns.0));
        let fits = |choice| choice != ColorChoice::Never;
        Self {
            ci: is_ci(std::env::var_os("CI").as_deref().and_then(|ci| ci.to_str())),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            width: width.max(40),
            colour: (
                fits(AutoStream::choice(&io::stdout())),
                fits(AutoStream::choice(&io::stderr())),
            ),
            stdin_is_terminal: io::stdin().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
        }
    }
}

/// CI systems set `CI` to `true` or `1`.
fn is_ci(variable: Option<&str>) -> bool {
    !matches!(variable, None | Some("" | "0" | "false"))
}

#[cfg(test)]
mod tests {
    use super::is_ci;

    #[test]
    fn ci_is_said_by_its_variable() {
        assert!(is_ci(Some("true")) && is_ci(Some("1")));
        assert!(!is_ci(None) && !is_ci(Some("false")) && !is_ci(Some("")));
    }
}
