//! What a user may name as a server: `CONTRACT.md`'s TARGET, OLD and NEW.
//! Parsing looks at the file system only to tell a folder from a mistake; it fetches nothing.

use super::hint::nearest;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;

/// A server as named on the command line, in a scenario or in a client's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A package of npm's registry; no version means the newest, and a dist-tag is one.
    Npm {
        name: String,
        version: Option<String>,
    },
    /// A package of a Python index, by its normalised name (PEP 503).
    Pypi {
        name: String,
        version: Option<String>,
    },
    /// A folder that holds a server.
    Folder(PathBuf),
    /// What `npm pack` makes (`.tgz`).
    Tarball(PathBuf),
    /// A Python wheel (`.whl`).
    Wheel(PathBuf),
    /// An MCP bundle (`.mcpb`, formerly `.dxt`).
    Bundle(PathBuf),
    /// An HTTP server that runs already: somewhere else, or on this machine's loopback.
    Remote(Url),
    /// One entry of an MCP client's configuration.
    Config { file: PathBuf, server: String },
    /// A scenario, which names its own target.
    Scenario(PathBuf),
    /// A program and its arguments, as after `--`.
    Command(Vec<String>),
}

/// Text that names no server.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    #[error("an empty target")]
    Empty,
    #[error("`{text}` is not a package URL: {reason}")]
    PackageUrl { text: String, reason: &'static str },
    #[error("`{kind}` packages are not supported")]
    Ecosystem { kind: String },
    #[error("`{name}` is not a package name of {registry}")]
    Name {
        name: String,
        registry: &'static str,
    },
    #[error("`{version}` is not a version")]
    Version { version: String },
    #[error("`{url}` is not the address of a server: {reason}")]
    Address { url: String, reason: String },
    #[error("`{path}` does not exist")]
    Missing { path: String, guess: Option<String> },
    #[error("`{path}` is a file that is no target by itself")]
    File { path: String, guess: Option<String> },
    #[error("`{file}#` names no server")]
    NoServer { file: String },
}

impl TargetError {
    /// What was probably meant.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty => return None,
            Self::PackageUrl { .. } | Self::Ecosystem { .. } => {
                "package URLs look like `pkg:npm/NAME@VERSION` or `pkg:pypi/NAME@VERSION`"
                    .to_owned()
            }
            Self::Name { .. } => {
                "short forms look like `npm:NAME@VERSION` and `pypi:NAME@VERSION`".to_owned()
            }
            Self::Version { version } if version.starts_with('=') => format!(
                "versions follow a single `@`: `@{}`",
                version.trim_start_matches('=')
            ),
            Self::Version { .. } => "name one exact version such as `1.2.3`".to_owned(),
            Self::Address { .. } => "remote servers are named `https://HOST/PATH`".to_owned(),
            Self::Missing { guess, .. } | Self::File { guess, .. } => match guess {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => "a target is a folder, a packed server, `npm:NAME@VERSION`, \
                     `pypi:NAME@VERSION` or `CONFIG.json#SERVER`"
                    .to_owned(),
            },
            Self::NoServer { .. } => "write `CONFIG.json#SERVER`".to_owned(),
        })
    }
}

impl Target {
    /// Reads one target as typed. Relative paths are taken from the working folder.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.trim().is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some(rest) = text.strip_prefix("pkg:") {
            return package_url(text, rest);
        }
        if let Some(rest) = text.strip_prefix("npm:") {
            let (name, version) = split_version(rest);
            return npm(name, version);
        }
        if let Some(rest) = text.strip_prefix("pypi:") {
            let (name, version) = split_version(rest);
            return pypi(name, version);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return remote(text);
        }
        if let Some((file, server)) = text.rsplit_once('#')
            && (file.ends_with(".json") || file.ends_with(".toml"))
        {
            return config(file, server);
        }
        path(text)
    }

    /// The package URL (purl-spec 1.0) of a registry package, with its version where known.
    pub fn package_url(&self) -> Option<String> {
        let (kind, name, version) = match self {
            Self::Npm { name, version } => ("npm", name.replacen('@', "%40", 1), version),
            Self::Pypi { name, version } => ("pypi", name.clone(), version),
            _ => return None,
        };
        let version = version
            .as_ref()
            .map(|v| format!("@{}", v.replace('+', "%2B")));
        Some(format!("pkg:{kind}/{name}{}", version.unwrap_or_default()))
    }
}

