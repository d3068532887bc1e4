//! Where a value can come from, and how it may be written on its way out.

use crate::secret::{Kind, Planted};
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
    pub fn of(planted: &Planted) -> Self {
        let name = planted.name.clone();
        match planted.kind {
            Kind::Setting => Self::Setting(name),
            Kind::Secret => Self::Secret(name),
            Kind::Canary => Self::Canary(name),
        }
    }

    /// The tool whose earlier call was given the value.
    pub fn of_call(&self) -> Option<&str> {
        match self {
            Self::Earlier(tool, _) => Some(tool),
            _ => None,
        }
    }

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

/// A way of writing a value: what is between a value as it was given and what leaves.
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
    /// Not the whole value: some of its words, or a stretch of it.
    Part,
    /// In pieces that make up the whole: over several fields, look-ups, requests or calls.
    Split,
    Base32,
    Base58,
    /// A list of numbers, one for each byte.
    Numbers,
    /// Zeros and ones.
    Bits,
    Rot13,
    /// Every byte combined with one and the same byte. Which, is not said: a key drawn afresh for
    /// each request would make each value another one.
    Xor,
    /// The same number added to every byte.
    Shift,
    Gzip,
    Deflate,
    /// Every second character or byte is the same: UTF-16, or letters s-p-e-l-t out.
    Spaced,
    ZeroWidth,
    /// Unicode's tag characters, U+E0000 and on.
    Tags,
    VariationSelectors,
    /// The bytes that a key, a number or a list stands for.
    Bytes,
    Md5,
    Sha1,
    Sha384,
    Sha512,
}

impl Coding {
    pub const ALL: [Self; 29] = [
        Self::Part,
        Self::Split,
        Self::Case,
        Self::Url,
        Self::Base64,
        Self::Base32,
        Self::Base58,
        Self::Hex,
        Self::Numbers,
        Self::Bits,
        Self::Json,
        Self::Html,
        Self::QuotedPrintable,
        Self::Reversed,
        Self::Rot13,
        Self::Xor,
        Self::Shift,
        Self::Gzip,
        Self::Deflate,
        Self::Spaced,
        Self::ZeroWidth,
        Self::Tags,
        Self::VariationSelectors,
        Self::Bytes,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Split => "split",
            Self::Case => "case",
            Self::Url => "url",
            Self::Base64 => "base64",
            Self::Base32 => "base32",
            Self::Base58 => "base58",
            Self::Hex => "hex",
            Self::Numbers => "numbers",
            Self::Bits => "bits",
            Self::Json => "json",
            Self::Html => "html",
            Self::QuotedPrintable => "quoted-printable",
            Self::Reversed => "reversed",
            Self::Rot13 => "rot13",
            Self::Xor => "xor",
            Self::Shift => "shift",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Spaced => "spaced",
            Self::ZeroWidth => "zero-width",
            Self::Tags => "tags",
            Self::VariationSelectors => "variation-selectors",
            Self::Bytes => "bytes",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name() == name)
    }

    /// Whether it makes a value hard to recognise, and no protocol asks for it where text is
    /// expected.
    pub fn disguises(self) -> bool {
        !matches!(
            self,
            Self::Part | Self::Case | Self::Url | Self::Json | Self::Html | Self::QuotedPrintable
        )
    }
}
