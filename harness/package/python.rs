//! Python interpreters: finding one that fits, and showing it inside at a neutral place.
//! One under /usr is used where it is; any other is copied once, without what was installed
//! into it and without the paths it was built for.

use super::cache::Cache;
use super::error::FetchError;
use super::host;
use super::model::{Mount, Options, inside};
use super::specifier;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use walkdir::WalkDir;

/// An interpreter of the host.
#[derive(Clone, Debug)]
pub(super) struct Python {
    pub version: Version,
    /// The real binary, behind shims, links and virtual environments.
    pub program: PathBuf,
    prefix: PathBuf,
}

/// An interpreter as the sandbox will see it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub program: String,
    pub mounts: Vec<Mount>,
    pub env: Vec<(String, String)>,
    /// Bundles of certificate authorities that it was built to read, by their paths inside.
    pub certifi: Vec<String>,
}

/// What was found out while one was copied.
#[derive(Serialize, Deserialize)]
struct Copied {
    /// Whether the binary finds its library at its new place by itself.
    finds: bool,
    certifi: Vec<String>,
}

impl Python {
    pub fn label(&self) -> String {
        format!("python {}", self.version)
    }

    /// `python3.11`, the name of its folders.
    fn short(&self) -> String {
        format!("python{}.{}", self.version.major, self.version.minor)
    }

    /// Makes it visible, copying it into the cache if it is not under /usr.
    pub fn show(&self, options: &Options) -> Result<Shown, FetchError> {
        if host::is_system(&self.program) {
            return Ok(Shown {
                program: self.program.display().to_string(),
                mounts: Vec::new(),
                env: Vec::new(),
                certifi: Vec::new(),
            });
        }
        let place = format!("{}/{}", inside::OPT, self.short());
        let label = format!("python@{}", self.version);
        let program = self.program.display().to_string();
        let cache = Cache::new(&options.cache);
        let entry = cache.entry::<Copied, _>(
            "python",
            &label,
            &[
                &program,
                &self.version.to_string(),
                "with headers",
                "with bundles",
            ],
            options.progress,
            |root| {
                (options.progress)(&format!("copying Python {}", self.version));
                Ok(Copied {
                    finds: self.copy(root, &place)?,
                    certifi: self.bundles()?,
                })
            },
        )?;
        // A path to its library that could not be replaced has to be told in the environment.
        let libraries = ("LD_LIBRARY_PATH".to_owned(), format!("{place}/lib"));
        Ok(Shown {
            program: format!("{place}/bin/{}", self.short()),
            mounts: vec![Mount {
                source: entry.root,
                target: place,
                overlay: false,
            }],
            env: if entry.record.finds {
                Vec::new()
            } else {
                vec![libraries]
            },
            certifi: entry.record.certifi,
        })
    }

    /// Where its OpenSSL was built to find the bundle of trusted authorities, if that is no place of
    /// the system, of which the sandbox knows.
    fn bundles(&self) -> Result<Vec<String>, FetchError> {
        let script = "import ssl; print(ssl.get_default_verify_paths().openssl_cafile)";
        let mut command = host::client(&self.program, host::NEUTRAL);
        // One without TLS says nothing.
        let said = host::run(command.args(["-I", "-c", script]))?;
        let path = said.stdout.trim();
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let known = host::is_system(Path::new(path)) || path.starts_with("/etc/");
        let is_elsewhere = path.starts_with('/') && plain && !known;
        Ok(is_elsewhere.then(|| path.to_owned()).into_iter().collect())
    }