impl fmt::Display for Target {
    /// The short form, which [`Target::parse`] reads back (a command starts with `--`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versioned = |f: &mut fmt::Formatter<'_>, kind, name, version: &Option<String>| {
            write!(f, "{kind}:{name}")?;
            version
                .iter()
                .try_for_each(|version| write!(f, "@{version}"))
        };
        match self {
            Self::Npm { name, version } => versioned(f, "npm", name, version),
            Self::Pypi { name, version } => versioned(f, "pypi", name, version),
            Self::Folder(path)
            | Self::Tarball(path)
            | Self::Wheel(path)
            | Self::Bundle(path)
            | Self::Scenario(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => write!(f, "{url}"),
            Self::Config { file, server } => write!(f, "{}#{server}", file.display()),
            Self::Command(argv) => write!(f, "-- {}", argv.join(" ")),
        }
    }
}

/// `pkg:TYPE/NAMESPACE/NAME@VERSION`; qualifiers and subpaths mean nothing to us and are refused.
fn package_url(text: &str, rest: &str) -> Result<Target, TargetError> {
    let bad = |reason| TargetError::PackageUrl {
        text: text.to_owned(),
        reason,
    };
    if rest.contains(['?', '#']) {
        return Err(bad("qualifiers and subpaths are not supported"));
    }
    let (kind, rest) = rest
        .trim_start_matches('/')
        .split_once('/')
        .ok_or_else(|| bad("it has no name"))?;
    let (name, version) = split_version(rest);
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(|text| text.into_owned())
            .map_err(|_| bad("it is not UTF-8"))
    };
    let name = decode(name)?;
    let version = version.map(decode).transpose()?;
    match kind.to_ascii_lowercase().as_str() {
        "npm" => npm(&name, version.as_deref()),
        "pypi" => pypi(&name, version.as_deref()),
        _ => Err(TargetError::Ecosystem {
            kind: kind.to_owned(),
        }),
    }
}

/// `NAME@VERSION`; a scope's leading `@` is no separator.
fn split_version(text: &str) -> (&str, Option<&str>) {
    match text.rfind('@') {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    }
}

fn npm(name: &str, version: Option<&str>) -> Result<Target, TargetError> {
    let plain = |part: &str| {
        part.len() <= 214
            && part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    let good = match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, name)) => plain(scope) && plain(name),
        None => plain(name),
    };
    if !good {
        return Err(TargetError::Name {
            name: name.to_owned(),
            registry: "npm",
        });
    }
    Ok(Target::Npm {
        name: name.to_owned(),
        version: version.map(checked_version).transpose()?,
    })
}

/// Names compare without case, and with runs of `-`, `_` and `.` as one `-` (PEP 503).
fn pypi(name: &str, version: Option<&str>) -> Result<Target, TargetError> {
    let word = |c: char| c.is_ascii_alphanumeric();
    let good = name.len() <= 200
        && name.starts_with(word)
        && name.ends_with(word)
        && name.chars().all(|c| word(c) || "-._".contains(c));
    if !good {
        let bare = name.split(['=', '<', '>', '~', '!']).next().unwrap_or(name);
        if bare != name {
            return Err(TargetError::Version {
                version: name[bare.len()..].to_owned(),
            });
        }
        return Err(TargetError::Name {
            name: name.to_owned(),
            registry: "PyPI",
        });
    }
    Ok(Target::Pypi {
        name: normalised(name),
        version: version.map(checked_version).transpose()?,
    })
}

