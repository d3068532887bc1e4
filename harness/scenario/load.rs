//! Reading scenarios and the files they name. The only I/O of the module.

use super::build::build;
use super::check::check;
use super::grammar::ROOT;
use super::model::{FORMAT, Scenario};
use super::nearest::nearest;
use super::problem::{Problem, Problems, ScenarioError};
use super::text::{Fault, Text, quote};
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Bytes of a scenario file.
const MOST_TEXT: u64 = 1 << 20;
/// Bytes of a file to plant.
const MOST_PLANTED: u64 = 16 << 20;
/// Tables and lists around a value. The parser bounds each way of nesting, but not all of them
/// together, and what walks a document is recursive.
const MOST_DEPTH: usize = 64;

/// Names that the scenario may use and other modules define.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Built-in mocks, `smtp` among them where there is one.
    pub mocks: &'a [&'a str],
    /// Ways in which an upstream can behave.
    pub behaviours: &'a [&'a str],
    /// Rules that the policy may name.
    pub rules: &'a [&'a str],
}

/// Reads and checks a scenario and the files it names.
pub fn load(path: &Path, known: &Known<'_>) -> Result<Scenario, ScenarioError> {
    let whole = |message, hint| ScenarioError::of(Problem::whole(path, message, hint));
    let bytes = read(path, MOST_TEXT).map_err(|error| match error {
        ReadError::Missing => whole("no such scenario".into(), Some(instead(path))),
        ReadError::Folder => whole(
            "this is a folder, not a scenario".into(),
            Some("name a `.toml` file".into()),
        ),
        error => whole(error.to_string(), None),
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => parse(&text, path, known),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let mut problems = Problems::new(path, &text);
            let hint = "save the file in UTF-8".to_owned();
            problems.add(good..good + 1, "not UTF-8", Some(hint));
            Err(problems.into_error())
        }
    }
}

/// Checks the text of a scenario. `path` says where it stands: files it names are read relative
/// to that folder, and errors name it.
pub fn parse(text: &str, path: &Path, known: &Known<'_>) -> Result<Scenario, ScenarioError> {
    let mut problems = Problems::new(path, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    // What is left of a broken document would only add errors that are none.
    if !errors.is_empty() {
        for error in errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            problems.add(span, error.message(), None);
        }
        return Err(problems.into_error());
    }
    if let Some(span) = too_deep(document.get_ref()) {
        problems.add(span, "nested too deeply", None);
        return Err(problems.into_error());
    }
    if let Some(format) = document.get_ref().get("format")
        && let Some(other) = format.get_ref().as_str()
        && other != FORMAT
    {
        // In another version everything else may well be right.
        if let Err(fault) = Text::Format.check(other, known) {
            problems.add(format.span(), fault.message, fault.hint);
        }
        return Err(problems.into_error());
    }
    check(&ROOT, &document, known, &mut problems);
    let scenario = build(document.get_ref(), path, &mut problems);
    if problems.is_empty() {
        Ok(scenario)
    } else {
        Err(problems.into_error())
    }
}

/// A key that lies deeper than `MOST_DEPTH` tables and lists.
fn too_deep(document: &DeTable<'_>) -> Option<Range<usize>> {
    let mut rest: Vec<_> = document
        .iter()
        .map(|(key, value)| (1, key.span(), value))
        .collect();
    while let Some((depth, span, value)) = rest.pop() {
        if depth > MOST_DEPTH {
            return Some(span);
        }
        match value.get_ref() {
            DeValue::Table(table) => {
                rest.extend(
                    table
                        .iter()
                        .map(|(key, value)| (depth + 1, key.span(), value)),
                );
            }
            DeValue::Array(items) => {
                rest.extend(items.iter().map(|item| (depth + 1, item.span(), item)));
            }
            _ => {}
        }
    }
    None
}

/// Reads a file to plant, `name` as the scenario writes it.
pub(super) fn read_planted(path: &Path, name: &str) -> Result<Vec<u8>, Fault> {
    let name = quote(name);
    read(path, MOST_PLANTED).map_err(|error| match error {
        ReadError::Missing => Fault {
            message: format!("{name} does not exist"),
            hint: missing(path),
        },
        ReadError::Folder => Fault {
            message: format!("{name} is a folder"),
            hint: Some("name each file".to_owned()),
        },
        error => Fault {
            message: format!("cannot read {name}: {error}"),
            hint: None,
        },
    })
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("no such file")]
    Missing,
    #[error("is a folder")]
    Folder,
    #[error("not a regular file")]
    Special,
    #[error("larger than {0} bytes")]
    Large(u64),
    #[error("{0}")]
    Io(io::Error),
}

/// Reads a regular file of at most `most` bytes: a pipe or a device could block or never end.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing,
        _ => ReadError::Io(error),
    };
    let kind = fs::metadata(path).map_err(io)?;
    if kind.is_dir() {
        return Err(ReadError::Folder);
    }
    if !kind.is_file() {
        return Err(ReadError::Special);
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(io)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > most {
        return Err(ReadError::Large(most));
    }
    Ok(bytes)
}

/// A hint for a path in the scenario that does not exist.
pub(super) fn missing(path: &Path) -> Option<String> {
    neighbour(path).or_else(|| Some("paths are relative to the scenario's folder".to_owned()))
}

/// Scenarios named in a hint.
const NAMED: usize = 5;

/// A hint for a scenario that does not exist: what may have been meant, else what there is, else
/// what one begins with.
fn instead(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let beside = path.parent().unwrap_or(Path::new(""));
    for folder in [beside, Path::new("scenarios")] {
        let known = scenarios(folder);
        let stems = known.iter().filter_map(|file| file.file_stem()?.to_str());
        let near = stem.and_then(|stem| nearest(stem, stems));
        let near = near.map(|near| folder.join(format!("{near}.toml")));
        if let Some(near) = near.filter(|near| near != path) {
            return format!("did you mean `{}`?", near.display());
        }
        if known.is_empty() {
            continue;
        }
        let mut named: Vec<String> = known
            .iter()
            .take(NAMED)
            .map(|file| format!("`{}`", file.display()))
            .collect();
        if known.len() > NAMED {
            named.push("…".to_owned());
        }
        return format!("there is {}", named.join(", "));
    }
    format!("a scenario is a text file that begins with `format = \"{FORMAT}\"`")
}

/// The scenarios of a folder, sorted.
fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let listed = match folder.as_os_str().is_empty() {
        true => fs::read_dir("."),
        false => fs::read_dir(folder),
    };
    let entries = listed.into_iter().flatten().take(10_000);
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut files: Vec<PathBuf> = names
        .filter(|name| name.ends_with(".toml"))
        .map(|name| folder.join(name))
        .collect();
    files.sort();
    // Other programs keep their settings in such files, too.
    let is_scenario = |file: &PathBuf| {
        let text = read(file, MOST_TEXT).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(FORMAT)
    };
    files.into_iter().take(100).filter(is_scenario).collect()
}

/// What lies beside the first missing part of `path` and is called nearly the same.
fn neighbour(path: &Path) -> Option<String> {
    let gone = path
        .ancestors()
        .take_while(|part| !part.as_os_str().is_empty() && !part.exists())
        .last()?;
    let folder = match gone.parent()? {
        empty if empty.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    // Sorted, so that the hint does not depend on the order of the folder.
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .take(10_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let name = gone.file_name()?.to_str()?;
    nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}
