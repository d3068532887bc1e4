//! `package.json`: which file starts a package, and how.
//! Written by strangers: a program outside its own folder is refused, and only its first line
//! is looked at to tell how it is run.

use super::error::FetchError;
use super::host;
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Manifests and lock files are text that people and npm write.
const MAX: u64 = 64 << 20;

/// What of a `package.json` concerns us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub name: Option<String>,
    pub version: Option<String>,
    pub engines: Option<String>,
    pub has_dependencies: bool,
    bin: Vec<(String, String)>,
    main: Option<String>,
}

impl Manifest {
    /// Reads the manifest in `folder`.
    pub fn read(folder: &Path) -> Result<Self, FetchError> {
        let file = folder.join("package.json");
        let bad = |reason: String| FetchError::Config {
            file: file.clone(),
            reason,
        };
        let text = read_bounded(&file)?.ok_or_else(|| bad("it is missing".to_owned()))?;
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        let value: Map<String, Value> =
            serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        Ok(Self::of(&value))
    }

    fn of(value: &Map<String, Value>) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name");
        let bin = match value.get("bin") {
            Some(Value::String(path)) => {
                let bare = name.as_deref().unwrap_or("bin");
                vec![(unscoped(bare).to_owned(), path.clone())]
            }
            Some(Value::Object(bins)) => bins
                .iter()
                .filter_map(|(name, path)| Some((name.clone(), path.as_str()?.to_owned())))
                .collect(),
            _ => Vec::new(),
        };
        let filled = |key: &str| {
            let table = value.get(key).and_then(Value::as_object);
            table.is_some_and(|table| !table.is_empty())
        };
        Self {
            version: text("version"),
            engines: value
                .get("engines")
                .and_then(|engines| engines.get("node")?.as_str())
                .map(str::to_owned),
            has_dependencies: ["dependencies", "optionalDependencies", "peerDependencies"]
                .into_iter()
                .any(filled),
            main: text("main"),
            bin,
            name,
        }
    }

    /// The command that starts the package lying in `folder` and seen at `place`.
    pub fn start(&self, folder: &Path, place: &str, node: &str) -> Result<Vec<String>, FetchError> {
        let (path, file) = self.entry(folder, place)?;
        let inside = format!("{place}/{}", path.display());
        Ok(match how(&file, place)? {
            How::Node(flags) => [vec![node.to_owned()], flags, vec![inside]].concat(),
            How::Itself => vec![inside],
        })
    }

    /// The program's path below `folder`, links resolved as Node resolves them.
    fn entry(&self, folder: &Path, place: &str) -> Result<(PathBuf, PathBuf), FetchError> {
        let root = fs::canonicalize(folder).map_err(FetchError::io("read", folder))?;
        let none = |reason: String, hint: &str| FetchError::NoEntry {
            place: place.to_owned(),
            reason,
            hint: hint.to_owned(),
        };
        let named = self.choice(place)?;
        let candidates = match &named {
            Some(path) => vec![
                path.clone(),
                format!("{path}.js"),
                format!("{path}/index.js"),
            ],
            None => [
                "index.js",
                "server.js",
                "index.mjs",
                "server.mjs",
                "index.cjs",
            ]
            .map(str::to_owned)
            .to_vec(),
        };
        for candidate in candidates {
            let Ok(file) = fs::canonicalize(root.join(&candidate)) else {
                continue;
            };
            let Ok(below) = file.strip_prefix(&root) else {
                return Err(none(
                    format!("`{candidate}` lies outside the package"),
                    "a package may only start a file of its own",
                ));
            };
            if file.is_file() {
                return Ok((below.to_owned(), file));
            }
        }
        Err(match named {
            Some(path) if root.join("tsconfig.json").exists() => none(
                format!("`{path}` does not exist"),
                "it looks like TypeScript that was not built: run its build (`npm run build`) first",
            ),
            Some(path) => none(
                format!("`{path}`, which package.json names, does not exist"),
                "build it first, or correct `bin` or `main`",
            ),
            None => none(
                "package.json names no `bin` and no `main`".to_owned(),
                "name the program after `--`, or add `bin` to package.json",
            ),
        })
    }

    /// `bin` as `npx` picks it: the only one, or the one named like the package; else `main`.
    fn choice(&self, place: &str) -> Result<Option<String>, FetchError> {
        let own = self.name.as_deref().map(unscoped);
        let named = self.bin.iter().find(|(name, _)| Some(name.as_str()) == own);
        let same = self
            .bin
            .first()
            .filter(|(_, first)| self.bin.iter().all(|(_, path)| path == first));
        match named.or(same) {
            Some((_, path)) => Ok(Some(path.clone())),
            None if self.bin.is_empty() => Ok(self.main.clone()),
            None => {
                let names: Vec<_> = self
                    .bin
                    .iter()
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                Err(FetchError::NoEntry {
                    place: place.to_owned(),
                    reason: format!("it has several programs: {}", names.join(", ")),
                    hint: "name one in a client's configuration: `npx -p PACKAGE PROGRAM`"
                        .to_owned(),
                })
            }
        }
    }

    /// Whether it says what to start.
    pub fn names_a_program(&self) -> bool {
        !self.bin.is_empty() || self.main.is_some()
    }

    /// Another of its programs, by name.
    pub fn with_program(mut self, program: &str) -> Result<Self, FetchError> {
        let names: Vec<_> = self.bin.iter().map(|(name, _)| name.clone()).collect();
        self.bin.retain(|(name, _)| name == program);
        if self.bin.is_empty() {
            return Err(FetchError::NoEntry {
                place: self.name.unwrap_or_default(),
                reason: format!("it has no program `{program}`"),
                hint: format!("it has {}", names.join(", ")),
            });
        }
        Ok(self)
    }
}