    /// Copies the binary, its library, the standard library and what is built against; true if the
    /// binary finds its library at `place` by itself.
    fn copy(&self, root: &Path, place: &str) -> Result<bool, FetchError> {
        let short = self.short();
        let bin = root.join("bin");
        let lib = root.join("lib");
        for folder in [&bin, &lib] {
            fs::create_dir(folder).map_err(FetchError::io("create", folder))?;
        }
        let binary = bin.join(&short);
        fs::copy(&self.program, &binary).map_err(FetchError::io("copy", &self.program))?;
        for name in ["python", "python3"] {
            let link = bin.join(name);
            symlink(&short, &link).map_err(FetchError::io("create", &link))?;
        }
        let from = self.prefix.join("lib");
        for entry in fs::read_dir(&from).map_err(FetchError::io("read", &from))? {
            let path = entry.map_err(FetchError::io("read", &from))?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.contains(".so") && path.is_file() {
                copy_file(&path, &lib.join(&name))?;
            }
        }
        self.copy_folder(&from.join(&short), &lib.join(&short), place)?;
        let headers = self.prefix.join("include").join(&short);
        if headers.is_dir() {
            let include = root.join("include");
            fs::create_dir(&include).map_err(FetchError::io("create", &include))?;
            self.copy_folder(&headers, &include.join(&short), place)?;
        }
        let mut finds = true;
        for entry in WalkDir::new(root) {
            let entry = entry
                .map_err(std::io::Error::from)
                .map_err(FetchError::io("read", root))?;
            let binary =
                entry.path() == binary || entry.file_name().to_string_lossy().contains(".so");
            if binary && entry.file_type().is_file() {
                finds &= self.move_paths(entry.path(), place)?;
            }
        }
        compile(&self.program, &lib.join(&short), root, place)?;
        Ok(finds)
    }

    fn copy_folder(&self, from: &Path, to: &Path, place: &str) -> Result<(), FetchError> {
        let left_out = |name: &OsStr| {
            let name = name.to_string_lossy();
            name.starts_with("config-")
                || [
                    "site-packages",
                    "__pycache__",
                    "tests",
                    "test",
                    "idlelib",
                    "turtledemo",
                    "ensurepip",
                ]
                .contains(&&*name)
        };
        let mut entries = WalkDir::new(from).into_iter();
        while let Some(entry) = entries.next() {
            let entry = entry
                .map_err(std::io::Error::from)
                .map_err(FetchError::io("read", from))?;
            if entry.depth() > 0 && entry.file_type().is_dir() && left_out(entry.file_name()) {
                entries.skip_current_dir();
                continue;
            }
            let path = entry.path().strip_prefix(from).unwrap_or(entry.path());
            let target = to.join(path);
            if entry.file_type().is_dir() {
                fs::create_dir(&target).map_err(FetchError::io("create", &target))?;
            } else if entry
                .file_name()
                .to_string_lossy()
                .starts_with("_sysconfigdata")
            {
                // What the interpreter was built with names the folders of whoever built it.
                let text = fs::read_to_string(entry.path());
                let text = text.map_err(FetchError::io("read", entry.path()))?;
                let text = text.replace(&self.prefix.display().to_string(), place);
                fs::write(&target, text).map_err(FetchError::io("write", &target))?;
            } else if entry.path().is_file() {
                copy_file(entry.path(), &target)?;
            }
        }
        Ok(())
    }

    /// Replaces the library path a binary was built for by the place it will have, and hides the
    /// folder above the prefix, in the same bytes. False if the place is too long for them.
    ///
    /// The prefix's own name must stay where it is: linkers let a string share its tail with
    /// another, so the last bytes of `/…/versions/3.11.7` may also be the version. The prefix
    /// itself is never used: `pyvenv.cfg` and landmarks decide.
    fn move_paths(&self, file: &Path, place: &str) -> Result<bool, FetchError> {
        let mut bytes = fs::read(file).map_err(FetchError::io("read", file))?;
        let prefix = self.prefix.as_os_str().as_encoded_bytes();
        let library = [prefix, b"/lib\0"].concat();
        let mut moved = format!("{place}/lib").into_bytes();
        let found: Vec<_> = memchr::memmem::find_iter(&bytes, &library).collect();
        if !found.is_empty() && moved.len() >= library.len() {
            return Ok(false);
        }
        moved.resize(library.len(), 0);
        let name = prefix.iter().rposition(|b| *b == b'/').unwrap_or(0);
        let hidden = vec![b'/'; name];
        let alone: Vec<_> = memchr::memmem::find_iter(&bytes, &[prefix, b"\0"].concat()).collect();
        for at in &found {
            bytes[*at..at + moved.len()].copy_from_slice(&moved);
        }
        for at in &alone {
            bytes[*at..at + name].copy_from_slice(&hidden);
        }
        if !found.is_empty() || !alone.is_empty() {
            fs::write(file, bytes).map_err(FetchError::io("write", file))?;
        }
        Ok(true)
    }
}

