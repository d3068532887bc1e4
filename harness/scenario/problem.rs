//! What is wrong with a scenario: one short line each for logs, an excerpt with a caret for people.

use super::excerpt::Excerpt;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Problems reported of one file; a file with more is broken in some larger way.
const MOST: usize = 50;

/// Everything that is wrong with one scenario, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    pub problems: Vec<Problem>,
    /// Further problems that are not listed.
    pub more: usize,
}

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The scenario, as the caller named it.
    pub file: PathBuf,
    /// Line and column, both from 1, the column in characters; none where the file as a whole
    /// could not be read.
    pub at: Option<(usize, usize)>,
    /// Lower-case fragment, values in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    excerpt: Option<Excerpt>,
}

impl Problem {
    /// A problem with the file as a whole.
    pub(super) fn whole(file: &Path, message: String, hint: Option<String>) -> Self {
        Self {
            file: file.to_owned(),
            at: None,
            message,
            hint,
            excerpt: None,
        }
    }

    fn place(&self) -> String {
        match self.at {
            Some((line, column)) => format!("{}:{line}:{column}", self.file.display()),
            None => self.file.display().to_string(),
        }
    }

    /// Message, place, source line with a caret, and hint, ending in a newline.
    pub fn render(&self) -> String {
        let (line, excerpt) = match (&self.at, &self.excerpt) {
            (Some((line, _)), Some(excerpt)) => (line.to_string(), Some(excerpt)),
            _ => (String::new(), None),
        };
        let gutter = " ".repeat(line.len());
        let mut out = format!("error: {}\n{gutter}--> {}\n", self.message, self.place());
        if let Some(excerpt) = excerpt {
            let (source, caret) = (&excerpt.line, excerpt.caret());
            out += &format!("{gutter} |\n{line} | {source}\n{gutter} | {caret}\n");
        }
        if let Some(hint) = &self.hint {
            out += &format!("{gutter} = hint: {hint}\n");
        }
        out
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

impl ScenarioError {
    pub(super) fn of(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            more: 0,
        }
    }

    /// All problems as people read them, a blank line between two.
    pub fn render(&self) -> String {
        let mut all: Vec<String> = self.problems.iter().map(Problem::render).collect();
        if self.more > 0 {
            all.push(format!("error: {} further mistakes\n", self.more));
        }
        all.join("\n")
    }
}

/// One line for each problem.
impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{problem}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\n{more} further mistakes"),
        }
    }
}

impl std::error::Error for ScenarioError {}

/// Problems of one file while it is checked.
pub(super) struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<(Range<usize>, String, Option<String>)>,
}

impl<'a> Problems<'a> {
    pub fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// The source at `span`, for hints that repeat it.
    pub fn source(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    /// `span` is in bytes of the text; one outside of it counts as its end.
    pub fn add(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.found.push((span, message.into(), hint));
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All that was found, in the order of the file.
    pub fn into_error(mut self) -> ScenarioError {
        self.found.sort_by_key(|(span, _, _)| span.start);
        self.found.dedup();
        let more = self.found.len().saturating_sub(MOST);
        self.found.truncate(MOST);
        let problems: Vec<Problem> = self
            .found
            .into_iter()
            .map(|(span, message, hint)| {
                let (at, excerpt) = Excerpt::new(self.text, span);
                Problem {
                    file: self.file.to_owned(),
                    at: Some(at),
                    message,
                    hint,
                    excerpt: Some(excerpt),
                }
            })
            .collect();
        ScenarioError { problems, more }
    }
}
