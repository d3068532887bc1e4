//! Calls that somebody gives rather than a generator: a sequence to be made as it stands, and
//! arguments that were worth keeping, to make others of.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One call, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub tool: String,
    pub arguments: Value,
}

/// What a run's calls are made of beside schemas and code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// These calls and no others, in this order.
    pub sequence: Option<Vec<Step>>,
    /// By tool: arguments of which every fourth call takes a part.
    pub kept: BTreeMap<String, Vec<Value>>,
}

/// A text that is no sequence of calls.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    #[error("it is not JSON of a list of calls")]
    Json(#[from] serde_json::Error),
    #[error("it has no call")]
    Empty,
}

/// Reads a sequence: a list of `{"tool": …, "arguments": …}`, or an object with one as `sequence`.
///
/// # Errors
/// Where the text is neither.
pub fn sequence(text: &[u8]) -> Result<Vec<Step>, SequenceError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        List(Vec<Step>),
        Finding { sequence: Vec<Step> },
    }
    let (Kept::List(steps) | Kept::Finding { sequence: steps }) = serde_json::from_slice(text)?;
    match steps.is_empty() {
        true => Err(SequenceError::Empty),
        false => Ok(steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_stands_alone_or_with_its_finding() {
        let step = r#"{"tool": "send", "arguments": {"to": "a"}}"#;
        let alone = sequence(format!("[{step}]").as_bytes()).unwrap();
        assert_eq!((alone.len(), &*alone[0].tool), (1, "send"));
        let found = format!(r#"{{"finding": {{}}, "sequence": [{step}, {step}]}}"#);
        assert_eq!(sequence(found.as_bytes()).unwrap().len(), 2);
        for bad in ["", "[]", "{}", "[1]", r#"{"sequence": []}"#] {
            assert!(sequence(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