/// Copies a file, or a link that stays in its folder.
fn copy_file(from: &Path, to: &Path) -> Result<(), FetchError> {
    match fs::read_link(from) {
        Ok(link) if link.components().count() == 1 => {
            symlink(link, to).map_err(FetchError::io("create", to))
        }
        _ => fs::copy(from, to)
            .map(|_| ())
            .map_err(FetchError::io("copy", from)),
    }
}

/// Compiles what lies below `folder` for the place it will be seen at. Compiled files are never
/// compared with their sources, so that times do not matter; compiling runs nothing.
pub(super) fn compile(
    python: &Path,
    folder: &Path,
    root: &Path,
    place: &str,
) -> Result<(), FetchError> {
    let mut command = host::client(python, host::NEUTRAL);
    command
        .args(["-I", "-m", "compileall", "-q", "-q", "-j", "0"])
        .args(["--invalidation-mode", "unchecked-hash", "-s"])
        .arg(root)
        .args(["-p", place])
        .arg(folder);
    // Packages carry files for other versions of the language; those stay uncompiled.
    host::run(&mut command).map(|_| ())
}

/// The first interpreter that fits `requires`: the default one, else the newest other.
pub(super) fn find(
    subject: &str,
    requires: Option<&str>,
    options: &Options,
) -> Result<Python, FetchError> {
    let wanted: Vec<&str> = requires
        .into_iter()
        .chain(options.runtime.as_deref())
        .collect();
    // Older ones run no MCP server and lack what compiling needs.
    let fits = |version: &Version| {
        *version >= Version::new(3, 9, 0)
            && wanted.iter().all(|range| specifier::fits(range, version))
    };
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for path in default().into_iter().chain(others()) {
        let Some(python) = probe(&path) else {
            continue;
        };
        if fits(&python.version) {
            return Ok(python);
        }
        if !seen.contains(&python.program) {
            found.push(python.label());
            seen.push(python.program);
        }
    }
    if found.is_empty() {
        return Err(FetchError::MissingTool {
            tool: "python3".to_owned(),
            needed_for: format!("to run {subject}"),
        });
    }
    Err(FetchError::Runtime {
        subject: subject.to_owned(),
        runtime: "Python",
        wanted: wanted.join(","),
        found,
    })
}

fn default() -> Option<PathBuf> {
    host::which("python3").or_else(|| host::which("python"))
}

/// Versioned names on PATH, then what pyenv and uv keep; newest first.
#[expect(
    clippy::disallowed_methods,
    reason = "finds the interpreters that the user has"
)]
fn others() -> impl Iterator<Item = PathBuf> {
    let on_path = (9..=20)
        .rev()
        .filter_map(|minor| host::which(&format!("python3.{minor}")));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(home.as_ref()?.join(".pyenv")));
    let uv = home.map(|home| home.join(".local/share/uv/python"));
    let kept = [pyenv.map(|root| root.join("versions")), uv];
    on_path.chain(kept.into_iter().flatten().flat_map(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut programs: Vec<_> = entries.map(|e| e.path().join("bin/python3")).collect();
        let number = |path: &PathBuf| {
            let digits = |c: char| !c.is_ascii_digit();
            let text = path.display().to_string();
            let parts = text.split(digits).filter_map(|part| part.parse().ok());
            parts.collect::<Vec<u64>>()
        };
        programs.sort_by_key(|path| std::cmp::Reverse(number(path)));
        programs
            .into_iter()
            .filter(|path| host::is_executable(path))
    }))
}

/// Asks a program what it really is; a shim for a version that is not installed is nothing.
pub(super) fn probe(path: &Path) -> Option<Python> {
    let script = "import sys, os\n\
        exe = getattr(sys, '_base_executable', None) or sys.executable\n\
        print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3])\n\
        print(os.path.realpath(exe))\nprint(os.path.realpath(sys.base_prefix))";
    let mut command = host::client(path, host::NEUTRAL);
    let said = host::run(command.args(["-I", "-c", script])).ok()?;
    let mut lines = said.stdout.lines();
    let version = lines.next()?.strip_prefix("cpython ")?.parse().ok()?;
    Some(Python {
        version,
        program: lines.next()?.into(),
        prefix: lines.next()?.into(),
    })
}
