//! Where a value can come from, and how it may be written on its way out.

use std::fmt;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An argument of the call in progress; the path inside `arguments`, `to` or `files[].name`.
    Argument(String),
    /// An argument of an earlier call: tool, then path.
    Earlier(String, String),
    /// A setting of the scenario that is no secret.
    Setting(String),
    /// A credential made up for the run and given to the server.
    Secret(String),
    /// A credential of somebody else, found lying around.
    Canary(String),
    /// A field of an upstream's reply: host, then place.
    Upstream(String, String),
}

impl Source {
    /// Whether the value was confided: its turning up in a new place is never trivial.
    pub fn is_confidential(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Canary(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(path) => write!(f, "argument({path})"),
            Self::Earlier(tool, path) => write!(f, "earlier({tool} {path})"),
            Self::Setting(name) => write!(f, "setting({name})"),
            Self::Secret(name) => write!(f, "secret({name})"),
            Self::Canary(name) => write!(f, "canary({name})"),
            Self::Upstream(host, place) => write!(f, "upstream({host} {place})"),
        }
    }
}

/// Reads what `Display` writes.
impl std::str::FromStr for Source {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, rest) = text.split_once('(').ok_or(())?;
        let inner = rest.strip_suffix(')').ok_or(())?;
        let two = || {
            inner
                .split_once(' ')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .ok_or(())
        };
        Ok(match kind {
            "argument" => Self::Argument(inner.to_owned()),
            "earlier" => two().map(|(tool, path)| Self::Earlier(tool, path))?,
            "setting" => Self::Setting(inner.to_owned()),
            "secret" => Self::Secret(inner.to_owned()),
            "canary" => Self::Canary(inner.to_owned()),
            "upstream" => two().map(|(host, place)| Self::Upstream(host, place))?,
            _ => return Err(()),
        })
    }
}

/// A way of writing a value that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    Case,
    Url,
    Base64,
    Hex,
    Json,
    Html,
    QuotedPrintable,
    Reversed,
    Sha256,
    /// Not the whole value: some of its words.
    Part,
}

impl Coding {
    pub const ALL: [Self; 10] = [
        Self::Part,
        Self::Case,
        Self::Url,
        Self::Base64,
        Self::Hex,
        Self::Json,
        Self::Html,
        Self::QuotedPrintable,
        Self::Reversed,
        Self::Sha256,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Case => "case",
            Self::Url => "url",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Json => "json",
            Self::Html => "html",
            Self::QuotedPrintable => "quoted-printable",
            Self::Reversed => "reversed",
            Self::Sha256 => "sha256",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name() == name)
    }
}
