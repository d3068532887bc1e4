//! The files of code in which two packages differ. A line that waits for something has to stand
//! in one of them. Owns which files are looked at, and the bounds on it; reads no meaning.

use super::model::Package;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Files of one package that are looked at, and bytes of all and of one of them.
const FILES: usize = 50_000;
const BYTES: u64 = 64 << 20;
const FILE: u64 = 4 << 20;
/// Interpreters are the same for both.
const NOT_ITS_OWN: [&str; 2] = ["/opt", "/usr"];
const CODE: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "py", "json"];

/// A file of code that the other version lacks or has with other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    path: PathBuf,
    /// Its extension, in lower case as files of code have it: `js`, `py`.
    pub kind: &'static str,
    /// Whether it is the package's own: no dependency's, and none of its tests.
    pub own: bool,
}

impl Code {
    /// Its text; empty where it cannot be read any more.
    pub fn text(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap_or_default()
    }
}

/// The code in which two versions differ, as far as the bounds let it be looked at: the package's
/// own files first, then by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub old: Vec<Code>,
    pub new: Vec<Code>,
}

impl Difference {
    /// Packages of the same version within both hold the same, and are not read.
    pub fn between(old: &Package, new: &Package) -> Self {
        let [was, is] = [(old, new), (new, old)].map(|(package, other)| files(package, other));
        let differs = |at: &(usize, PathBuf), code: &Code, others: &Files| {
            let other = others.get(at);
            other.is_none_or(|other| fs::read(&code.path).ok() != fs::read(&other.path).ok())
        };
        let side = |files: &Files, others: &Files| -> Vec<Code> {
            let mut of: Vec<Code> = files
                .iter()
                .filter(|(at, code)| differs(at, code, others))
                .map(|(_, code)| code.clone())
                .collect();
            of.sort_by_key(|code| !code.own);
            of
        };
        Self {
            old: side(&was, &is),
            new: side(&is, &was),
        }
    }

    /// The code of one version where there is no other: what is its own.
    pub fn whole(package: &Package) -> Self {
        let own = files(package, package).into_values();
        Self {
            old: Vec::new(),
            new: own.filter(|code| code.own).collect(),
        }
    }
}

/// Files of code by the mount they are in and their path there.
type Files = BTreeMap<(usize, PathBuf), Code>;

fn files(package: &Package, other: &Package) -> Files {
    let same = |name: &str| {
        let version = package.dependencies.get(name);
        // A package may be asked about under one version with two texts.
        let dependency = package.name.as_deref() != Some(name);
        dependency && version.is_some() && version == other.dependencies.get(name)
    };
    let mut found = Files::new();
    let mut bytes = 0;
    let own = |target: &str| !NOT_ITS_OWN.iter().any(|other| target.starts_with(other));
    let mounts = package.launch.mounts.iter().filter(|m| own(&m.target));
    for (nth, mount) in mounts.enumerate() {
        let walk = WalkDir::new(&mount.source).sort_by_file_name().into_iter();
        let walk = walk.filter_entry(|entry| {
            let path = entry.path();
            !(entry.file_type().is_dir() && is_package(path).is_some_and(|name| same(&name)))
        });
        for entry in walk.flatten() {
            let extension = entry.path().extension().and_then(|e| e.to_str());
            let kind = extension.and_then(|e| CODE.iter().find(|kind| **kind == e));
            let (true, Some(kind)) = (entry.file_type().is_file(), kind) else {
                continue;
            };
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            if size > FILE {
                continue;
            }
            bytes += size;
            if found.len() >= FILES || bytes > BYTES {
                return found;
            }
            let path = entry.path();
            let at = path.strip_prefix(&mount.source).unwrap_or(path).to_owned();
            let code = Code {
                path: path.to_owned(),
                kind,
                own: is_own(&at, package.name.as_deref()),
            };
            found.insert((nth, at), code);
        }
    }
    found
}

