//! Accepted behaviour under `snapshots/<ecosystem>/<package>/<scenario>.snap`, and what waits to
//! be accepted beside it as `.snap.new`. A file is whole or absent, never half written.

use super::insta::{FormatError, Snapshot};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Largest snapshot read, in bytes.
const MOST: u64 = 64 << 20;
/// Longest component of a name; file systems end at 255 bytes, less the suffixes.
const LONGEST: usize = 160;
const ACCEPTED: &str = ".snap";
const PENDING: &str = ".snap.new";

/// A folder of snapshots.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    writes: Writes,
}

/// Whether a store may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    Allowed,
    /// In CI what was recorded is compared and never kept.
    Forbidden,
}

/// What became of a new recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// The accepted snapshot says the same; nothing waits any more.
    Same,
    /// It differs, or is the first, and now waits in this file.
    Pending(PathBuf),
    /// It differs, or is the first, and writing is forbidden.
    Withheld,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("could not write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` is no snapshot: {source}")]
    Format { path: PathBuf, source: FormatError },
    #[error("nothing is pending for `{name}`")]
    NothingPending { name: String },
    #[error("snapshots are not written in CI")]
    Forbidden,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { .. } | Self::Write { .. } => None,
            Self::Format { .. } => {
                Some("restore it from version control, or delete it and record again")
            }
            Self::NothingPending { .. } => Some("`turncoat record` writes pending snapshots"),
            Self::Forbidden => Some("record and accept where the result can be committed"),
        }
    }
}

