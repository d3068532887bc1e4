//! Whether a difference matters: rules' severities, the policy, the verdict, the report.

mod finding;
mod report;

pub use finding::{Finding, Seen, Severity, Verdict};
pub use report::{Allowed, Exercise, Problem, Reach, Report, SCHEMA, Subject};
