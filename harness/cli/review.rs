//! `review`: shows each pending snapshot beside the accepted one and asks what to do with it.

use super::exit::Exit;
use super::failure::Failure;
use super::printer::Printer;
use crate::report::escape;
use crate::snapshot::{Name, Snapshot, Store};
use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};
use std::io::{self, BufRead};

/// Asks about every pending snapshot; answers are lines read from `answers`, and their end is
/// as good as `q`. Without a person to ask (`answers` is none) it lists what is pending.
pub fn review(
    store: &Store,
    answers: Option<&mut dyn BufRead>,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let pending = store.pending()?;
    if pending.is_empty() {
        printer.note("nothing is pending");
        return Ok(Exit::Passed);
    }
    let Some(answers) = answers else {
        let listed =
            printer.data(|out| pending.iter().try_for_each(|name| writeln!(out, "{name}")));
        listed.map_err(unprintable)?;
        let what = format!("{} pending, and nobody to ask", pending.len());
        return Err(Failure::usage(what)
            .hint("decide with `turncoat accept NAME` or `turncoat reject NAME`, or with --all"));
    };
    for (i, name) in pending.iter().enumerate() {
        show(store, name, (i + 1, pending.len()), printer)?;
        match ask(answers, printer)? {
            Answer::Accept => store.accept(name)?,
            Answer::Reject => store.reject(name)?,
            Answer::Skip => {}
            Answer::Quit => break,
        }
    }
    Ok(Exit::Passed)
}

enum Answer {
    Accept,
    Reject,
    Skip,
    Quit,
}

fn ask(answers: &mut dyn BufRead, printer: &Printer) -> Result<Answer, Failure> {
    loop {
        let asked = printer.data(|out| write!(out, "a accept, r reject, s skip, q quit: "));
        asked.map_err(unprintable)?;
        let mut line = Vec::new();
        // A line without an end, from something that is no person, must not fill the memory.
        let mut bounded = io::Read::take(&mut *answers, 1024);
        let read = bounded
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::inconclusive(format!("could not read an answer: {error}")))?;
        match (read, line.trim_ascii()) {
            (0, _) | (_, b"q") => return Ok(Answer::Quit),
            (_, b"a") => return Ok(Answer::Accept),
            (_, b"r") => return Ok(Answer::Reject),
            (_, b"s") => return Ok(Answer::Skip),
            _ => {}
        }
    }
}

fn show(
    store: &Store,
    name: &Name,
    (number, of): (usize, usize),
    printer: &Printer,
) -> Result<(), Failure> {
    let accepted = store.accepted(name)?;
    let waiting = store.waiting(name)?.unwrap_or_default();
    // Every line ends alike, so that the last one is not shown as changed.
    let text = |snapshot: &Snapshot| format!("{}\n", snapshot.contents());
    let (was, now) = (accepted.as_ref().map(text), text(&waiting));
    let kind = if accepted.is_some() { "changed" } else { "new" };
    let source = waiting.source.as_deref().unwrap_or("unknown scenario");
    let colour = printer.view().colour;
    let styled = |style: Style, text: &str| {
        if colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    };
    let shown = printer.data(|out| {
        let title = styled(Style::new().bold(), &name.to_string());
        writeln!(
            out,
            "\n{number} of {of}: {title} ({kind}, {})",
            escape(source)
        )?;
        let diff = TextDiff::from_lines(was.as_deref().unwrap_or(""), &now);
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            writeln!(
                out,
                "{}",
                styled(Style::new().dimmed(), &hunk.header().to_string())
            )?;
            for change in hunk.iter_changes() {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                    ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                    ChangeTag::Equal => (' ', Style::new()),
                };
                let line = escape(change.value().trim_end_matches('\n'));
                writeln!(out, "{}", styled(style, &format!("{sign}{line}")))?;
            }
        }
        Ok(())
    });
    shown.map_err(unprintable)
}

fn unprintable(error: io::Error) -> Failure {
    Failure::inconclusive(format!("could not print: {error}"))
}
