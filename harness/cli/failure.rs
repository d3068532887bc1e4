//! An error on its way to the user: one line, a hint where one helps, and how to end.

use super::exit::Exit;
use crate::snapshot::StoreError;
use std::error::Error;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Lower-case fragment, values in backticks.
    pub message: String,
    pub hint: Option<String>,
    pub exit: Exit,
}

impl Failure {
    /// Something is wrong with what was asked for; nothing was run.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: Exit::Usage,
        }
    }

    /// It was asked for rightly and could not be done.
    pub fn inconclusive(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Inconclusive,
            ..Self::usage(message)
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error with its causes, on one line. Causes that the message already tells are left out.
pub fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Read { .. } | StoreError::Write { .. } => Exit::Inconclusive,
            StoreError::Format { .. }
            | StoreError::NothingPending { .. }
            | StoreError::Forbidden => Exit::Usage,
        };
        Self {
            message: chain(&error),
            hint: error.hint().map(str::to_owned),
            exit,
        }
    }
}
