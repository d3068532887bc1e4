//! The files that `--report` asks for.

use super::failure::Failure;
use crate::report::{self, Kind, har, html, json, junit, markdown, mbox, sarif};
use crate::verdict::{Report, Severity};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What some forms need besides the report.
#[derive(Clone, Debug)]
pub struct Context {
    /// The least severe finding that fails.
    pub failing: Severity,
    /// The scenario or snapshot that results are shown at.
    pub place: sarif::Place,
    /// `events.jsonl` of the new version's run.
    pub events: PathBuf,
}

/// Finds out before anything runs whether the files can be written: a folder that is missing
/// afterwards has cost a run.
pub fn check(reports: &[(Kind, PathBuf)]) -> Result<(), Failure> {
    for (kind, path) in reports {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let problem = if path.is_dir() {
            "it is a folder"
        } else if !folder.is_dir() {
            "its folder does not exist"
        } else {
            continue;
        };
        let path = path.display();
        return Err(Failure::usage(format!(
            "the {kind} report cannot go to `{path}`: {problem}"
        )));
    }
    Ok(())
}

/// Writes every report asked for, in order.
pub fn write(
    reports: &[(Kind, PathBuf)],
    report: &Report,
    context: &Context,
) -> Result<(), Failure> {
    for (kind, path) in reports {
        one(*kind, path, report, context).map_err(|error| {
            let path = path.display();
            Failure::inconclusive(format!(
                "could not write the {kind} report to `{path}`: {error}"
            ))
        })?;
    }
    Ok(())
}

fn one(kind: Kind, path: &Path, report: &Report, context: &Context) -> io::Result<()> {
    // In place, so that pipes, `/dev/stdout` and a CI system's own file work.
    let mut out = BufWriter::new(File::create(path)?);
    let events = || -> io::Result<_> {
        let file = File::open(&context.events)?;
        Ok(report::events(BufReader::new(file)))
    };
    match kind {
        Kind::Json => json::write(report, &mut out)?,
        Kind::Sarif => sarif::write(report, &context.place, &mut out)?,
        Kind::Junit => junit::write(report, context.failing, &mut out)?,
        Kind::Markdown => markdown::write(report, &mut out)?,
        Kind::Html => html::write(report, &mut out)?,
        Kind::Har => har::write(&mut events()?, &mut out)?,
        Kind::Mbox => mbox::write(&mut events()?, &mut out)?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_written_are_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("x.json");
        assert_eq!(
            check(&[(Kind::Json, there), (Kind::Html, "x.html".into())]),
            Ok(())
        );
        let nowhere = folder.path().join("no/x.json");
        let failure = check(&[(Kind::Json, nowhere)]).unwrap_err();
        assert!(failure.message.ends_with("its folder does not exist"));
        let failure = check(&[(Kind::Sarif, folder.path().into())]).unwrap_err();
        assert!(failure.message.ends_with("it is a folder"));
    }
}
