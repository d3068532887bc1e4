//! Copies of programs that bring roots along, with one of them replaced: what runs in such a copy
//! trusts whom the sandbox trusts, and no variable says so. Node has a list as text, and a copy of
//! it proves itself before it is used; Bun, Deno and what is written in Rust have certificates or
//! keys as bytes, and of those the one real root is replaced whose twin ours is. A copy is made once
//! for a program and a root. Programs of a package are read here and never executed.

mod anchors;
mod bytes;
mod list;
mod tree;

use super::cache::Cache;
use super::error::FetchError;
use super::{host, node};
use bytes::Patch;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use tree::trusting_tree;

/// Interpreters that are known to bring roots along.
const NAMES: &[&str] = &["node", "bun", "deno"];
/// Where the sandbox shows those of the system.
const FOLDERS: &[&str] = &["/usr/bin", "/usr/local/bin"];

/// Larger is no program.
const LARGEST: u64 = 1 << 30;

const SHELF: &str = "interpreter";
/// Copies that are kept in any case, and for how long others are that were used.
const KEPT: usize = 4;
const WHILE: Duration = Duration::from_secs(24 * 3600);

/// A root that is to be trusted.
#[derive(Clone, Copy)]
pub struct Root<'a> {
    /// Its certificate.
    pub pem: &'a str,
    /// The same as bytes.
    pub der: &'a [u8],
    /// Its public key as it stands in its certificate.
    pub key: &'a [u8],
    /// That of the real root whose place it takes; as long.
    pub real_key: &'a [u8],
    /// Whether a certificate (DER) is for the same name, so that this one takes its place first.
    pub is_namesake: &'a dyn Fn(&[u8]) -> bool,
}

/// Those that every sandbox shows, links followed.
pub fn of_system() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for (folder, name) in FOLDERS
        .iter()
        .flat_map(|folder| NAMES.iter().map(move |name| (folder, name)))
    {
        let path = Path::new(folder).join(name);
        if let Ok(path) = fs::canonicalize(path)
            && host::is_system(&path)
            && !found.contains(&path)
        {
            found.push(path);
        }
    }
    found
}

/// How a program comes to trust a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusting {
    /// A copy of it does.
    Copy(PathBuf),
    /// It reads the machine's trust store, as distributions build it; or it brings no roots that
    /// we know.
    ByItself,
    /// Neither: there is no list in which a root could be replaced.
    Not,
}

/// What was recorded of a program.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Copy,
    ByItself,
    Not,
}

/// Sees to it that a copy of `program`, which is the user's own, trusts `root`, if it needs one.
///
/// # Errors
/// Where no copy can be kept in the cache.
pub fn trusting(
    program: &Path,
    root: &Root,
    cache: &Path,
    progress: &dyn Fn(&str),
) -> Result<Trusting, FetchError> {
    let is_known = program
        .file_name()
        .is_some_and(|name| NAMES.iter().any(|known| name == *known));
    let Some(identity) = node::identity(program) else {
        return Ok(if is_known {
            Trusting::Not
        } else {
            Trusting::ByItself
        });
    };
    let name = program.file_name().unwrap_or_default();
    let shelf = cache.join(SHELF);
    let entry = Cache::new(cache).entry::<Kind, _>(
        SHELF,
        &name.to_string_lossy(),
        &[&identity, root.pem],
        progress,
        |folder| match name == "node" {
            true => node_copy(program, &folder.join(name), root, progress),
            false => match other_copy(program, &folder.join(name), root)? {
                Kind::Not if !is_known => Ok(Kind::ByItself),
                kind => Ok(kind),
            },
        },
    )?;
    if let Some(place) = entry.root.parent() {
        tidy(&shelf, place);
    }
    Ok(match entry.record {
        Kind::Copy => Trusting::Copy(entry.root.join(name)),
        Kind::ByItself => Trusting::ByItself,
        Kind::Not => Trusting::Not,
    })
}

/// Copies a Node; nothing is there where that would not be trusting, or is not needed.
fn node_copy(
    program: &Path,
    to: &Path,
    root: &Root,
    progress: &dyn Fn(&str),
) -> Result<Kind, FetchError> {
    progress(&format!("copying {}", program.display()));
    let source = File::open(program).map_err(FetchError::io("read", program))?;
    let patch = list::patch(&source, root).map_err(FetchError::io("read", program))?;
    if let Some(patch) = patch {
        patched(program, to, &[patch])?;
        if knows(to, root)? {
            return Ok(Kind::Copy);
        }
        fs::remove_file(to).map_err(FetchError::io("remove", to))?;
    }
    Ok(match reads_store(program) {
        true => Kind::ByItself,
        false => Kind::Not,
    })
}

