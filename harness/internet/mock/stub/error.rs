//! What can be wrong with a stub mapping, and where.

use std::path::PathBuf;

/// A mapping that cannot be used as it is written.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {problem}", file.display(), at(place))]
pub struct StubError {
    pub file: PathBuf,
    /// JSON path inside the file, such as `$.request.urlPath`; empty for the file as a whole.
    pub place: String,
    pub problem: StubProblem,
}

/// What is wrong there.
#[derive(Debug, thiserror::Error)]
pub enum StubProblem {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("more than {limit} files or mappings")]
    TooMany { limit: usize },
    #[error("no stub mappings (no `.json` file)")]
    Empty,
    #[error("not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    #[error("unknown key `{key}`")]
    UnknownKey {
        key: String,
        nearest: Option<String>,
    },
    #[error("`{0}` is not supported")]
    Unsupported(String),
    #[error("expected {want}, found {found}")]
    WrongType { want: &'static str, found: String },
    #[error("`{0}` cannot stand beside `{1}`")]
    Together(String, String),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("not a regular expression: {0}")]
    BadRegex(String),
    #[error("not a JSON path that is understood here: {0}")]
    BadJsonPath(String),
    #[error("no such body file `{0}`")]
    NoBodyFile(String),
    #[error("body file `{0}` lies outside `__files`")]
    OutsideFiles(String),
}

impl StubError {
    /// What to do about it, where there is something to say beyond the message.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            StubProblem::UnknownKey { nearest, .. } => {
                nearest.as_ref().map(|key| format!("did you mean `{key}`?"))
            }
            StubProblem::Unsupported(what) if what == "proxyBaseUrl" => {
                Some("nothing here reaches the real internet: answer with a `body`".to_owned())
            }
            StubProblem::Unsupported(_) => {
                Some("remove it, or mount a `wiremock::Mock` through the library".to_owned())
            }
            StubProblem::BadRegex(_) => {
                Some("look-around and back-references are not supported".to_owned())
            }
            StubProblem::NoBodyFile(_) => {
                Some("body files stand in `__files`, beside `mappings` or the mapping".to_owned())
            }
            StubProblem::Empty => {
                Some("name a mapping file, or a folder that holds some".to_owned())
            }
            _ => None,
        }
    }
}

fn at(place: &str) -> String {
    if place.is_empty() {
        return String::new();
    }
    format!(": {place}")
}
