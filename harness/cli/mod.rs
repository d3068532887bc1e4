//! The command line. The only part that reads arguments and the environment, prints, or decides
//! how the program ends; what is asked for is done elsewhere.
//!
//! What was typed (`args`) becomes what it means (`meaning`), and that is dispatched once, in
//! [`main`].

mod args;
mod doctor;
mod engine;
mod exit;
mod explain;
mod failure;
mod fuzz;
mod meaning;
mod pending;
mod printer;
mod progress;
pub mod reports;
mod review;
mod snapshots;
mod surroundings;
#[cfg(test)]
mod tests;
mod triage;

pub use args::{Deps, FailOn, Format};
pub use exit::Exit;
pub use failure::{Failure, chain};
pub use meaning::{
    CALLS, Check, Command, Diff, Exercise, Explain, Fuzz, Manner, Output, Policy, Record, Subject,
    Triage, Which,
};
pub use printer::Printer;
pub use progress::Progress;
pub use surroundings::Surroundings;

use crate::snapshot::{Store, Writes};
use clap::Parser as _;
use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Where accepted behaviour is kept, from the working folder.
pub const SNAPSHOTS: &str = "snapshots";

/// What every command is done with.
pub struct Shell {
    pub printer: Printer,
    pub here: Surroundings,
    /// Writes nothing in CI.
    pub store: Store,
}

/// The whole program: reads `args` (the first is the program's name), does what they ask, and
/// says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let typed = match args::Typed::try_parse_from(args) {
        Ok(typed) => typed,
        Err(said) => {
            // Help and version are asked for and go to stdout; mistakes go to stderr.
            let _ = said.print();
            let asked = !said.use_stderr();
            return if asked { Exit::Passed } else { Exit::Usage }.into();
        }
    };
    let here = Surroundings::here();
    let writes = if here.ci {
        Writes::Forbidden
    } else {
        Writes::Allowed
    };
    let (command, manner) = match meaning::read(typed, &here) {
        Ok(meant) => meant,
        Err(failure) => {
            Printer::standard(Manner::plain()).error(&failure);
            return failure.exit.into();
        }
    };
    let shell = Shell {
        printer: Printer::standard(manner),
        here,
        store: Store::new(SNAPSHOTS, writes),
    };
    // Unwinding has run every guard by then; a bug in turncoat must not look like a verdict.
    let done = catch_unwind(AssertUnwindSafe(|| dispatch(&command, &shell)));
    let done = done.unwrap_or_else(|_| {
        Err(Failure::inconclusive("turncoat itself failed, see above")
            .hint("this is a bug: please report it with the lines above"))
    });
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            shell.printer.error(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(command: &Command, shell: &Shell) -> Result<Exit, Failure> {
    match command {
        Command::Diff(what) => engine::diff(what, shell),
        Command::Record(what) => snapshots::record(what, shell),
        Command::Check(what) => snapshots::check(what, shell),
        Command::Triage(what) => triage::triage(what, shell),
        Command::Fuzz(what) => fuzz::fuzz(what, shell),
        Command::Explain(what) => explain::explain(what, shell),
        Command::Doctor => doctor::doctor(shell),
        Command::Accept(which) => pending::accept(which, &shell.store, &shell.printer),
        Command::Reject(which) => pending::reject(which, &shell.store, &shell.printer),
        Command::Review => {
            let mut stdin = io::stdin().lock();
            let answers: Option<&mut dyn io::BufRead> = if shell.here.stdin_is_terminal {
                Some(&mut stdin)
            } else {
                None
            };
            review::review(&shell.store, answers, &shell.printer)
        }
    }
}
