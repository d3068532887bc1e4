//! From files to one document. What other files hold is put below `x-files`, and references are
//! turned towards it, so that every reference is a pointer into one value.

use super::error::{OpenApiError, OpenApiProblem, Place};
use super::yaml;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of all files together.
const MAX_BYTES: u64 = 32 << 20;
const MAX_FILES: usize = 500;
/// References that lead to references.
const MAX_HOPS: usize = 32;
/// Where the other files of a document stand in it.
const FILES: &str = "x-files";

/// Keys whose members have names that the author chose: none of them is a keyword.
const NAMED: [&str; 19] = [
    "$defs",
    "callbacks",
    "content",
    "definitions",
    "dependentSchemas",
    "encoding",
    "examples",
    "headers",
    "links",
    "parameters",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "webhooks",
];
/// Keys whose values are data and no part of the description.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "mapping", "value"];

/// Reads a document with the files it names, all of which lie below `folder`.
pub fn load(path: &Path, folder: &Path) -> Result<Value, OpenApiError> {
    let real = |path: &Path| {
        let canonical = path.canonicalize();
        canonical.map_err(|e| whole(path, OpenApiProblem::Unreadable(e)))
    };
    let mut loader = Loader {
        folder: real(folder)?,
        files: Vec::new(),
        left: MAX_BYTES,
    };
    loader.file(path.to_owned(), real(path)?)?;
    let mut at = 0;
    while at < loader.files.len() {
        loader.turn(at)?;
        at += 1;
    }
    let paths: Vec<PathBuf> = loader.files.iter().map(|file| file.path.clone()).collect();
    let mut files = loader.files.into_iter().map(|file| file.value);
    let mut root = files.next().unwrap_or_default();
    let others: Map<String, Value> = files.zip(1..).map(|(v, i)| (i.to_string(), v)).collect();
    if let Some(map) = root.as_object_mut()
        && !others.is_empty()
    {
        map.insert(FILES.to_owned(), Value::Object(others));
    }
    check(&paths, &mut root)?;
    Ok(root)
}

/// What a reference leads to at last, and the pointer to it.
pub fn target<'d>(root: &'d Value, reference: &str) -> Option<(String, &'d Value)> {
    let mut reference = reference;
    for _ in 0..MAX_HOPS {
        let pointer = percent_decode_str(reference.strip_prefix('#')?);
        let pointer = pointer.decode_utf8().ok()?.into_owned();
        let value = root.pointer(&pointer)?;
        match value.get("$ref").and_then(Value::as_str) {
            // Keywords beside a reference count, too (JSON Schema 2020-12, section 8.2.3.1).
            Some(next) if value.as_object().is_some_and(|m| m.len() == 1) => reference = next,
            _ => return Some((pointer, value)),
        }
    }
    None
}

/// Calls `each` with every object of the description and its JSON pointer. What is data, such as
/// an example, is passed over.
pub fn visit<E>(
    value: &mut Value,
    each: &mut impl FnMut(&mut Map<String, Value>, &str) -> Result<(), E>,
) -> Result<(), E> {
    walk(value, false, &mut String::new(), each)
}