/// Whether a file belongs to the package itself: what holds it last is no package of another
/// name.
fn is_own(at: &Path, name: Option<&str>) -> bool {
    if is_a_test(at) {
        return false;
    }
    let holder = at.ancestors().skip(1).find_map(is_package);
    let named = |holder: String| name.is_some_and(|name| name == holder);
    match holder {
        Some(holder) => named(holder),
        // Python's packages lie beside each other, with underscores for hyphens.
        None => {
            let mut parts = at.iter().filter_map(|part| part.to_str());
            let module = parts
                .find(|part| *part == "site-packages")
                .and_then(|_| parts.next());
            let plain = |name: &str| name.replace(['-', '.'], "_").to_lowercase();
            module.is_none_or(|module| name.is_some_and(|name| plain(name) == plain(module)))
        }
    }
}

/// Tests and declarations of types, which a server has no need of when it runs.
fn is_a_test(at: &Path) -> bool {
    let mut folders = at.iter().filter_map(|part| part.to_str());
    let name = at
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let named = [".test.", ".spec.", ".d."]
        .iter()
        .any(|part| name.contains(part))
        || name.starts_with("test_");
    named
        || folders
            .any(|folder| ["test", "tests", "__tests__", "spec", "examples"].contains(&folder))
}

/// The name of the dependency whose folder this is: `node_modules/@scope/name`.
fn is_package(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    match parent.file_name()?.to_str()? {
        "node_modules" => Some(name.to_owned()),
        scope if scope.starts_with('@') && parent.parent()?.ends_with("node_modules") => {
            Some(format!("{scope}/{name}"))
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::package::{Launch, Mount};

    /// A package that lies in `folder`.
    pub fn package(folder: &Path, dependencies: &[(&str, &str)]) -> Package {
        let mount = Mount {
            source: folder.to_owned(),
            target: "/home/alex/mcp/server".to_owned(),
            overlay: true,
        };
        let dependencies = dependencies.iter();
        Package {
            name: Some("server".to_owned()),
            launch: Launch {
                mounts: vec![mount],
                ..Launch::default()
            },
            dependencies: dependencies
                .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
                .collect(),
            ..Package::default()
        }
    }

    /// Writes a file of a package, and the folders above it.
    pub fn write(of: &tempfile::TempDir, path: &str, text: &str) {
        let path = of.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn files_that_are_the_same_and_packages_of_one_version_are_left_out() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for (of, text) in [(&old, "1"), (&new, "2")] {
            write(of, "same.js", "0");
            write(of, "README.md", text);
            write(of, "node_modules/same/index.js", text);
            write(of, "node_modules/@x/other/index.cjs", text);
            write(of, "node_modules/server/index.js", text);
            write(of, "site-packages/httpx/a.py", text);
            write(of, "site-packages/server/a.py", text);
            write(of, "a/index.mjs", text);
            write(of, "a/index.test.mjs", text);
        }
        write(&new, "added.ts", "0");
        let difference = Difference::between(
            &package(old.path(), &[("same", "1"), ("@x/other", "1")]),
            &package(new.path(), &[("same", "1"), ("@x/other", "2")]),
        );
        let told = |side: &[Code], of: &tempfile::TempDir| -> Vec<String> {
            let told = side.iter().map(|code| {
                let path = code.path.strip_prefix(of.path()).unwrap();
                format!("{} {}", path.display(), if code.own { "own" } else { "-" })
            });
            told.collect()
        };
        let both = [
            "a/index.mjs own",
            "node_modules/server/index.js own",
            "site-packages/server/a.py own",
            "a/index.test.mjs -",
            "node_modules/@x/other/index.cjs -",
            "site-packages/httpx/a.py -",
        ];
        assert_eq!(told(&difference.old, &old), both);
        let alone = package(new.path(), &[]);
        assert!(Difference::whole(&alone).new.iter().all(|code| code.own));
        assert_eq!(Difference::whole(&alone).new.len(), 5);
        let new_side = told(&difference.new, &new);
        assert_eq!(new_side[1], "added.ts own");
        assert_eq!(new_side.len(), both.len() + 1);
    }
}