/// Copies any other program, if it keeps the real root.
fn other_copy(program: &Path, to: &Path, root: &Root) -> Result<Kind, FetchError> {
    let source = File::open(program).map_err(FetchError::io("read", program))?;
    let patches = anchors::patches(&source, root).map_err(FetchError::io("read", program))?;
    if patches.is_empty() {
        return Ok(Kind::Not);
    }
    patched(program, to, &patches)?;
    Ok(Kind::Copy)
}

/// A copy with other bytes in places. Somebody who looks sees the program's own date and mode.
fn patched(program: &Path, to: &Path, patches: &[Patch]) -> Result<(), FetchError> {
    let copy = || -> io::Result<()> {
        let about = fs::metadata(program)?;
        // Shares the blocks where the file system can (copy_file_range (2)).
        fs::copy(program, to)?;
        let mode = about.permissions().mode();
        fs::set_permissions(to, fs::Permissions::from_mode(mode | 0o200))?;
        let target = File::options().write(true).open(to)?;
        for patch in patches {
            target.write_all_at(&patch.bytes, patch.at)?;
        }
        target.set_modified(about.modified()?)?;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
    };
    copy().map_err(FetchError::io("copy", program))
}

/// Asks an interpreter whether it was built to read the machine's trust store (Node's
/// `--openssl-use-def-ca-store`).
fn reads_store(program: &Path) -> bool {
    let script = "process.stdout.write(String(process.config.target_defaults.defines\
        .includes('NODE_OPENSSL_CERT_STORE')))";
    let mut command = host::client(program, host::NEUTRAL);
    let said = host::run(command.env_remove("NODE_OPTIONS").args(["-e", script]));
    // One that cannot even be started, or is another program, was not.
    said.is_ok_and(|said| said.ok && said.stdout == "true")
}

/// Asks the copy, which is the user's own interpreter but for one certificate, whether the root is
/// in its list and can be read.
fn knows(copy: &Path, root: &Root) -> Result<bool, FetchError> {
    let script = "const own = process.env.ROOT.trim();\
        const all = require('tls').rootCertificates.map((root) => root.trim());\
        const { X509Certificate } = require('crypto');\
        const read = !X509Certificate || new X509Certificate(own).ca;\
        process.stdout.write(String(all.includes(own) && read))";
    let mut command = host::client(copy, host::NEUTRAL);
    command.env_remove("NODE_OPTIONS").env("ROOT", root.pem);
    let said = host::run(command.args(["-e", script]))?;
    Ok(said.ok && said.stdout == "true")
}

/// Drops copies that were not used for long, of other interpreters or for older roots.
fn tidy(shelf: &Path, used: &Path) {
    let record = |place: &Path| place.join("record.json");
    let now = |file: &Path| File::options().append(true).open(file)?.set_modified(now());
    let _ = now(&record(used));
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let mut copies: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let place = entry.path();
            let last = fs::metadata(record(&place)).ok()?.modified().ok()?;
            (place != used).then_some((last, place))
        })
        .collect();
    copies.sort_by(|a, b| b.cmp(a));
    for (last, place) in copies.into_iter().skip(KEPT - 1) {
        if last.elapsed().is_ok_and(|unused| unused > WHILE) {
            let _ = fs::remove_dir_all(place);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "when a copy was used last")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Root<'_> {
        /// Nobody's, for what a test does not look at.
        pub(super) const NONE: Self = Root {
            pem: "",
            der: b"",
            key: b"",
            real_key: b"any key",
            is_namesake: &|_| false,
        };
    }

    #[test]
    fn a_program_without_a_list_is_not_copied() {
        let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = folder.path().join("node");
        fs::write(&program, b"\x7fELF and no more").unwrap();
        let root = Root {
            pem: "ours",
            ..Root::NONE
        };
        let copied = || trusting(&program, &root, cache.path(), &|_| ()).unwrap();
        assert_eq!((copied(), copied()), (Trusting::Not, Trusting::Not));
        let tool = folder.path().join("tool");
        fs::copy(&program, &tool).unwrap();
        let other = trusting(&tool, &root, cache.path(), &|_| ()).unwrap();
        assert_eq!(other, Trusting::ByItself);
        // A script is no interpreter, whatever it is called.
        fs::write(&program, "#!/bin/sh").unwrap();
        assert_eq!(copied(), Trusting::Not);
    }

    #[test]
    fn old_copies_go_and_those_in_use_stay() {
        let shelf = tempfile::tempdir().unwrap();
        let place = |name: &str, days: u64| {
            let place = shelf.path().join(name);
            fs::create_dir(&place).unwrap();
            let record = File::create(place.join("record.json")).unwrap();
            record.set_modified(now() - WHILE * days as u32).unwrap();
            place
        };
        let used = place("used", 90);
        for (name, days) in [("a", 2), ("b", 3), ("c", 4), ("d", 5), ("e", 6)] {
            place(name, days);
        }
        for name in ["f", "g"] {
            place(name, 0);
        }
        tidy(shelf.path(), &used);
        let mut left: Vec<String> = fs::read_dir(shelf.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["a", "f", "g", "used"]);
    }
}
