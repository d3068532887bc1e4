//! What can be wrong with a recording, and where.

use std::path::PathBuf;

/// A recording that cannot be used as it is written.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {problem}", file.display(), place)]
pub struct HarError {
    pub file: PathBuf,
    /// `:LINE:COLUMN`, or the place inside, `: log.entries[3].request.url`; empty for the whole.
    pub place: String,
    pub problem: HarProblem,
}

/// What is wrong there.
#[derive(Debug, thiserror::Error)]
pub enum HarProblem {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("more than {limit} entries")]
    TooMany { limit: usize },
    #[error("not a HAR recording: {0}")]
    NotHar(String),
    #[error("`{0}` is no address of HTTP")]
    Url(String),
    #[error("not base64")]
    NotBase64,
    #[error("no answer was recorded")]
    Empty,
}

impl HarError {
    /// What to do about it, where there is something to say beyond the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self.problem {
            HarProblem::NotHar(_) => Some(
                "a recording is `{\"log\": {\"entries\": […]}}`, as browsers export it and `--report har` writes it",
            ),
            HarProblem::Empty => Some("record with contents, not with headers alone"),
            _ => None,
        }
    }
}
