//! `turncoat explain`: a recorded run again. Reads the run folder; starts nothing.

use super::meaning::Explain;
use super::{Exit, Failure, Format, Shell};
use crate::effect::{Effect, Phase};
use crate::event::Event;
use crate::report::{clip, escape};
use crate::run::log;
use crate::verdict::{Finding, Report};
use std::io::{self, Write};
use std::path::Path;

/// The report's file in a run folder.
pub const REPORT: &str = "report.json";

pub fn explain(what: &Explain, shell: &Shell) -> Result<Exit, Failure> {
    let report = load(&what.run)?;
    let cannot = |e: io::Error| Failure::inconclusive(format!("the run could not be shown: {e}"));
    match &what.finding {
        None => {
            if let Some(report) = &report {
                shell
                    .printer
                    .report(report, Format::Human)
                    .map_err(cannot)?;
            }
            let folder = timeline_folder(&what.run)?;
            shell
                .printer
                .data(|out| timeline(&folder, out))
                .map_err(cannot)?;
        }
        Some(id) => {
            let Some(report) = &report else {
                return Err(Failure::usage(format!(
                    "`{}` holds no report",
                    what.run.display()
                )));
            };
            let finding = find(report, id)?;
            let text = serde_json::to_string_pretty(finding).unwrap_or_default();
            shell
                .printer
                .data(|out| writeln!(out, "{}", crate::report::escape_lines(&text)))
                .map_err(cannot)?;
        }
    }
    Ok(Exit::Passed)
}

fn load(folder: &Path) -> Result<Option<Report>, Failure> {
    let path = folder.join(REPORT);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Failure::usage(format!(
                "`{}` is no report of this version: {e}",
                path.display()
            ))
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::usage(format!(
            "`{}` cannot be read: {e}",
            path.display()
        ))),
    }
}

/// The run to show: the folder itself, or the new version's inside it.
fn timeline_folder(folder: &Path) -> Result<std::path::PathBuf, Failure> {
    [
        folder.to_owned(),
        folder.join("new"),
        folder.join("attempt-2/new"),
    ]
    .into_iter()
    .find(|folder| folder.join(log::EVENTS).exists())
    .ok_or_else(|| {
        Failure::usage(format!("`{}` holds no recorded run", folder.display()))
            .hint("a run is recorded for later with `--keep-run DIR`")
    })
}

fn find<'a>(report: &'a Report, id: &str) -> Result<&'a Finding, Failure> {
    let all = report
        .findings
        .iter()
        .chain(report.allowed.iter().map(|allowed| &allowed.finding));
    let mut found = all.filter(|finding| finding.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "more than one finding begins with `{id}`"
        ))),
        (None, _) => {
            let known: Vec<&str> = report
                .findings
                .iter()
                .map(|finding| finding.id.as_str())
                .collect();
            Err(Failure::usage(format!("no finding begins with `{id}`"))
                .hint(format!("there are: {}", known.join(", "))))
        }
    }
}

/// One line an event, as it happened.
fn timeline(folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut before = (None, None);
    for event in log::read(folder)? {
        match event? {
            Event::Started {
                role, target, seed, ..
            } => {
                writeln!(out, "run of {} as `{role}`, seed {seed}", escape(&target))?;
            }
            Event::Call {
                call,
                tool,
                arguments,
            } => {
                let arguments = clip(&escape(&arguments.to_string()), 100);
                writeln!(out, "\ncall {call} {} {arguments}", escape(&tool))?;
            }
            Event::Effect(effect) => {
                let now = (Some(effect.phase), effect.stage);
                if now != before {
                    before = now;
                    heading(&effect, out)?;
                }
                let at = effect.at_us as f64 / 1000.0;
                writeln!(
                    out,
                    "{at:>10.1} ms  {}",
                    clip(&escape(&crate::report::told(&effect.kind)), 120)
                )?;
            }
            Event::Finished {
                calls, calls_ok, ..
            } => {
                writeln!(out, "\n{calls} calls, {calls_ok} answered without error")?;
            }
        }
    }
    Ok(())
}

/// Where in the server's life what follows was done, outside of calls.
fn heading(effect: &Effect, out: &mut dyn Write) -> io::Result<()> {
    match (effect.phase, effect.stage) {
        (Phase::Install | Phase::Start | Phase::Call, _) => Ok(()),
        (Phase::Idle, _) => writeln!(out, "\nidle"),
        (Phase::Exit, None) => writeln!(out, "\nexit"),
        (Phase::Exit, Some(stage)) => writeln!(out, "\nexit, {}", crate::report::stage(stage)),
    }
}
