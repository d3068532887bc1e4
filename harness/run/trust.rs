//! What makes programs inside trust the fake internet, with nothing that says so: the trust stores
//! of the machine hold its authority's root among the others, and interpreters that bring a list
//! along are copies whose list does. Only where an interpreter cannot be copied a variable tells it
//! to read the machine's, and that is told.

use crate::internet::{Ca, CaError};
use crate::package::{self, Launch, Trusting};
use crate::sandbox::{Mode, Mount, PlantedFile};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian and its kin keep the bundle of trusted authorities. The sandbox links the places of
/// others to it.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where OpenSSL looks for a root by its hash.
const HASHED: &str = "/etc/ssl/certs";
/// The roots that a distribution brings, one file each.
const ROOTS: &[&str] = &["/usr/share/ca-certificates/mozilla"];
/// Larger is no certificate.
const LARGEST: u64 = 64 * 1024;

/// Where distributions keep what Java reads.
const KEY_STORES: &[&str] = &[
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/ca-trust/extracted/java/cacerts",
];
const JAVA: &str = "/usr/lib/jvm";
/// Bundles that the system's Python packages bring along.
const PYTHONS: &[&str] = &["/usr/lib", "/usr/local/lib"];
const CERTIFI: &[&str] = &[
    "site-packages/certifi/cacert.pem",
    "site-packages/pip/_vendor/certifi/cacert.pem",
    "dist-packages/certifi/cacert.pem",
    "dist-packages/pip/_vendor/certifi/cacert.pem",
];

/// In the cache, beside the packages.
const AUTHORITY: &str = "authority";

/// The authority whose root copies of interpreters know: the one kept in the cache, or where none
/// can be kept one of this process.
pub fn authority(cache: &Path) -> Result<Ca, CaError> {
    Ca::kept(&cache.join(AUTHORITY)).or_else(|_| Ca::new())
}

/// What is trusted inside, and how programs get to know.
#[derive(Clone)]
pub struct Trust {
    bundle: Vec<u8>,
    files: Vec<PlantedFile>,
    /// Copies by what they are shown instead of.
    copies: BTreeMap<PathBuf, PathBuf>,
    /// Of them those that every sandbox shows where they are.
    of_system: Vec<PathBuf>,
    /// Interpreters without a copy, and why.
    without: BTreeMap<PathBuf, String>,
}

impl Trust {
    /// With the interpreters that every sandbox shows.
    pub fn new(ca: &Ca, cache: &Path, progress: &dyn Fn(&str)) -> Self {
        let roots = roots();
        let bundle = ca.bundle(&roots).into_bytes();
        let mut trust = Self {
            files: vec![planted(BUNDLE, &bundle)],
            bundle,
            copies: BTreeMap::new(),
            of_system: Vec::new(),
            without: BTreeMap::new(),
        };
        if let Some(name) = ca.hashed_name() {
            let path = format!("{HASHED}/{name}");
            trust.files.push(planted(&path, ca.ca_pem().as_bytes()));
        }
        for path in below(PYTHONS, "python3", CERTIFI) {
            trust.files.push(planted(&path, &trust.bundle));
        }
        // Most of them lead to one file.
        let own = below(&[JAVA], "", &["lib/security/cacerts"]);
        let known = KEY_STORES.iter().map(|path| (*path).to_owned()).chain(own);
        let places = known.filter_map(|path| fs::canonicalize(path).ok());
        let places: BTreeSet<PathBuf> = places.filter(|path| path.is_file()).collect();
        if !places.is_empty() {
            let store = ca.key_store(&roots);
            let places = places.iter().filter_map(|path| path.to_str());
            let planted = places.map(|path| planted(path, &store));
            trust.files.extend(planted);
        }
        for program in package::of_system() {
            trust.copy(&program, ca, cache, progress);
            if trust.copies.contains_key(&program) {
                trust.of_system.push(program);
            }
        }
        trust
    }

    /// The same for the interpreters that a package brings to the sandbox, and for the programs
    /// and libraries among its own files.
    pub fn adopt(&mut self, launch: &Launch, ca: &Ca, cache: &Path, progress: &dyn Fn(&str)) {
        for mount in &launch.mounts {
            if mount.source.is_file() {
                self.copy(&mount.source, ca, cache, progress);
            } else {
                self.copy_tree(&mount.source, ca, cache, progress);
            }
        }
    }

    fn copy_tree(&mut self, folder: &Path, ca: &Ca, cache: &Path, progress: &dyn Fn(&str)) {
        if self.copies.contains_key(folder) {
            return;
        }
        match with_root(ca, |root| {
            package::trusting_tree(folder, root, cache, progress)
        }) {
            Ok(Some(copy)) => {
                self.copies.insert(folder.to_owned(), copy);
            }
            Ok(None) => {}
            Err(error) => {
                self.without.insert(folder.to_owned(), error.to_string());
            }
        }
    }

    fn copy(&mut self, program: &Path, ca: &Ca, cache: &Path, progress: &dyn Fn(&str)) {
        if self.copies.contains_key(program) {
            return;
        }
        let made = with_root(ca, |root| package::trusting(program, root, cache, progress));
        let why = match made {
            Ok(Trusting::Copy(copy)) => {
                self.copies.insert(program.to_owned(), copy);
                return;
            }
            Ok(Trusting::ByItself) => return,
            Ok(Trusting::Not) => "it has no list that could be added to".to_owned(),
            Err(error) => error.to_string(),
        };
        self.without.insert(program.to_owned(), why);
    }

