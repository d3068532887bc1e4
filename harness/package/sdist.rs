//! Source distributions: what an index has of a package that has no wheel, and `.tar.gz` files that
//! Python's tools make. They are downloaded and unpacked, which executes nothing; what a build
//! would declare is read from the metadata that every one carries. The build is left to the
//! sandbox.

use super::archive::{self, Bounds};
use super::cache::Cache;
use super::error::FetchError;
use super::fetch::Call;
use super::local;
use super::manifest::read_bounded;
use super::model::{Options, Package};
use super::pip::Pip;
use super::project;
use super::pypi::Metadata;
use super::python::Python;
use super::{host, requirements};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Stands at the root of every source distribution.
pub(super) const METADATA: &str = "PKG-INFO";

/// Where an index has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sdist {
    filename: String,
    url: String,
    /// In hexadecimal.
    sha256: Option<String>,
}

/// Prepares what an index has, fetched with pip's own session.
pub(super) fn release(
    sdist: &Sdist,
    subject: &str,
    python: &Python,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let gone = || FetchError::SourceOnly {
        subject: subject.to_owned(),
    };
    // Without a hash nobody says that it is the file which was published.
    let (Some(hash), true) = (&sdist.sha256, sdist.filename.ends_with(".tar.gz")) else {
        return Err(gone());
    };
    let cache = Cache::new(&options.cache);
    let entry = cache.entry::<(), _>("sdist", subject, &[hash], options.progress, |root| {
        if options.offline {
            return Err(FetchError::Offline {
                subject: subject.to_owned(),
            });
        }
        (options.progress)(&format!("fetching the source of {subject}"));
        let folder =
            tempfile::tempdir().map_err(FetchError::io("create", &std::env::temp_dir()))?;
        let file = folder.path().join("source.tar.gz");
        let pip = Pip::find(python, options)?;
        let mut command = pip.python();
        command.args(["-c", include_str!("download.py"), &sdist.url]);
        let said = host::run(command.arg(&file))?;
        if !said.ok {
            return Err(host::failure("pip", subject, &said.stderr, root));
        }
        if local::file_hash(&file)? != *hash {
            return Err(FetchError::Network {
                subject: subject.to_owned(),
                detail: "its file has another hash than the index says".to_owned(),
            });
        }
        archive::tarball(&file, root, Bounds::default()).map_err(local::archive_error(&file))
    })?;
    let mut package = project::source(&entry.root, call, options)?;
    package.integrity = Some(format!("sha256-{hash}"));
    Ok(package)
}

/// Prepares a file of the user's, if it is one: npm packs its packages in the same way.
pub(super) fn file(
    file: &Path,
    call: &Call,
    options: &Options,
) -> Result<Option<Package>, FetchError> {
    let hash = local::file_hash(file)?;
    let label = local::label(file);
    let cache = Cache::new(&options.cache);
    let is_one =
        |root: &Path| root.join(METADATA).is_file() && !root.join("package.json").is_file();
    let look = tempfile::tempdir().map_err(FetchError::io("create", &std::env::temp_dir()))?;
    let unpack = |into: &Path| {
        archive::tarball(file, into, Bounds::default()).map_err(local::archive_error(file))
    };
    unpack(look.path())?;
    if !is_one(look.path()) {
        return Ok(None);
    }
    let entry = cache.entry::<(), _>("sdist", &label, &[&hash], options.progress, unpack)?;
    let mut package = project::source(&entry.root, call, options)?;
    package.resolved = label;
    package.integrity = Some(format!("sha256-{hash}"));
    Ok(Some(package))
}

/// What a build would declare, as far as it was written down when the distribution was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    pub name: String,
    pub version: String,
    pub requires_python: Option<String>,
    pub requires: Vec<String>,
    pub scripts: BTreeMap<String, String>,
}

/// Reads `PKG-INFO`, and beside it what setuptools wrote down before that could say everything.
pub(super) fn declared(folder: &Path) -> Result<Option<Declared>, FetchError> {
    let Some(text) = read_bounded(&folder.join(METADATA))? else {
        return Ok(None);
    };
    let Some(metadata) = Metadata::parse(&String::from_utf8_lossy(&text)) else {
        return Ok(None);
    };
    let mut declared = Declared {
        name: metadata.name,
        version: metadata.version,
        requires_python: metadata.requires_python,
        requires: metadata.requires,
        scripts: BTreeMap::new(),
    };
    let Some(info) = egg_info(folder) else {
        return Ok(Some(declared));
    };
    let read = |name: &str| -> Result<String, FetchError> {
        let text = read_bounded(&info.join(name))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    if declared.requires.is_empty() {
        declared.requires = needed(&read("requires.txt")?);
    }
    declared.scripts = scripts(&read("entry_points.txt")?);
    for requirement in &declared.requires {
        requirements::check(METADATA, requirement)?;
    }
    Ok(Some(declared))
}

fn egg_info(folder: &Path) -> Option<PathBuf> {
    [folder.to_owned(), folder.join("src")]
        .iter()
        .flat_map(fs::read_dir)
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|end| end == "egg-info") && path.is_dir())
}

/// Requirements of setuptools' `requires.txt`: sections are extras, markers, or both after a colon.
fn needed(text: &str) -> Vec<String> {
    let mut marker = Some(String::new());
    let mut list = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            marker = section
                .strip_prefix(':')
                .map(|marker| format!("; {marker}"));
        } else if let Some(marker) = &marker {
            list.push(format!("{line}{marker}"));
        }
    }
    list
}

fn scripts(text: &str) -> BTreeMap<String, String> {
    let mut within = false;
    let mut scripts = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            within = line == "[console_scripts]";
        } else if let Some((name, place)) = line.split_once('=').filter(|_| within) {
            scripts.insert(name.trim().to_owned(), place.trim().to_owned());
        }
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_would_declare_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(declared(folder.path()).unwrap(), None);
        let head = "Metadata-Version: 2.1\nName: Mail_Server\nVersion: 1.2\n";
        write(METADATA, head);
        write(
            "src/mail_server.egg-info/requires.txt",
            "httpx>=0.27\n\n[:python_version < \"3.11\"]\ntomli\n\n[test]\npytest\n",
        );
        write(
            "src/mail_server.egg-info/entry_points.txt",
            "[console_scripts]\nmail = mail_server:main\n[other]\nx = y:z\n",
        );
        let found = declared(folder.path()).unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.version.as_str()),
            ("mail-server", "1.2")
        );
        let needed = ["httpx>=0.27", "tomli; python_version < \"3.11\""];
        assert_eq!(found.requires, needed);
        assert_eq!(
            found.scripts.into_iter().collect::<Vec<_>>(),
            [("mail".to_owned(), "mail_server:main".to_owned())]
        );
        write(METADATA, &format!("{head}Requires-Dist: mcp\n"));
        assert_eq!(declared(folder.path()).unwrap().unwrap().requires, ["mcp"]);
        write(
            METADATA,
            &format!("{head}Requires-Dist: x @ https://h.example/x\n"),
        );
        assert!(declared(folder.path()).is_err());
    }
}
