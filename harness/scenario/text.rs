//! The kinds of text that occur in a scenario: how each is checked, and its part of the schema.

use super::load::Known;
use super::model::{FORMAT, Local, Place};
use super::nearest::{list, suggest};
use crate::secret::Shape;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Anything that an argument vector, an environment or a file can hold.
    Any,
    /// Not empty, one line: names, patterns, paths on this machine.
    Line,
    /// The format's name and version.
    Format,
    /// Host name or IP address, without scheme, port and path.
    Host,
    /// A host, or `*.` and a host name for all below it.
    Hosts,
    /// Name of an environment variable.
    Variable,
    /// Path inside the sandbox.
    Place,
    /// Address on the server's own loopback.
    Local,
    /// Name of a header field.
    Header,
    /// Name of a built-in mock.
    Mock,
    /// How an upstream does.
    Behaviour,
    /// Name of a rule.
    Rule,
    /// Shape of a secret.
    Shape,
    /// Negative SMTP reply.
    Reply,
}

/// Why a text is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    pub hint: Option<String>,
}

fn fault(message: String, hint: impl Into<String>) -> Result<(), Fault> {
    let hint = Some(hint.into());
    Err(Fault { message, hint })
}

impl Text {
    pub fn check(self, text: &str, known: &Known<'_>) -> Result<(), Fault> {
        let word = quote(text);
        if text.contains('\0') {
            return fault(
                format!("{word} contains a null character"),
                "neither paths nor variables nor arguments can hold one",
            );
        }
        if self != Self::Any && text.is_empty() {
            return fault(
                "this text must not be empty".into(),
                "leave the key out instead",
            );
        }
        if self != Self::Any && text.contains(char::is_control) {
            return fault(
                format!("{word} contains a control character"),
                "this text must be a single line",
            );
        }
        match self {
            Self::Any | Self::Line => Ok(()),
            Self::Format => format(text),
            Self::Host => host(text),
            Self::Hosts => hosts(text),
            Self::Variable if text.contains('=') => fault(
                format!("a variable's name cannot contain `=`: {word}"),
                "write `env.NAME = \"value\"`",
            ),
            Self::Variable => Ok(()),
            Self::Place => match Place::parse(text) {
                Ok(_) => Ok(()),
                Err(fault) => Err(fault),
            },
            Self::Local => match Local::parse(text) {
                Ok(_) => Ok(()),
                Err(fault) => Err(fault),
            },
            Self::Header => header(text),
            Self::Mock => one_of("mock", text, known.mocks),
            Self::Behaviour => one_of("behaviour", text, known.behaviours),
            Self::Rule => one_of("rule", text, known.rules),
            Self::Shape => shape(text),
            Self::Reply => reply(text),
        }
    }

    /// The JSON Schema of this kind of text.
    pub fn schema(self) -> Value {
        const LINE: &str = r"^[^\u0000-\u001f\u007f]+$";
        let pattern = match self {
            Self::Any => return json!({ "type": "string", "pattern": r"^[^\u0000]*$" }),
            Self::Format => return json!({ "const": FORMAT }),
            Self::Shape => {
                let names: Vec<&str> = Shape::names().collect();
                let pattern = r"\{(uuid|(hex|alnum|digits|base32):[0-9]+)\}";
                return json!({ "type": "string",
                    "anyOf": [{ "enum": names }, { "pattern": pattern }] });
            }
            Self::Line => LINE,
            Self::Host => r"^[A-Za-z0-9_.:-]{1,254}$",
            Self::Hosts => r"^(\*\.)?[A-Za-z0-9_.:-]{1,254}$",
            Self::Variable => r"^[^=\u0000-\u001f\u007f]+$",
            Self::Place => r"^(~(/|$)|[^/~\u0000-\u001f\u007f])[^\u0000-\u001f\u007f]*$",
            Self::Local => r"^http://(localhost|127\.0\.0\.1|\[::1\]):[0-9]{1,5}(/.*)?$",
            Self::Header => r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
            Self::Mock | Self::Behaviour | Self::Rule => r"^[a-z0-9-]+$",
            Self::Reply => r"^[45][0-9]{2}( [ -~]*)?$",
        };
        json!({ "type": "string", "pattern": pattern })
    }
}

