//! The scenario file (`turncoat.scenario/1`): its types, loading, checking, and the JSON Schema
//! that editors use. A mistake is an error with file, line, column and a hint; all of a file's
//! mistakes come at once. Loading reads the scenario and the files it names, and nothing else.
//!
//! One table, `grammar`, lists every key. The checker and the published schema both follow it,
//! so neither can know a key that the other does not.

mod build;
mod check;
mod excerpt;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod grammar;
mod load;
mod model;
mod nearest;
mod problem;
mod schema;
mod text;

#[cfg(test)]
mod tests;

pub use load::{Known, load, parse};
pub use model::{
    Allow, Answer, Content, Exercise, FORMAT, FailOn, File, HomeKind, InstallScripts, Level, Local,
    Place, Platform, Policy, Scenario, Server, Setting, Smtp, Step, Target, ToolPlan, Upstream,
};
pub use problem::{Problem, ScenarioError};
pub use schema::schema;
