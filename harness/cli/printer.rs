//! The two voices: stdout is data, stderr is talk. How loud either is was decided once, before
//! anything is said. What comes from servers is escaped on its way through.

use super::args::Format;
use super::failure::Failure;
use super::meaning::Manner;
use super::progress::{Progress, Talk};
use crate::report::terminal::{Detail, View};
use crate::report::{escape_lines, json, terminal};
use crate::verdict::{Report, Resources};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where everything that people or programs read is printed.
pub struct Printer {
    manner: Manner,
    out: Mutex<Box<dyn Write + Send>>,
    talk: Arc<Mutex<Talk>>,
}

impl Printer {
    /// Prints to the program's own streams.
    pub fn standard(manner: Manner) -> Self {
        Self::new(manner, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    pub fn new(manner: Manner, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            manner,
            out: Mutex::new(out),
            talk: Arc::new(Mutex::new(Talk::new(manner, err))),
        }
    }

    /// How reports are to be shown on stdout.
    pub fn view(&self) -> View {
        View {
            width: self.manner.width,
            colour: self.manner.colour.0,
            detail: self.manner.detail,
        }
    }

    /// A report as far as it is to be told. Figures are measured, and nothing else in a report
    /// differs from run to run but how long it took: whoever wants them asks for all there is.
    pub fn extent(&self, report: &Report) -> Report {
        let mut report = report.clone();
        if self.manner.detail < Detail::Full {
            report.exercise.resources = Resources::default();
        }
        report
    }

    /// Prints a report.
    pub fn report(&self, report: &Report, format: Format) -> io::Result<()> {
        self.data(|out| match format {
            Format::Human => terminal::write(report, &self.view(), out),
            Format::Json => json::write(report, out),
        })
    }

    /// Prints data. A reader that has heard enough (`| head`) is no error.
    pub fn data(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        self.talk().clear();
        let mut out = lock(&self.out);
        let mut buffered = io::BufWriter::new(&mut *out);
        let done = write(&mut buffered).and_then(|()| buffered.flush());
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // What is still buffered would fail again, aloud.
                let _ = buffered.into_parts();
                Ok(())
            }
            done => done,
        }
    }

    /// Says something worth knowing that stops nothing, unless asked to be quiet.
    pub fn note(&self, said: &str) {
        if self.manner.detail > Detail::Brief {
            self.talk().line(&escape_lines(said));
        }
    }

    /// Says why something was not done. Never silent.
    pub fn error(&self, failure: &Failure) {
        let error = AnsiColor::Red.on_default().bold();
        let label = self.styled(error, "error");
        let message = escape_lines(&failure.message);
        let mut talk = self.talk();
        talk.line(&format!("{label}: {message}"));
        if let Some(hint) = &failure.hint {
            let label = self.styled(Style::new().bold(), "hint");
            talk.line(&format!("{label}: {}", escape_lines(hint)));
        }
    }

    /// Someone to tell of progress, on stderr; silent where asked to be quiet.
    pub fn progress(&self) -> Progress {
        Progress::new(Arc::clone(&self.talk))
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        lock(&self.talk)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.manner.colour.1 {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// A writer has no state that a panic elsewhere could have left half changed.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
