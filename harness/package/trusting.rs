//! Copies of interpreters that bring a list of trusted roots along, with one of them replaced: what
//! runs in such a copy trusts whom the sandbox trusts, and no variable says so. The list is text in
//! the program file, one PEM certificate after the other, each a C string of its own.
//! A copy is made once for an interpreter and a root, and proves itself before it is used.

use super::cache::Cache;
use super::error::FetchError;
use super::{host, node};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Interpreters that are known to hold such a list.
const NAMES: &[&str] = &["node", "bun"];
/// Where the sandbox shows those of the system.
const FOLDERS: &[&str] = &["/usr/bin", "/usr/local/bin"];

/// Larger is no interpreter.
const LARGEST: u64 = 1 << 30;
/// No certificate of a root is longer as text.
const LONGEST: usize = 16 * 1024;
/// What is read of an interpreter at a time.
const PIECE: usize = 4 << 20;
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----\n";
const END: &[u8] = b"-----END CERTIFICATE-----";

const SHELF: &str = "interpreter";
/// Copies that are kept in any case, and for how long others are that were used.
const KEPT: usize = 4;
const WHILE: Duration = Duration::from_secs(24 * 3600);

/// A root that is to be trusted.
pub struct Root<'a> {
    /// Its certificate.
    pub pem: &'a str,
    /// Whether a certificate (DER) is for the same name, so that this one takes its place first.
    pub is_namesake: &'a dyn Fn(&[u8]) -> bool,
}

/// Whether a program is an interpreter that brings roots along, as far as its name tells.
pub fn brings_roots(program: &Path) -> bool {
    let name = program.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| NAMES.contains(&name))
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

/// How an interpreter comes to trust a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusting {
    /// A copy of it does.
    Copy(PathBuf),
    /// It reads the machine's trust store, as distributions build it.
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

