//! Why a run gave no result, told with what to do about it.

use std::error::Error;

/// A run that could not be made, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct RunError {
    pub what: String,
    pub hint: Option<String>,
    /// The user's mistake (status 2), rather than something that could not be concluded (3).
    pub usage: bool,
}

impl RunError {
    pub fn plain(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
            usage: false,
        }
    }

    /// With the whole chain of causes.
    pub fn new(what: &str, cause: impl Error) -> Self {
        let mut text = format!("{what}: {cause}");
        let mut source = cause.source();
        while let Some(inner) = source {
            text.push_str(&format!(": {inner}"));
            source = inner.source();
        }
        Self::plain(text)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn usage(mut self) -> Self {
        self.usage = true;
        self
    }
}