    /// What is to be planted, the bundles of a package among it.
    pub fn files(&self, launch: &Launch) -> Vec<PlantedFile> {
        let own = launch.certifi.iter();
        let own = own.map(|path| planted(path, &self.bundle));
        self.files.iter().cloned().chain(own).collect()
    }

    /// What is to be mounted for a package: its own mounts, copies in place of interpreters, and
    /// copies over those of the system.
    pub fn mounts(&self, launch: &Launch) -> Vec<Mount> {
        let own = launch.mounts.iter().map(|mount| Mount {
            source: self
                .copies
                .get(&mount.source)
                .unwrap_or(&mount.source)
                .clone(),
            target: mount.target.clone(),
            mode: if mount.overlay {
                Mode::Overlay
            } else {
                Mode::ReadOnly
            },
        });
        let of_system = self.of_system.iter().filter_map(|program| {
            Some(Mount {
                source: self.copies.get(program)?.clone(),
                target: program.to_str()?.to_owned(),
                mode: Mode::ReadOnly,
            })
        });
        own.chain(of_system).collect()
    }

    /// A variable that has interpreters read the machine's list, where one that knows it has no copy.
    pub fn variable(&self) -> Option<(&'static str, &'static str)> {
        let reads = self.without.keys().any(|program| is_node(program));
        reads.then_some(("NODE_OPTIONS", "--use-openssl-ca"))
    }

    /// What a server can notice for want of a copy, or does not do, each a sentence.
    pub fn notes(&self) -> Vec<String> {
        let told = |(program, why): (&PathBuf, &String)| {
            let name = program.display();
            if is_node(program) {
                format!(
                    "a server can see the variable NODE_OPTIONS, which has `{name}` trust the fake internet: no copy of it that does so by itself could be made ({why})"
                )
            } else {
                format!(
                    "`{name}` refuses the fake internet: no copy of it that trusts it could be made ({why})"
                )
            }
        };
        self.without.iter().map(told).collect()
    }
}

/// The authority's root as who makes copies sees it.
fn with_root<T>(ca: &Ca, make: impl FnOnce(&package::Root) -> T) -> T {
    let (key, real_key) = ca.keys();
    make(&package::Root {
        pem: ca.ca_pem(),
        der: ca.ca_der(),
        key,
        real_key,
        is_namesake: &|certificate| ca.is_namesake(certificate),
    })
}

fn is_node(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name == "node")
}

fn planted(path: &str, content: &[u8]) -> PlantedFile {
    PlantedFile {
        path: path.to_owned(),
        content: content.to_vec(),
        mode: 0o644,
    }
}

/// The roots of the distribution, in the order of its bundle. What a user added to it is nobody's
/// business inside.
fn roots() -> Vec<String> {
    let folders = ROOTS.iter().filter_map(|folder| fs::read_dir(folder).ok());
    let mut files: Vec<PathBuf> = folders
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "crt"))
        .collect();
    files.sort();
    let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|about| about.len() <= LARGEST);
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    files.into_iter().filter(small).filter_map(read).collect()
}

/// Files that are there: `folder/NAME/end`, where the name begins so.
fn below(folders: &[&str], begin: &str, ends: &[&str]) -> Vec<String> {
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let mut found: Vec<String> = entries
        .flat_map(|entries| entries.flatten())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(begin))
        .flat_map(|entry| ends.iter().map(move |end| entry.path().join(end)))
        .filter(|path| path.is_file())
        .filter_map(|path| path.to_str().map(str::to_owned))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_that_cannot_be_copied_is_told_by_a_variable_and_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("node");
        fs::write(&source, b"\x7fELF").unwrap();
        let launch = Launch {
            mounts: vec![package::Mount {
                source: source.clone(),
                target: "/opt/node/bin/node".to_owned(),
                overlay: false,
            }],
            certifi: vec!["/home/alex/venv/cacert.pem".to_owned()],
            ..Launch::default()
        };
        let ca = Ca::new().unwrap();
        let mut trust = Trust {
            bundle: b"bundle".to_vec(),
            files: Vec::new(),
            copies: BTreeMap::new(),
            of_system: Vec::new(),
            without: BTreeMap::new(),
        };
        assert_eq!((trust.variable(), trust.notes()), (None, Vec::new()));
        trust.adopt(&launch, &ca, &folder.path().join("cache"), &|_| ());
        assert_eq!(trust.variable(), Some(("NODE_OPTIONS", "--use-openssl-ca")));
        let notes = trust.notes();
        assert_eq!(notes.len(), 1);
        assert!(
            notes[0].contains("node` trust the fake internet"),
            "{notes:?}"
        );
        assert_eq!(trust.mounts(&launch)[0].source, source);
        assert_eq!(trust.files(&launch)[0].content, b"bundle");

        let copy = folder.path().join("copy");
        trust.copies.insert(source, copy.clone());
        assert_eq!(trust.mounts(&launch)[0].source, copy);
    }
}