/// Sees to it that a copy of `program` trusts `root`, if it needs one.
///
/// # Errors
/// Where no copy can be kept in the cache.
pub fn trusting(
    program: &Path,
    root: &Root,
    cache: &Path,
    progress: &dyn Fn(&str),
) -> Result<Trusting, FetchError> {
    let Some(identity) = node::identity(program, NAMES) else {
        return Ok(Trusting::Not);
    };
    let name = program.file_name().unwrap_or_default();
    let shelf = cache.join(SHELF);
    let entry = Cache::new(cache).entry::<Kind, _>(
        SHELF,
        &name.to_string_lossy(),
        &[&identity, root.pem],
        progress,
        |folder| {
            progress(&format!("copying {}", program.display()));
            copy(program, &folder.join(name), root)
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

/// Copies it; nothing is there where that would not be trusting, or is not needed.
fn copy(program: &Path, to: &Path, root: &Root) -> Result<Kind, FetchError> {
    let cannot = FetchError::io("copy", program);
    let made = (|| -> io::Result<bool> {
        let source = File::open(program)?;
        let about = source.metadata()?;
        if about.len() > LARGEST {
            return Ok(false);
        }
        let Some((at, text)) = replacement(certificates(&source)?, root) else {
            return Ok(false);
        };
        // Shares the blocks where the file system can (copy_file_range (2)).
        fs::copy(program, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
        let target = File::options().write(true).open(to)?;
        target.write_all_at(&text, at)?;
        // Somebody who looks sees the interpreter's own date.
        target.set_modified(about.modified()?)?;
        Ok(true)
    })();
    if made.map_err(cannot)? {
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

/// A certificate in a program: where, and the room up to the end of its string.
struct Slot {
    at: u64,
    pem: Vec<u8>,
}

/// Every certificate that is a string of its own.
fn certificates(program: &File) -> io::Result<Vec<Slot>> {
    let mut found = Vec::new();
    let mut piece = Vec::with_capacity(PIECE + LONGEST);
    let mut at = 0;
    loop {
        let room = PIECE + LONGEST - piece.len();
        let read = program.take(room as u64).read_to_end(&mut piece)?;
        let is_last = read < room;
        // What begins in the last bytes is looked at with the next piece.
        let end = if is_last { piece.len() } else { PIECE };
        for begin in memmem::find_iter(&piece, BEGIN).take_while(|begin| *begin < end) {
            let rest = &piece[begin..piece.len().min(begin + LONGEST)];
            let Some(stop) = memchr::memchr(0, rest) else {
                continue;
            };
            if rest[..stop].trim_ascii_end().ends_with(END) {
                found.push(Slot {
                    at: at + begin as u64,
                    pem: rest[..stop].to_vec(),
                });
            }
        }
        if is_last {
            return Ok(found);
        }
        piece.drain(..end);
        at += end as u64;
    }
}

/// Where to write what: over the namesake, else over the last one that has room. The string ends
/// where the text does, with or without an end of line as it did before.
fn replacement(slots: Vec<Slot>, root: &Root) -> Option<(u64, Vec<u8>)> {
    let text = root.pem.trim_ascii_end().as_bytes();
    let has_room = |slot: &&Slot| text.len() <= slot.pem.trim_ascii_end().len();
    let is_namesake =
        |slot: &&Slot| der(&slot.pem).is_some_and(|certificate| (root.is_namesake)(&certificate));
    let fits = || slots.iter().filter(has_room);
    let slot = fits().find(is_namesake).or_else(|| fits().next_back())?;
    let tail = &slot.pem[slot.pem.trim_ascii_end().len()..];
    let mut bytes = [text, tail].concat();
    bytes.resize(slot.pem.len(), 0);
    Some((slot.at, bytes))
}

fn der(pem: &[u8]) -> Option<Vec<u8>> {
    let inner = pem.strip_prefix(BEGIN)?.trim_ascii_end();
    let inner = inner.strip_suffix(END)?;
    let inner: Vec<u8> = inner
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    data_encoding::BASE64.decode(&inner).ok()
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

    /// As the roots of a program: each text a C string.
    fn program(texts: &[&str], padding: usize) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = vec![b'x'; padding];
        for text in texts {
            bytes.push(0);
            bytes.extend(text.bytes());
        }
        bytes.push(0);
        fs::write(file.path(), bytes).unwrap();
        file
    }

    fn pem(content: &str) -> String {
        let base64 = data_encoding::BASE64.encode(content.as_bytes());
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----")
    }

    /// The program's strings once `ours` is in its list.
    fn replaced(texts: &[&str], ours: &str, padding: usize) -> Option<Vec<String>> {
        let file = program(texts, padding);
        let source = File::open(file.path()).unwrap();
        let is_namesake = |certificate: &[u8]| certificate.starts_with(b"namesake");
        let root = Root {
            pem: ours,
            is_namesake: &is_namesake,
        };
        let (at, text) = replacement(certificates(&source).unwrap(), &root)?;
        let mut bytes = fs::read(file.path()).unwrap();
        let at = usize::try_from(at).unwrap();
        bytes[at..at + text.len()].copy_from_slice(&text);
        let strings = bytes[padding..]
            .split(|b| *b == 0)
            .filter(|s| !s.is_empty());
        Some(
            strings
                .map(|s| String::from_utf8(s.to_vec()).unwrap())
                .collect(),
        )
    }

    #[test]
    fn the_namesake_is_replaced_and_else_the_last_with_room() {
        let (long, short) = (pem("a long certificate"), pem("x"));
        let namesake = pem("namesake, which is long enough");
        let ours = format!("{}\n", pem("ours"));
        let (own, lined) = (pem("ours"), format!("{namesake}\n"));
        let texts = [
            long.as_str(),
            &namesake,
            &long,
            "-----BEGIN CERTIFICATE-----\n",
            &short,
        ];
        for padding in [0, 7, PIECE - 40, PIECE + LONGEST - 40, 2 * PIECE] {
            let got = replaced(&texts, &ours, padding).unwrap();
            let want = [
                &long,
                own.as_str(),
                &long,
                "-----BEGIN CERTIFICATE-----\n",
                &short,
            ];
            assert_eq!(got, want, "{padding}");
        }
        let got = replaced(&[&long, &lined, &short], &ours, 0).unwrap();
        assert_eq!(
            got,
            [long.as_str(), &ours, &short],
            "its line is ended as before"
        );
        let got = replaced(&[&long, &long, &pem("namesake")[..40]], &ours, 0).unwrap();
        assert_eq!(got[..2], [long.clone(), own]);
        assert_eq!(replaced(&[&short, "text"], &ours, 0), None);
        assert_eq!(replaced(&[], &ours, 0), None);
    }

    #[test]
    fn a_program_without_a_list_is_not_copied() {
        let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = folder.path().join("node");
        fs::write(&program, b"\x7fELF and no more").unwrap();
        let ours = pem("ours");
        let root = Root {
            pem: &ours,
            is_namesake: &|_| false,
        };
        let copied = || trusting(&program, &root, cache.path(), &|_| ()).unwrap();
        assert_eq!((copied(), copied()), (Trusting::Not, Trusting::Not));
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