/// A word of the file inside a message: bounded, without control characters, in backticks.
pub fn quote(word: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = word
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    // A backslash or a quotation mark alone reads better as it stands in the file.
    if !word.contains(char::is_control) && word.chars().count() <= MOST {
        word.clone_into(&mut shown);
    } else if word.chars().count() > MOST {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn one_of(what: &str, text: &str, known: &[&str]) -> Result<(), Fault> {
    if known.contains(&text) {
        return Ok(());
    }
    Err(Fault {
        message: format!("unknown {what} {}", quote(text)),
        hint: suggest(text, known.iter().copied()),
    })
}

fn format(text: &str) -> Result<(), Fault> {
    if text == FORMAT {
        return Ok(());
    }
    let hint = if text.starts_with("turncoat.scenario/") {
        "this version of turncoat reads `turncoat.scenario/1` only"
    } else {
        "the format's name is `turncoat.scenario/1`"
    };
    fault(format!("unknown format {}", quote(text)), hint)
}

fn shape(text: &str) -> Result<(), Fault> {
    text.parse::<Shape>().map(drop).map_err(|error| {
        let names: Vec<&str> = Shape::names().collect();
        let hint = suggest(text, names).unwrap_or_default();
        Fault {
            message: format!("unknown secret shape {}", quote(&error.0)),
            hint: Some(format!(
                "{hint}; any other as a pattern: `key_{{alnum:32}}`"
            )),
        }
    })
}

fn hosts(text: &str) -> Result<(), Fault> {
    let Some(below) = text.strip_prefix("*.") else {
        if text.contains('*') {
            return below_only(text);
        }
        return host(text);
    };
    // No address has names below it.
    if below.contains('*') || below.parse::<IpAddr>().is_ok() {
        return below_only(text);
    }
    host(below)
}

fn below_only(text: &str) -> Result<(), Fault> {
    fault(
        format!("{} is no pattern for hosts", quote(text)),
        "`*.corp.example` stands for every name below `corp.example`; leave `host` out for any",
    )
}

fn host(text: &str) -> Result<(), Fault> {
    let word = quote(text);
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
        return fault(
            format!("{word} is an address, not a host name"),
            format!("write the host alone: `host = \"{host}\"`"),
        );
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.parse::<u16>().is_ok()
    {
        return fault(
            format!("{word} names a port"),
            format!("write `host = \"{host}\"` and `port = {port}`"),
        );
    }
    if text.contains('*') {
        return fault(
            format!("{word} is a pattern"),
            "name each host; one without an [[upstream]] is answered permissively anyway",
        );
    }
    if !text.is_ascii() {
        return fault(
            format!("{word} is not an ASCII host name"),
            "write it as DNS carries it, each such label beginning with `xn--`",
        );
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // RFC 1035, section 2.3.4; underscores as they occur in practice.
    if name.len() > 253 || !name.split('.').all(label) {
        return fault(
            format!("{word} is not a host name"),
            "labels of letters, digits and hyphens, such as `api.example.com`, or an IP address",
        );
    }
    Ok(())
}

/// A reply that refuses (RFC 5321, section 4.2.1): clients take nothing else for a failure.
fn reply(text: &str) -> Result<(), Fault> {
    let (code, rest) = text.split_at(text.floor_char_boundary(3));
    let code_fits = matches!(code.as_bytes(), [b'4' | b'5', b'0'..=b'9', b'0'..=b'9']);
    let rest_fits = rest.is_empty() || rest.starts_with(' ');
    if code_fits && rest_fits && text.is_ascii() {
        return Ok(());
    }
    fault(
        format!("{} is not an SMTP reply that refuses", quote(text)),
        "a code from 400 to 599, a space and ASCII text, such as `550 mailbox unavailable`",
    )
}

/// RFC 9110, section 5.1; what the transport itself writes cannot be set.
fn header(text: &str) -> Result<(), Fault> {
    const OWN: [&str; 9] = [
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "last-event-id",
        "mcp-protocol-version",
        "mcp-session-id",
        "transfer-encoding",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.bytes().all(token) {
        let hint = "a name such as `Authorization`, its value as the value";
        return fault(format!("{} is no header field's name", quote(text)), hint);
    }
    if OWN.iter().any(|own| own.eq_ignore_ascii_case(text)) {
        let message = format!("{} is written by the transport itself", quote(text));
        return fault(message, "leave it out");
    }
    Ok(())
}

impl Local {
    /// Reads `http://localhost:PORT/PATH`.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let refuse = |message: String, hint: &str| Fault {
            message,
            hint: Some(hint.into()),
        };
        let word = quote(text);
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(refuse(
                format!("{word} is no address inside the sandbox"),
                "write `http://localhost:PORT/PATH`; a server somewhere else is a `target`",
            ));
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        if !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
            return Err(refuse(
                format!("{word} is not on the server's own machine"),
                "write `http://localhost:PORT/PATH`",
            ));
        }
        match port.parse() {
            Ok(port) if port > 0 && text.is_ascii() && !text.contains(' ') => Ok(Self {
                port,
                path: format!("/{path}"),
            }),
            _ => Err(refuse(
                format!("{word} is no address"),
                "write `http://localhost:PORT/PATH`, with a port from 1 to 65535",
            )),
        }
    }
}

impl Place {
    /// Reads `~/path` or `path`, taking out `.` and doubled slashes.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let refuse = |message: String, hint: &str| Fault {
            message,
            hint: Some(hint.into()),
        };
        let word = quote(text);
        let (home, rest) = match text.strip_prefix('~') {
            Some("") => (true, ""),
            Some(rest) => match rest.strip_prefix('/') {
                Some(rest) => (true, rest),
                None => {
                    return Err(refuse(
                        format!("{word} is another user's home"),
                        "write `~/…` for the home folder, or a path relative to the working folder",
                    ));
                }
            },
            None => (false, text),
        };
        let mut path = PathBuf::new();
        for part in Path::new(rest).components() {
            match part {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                _ => {
                    return Err(refuse(
                        format!("{word} leads outside the home folder"),
                        "write `~/…` for the home folder, or a path relative to the working folder, without `..`",
                    ));
                }
            }
        }
        if home {
            return Ok(Self::Home(path));
        }
        if path.as_os_str().is_empty() {
            return Err(refuse(
                format!("{word} names no file"),
                "write a path relative to the working folder, or `~/…`",
            ));
        }
        Ok(Self::Cwd(path))
    }
}

/// The kinds of target that are no path, by what they begin with.
const SCHEMES: &[&str] = &["npm:", "pypi:", "pkg:", "https:"];

/// Whether `[server] target` names something on this machine, or why it names nothing at all.
pub fn target_is_path(text: &str) -> Result<bool, Fault> {
    let Some((scheme, _)) = text.split_once(':') else {
        return Ok(true);
    };
    if scheme.contains(['/', '.', '#', '@']) || scheme.is_empty() {
        return Ok(true);
    }
    if SCHEMES
        .iter()
        .any(|known| known.trim_end_matches(':') == scheme)
    {
        return Ok(false);
    }
    let known = SCHEMES.iter().copied();
    Err(Fault {
        message: format!("unknown kind of target {}", quote(&format!("{scheme}:"))),
        hint: suggest(&format!("{scheme}:"), known.clone())
            .or_else(|| list(known))
            .map(|hint| format!("{hint}; a file's or folder's name may begin with `./`")),
    })
}
