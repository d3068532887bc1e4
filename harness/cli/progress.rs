//! Progress on stderr: one line that redraws itself on a terminal, plain lines elsewhere.

use super::meaning::Manner;
use super::printer::lock;
use crate::event::{self, Listener};
use crate::report::{columns, escape, terminal::Detail};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Time between two drawings: more is not seen, and costs.
const PACE: Duration = Duration::from_millis(50);
/// Back to the first column, and the line erased (ECMA-48, section 8.3.41).
const ERASE: &str = "\r\u{1b}[2K";

/// stderr, and the line that may be drawn on it at the moment. What cannot be said is dropped:
/// there is nobody to tell.
pub(super) struct Talk {
    manner: Manner,
    err: Box<dyn Write + Send>,
    is_drawn: bool,
    drawn_at: Option<Instant>,
    step: String,
    calls: BTreeMap<&'static str, (u32, u32)>,
}

impl Talk {
    pub fn new(manner: Manner, err: Box<dyn Write + Send>) -> Self {
        Self {
            manner,
            err,
            is_drawn: false,
            drawn_at: None,
            step: String::new(),
            calls: BTreeMap::new(),
        }
    }

    /// Says a line, above the one that is drawn.
    pub fn line(&mut self, said: &str) {
        self.clear();
        let _ = writeln!(self.err, "{said}");
        let _ = self.err.flush();
    }

    /// Takes the drawn line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = write!(self.err, "{ERASE}");
            let _ = self.err.flush();
        }
    }

    fn hear(&mut self, progress: event::Progress) {
        if self.manner.detail == Detail::Brief {
            return;
        }
        match progress {
            event::Progress::Step { what } => {
                self.step = escape(&what);
                self.calls.clear();
                if self.manner.live {
                    self.draw();
                } else {
                    let step = self.step.clone();
                    self.line(&step);
                }
            }
            event::Progress::Calls { role, done, of } => {
                self.calls.insert(role, (done, of));
                let is_due = self.drawn_at.is_none_or(|at| at.elapsed() >= PACE);
                if self.manner.live && (is_due || done == of) {
                    self.draw();
                }
            }
            event::Progress::Note { what } => self.line(&format!("note: {}", escape(&what))),
        }
    }

    fn draw(&mut self) {
        let counts: Vec<String> = self
            .calls
            .iter()
            .map(|(role, (done, of))| format!("{role} {done}/{of}"))
            .collect();
        let gap = if counts.is_empty() { "" } else { "  " };
        let mut line = format!("{}{gap}{}", self.step, counts.join("  "));
        // A line that wraps cannot be erased as one.
        while columns(&line) >= self.manner.width {
            line.pop();
        }
        let _ = write!(self.err, "{ERASE}{line}");
        let _ = self.err.flush();
        self.is_drawn = true;
        self.drawn_at = Some(Instant::now());
    }
}

/// Tells a person how far things are. The line goes when this is dropped.
pub struct Progress(Arc<Mutex<Talk>>);

impl Progress {
    pub(super) fn new(talk: Arc<Mutex<Talk>>) -> Self {
        Self(talk)
    }
}

impl Listener for Progress {
    fn hear(&self, progress: event::Progress) {
        lock(&self.0).hear(progress);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        lock(&self.0).clear();
    }
}