/// PEP 503's normalised form of a Python package name.
pub(super) fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Exact versions and tags only: a range would make two runs differ by the calendar.
fn checked_version(version: &str) -> Result<String, TargetError> {
    let good = version.len() <= 128
        && version.starts_with(|c: char| c.is_ascii_alphanumeric())
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-+_!".contains(c));
    if good {
        Ok(version.to_owned())
    } else {
        Err(TargetError::Version {
            version: version.to_owned(),
        })
    }
}

fn remote(text: &str) -> Result<Target, TargetError> {
    let bad = |reason: String| TargetError::Address {
        url: text.to_owned(),
        reason,
    };
    let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !here {
        return Err(bad("it is not encrypted".to_owned()));
    }
    Ok(Target::Remote(url))
}

fn config(file: &str, server: &str) -> Result<Target, TargetError> {
    if server.is_empty() {
        return Err(TargetError::NoServer {
            file: file.to_owned(),
        });
    }
    if !Path::new(file).is_file() {
        return Err(missing(file));
    }
    Ok(Target::Config {
        file: file.into(),
        server: server.to_owned(),
    })
}

fn path(text: &str) -> Result<Target, TargetError> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(Target::Folder(path));
    }
    if !path.is_file() {
        return Err(missing(text));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let file = |guess: Option<String>| TargetError::File {
        path: text.to_owned(),
        guess,
    };
    match () {
        () if ends(&[".tgz", ".tar.gz"]) => Ok(Target::Tarball(path)),
        () if ends(&[".whl"]) => Ok(Target::Wheel(path)),
        () if ends(&[".mcpb", ".dxt"]) => Ok(Target::Bundle(path)),
        () if ["package.json", "pyproject.toml"].contains(&name.as_str()) => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            Err(file(Some(
                folder.unwrap_or(Path::new(".")).display().to_string(),
            )))
        }
        () if ends(&[".toml"]) => Ok(Target::Scenario(path)),
        () if ends(&[".json"]) => Err(file(Some(format!("{text}#SERVER")))),
        () if ends(&[".js", ".mjs", ".cjs"]) => Err(file(Some(format!("-- node {text}")))),
        () if ends(&[".py"]) => Err(file(Some(format!("-- python3 {text}")))),
        () => Err(file(Some(format!("-- {text}")))),
    }
}

/// What does not exist is a package without its registry, or the misspelling of a neighbour.
fn missing(text: &str) -> TargetError {
    let guess = neighbour(Path::new(text)).or_else(|| {
        let (name, version) = split_version(text);
        if text.starts_with(['.', '/', '~']) || npm(name, version).is_err() {
            return None;
        }
        // Either registry may have it; a version written with `==` can only be Python's.
        Some(format!("npm:{text}"))
    });
    let python = || {
        let (name, version) = text.split_once("==")?;
        let target = pypi(name.trim(), Some(version.trim())).ok()?;
        Some(target.to_string())
    };
    TargetError::Missing {
        path: text.to_owned(),
        guess: guess.or_else(python),
    }
}