/// A snapshot's place in the store, without its suffix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Any text is allowed: what is not plain in a file name is written as `%XX`, so two names
    /// never meet in one file. A scope (`@scope/name`) becomes a folder.
    pub fn new(ecosystem: &str, package: &str, scenario: &str) -> Self {
        let package = match package.split_once('/') {
            Some((scope, name)) if scope.starts_with('@') && scope.len() > 1 => {
                format!("{}/{}", component(scope), component(name))
            }
            _ => component(package),
        };
        Self(format!(
            "{}/{package}/{}",
            component(ecosystem),
            component(scenario)
        ))
    }

    /// Whether a person who typed this means this snapshot: the name, its end, or its file.
    pub fn is_meant_by(&self, typed: &str) -> bool {
        let typed = typed.strip_suffix(PENDING).unwrap_or(typed);
        let typed = typed.strip_suffix(ACCEPTED).unwrap_or(typed);
        let ends_with = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        !typed.is_empty() && (ends_with(&self.0, typed) || ends_with(typed, &self.0))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Store {
    /// The store in `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>, writes: Writes) -> Self {
        Self {
            root: root.into(),
            writes,
        }
    }

    /// The accepted snapshot, if there is one.
    pub fn accepted(&self, name: &Name) -> Result<Option<Snapshot>, StoreError> {
        read(&self.file(name, ACCEPTED))
    }

    /// The snapshot that waits to be accepted, if there is one.
    pub fn waiting(&self, name: &Name) -> Result<Option<Snapshot>, StoreError> {
        read(&self.file(name, PENDING))
    }

    /// Compares a new recording with the accepted one and lets it wait where it differs.
    pub fn propose(&self, name: &Name, new: &Snapshot) -> Result<Proposed, StoreError> {
        let same = self
            .accepted(name)?
            .is_some_and(|accepted| accepted.contents() == new.contents());
        let file = self.file(name, PENDING);
        match (same, self.writes) {
            (true, Writes::Forbidden) => Ok(Proposed::Same),
            (true, Writes::Allowed) => {
                remove(&file)?;
                Ok(Proposed::Same)
            }
            (false, Writes::Forbidden) => Ok(Proposed::Withheld),
            (false, Writes::Allowed) => {
                write(&file, &new.to_text())?;
                Ok(Proposed::Pending(file))
            }
        }
    }

    /// Everything that waits, sorted by name. A store that does not exist holds nothing.
    pub fn pending(&self) -> Result<Vec<Name>, StoreError> {
        if !self.root.exists() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        // Links are not followed: a cycle, or a way out of the folder.
        for entry in walkdir::WalkDir::new(&self.root).max_depth(8) {
            let entry = entry.map_err(|error| StoreError::Read {
                path: error.path().unwrap_or(&self.root).to_owned(),
                source: error.into(),
            })?;
            let relative = entry.path().strip_prefix(&self.root).ok();
            let name = relative
                .and_then(Path::to_str)
                .and_then(|path| path.strip_suffix(PENDING));
            if let (Some(name), true) = (name, entry.file_type().is_file()) {
                names.push(Name(name.to_owned()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Takes what waits over as accepted.
    pub fn accept(&self, name: &Name) -> Result<(), StoreError> {
        self.decide(name)?;
        let (from, to) = (self.file(name, PENDING), self.file(name, ACCEPTED));
        fs::rename(from, &to).map_err(|source| StoreError::Write { path: to, source })
    }

    /// Drops what waits; the accepted snapshot stays.
    pub fn reject(&self, name: &Name) -> Result<(), StoreError> {
        self.decide(name)?;
        remove(&self.file(name, PENDING))
    }

    /// Nothing is decided in CI, nor about what is not there or cannot be read.
    fn decide(&self, name: &Name) -> Result<(), StoreError> {
        if self.writes == Writes::Forbidden {
            return Err(StoreError::Forbidden);
        }
        match self.waiting(name)? {
            Some(_) => Ok(()),
            None => Err(StoreError::NothingPending {
                name: name.to_string(),
            }),
        }
    }

    fn file(&self, name: &Name, suffix: &str) -> PathBuf {
        self.root.join(format!("{name}{suffix}"))
    }
}

/// Text as one component of a path, injectively but for hashes of what is very long.
fn component(text: &str) -> String {
    let mut out = String::new();
    for (i, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-_+@.".contains(&byte);
        // A leading dot hides a file, and two lead out of the folder.
        if plain && !(i == 0 && byte == b'.') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if out.is_empty() {
        out.push('%');
    }
    if out.len() > LONGEST {
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..8]);
        out.truncate(LONGEST - 1 - hash.len());
        out = format!("{out}%{hash}");
    }
    out
}

fn read(path: &Path) -> Result<Option<Snapshot>, StoreError> {
    let failed = |source| StoreError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(MOST + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MOST {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    let snapshot = Snapshot::parse(&text).map_err(|source| StoreError::Format {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(snapshot))
}

/// Beside the file first, so that a full disk or a kill leaves what was there.
fn write(path: &Path, text: &str) -> Result<(), StoreError> {
    let attempt = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".turncoat-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // Narrowed by the umask, as any file that is to be committed.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| StoreError::Write {
        path: path.to_owned(),
        source,
    })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Write {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(contents: &str) -> Snapshot {
        Snapshot::new(Some("scenarios/x.toml".into()), None, contents)
    }

    fn files(root: &Path) -> Vec<String> {
        let all = walkdir::WalkDir::new(root).sort_by_file_name();
        all.into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect()
    }

    #[test]
    fn what_is_recorded_waits_until_it_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("snapshots");
        let store = Store::new(&root, Writes::Allowed);
        let name = Name::new("npm", "@acme/mail", "basic");
        assert_eq!(store.pending().unwrap(), []);

        let first = store.propose(&name, &snapshot("one")).unwrap();
        assert!(matches!(first, Proposed::Pending(_)));
        assert_eq!(files(&root), ["npm/@acme/mail/basic.snap.new"]);
        assert_eq!(store.pending().unwrap(), std::slice::from_ref(&name));

        store.accept(&name).unwrap();
        assert_eq!(files(&root), ["npm/@acme/mail/basic.snap"]);
        assert_eq!(store.accepted(&name).unwrap().unwrap().contents(), "one");
        assert_eq!(
            store.propose(&name, &snapshot("one\n")).unwrap(),
            Proposed::Same
        );

        store.propose(&name, &snapshot("two")).unwrap();
        store.reject(&name).unwrap();
        assert_eq!(store.accepted(&name).unwrap().unwrap().contents(), "one");

        // What went back to how it was no longer waits.
        store.propose(&name, &snapshot("two")).unwrap();
        store.propose(&name, &snapshot("one")).unwrap();
        assert_eq!(files(&root), ["npm/@acme/mail/basic.snap"]);
        let error = store.accept(&name).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing is pending for `npm/@acme/mail/basic`"
        );
    }

    #[test]
    fn nothing_is_written_in_ci() {
        let folder = tempfile::tempdir().unwrap();
        let name = Name::new("npm", "mail", "basic");
        let here = Store::new(folder.path(), Writes::Allowed);
        here.propose(&name, &snapshot("one")).unwrap();
        let before = files(folder.path());
        let ci = Store::new(folder.path(), Writes::Forbidden);
        assert_eq!(
            ci.propose(&name, &snapshot("two")).unwrap(),
            Proposed::Withheld
        );
        assert!(matches!(ci.accept(&name), Err(StoreError::Forbidden)));
        assert!(matches!(ci.reject(&name), Err(StoreError::Forbidden)));
        assert_eq!(files(folder.path()), before);
        assert_eq!(here.waiting(&name).unwrap().unwrap().contents(), "one");
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), Writes::Allowed);
        let name = Name::new("npm", "mail", "basic");
        // A folder stands where the file should go: the rename fails after the writing.
        fs::create_dir_all(folder.path().join("npm/mail/basic.snap.new/x")).unwrap();
        let error = store.propose(&name, &snapshot("one")).unwrap_err();
        assert!(matches!(error, StoreError::Write { .. }));
        assert_eq!(files(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_damaged_snapshot_is_not_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), Writes::Allowed);
        let name = Name::new("npm", "mail", "basic");
        store.propose(&name, &snapshot("one")).unwrap();
        fs::write(folder.path().join("npm/mail/basic.snap.new"), "---\nsou").unwrap();
        assert!(matches!(
            store.accept(&name),
            Err(StoreError::Format { .. })
        ));
        assert_eq!(store.accepted(&name).unwrap(), None);
    }

    #[test]
    fn people_name_snapshots_in_short() {
        let name = Name::new("npm", "@acme/mail", "basic");
        for typed in [
            "npm/@acme/mail/basic",
            "basic",
            "mail/basic",
            "snapshots/npm/@acme/mail/basic.snap.new",
            "basic.snap",
        ] {
            assert!(name.is_meant_by(typed), "{typed}");
        }
        for typed in ["", "asic", "mail", "x/basic", ".snap"] {
            assert!(!name.is_meant_by(typed), "{typed}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_name_leads_out_of_the_store(a in any::<String>(), b in "(@?\\.{0,3}/?){0,3}\\PC{0,300}", c in "\\.{0,3}/?\\PC{0,9}") {
            let name = Name::new(&a, &b, &c).to_string();
            let parts: Vec<&str> = name.split('/').collect();
            prop_assert!((3..=4).contains(&parts.len()));
            for part in parts {
                prop_assert!(!part.is_empty() && !part.starts_with('.') && part.len() <= LONGEST);
                prop_assert!(part.is_ascii() && !part.contains(|c: char| c.is_control()));
            }
        }

        #[test]
        fn names_do_not_meet(a in "[a-z%./@~]{0,4}", b in "[a-z%./@~]{0,4}") {
            let same = Name::new("npm", &a, "x") == Name::new("npm", &b, "x");
            prop_assert_eq!(same, a == b);
        }
    }
}
