//! Source distributions: what an index has of a package that has no wheel, and `.tar.gz` files that
//! Python's tools make. They are downloaded and unpacked, which executes nothing; what a build
//! would declare is read from the metadata that every one carries. The build is left to the
//! sandbox.

use super::archive::{self, ArchiveError, Bounds};
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

impl Sdist {
    /// One that pip has found.
    pub fn at(url: &str, sha256: Option<String>) -> Self {
        let plain = url.split(['?', '#']).next().unwrap_or(url);
        Self {
            filename: plain.rsplit('/').next().unwrap_or(plain).to_owned(),
            url: url.to_owned(),
            sha256,
        }
    }

    /// Whether it is none, but a wheel.
    pub fn is_wheel(&self) -> bool {
        self.filename.ends_with(".whl")
    }

    /// Its hash and how it is unpacked, if both are known.
    fn checked(&self, subject: &str) -> Result<(&str, Unpack), FetchError> {
        let cannot = |reason: &str| FetchError::NoDistribution {
            subject: subject.to_owned(),
            reason: reason.to_owned(),
        };
        // Without a hash nobody says that it is the file which was published.
        let hash = self.sha256.as_deref();
        let hash = hash.ok_or_else(|| cannot("the index has its source without a hash"))?;
        let unpack: Unpack = match &self.filename {
            name if name.ends_with(".tar.gz") => archive::tarball,
            name if name.ends_with(".zip") => archive::zip_source,
            _ => return Err(cannot("its source is neither a .tar.gz nor a .zip file")),
        };
        Ok((hash, unpack))
    }
}

type Unpack = fn(&Path, &Path, Bounds) -> Result<(), ArchiveError>;

/// Prepares what an index has.
pub(super) fn release(
    sdist: &Sdist,
    subject: &str,
    python: &Python,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let (hash, _) = sdist.checked(subject)?;
    let root = fetch(sdist, subject, python, options)?;
    let mut package = project::source(&root, call, options)?;
    package.integrity = Some(format!("sha256-{hash}"));
    Ok(package)
}

/// The unpacked source, fetched with pip's own session.
pub(super) fn fetch(
    sdist: &Sdist,
    subject: &str,
    python: &Python,
    options: &Options,
) -> Result<PathBuf, FetchError> {
    let (hash, unpack) = sdist.checked(subject)?;
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
        let file = folder.path().join("source");
        let pip = Pip::find(python, options)?;
        let mut command = pip.python();
        command.args(["-c", include_str!("download.py"), &sdist.url]);
        let said = host::run(command.arg(&file))?;
        if !said.ok {
            return Err(host::failure("pip", subject, &said.stderr, root));
        }
        if local::file_hash(&file)? != hash {
            return Err(FetchError::Network {
                subject: subject.to_owned(),
                detail: "its file has another hash than the index says".to_owned(),
            });
        }
        unpack(&file, root, Bounds::default()).map_err(local::archive_error(&file))
    })?;
    Ok(entry.root)
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

/// Whether it says what it needs, or that it needs nothing; none of it may be known before its build
/// (Core metadata 2.2, "Dynamic").
pub(super) fn says_what_it_needs(folder: &Path) -> Result<bool, FetchError> {
    let text = read_bounded(&folder.join(METADATA))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let fields = text.lines().take_while(|line| !line.is_empty());
    let fields: Vec<_> = fields.filter_map(|line| line.split_once(':')).collect();
    let has = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        let named = |(key, value): &(&str, &str)| key.eq_ignore_ascii_case(name) && wanted(value);
        fields.iter().any(named)
    };
    let left_open = |value: &str| value.trim().eq_ignore_ascii_case("Requires-Dist");
    let older = |value: &str| matches!(value.trim(), "1.0" | "1.1" | "1.2" | "2.0" | "2.1");
    let open = has("Dynamic", &left_open) || has("Metadata-Version", &older);
    Ok(!open || has("Requires-Dist", &|_| true) || egg_info(folder).is_some())
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

    #[test]
    fn what_only_a_build_would_say_is_known_to_be_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let says = |text: &str| {
            let text = format!("Name: x\nVersion: 1\n{text}\n\nRequires-Dist: y\n");
            fs::write(folder.path().join(METADATA), text).unwrap();
            says_what_it_needs(folder.path()).unwrap()
        };
        assert!(says("Metadata-Version: 2.2"));
        assert!(!says("Metadata-Version: 2.4\nDynamic: requires-dist"));
        assert!(!says("Metadata-Version: 2.1"));
        assert!(says("Metadata-Version: 2.1\nRequires-Dist: mcp"));
        fs::create_dir(folder.path().join("x.egg-info")).unwrap();
        assert!(says("Metadata-Version: 1.0"));
    }

    #[test]
    fn a_source_has_a_hash_and_a_form_that_is_known() {
        let checked = |url: &str, hash: Option<&str>| {
            let sdist = Sdist::at(url, hash.map(str::to_owned));
            sdist.checked("x").map(|(hash, _)| hash.to_owned())
        };
        let url = "https://h.example/x-1.tar.gz?a/b.exe#sha256=0";
        assert_eq!(checked(url, Some("0a")).unwrap(), "0a");
        assert!(checked("file:///x-1.zip", Some("0a")).is_ok());
        assert!(checked(url, None).is_err());
        assert!(checked("https://h.example/x-1.tar.bz2", Some("0a")).is_err());
    }
}
