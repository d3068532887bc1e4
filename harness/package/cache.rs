//! Where installed packages are kept, so that a version is installed once.
//!
//! An entry is built under a temporary name and renamed when it is complete, beside a record
//! of what it holds; one that was cut short or lost files is built again. Processes that want
//! the same entry wait for each other. Nothing here is trusted to be fresh: keys say everything
//! an entry depends on.

use super::error::FetchError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Changes when entries are laid out another way, so that older ones are not misread.
const FORMAT: &str = "turncoat.cache/1";
const RECORD: &str = "record.json";
const ROOT: &str = "root";

/// A folder of installed packages.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// A complete entry: the tree to mount, and what was recorded when it was built.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub root: PathBuf,
    pub record: T,
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    format: String,
    /// Hash over every path, size and mode below the root.
    listing: String,
    content: T,
}

impl Cache {
    /// `$XDG_CACHE_HOME/turncoat`, else `~/.cache/turncoat` (XDG Base Directory 0.8).
    #[expect(
        clippy::disallowed_methods,
        reason = "the XDG rules are about the environment"
    )]
    pub fn default_dir() -> Option<PathBuf> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(base.join("turncoat"))
    }

    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The entry for `key`, built by `build` (which fills the folder it is given) unless a
    /// complete one is there. `kind` and `label` only make the folder's name readable.
    pub(super) fn entry<T, F>(
        &self,
        kind: &str,
        label: &str,
        key: &[&str],
        progress: &dyn Fn(&str),
        build: F,
    ) -> Result<Entry<T>, FetchError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce(&Path) -> Result<T, FetchError>,
    {
        let shelf = self.folder.join(kind);
        let id = format!("{}-{}", readable(label), short_hash(key));
        let place = shelf.join(&id);
        if let Some(entry) = complete(&place) {
            return Ok(entry);
        }
        fs::create_dir_all(&shelf).map_err(FetchError::io("create", &shelf))?;
        let _lock = lock(&shelf.join(format!(".{id}.lock")), label, progress)?;
        // Somebody else may have built it while this process waited.
        if let Some(entry) = complete(&place) {
            return Ok(entry);
        }
        let temporary = format!(".{id}.tmp-");
        sweep(&shelf, &temporary);
        remove(&place)?;
        let building = tempfile::Builder::new()
            .prefix(&temporary)
            .tempdir_in(&shelf)
            .map_err(FetchError::io("create a folder in", &shelf))?;
        let root = building.path().join(ROOT);
        fs::create_dir(&root).map_err(FetchError::io("create", &root))?;
        let record = Record {
            format: FORMAT.to_owned(),
            content: build(&root)?,
            listing: listing(&root).map_err(FetchError::io("read", &root))?,
        };
        let file = building.path().join(RECORD);
        let text = serde_json::to_vec_pretty(&record).map_err(io::Error::other);
        text.and_then(|text| fs::write(&file, text))
            .map_err(FetchError::io("write", &file))?;
        fs::rename(building.path(), &place).map_err(FetchError::io("create", &place))?;
        // Its folder has another name now: there is nothing left to remove.
        let _ = building.keep();
        Ok(Entry {
            root: place.join(ROOT),
            record: record.content,
        })
    }

    /// A fact about a published version, remembered because registries never change it.
    pub(super) fn fact<T: DeserializeOwned>(&self, kind: &str, key: &[&str]) -> Option<T> {
        let text = fs::read(self.fact_file(kind, key)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers a fact; a cache that cannot be written only costs time later.
    pub(super) fn remember<T: Serialize>(&self, kind: &str, key: &[&str], fact: &T) {
        let file = self.fact_file(kind, key);
        let write = || -> io::Result<()> {
            let folder = file.parent().unwrap_or(&self.folder);
            fs::create_dir_all(folder)?;
            let temporary = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&temporary, fact)?;
            temporary.persist(&file)?;
            Ok(())
        };
        let _ = write();
    }

    fn fact_file(&self, kind: &str, key: &[&str]) -> PathBuf {
        let name = format!("{}-{}.json", readable(&key.join("@")), short_hash(key));
        self.folder.join(kind).join("facts").join(name)
    }
}

