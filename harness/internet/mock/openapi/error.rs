//! What can be wrong with an OpenAPI document, and where.

use std::path::PathBuf;

/// A document that cannot be used as it is written.
#[derive(Debug, thiserror::Error)]
#[error("{}{place}: {problem}", file.display())]
pub struct OpenApiError {
    pub file: PathBuf,
    pub place: Place,
    pub problem: OpenApiProblem,
}

/// Where in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Whole,
    /// Line and column, both from 1.
    At(usize, usize),
    /// JSON pointer (RFC 6901), such as `/paths/~1issues/get`.
    Pointer(String),
}

/// What is wrong there.
#[derive(Debug, thiserror::Error)]
pub enum OpenApiProblem {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    #[error("larger than {limit} bytes, with the files it names")]
    TooLarge { limit: u64 },
    #[error("more than {limit} files belong to it")]
    TooMany { limit: usize },
    #[error("not UTF-8")]
    NotText,
    #[error("not YAML: {0}")]
    NotYaml(String),
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("`swagger: {0}` is not OpenAPI 3")]
    Swagger(String),
    #[error("not an OpenAPI document: there is no `openapi`")]
    NotOpenApi,
    #[error("OpenAPI `{0}` is not supported")]
    Version(String),
    #[error("no operation is described below `paths`")]
    NoPaths,
    #[error("expected {want}")]
    Wrong { want: &'static str },
    #[error("path `{0}` does not begin with a slash")]
    NotAPath(String),
    #[error("path `{0}` has a brace without its other half")]
    Braces(String),
    #[error("`{0}` refers to nothing")]
    Dangling(String),
    #[error("`{0}` refers to itself")]
    Circular(String),
    #[error("`{0}` refers to another machine")]
    Remote(String),
    #[error("`{0}` lies outside the scenario's folder")]
    Outside(String),
    #[error("`{0}` is not a reference that is understood here")]
    Reference(String),
}

impl OpenApiError {
    /// What to do about it, where there is something to say beyond the message.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match &self.problem {
            OpenApiProblem::Swagger(_) => {
                "convert it to OpenAPI 3, with `npx swagger2openapi` for instance"
            }
            OpenApiProblem::Version(_) => "3.0 and 3.1 are read",
            OpenApiProblem::NotOpenApi => {
                "the document begins with `openapi: 3.1.0`; stubs and recordings have keys of their own: `stubs`, `har`"
            }
            OpenApiProblem::Remote(_) => {
                "nothing is fetched: save that document beside this one and refer to the file"
            }
            OpenApiProblem::Outside(_) => "copy the file into the folder of the scenario",
            OpenApiProblem::Reference(_) => {
                "references are `#/components/…`, `file.yaml` or `file.yaml#/…`"
            }
            OpenApiProblem::Dangling(_) => {
                "inside a pointer `/` is written `~1` and `~` is written `~0`"
            }
            _ => return None,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::At(line, column) => write!(f, ":{line}:{column}"),
            Self::Pointer(pointer) => write!(f, ": #{pointer}"),
        }
    }
}
