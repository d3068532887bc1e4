//! What Postmark answers to a request it refuses.

use super::super::Answer;
use serde_json::json;

/// An error reply: HTTP status and the pair that Postmark puts into every error body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub status: u16,
    pub code: u32,
    pub message: String,
}

impl Fault {
    /// Status 422, which goes with nearly every code.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: 422,
            code,
            message: message.into(),
        }
    }

    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A field of the wrong type or outside its list of values.
    pub fn field(name: &str) -> Self {
        Self::new(403, format!("Invalid request field(s): '{name}'."))
    }

    /// The pair as it stands in an error body, and inside the reply to a batch.
    pub fn body(&self) -> serde_json::Value {
        json!({"ErrorCode": self.code, "Message": self.message})
    }

    /// Postmark repeats the code in a header of its own.
    pub fn answer(&self, by: String) -> Answer {
        let mut answer = Answer::json(self.status, &self.body(), by);
        let header = ("x-pm-apierrorcode".to_owned(), self.code.to_string());
        answer.headers.push(header);
        answer
    }
}