/// The entry at `place` if it is whole: a readable record and every file where it was.
fn complete<T: DeserializeOwned>(place: &Path) -> Option<Entry<T>> {
    let text = fs::read(place.join(RECORD)).ok()?;
    let record: Record<T> = serde_json::from_slice(&text).ok()?;
    let root = place.join(ROOT);
    let whole = record.format == FORMAT && listing(&root).is_ok_and(|now| now == record.listing);
    whole.then_some(Entry {
        root,
        record: record.content,
    })
}

/// Contents are not read again: the check is against loss, and must cost little at every run.
fn listing(root: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry?;
        let meta = entry.metadata()?;
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
        hash.update(path.as_os_str().as_encoded_bytes());
        let size = if meta.is_dir() { 0 } else { meta.len() };
        hash.update([0]);
        hash.update(size.to_le_bytes());
        hash.update(meta.mode().to_le_bytes());
    }
    Ok(hex(&hash.finalize()))
}

/// Held until dropped; the file stays, since removing it would race with those who wait.
fn lock(path: &Path, label: &str, progress: &dyn Fn(&str)) -> Result<File, FetchError> {
    let file = File::create(path).map_err(FetchError::io("create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress(&format!("waiting for another turncoat to install {label}"));
        }
        Err(TryLockError::Error(error)) => return Err(FetchError::io("lock", path)(error)),
    }
    file.lock().map_err(FetchError::io("lock", path))?;
    Ok(file)
}

/// Removes what a killed process left; the caller holds the lock, so nobody is building there.
fn sweep(shelf: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(shelf) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn remove(place: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::io("replace", place)(error))
        }
        _ => Ok(()),
    }
}

fn readable(label: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || ".-_@+".contains(c) => c,
        _ => '_',
    };
    let name: String = label.chars().take(80).map(plain).collect();
    name.trim_start_matches('.').to_owned()
}

fn short_hash(key: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in key {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..8])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn quiet(_: &str) {}

    fn build(cache: &Cache, built: &Cell<u32>) -> Entry<String> {
        let fill = |root: &Path| {
            built.set(built.get() + 1);
            fs::create_dir(root.join("lib")).unwrap();
            fs::write(root.join("lib/a.js"), "whole").unwrap();
            Ok("recorded".to_owned())
        };
        cache.entry("npm", "@a/b@1", &["k"], &quiet, fill).unwrap()
    }

    #[test]
    fn an_entry_is_built_once_and_again_when_it_lost_something() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let built = Cell::new(0);
        let first = build(&cache, &built);
        assert_eq!(build(&cache, &built).record, "recorded");
        assert_eq!(built.get(), 1);

        fs::write(first.root.join("lib/a.js"), "who").unwrap();
        build(&cache, &built);
        assert_eq!(built.get(), 2, "a truncated file");
        fs::remove_file(first.root.join("lib/a.js")).unwrap();
        build(&cache, &built);
        assert_eq!(built.get(), 3, "a missing file");
        fs::write(first.root.parent().unwrap().join(RECORD), "{").unwrap();
        let last = build(&cache, &built);
        assert_eq!(built.get(), 4, "a truncated record");
        assert_eq!(
            fs::read_to_string(last.root.join("lib/a.js")).unwrap(),
            "whole"
        );
    }

    #[test]
    fn a_failed_build_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let failed = cache.entry::<(), _>("npm", "x", &["k"], &quiet, |root| {
            fs::write(root.join("half"), "").unwrap();
            Err(FetchError::DiskFull(root.to_owned()))
        });
        assert!(matches!(failed, Err(FetchError::DiskFull(_))));
        let left = fs::read_dir(folder.path().join("npm")).unwrap();
        let left: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
        assert!(
            left.iter().all(|n| n.to_string_lossy().ends_with(".lock")),
            "{left:?}"
        );
    }

    #[test]
    fn those_who_want_the_same_entry_wait_for_the_one_who_builds() {
        let folder = tempfile::tempdir().unwrap();
        let built = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let cache = Cache::new(folder.path());
                    let fill = |root: &Path| {
                        built.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        fs::write(root.join("a"), "a").unwrap();
                        Ok(())
                    };
                    cache.entry("npm", "x", &["k"], &quiet, fill).unwrap();
                });
            }
        });
        assert_eq!(built.into_inner(), 1);
    }

    #[test]
    fn keys_do_not_run_together() {
        assert_ne!(short_hash(&["ab", "c"]), short_hash(&["a", "bc"]));
    }
}
