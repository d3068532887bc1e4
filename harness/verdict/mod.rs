//! Whether a difference matters: rules' severities, the policy, the verdict, the report.

mod finding;
mod judge;
mod policy;
mod report;
mod severity;

pub use finding::{Finding, Package, Seen, Severity, Verdict};
pub use judge::{Evidence, judge, verdict};
pub use policy::{Allow, Policy};
pub use report::{Allowed, Campaign, Exercise, Problem, Reach, Report, Resources, SCHEMA, Subject};