fn unscoped(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, name)| name)
}

enum How {
    /// With these flags from its first line.
    Node(Vec<String>),
    Itself,
}

/// Tells a script for Node from a program of its own.
fn how(file: &Path, place: &str) -> Result<How, FetchError> {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(256).read_to_end(&mut head));
    read.map_err(FetchError::io("read", file))?;
    if head.starts_with(b"\x7fELF") {
        return Ok(How::Itself);
    }
    let Some(line) = head.strip_prefix(b"#!") else {
        return Ok(How::Node(Vec::new()));
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let mut program = words.next().unwrap_or_default();
    if program.ends_with("/env") {
        program = words.find(|word| *word != "-S").unwrap_or_default();
    }
    match program.rsplit('/').next().unwrap_or_default() {
        "node" | "nodejs" => Ok(How::Node(words.map(str::to_owned).collect())),
        "sh" | "bash" | "dash" => Ok(How::Itself),
        other => match host::which(other) {
            Some(found) if host::is_system(&found) => Ok(How::Itself),
            _ => Err(FetchError::NoEntry {
                place: place.to_owned(),
                reason: format!(
                    "its first line asks for `{other}`, which is not installed under /usr"
                ),
                hint: format!("install `{other}` system-wide, or name the command after `--`"),
            }),
        },
    }
}

/// A file that may be missing, and may not be endless.
pub(super) fn read_bounded(file: &Path) -> Result<Option<Vec<u8>>, FetchError> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FetchError::io("read", file))?,
    };
    let mut text = Vec::new();
    let read = opened.take(MAX + 1).read_to_end(&mut text);
    read.map_err(FetchError::io("read", file))?;
    if text.len() as u64 > MAX {
        return Err(FetchError::TooLarge {
            path: file.to_owned(),
            limit: format!("{} MiB", MAX >> 20),
        });
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn start(manifest: Value, files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let manifest = Manifest::of(manifest.as_object().unwrap());
        match manifest.start(folder.path(), "/p", "/usr/bin/node") {
            Ok(argv) => argv.join(" "),
            Err(error) => format!("{error}; {}", error.hint().unwrap_or_default()),
        }
    }

    #[test]
    fn the_program_is_the_one_npx_would_run() {
        let dist = [("dist/a.js", "#!/usr/bin/env node\n"), ("dist/b.js", "")];
        let node = "/usr/bin/node /p/";
        let one = json!({"name": "@x/a", "bin": "dist/a.js"});
        assert_eq!(start(one, &dist), format!("{node}dist/a.js"));
        let two = json!({"name": "@x/a", "bin": {"b": "dist/b.js", "a": "./dist/a.js"}});
        assert_eq!(start(two, &dist), format!("{node}dist/a.js"));
        let same = json!({"name": "x", "bin": {"b": "dist/b.js", "a": "dist/b.js"}});
        assert_eq!(start(same, &dist), format!("{node}dist/b.js"));
        let main = json!({"name": "x", "main": "dist/b"});
        assert_eq!(start(main, &dist), format!("{node}dist/b.js"));
        let flags = [("a.js", "#!/usr/bin/env -S node --no-warnings\n")];
        let argv = start(json!({"name": "a", "bin": "a.js"}), &flags);
        assert_eq!(argv, "/usr/bin/node --no-warnings /p/a.js");
        let shell = [("a.sh", "#!/bin/sh\n")];
        assert_eq!(
            start(json!({"name": "a", "bin": "a.sh"}), &shell),
            "/p/a.sh"
        );
    }

    #[test]
    fn what_cannot_start_says_why() {
        let unbuilt = json!({"name": "a", "bin": "dist/a.js"});
        let several = json!({"name": "x", "bin": {"a": "a.js", "b": "b.js"}});
        let outside = json!({"name": "x", "bin": "../../../../../../bin/sh"});
        let bun = json!({"name": "x", "bin": "a.ts"});
        let said = [
            start(unbuilt, &[("tsconfig.json", "{}")]),
            start(several, &[]),
            start(outside, &[]),
            start(json!({"name": "x"}), &[]),
            start(bun, &[("a.ts", "#!/usr/bin/env no-such-runtime\n")]),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        nothing to start in `/p`: `dist/a.js` does not exist; it looks like TypeScript that was not built: run its build (`npm run build`) first
        nothing to start in `/p`: it has several programs: `a`, `b`; name one in a client's configuration: `npx -p PACKAGE PROGRAM`
        nothing to start in `/p`: `../../../../../../bin/sh` lies outside the package; a package may only start a file of its own
        nothing to start in `/p`: package.json names no `bin` and no `main`; name the program after `--`, or add `bin` to package.json
        nothing to start in `/p`: its first line asks for `no-such-runtime`, which is not installed under /usr; install `no-such-runtime` system-wide, or name the command after `--`
        ");
    }
}
