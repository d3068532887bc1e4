//! The forms that a report can be written in besides the one for people.

use std::fmt;

/// What `--report KIND=PATH` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Json,
    Sarif,
    Junit,
    Markdown,
    Html,
    /// From the new version's recorded requests, not from the report.
    Har,
    /// From the new version's recorded mails, not from the report.
    Mbox,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Json,
        Self::Sarif,
        Self::Junit,
        Self::Markdown,
        Self::Html,
        Self::Har,
        Self::Mbox,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Har => "har",
            Self::Mbox => "mbox",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