fn walk<E>(
    value: &mut Value,
    named: bool,
    place: &mut String,
    each: &mut impl FnMut(&mut Map<String, Value>, &str) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Object(map) => {
            if !named {
                each(map, place)?;
            }
            for (key, value) in map {
                let data = DATA.contains(&key.as_str()) || key.starts_with("x-") && key != FILES;
                if !named && (data || key == "examples" && value.is_array()) {
                    continue;
                }
                let inner = !named && (NAMED.contains(&key.as_str()) || key == FILES);
                let before = place.len();
                place.push('/');
                place.push_str(&escaped(key));
                walk(value, inner && value.is_object(), place, each)?;
                place.truncate(before);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                let before = place.len();
                place.push_str(&format!("/{i}"));
                walk(item, false, place, each)?;
                place.truncate(before);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A key as RFC 6901, section 3, writes it in a pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Loader {
    folder: PathBuf,
    files: Vec<File>,
    left: u64,
}

struct File {
    /// As the user knows it.
    path: PathBuf,
    real: PathBuf,
    value: Value,
}

impl Loader {
    /// The number of a file, which is read where it is new.
    fn file(&mut self, path: PathBuf, real: PathBuf) -> Result<usize, OpenApiError> {
        if let Some(known) = self.files.iter().position(|file| file.real == real) {
            return Ok(known);
        }
        if self.files.len() >= MAX_FILES {
            return Err(whole(&path, OpenApiProblem::TooMany { limit: MAX_FILES }));
        }
        let bytes = self.read(&path).map_err(|problem| whole(&path, problem))?;
        let text = String::from_utf8(bytes).map_err(|_| whole(&path, OpenApiProblem::NotText))?;
        let value = yaml::read(&text).map_err(|(place, problem)| OpenApiError {
            file: path.clone(),
            place,
            problem,
        })?;
        self.files.push(File { path, real, value });
        Ok(self.files.len() - 1)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, OpenApiProblem> {
        let open = std::fs::File::open(path).map_err(OpenApiProblem::Unreadable)?;
        let mut bytes = Vec::new();
        let read = open.take(self.left + 1).read_to_end(&mut bytes);
        read.map_err(OpenApiProblem::Unreadable)?;
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or(OpenApiProblem::TooLarge { limit: MAX_BYTES })?;
        Ok(bytes)
    }

    /// Turns the references of a file towards the whole.
    fn turn(&mut self, at: usize) -> Result<(), OpenApiError> {
        let mut value = std::mem::take(&mut self.files[at].value);
        let path = self.files[at].path.clone();
        let turned = visit(&mut value, &mut |map, place| {
            let Some(Value::String(reference)) = map.get_mut("$ref") else {
                return Ok(());
            };
            let fail = |problem| OpenApiError {
                file: path.clone(),
                place: Place::Pointer(place.to_owned()),
                problem,
            };
            let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(fail(OpenApiProblem::Reference(reference.clone())));
            }
            let number = if file.is_empty() {
                at
            } else {
                let (shown, real) = self.find(&path, file).map_err(fail)?;
                self.file(shown, real)?
            };
            let prefix = match number {
                0 => String::new(),
                number => format!("/{FILES}/{number}"),
            };
            *reference = format!("#{prefix}{pointer}");
            Ok(())
        });
        self.files[at].value = value;
        turned
    }

    /// The file that a reference names, as told and as it is.
    fn find(&self, from: &Path, file: &str) -> Result<(PathBuf, PathBuf), OpenApiProblem> {
        if file.contains("://") || file.starts_with("//") || file.starts_with("urn:") {
            return Err(OpenApiProblem::Remote(file.to_owned()));
        }
        let name = percent_decode_str(file).decode_utf8_lossy().into_owned();
        let path = from.parent().unwrap_or(Path::new("")).join(name);
        let real = path
            .canonicalize()
            .map_err(|_| OpenApiProblem::Dangling(file.to_owned()))?;
        if !real.starts_with(&self.folder) {
            return Err(OpenApiProblem::Outside(file.to_owned()));
        }
        Ok((path, real))
    }
}

/// Every reference leads somewhere.
fn check(files: &[PathBuf], root: &mut Value) -> Result<(), OpenApiError> {
    let mut found = Vec::new();
    visit::<OpenApiError>(root, &mut |map, place| {
        if let Some(Value::String(reference)) = map.get("$ref") {
            found.push((reference.clone(), place.to_owned()));
        }
        Ok(())
    })?;
    for (reference, place) in found {
        if target(root, &reference).is_some() {
            continue;
        }
        let pointer = reference.trim_start_matches('#').to_owned();
        let decoded = percent_decode_str(&pointer).decode_utf8();
        let exists = decoded.is_ok_and(|pointer| root.pointer(&pointer).is_some());
        let (from, place) = origin(files, &place);
        let (to, pointer) = origin(files, &pointer);
        let shown = match to.file_name() {
            Some(name) if to != from => format!("{}#{pointer}", Path::new(name).display()),
            _ => format!("#{pointer}"),
        };
        return Err(OpenApiError {
            file: from.to_owned(),
            place: Place::Pointer(place.to_owned()),
            problem: match exists {
                true => OpenApiProblem::Circular(shown),
                false => OpenApiProblem::Dangling(shown),
            },
        });
    }
    Ok(())
}

/// The file that a pointer into the whole leads to, and the pointer there.
fn origin<'a>(files: &'a [PathBuf], pointer: &'a str) -> (&'a Path, &'a str) {
    let other = pointer
        .strip_prefix('/')
        .and_then(|p| p.strip_prefix(FILES)?.strip_prefix('/'));
    let other = other.and_then(|rest| {
        let end = rest.find('/').unwrap_or(rest.len());
        Some((files.get(rest[..end].parse::<usize>().ok()?)?, &rest[end..]))
    });
    let first = files.first().map_or(Path::new(""), PathBuf::as_path);
    other.map_or((first, pointer), |(file, rest)| (file.as_path(), rest))
}

fn whole(file: &Path, problem: OpenApiProblem) -> OpenApiError {
    OpenApiError {
        file: file.to_owned(),
        place: Place::Whole,
        problem,
    }
}
