//! Copies a server's folder into the cache, so that the user's own is never touched and every
//! run sees the same bytes. Leaves out version control, caches, virtual environments and what
//! holds the user's credentials; refuses links that lead out of the folder.

use super::cache::hex;
use super::error::FetchError;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

const MAX_FILES: usize = 200_000;
const MAX_BYTES: u64 = 2 << 30;

const MANIFESTS: [&str; 3] = ["package.json", "deno.json", "pyproject.toml"];

/// A folder as it is to be copied.
#[derive(Debug)]
pub(super) struct Source {
    root: PathBuf,
    /// Hash of every path, mode and content, in hexadecimal.
    pub hash: String,
    /// What is left out and why, each a sentence.
    pub notes: Vec<String>,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Folder(PathBuf),
    File { path: PathBuf, executable: bool },
    Link { path: PathBuf, to: PathBuf },
}

impl Source {
    /// Reads `folder`, without the top-level names in `skip`.
    pub fn read(folder: &Path, skip: &[&str]) -> Result<Self, FetchError> {
        Self::gather(folder, |path| {
            !skip.iter().any(|name| path == Path::new(name))
        })
    }

    /// Reads of `folder` what is in its subfolder `below`, and the manifests on the way there,
    /// which say how its files are to be read.
    pub fn read_below(folder: &Path, below: &Path) -> Result<Self, FetchError> {
        Self::gather(folder, |path| {
            let is_manifest = || {
                let name = path.file_name().unwrap_or_default();
                MANIFESTS.iter().any(|manifest| name == *manifest)
            };
            let around = || {
                path.parent()
                    .is_some_and(|parent| below.starts_with(parent))
            };
            path.starts_with(below) || below.starts_with(path) || (around() && is_manifest())
        })
    }