fn neighbour(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<_> = entries
        .take(4096)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(name, &names)?;
    Some(folder.map_or(near.clone(), |folder| {
        folder.join(near).display().to_string()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(target: &str) -> String {
        match Target::parse(target) {
            Ok(target) => target.to_string(),
            Err(error) => match error.hint() {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            },
        }
    }

    #[test]
    fn registries_are_named_long_or_short() {
        for (typed, read) in [
            ("pkg:npm/%40acme/mail@1.2.3", "npm:@acme/mail@1.2.3"),
            ("pkg:npm/@acme/mail@1.2.3", "npm:@acme/mail@1.2.3"),
            ("pkg:npm/mail", "npm:mail"),
            (
                "pkg:pypi/Mail_Server@1.0%2Blocal",
                "pypi:mail-server@1.0+local",
            ),
            ("npm:@acme/mail", "npm:@acme/mail"),
            ("npm:mail@latest", "npm:mail@latest"),
            ("pypi:mail.server@2026.1.1", "pypi:mail-server@2026.1.1"),
            ("https://mcp.example/mcp", "https://mcp.example/mcp"),
        ] {
            assert_eq!(text(typed), read);
        }
    }

    #[test]
    fn mistakes_say_what_was_meant() {
        let said: Vec<_> = [
            "postmark-mcp@1.0.16",
            "mcp-server-fetch==2025.4.7",
            "pypi:mcp-server-fetch==2025.4.7",
            "npm:-g@1",
            "npm:mail@^1",
            "pkg:cargo/mail@1",
            "pkg:npm",
            "./no-such-folder-anywhere",
            "http://mcp.example/",
            "",
        ]
        .iter()
        .map(|typed| text(typed))
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        `postmark-mcp@1.0.16` does not exist; did you mean `npm:postmark-mcp@1.0.16`?
        `mcp-server-fetch==2025.4.7` does not exist; did you mean `pypi:mcp-server-fetch@2025.4.7`?
        `==2025.4.7` is not a version; versions follow a single `@`: `@2025.4.7`
        `-g` is not a package name of npm; short forms look like `npm:NAME@VERSION` and `pypi:NAME@VERSION`
        `^1` is not a version; name one exact version such as `1.2.3`
        `cargo` packages are not supported; package URLs look like `pkg:npm/NAME@VERSION` or `pkg:pypi/NAME@VERSION`
        `pkg:npm` is not a package URL: it has no name; package URLs look like `pkg:npm/NAME@VERSION` or `pkg:pypi/NAME@VERSION`
        `./no-such-folder-anywhere` does not exist; a target is a folder, a packed server, `npm:NAME@VERSION`, `pypi:NAME@VERSION` or `CONFIG.json#SERVER`
        `http://mcp.example/` is not the address of a server: it is not encrypted; remote servers are named `https://HOST/PATH`
        an empty target
        ");
    }

    #[test]
    fn paths_are_told_apart_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a.tgz", "b.whl", "c.mcpb", "d.toml", "e.json", "server.js"] {
            std::fs::write(at(name), "").unwrap();
        }
        let parse = |name: &str| Target::parse(&at(name)).unwrap();
        assert!(matches!(Target::parse(&at("")).unwrap(), Target::Folder(_)));
        assert!(matches!(parse("a.tgz"), Target::Tarball(_)));
        assert!(matches!(parse("b.whl"), Target::Wheel(_)));
        assert!(matches!(parse("c.mcpb"), Target::Bundle(_)));
        assert!(matches!(parse("d.toml"), Target::Scenario(_)));
        assert!(matches!(parse("e.json#mail"), Target::Config { .. }));
        let guess = |name: &str| Target::parse(&at(name)).unwrap_err().hint().unwrap();
        assert!(guess("e.json").contains("#SERVER"));
        assert!(guess("server.js").contains("-- node "));
        assert!(guess("servr.js").contains("server.js"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = Target::parse(&text).map_err(|error| error.hint());
        }

        #[test]
        fn what_is_written_reads_back(
            scope in proptest::option::of("[a-z][a-z0-9-]{0,8}"),
            name in "[a-z][a-z0-9._-]{0,12}",
            version in proptest::option::of("[0-9]{1,4}\\.[0-9]{1,3}\\.[0-9]{1,3}(-rc\\.1)?(\\+b1)?"),
        ) {
            let name = scope.map_or(name.clone(), |scope| format!("@{scope}/{name}"));
            let target = Target::Npm { name, version };
            prop_assert_eq!(Target::parse(&target.to_string()), Ok(target.clone()));
            let url = target.package_url().unwrap();
            prop_assert_eq!(Target::parse(&url), Ok(target));
        }

        #[test]
        fn nothing_read_can_pass_for_an_option(text in "(npm|pypi):[-@a-z0-9=. ]{0,12}") {
            if let Ok(Target::Npm { name, version } | Target::Pypi { name, version }) = Target::parse(&text) {
                prop_assert!(!name.starts_with('-') && !name.contains(' '));
                prop_assert!(!version.unwrap_or_default().starts_with('-'));
            }
        }
    }
}