    /// Reads what is wanted, asked by the path below `folder`.
    fn gather(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Self, FetchError> {
        let root = fs::canonicalize(folder).map_err(FetchError::io("read", folder))?;
        let mut source = Self {
            hash: String::new(),
            notes: Vec::new(),
            items: Vec::new(),
            root,
        };
        let mut hash = Sha256::new();
        let mut bytes = 0;
        let mut private = Vec::new();
        let mut entries = WalkDir::new(&source.root)
            .min_depth(1)
            .sort_by_file_name()
            .into_iter();
        while let Some(entry) = entries.next() {
            let entry = entry
                .map_err(io::Error::from)
                .map_err(FetchError::io("read", folder))?;
            let path = entry
                .path()
                .strip_prefix(&source.root)
                .unwrap_or(entry.path());
            if !wanted(path) || is_clutter(&entry) {
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
                continue;
            }
            if is_private(&entry) {
                private.push(format!("`{}`", path.display()));
                continue;
            }
            let path = path.to_owned();
            // Asked before it is read: a file alone may be too large.
            let size = match entry.file_type().is_file() {
                true => entry.metadata().map_or(0, |meta| meta.len()),
                false => 0,
            };
            let fits = source.items.len() < MAX_FILES && bytes + size <= MAX_BYTES;
            if fits {
                bytes += source.add(&mut hash, &entry, path)?;
            }
            if !fits || bytes > MAX_BYTES {
                return Err(FetchError::TooLarge {
                    path: folder.to_owned(),
                    limit: format!("{MAX_FILES} files or {} GiB", MAX_BYTES >> 30),
                });
            }
        }
        if !private.is_empty() {
            source.notes.push(format!(
                "{} may hold credentials and was left out; give settings in a scenario",
                private.join(", ")
            ));
        }
        source.hash = hex(&hash.finalize());
        Ok(source)
    }

    fn add(
        &mut self,
        hash: &mut Sha256,
        entry: &DirEntry,
        path: PathBuf,
    ) -> Result<u64, FetchError> {
        let failed = || FetchError::io("read", entry.path());
        let name = path.as_os_str().as_encoded_bytes();
        let kind = entry.file_type();
        if kind.is_dir() {
            self.items.push(Item::Folder(path));
            return Ok(0);
        }
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        if kind.is_symlink() {
            let to = fs::read_link(entry.path()).map_err(failed())?;
            let lands = fs::canonicalize(entry.path());
            if to.is_relative() && lands.is_ok_and(|file| file.starts_with(&self.root)) {
                hash.update(b"link");
                hash.update(to.as_os_str().as_encoded_bytes());
                self.items.push(Item::Link { path, to });
            } else {
                let name = path.display();
                self.notes.push(format!(
                    "the link `{name}` leads out of the folder and was left out"
                ));
            }
            return Ok(0);
        }
        // Sockets and pipes are no part of a program.
        if !kind.is_file() {
            return Ok(0);
        }
        let mut file = File::open(entry.path()).map_err(failed())?;
        let meta = file.metadata().map_err(failed())?;
        let executable = meta.mode() & 0o111 != 0;
        hash.update([u8::from(executable)]);
        hash.update(meta.len().to_le_bytes());
        io::copy(&mut file, &mut Hashing(hash)).map_err(failed())?;
        self.items.push(Item::File { path, executable });
        Ok(meta.len())
    }

    /// Whether a file of this name is among what is copied.
    pub fn has(&self, name: &str) -> bool {
        let file = |item: &Item| matches!(item, Item::File { path, .. } if path == Path::new(name));
        self.items.iter().any(file)
    }

    /// Writes the copy; owners and times are not carried over.
    pub fn copy(&self, into: &Path) -> Result<(), FetchError> {
        for item in &self.items {
            match item {
                Item::Folder(path) => {
                    let path = into.join(path);
                    fs::create_dir_all(&path).map_err(FetchError::io("create", &path))?;
                }
                Item::File { path, executable } => {
                    let (from, to) = (self.root.join(path), into.join(path));
                    fs::copy(&from, &to).map_err(FetchError::io("copy", &from))?;
                    let mode = if *executable { 0o755 } else { 0o644 };
                    fs::set_permissions(&to, fs::Permissions::from_mode(mode))
                        .map_err(FetchError::io("change", &to))?;
                }
                Item::Link { path, to } => {
                    let path = into.join(path);
                    symlink(to, &path).map_err(FetchError::io("create", &path))?;
                }
            }
        }
        Ok(())
    }
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What no server needs and would make every copy different.
fn is_clutter(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    match &*name {
        ".git" | ".hg" | ".svn" | "__pycache__" | ".mypy_cache" | ".pytest_cache"
        | ".ruff_cache" | ".vscode" | ".cursor" | ".idea" | ".DS_Store" => true,
        _ => entry.file_type().is_dir() && entry.path().join("pyvenv.cfg").is_file(),
    }
}

/// What commonly holds the user's own credentials.
fn is_private(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let template = ["example", "sample", "template", "defaults"];
    match name.strip_prefix(".env") {
        Some("") => entry.file_type().is_file(),
        Some(rest) => rest
            .strip_prefix('.')
            .is_some_and(|rest| !template.contains(&rest)),
        None => [
            ".npmrc",
            ".pypirc",
            ".netrc",
            ".yarnrc.yml",
            // Clients' configurations hold their servers' settings in the clear.
            "mcp.json",
            ".mcp.json",
            "claude_desktop_config.json",
        ]
        .contains(&&*name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_copy_holds_the_server_and_nothing_private() {
        let from = folder(&[
            ("index.js", "1"),
            ("lib/a.js", "2"),
            (".env", "TOKEN=real"),
            (".env.example", "TOKEN="),
            (".npmrc", "//registry.example/:_authToken=real"),
            (".git/HEAD", "x"),
            ("venv/pyvenv.cfg", "home=/usr"),
            ("node_modules/x/index.js", "3"),
        ]);
        symlink("lib/a.js", from.path().join("inner")).unwrap();
        symlink("/etc/passwd", from.path().join("outer")).unwrap();
        let source = Source::read(from.path(), &["node_modules"]).unwrap();
        let into = tempfile::tempdir().unwrap();
        source.copy(into.path()).unwrap();
        let mut names: Vec<_> = WalkDir::new(into.path())
            .min_depth(1)
            .into_iter()
            .map(|e| {
                e.unwrap()
                    .path()
                    .strip_prefix(into.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [".env.example", "index.js", "inner", "lib", "lib/a.js"]
        );
        assert_eq!(source.notes.len(), 2, "{:?}", source.notes);
    }

    #[test]
    fn a_part_is_copied_with_the_manifests_above_it() {
        let from = folder(&[
            ("package.json", "{}"),
            ("other/package.json", "{}"),
            ("a/package.json", "{}"),
            ("a/notes.txt", "x"),
            ("a/b/server.js", "1"),
            ("a/b/lib/x.js", "2"),
            ("ab/x.js", "3"),
        ]);
        let source = Source::read_below(from.path(), Path::new("a/b")).unwrap();
        let into = tempfile::tempdir().unwrap();
        source.copy(into.path()).unwrap();
        let files = WalkDir::new(into.path()).sort_by_file_name().into_iter();
        let files = files
            .map(Result::unwrap)
            .filter(|e| e.file_type().is_file());
        let names: Vec<_> = files
            .map(|e| {
                e.path()
                    .strip_prefix(into.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(
            names,
            [
                "a/b/lib/x.js",
                "a/b/server.js",
                "a/package.json",
                "package.json"
            ]
        );
    }

    #[test]
    fn the_hash_follows_the_content_alone() {
        let hash = |files: &[(&str, &str)]| Source::read(folder(files).path(), &[]).unwrap().hash;
        let base = hash(&[("a.js", "1"), ("b.js", "")]);
        assert_eq!(base, hash(&[("a.js", "1"), ("b.js", ""), (".git/x", "y")]));
        assert_ne!(base, hash(&[("a.js", "2"), ("b.js", "")]));
        assert_ne!(base, hash(&[("a.js", "1"), ("c.js", "")]));
    }
}
