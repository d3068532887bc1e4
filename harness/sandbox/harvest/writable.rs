//! The writable file system: its places inside, and what each held at first.

use super::entry;
use super::walk::{At, Bound, Harvest, Walk};
use crate::sandbox::root::{FURNISHED, WRITABLE, needs_cwd};
use crate::sandbox::{Mode, Spec};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The writable file system and what it held at first.
#[derive(Debug)]
pub struct Writable {
    root: OwnedFd,
    places: Vec<Place>,
    pub(super) planted: BTreeMap<String, Planted>,
    /// Folders that were there at the start.
    pub(super) folders: BTreeSet<String>,
    /// Mount targets, and whether they are read-only.
    mounts: Vec<(String, bool)>,
}

/// A folder of the writable file system, and where the server sees it.
#[derive(Debug)]
pub(super) struct Place {
    pub name: String,
    pub inside: String,
    /// The folder on the host that it began as.
    lower: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planted {
    /// Kept as it is: hashing it would delay the start, and most runs look once.
    pub content: Vec<u8>,
    pub mode: u32,
}

impl Writable {
    pub fn new(root: OwnedFd, spec: &Spec) -> Self {
        let mut places = Vec::new();
        for (name, inside, _) in WRITABLE {
            let inside = match *inside {
                "" if needs_cwd(&spec.cwd, &spec.mounts) => &spec.cwd,
                "" => continue,
                inside => inside,
            };
            places.push(Place {
                name: (*name).to_owned(),
                inside: inside.to_owned(),
                lower: None,
            });
        }
        for (i, mount) in spec.mounts.iter().enumerate() {
            if mount.mode == Mode::Overlay {
                // One of the two exists: an overlay's upper side, or the copy in its stead.
                for kind in ["up", "copy"] {
                    places.push(Place {
                        name: format!("{kind}{i}"),
                        inside: mount.target.clone(),
                        lower: Some(mount.source.clone()),
                    });
                }
            }
        }
        let planted = spec.files.iter().map(|file| {
            let (content, mode) = (file.content.clone(), file.mode);
            (file.path.clone(), Planted { content, mode })
        });
        let mut folders: BTreeSet<String> = FURNISHED.iter().map(|(f, _)| f.to_string()).collect();
        let files = spec.files.iter().map(|f| f.path.as_str());
        let targets = spec.mounts.iter().map(|m| m.target.as_str());
        for path in files.chain(targets).chain([spec.cwd.as_str()]) {
            let ancestors = Path::new(path).ancestors();
            folders.extend(ancestors.map(|a| a.to_string_lossy().into_owned()));
        }
        Self {
            root,
            places,
            planted: planted.collect(),
            folders,
            mounts: (spec.mounts.iter())
                .map(|m| (m.target.clone(), m.mode == Mode::ReadOnly))
                .collect(),
        }
    }

    pub fn harvest(&self, bound: Bound) -> Harvest {
        let mut walk = Walk::new(self, bound);
        let mut entered = Vec::new();
        for place in &self.places {
            let Ok(top) = entry::open(&self.root, OsStr::new(&place.name)) else {
                continue;
            };
            entered.push(place);
            let at = At {
                inside: place.inside.clone(),
                lower: place.lower.clone(),
                whole: place.name.starts_with("copy"),
            };
            walk.place(&top, &at);
        }
        walk.missing(&entered);
        walk.finish()
    }

    /// Whether a planted file stands in a read-only mount, where it cannot change.
    pub(super) fn is_sealed(&self, path: &str) -> bool {
        let around = |(target, _): &&(String, bool)| Path::new(path).starts_with(target);
        let innermost = self.mounts.iter().filter(around);
        let innermost = innermost.max_by_key(|(target, _)| target.len());
        innermost.is_some_and(|(_, read_only)| *read_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::FileAction;
    use crate::sandbox::{Mount, PlantedFile};
    use proptest::prelude::*;
    use std::fs::{self, File, Permissions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    /// A file's content (one letter) and whether only its owner may read it.
    type Tree = BTreeMap<String, (char, bool)>;

    fn trees() -> impl Strategy<Value = Tree> {
        let file = (proptest::char::range('x', 'z'), any::<bool>());
        proptest::collection::btree_map("[ab]{1,2}(/[cd]{1,2})?", file, 0..6).prop_map(|tree| {
            // No name is a file and a folder at once.
            let folders: BTreeSet<String> = (tree.keys())
                .filter_map(|path| Some(path.split_once('/')?.0.to_owned()))
                .collect();
            let fits = |(path, _): &(String, _)| !folders.contains(path);
            tree.into_iter().filter(fits).collect()
        })
    }

    fn mode(private: bool) -> u32 {
        if private { 0o600 } else { 0o644 }
    }

    fn write(tree: &Tree, to: &Path) {
        for (path, (content, private)) in tree {
            let path = to.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content.to_string()).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode(*private))).unwrap();
        }
    }

    fn harvest(root: &Path, spec: &Spec, bound: Bound) -> Harvest {
        Writable::new(File::open(root).unwrap().into(), spec).harvest(bound)
    }

    /// What a comparison of the two trees must say about files.
    fn expected(before: &Tree, after: &Tree, base: &str) -> BTreeMap<String, FileAction> {
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let compare = |path: &String| match (before.get(path), after.get(path)) {
            (None, _) => Some(FileAction::Created),
            (_, None) => Some(FileAction::Deleted),
            (was, now) if was == now => None,
            _ => Some(FileAction::Modified),
        };
        let named = |path: &String| Some((format!("{base}/{path}"), compare(path)?));
        paths.into_iter().filter_map(named).collect()
    }

    fn files(harvest: Harvest) -> BTreeMap<String, FileAction> {
        let files = harvest.changes.into_iter();
        let files = files.filter(|change| change.action != FileAction::FolderCreated);
        files.map(|change| (change.path, change.action)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn planted_files_are_compared_with_what_is_there(before in trees(), after in trees()) {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("home")).unwrap();
            write(&after, &root.path().join("home"));
            let files_planted = before.iter().map(|(path, (content, private))| PlantedFile {
                path: format!("/home/alex/{path}"),
                content: content.to_string().into_bytes(),
                mode: mode(*private),
            });
            let spec = Spec {
                cwd: "/home/alex".to_owned(),
                files: files_planted.collect(),
                ..Spec::default()
            };
            let found = files(harvest(root.path(), &spec, Bound::default()));
            prop_assert_eq!(found, expected(&before, &after, "/home/alex"));
        }

        // Side by side only: a folder that is gone whole is told once, not file by file.
        #[test]
        fn a_copy_is_compared_with_its_source(before in trees(), after in trees()) {
            let flat = |tree: Tree| -> Tree {
                tree.into_iter().map(|(path, file)| (path.replace('/', "-"), file)).collect()
            };
            let (before, after) = (flat(before), flat(after));
            let (root, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            write(&before, source.path());
            fs::create_dir(root.path().join("copy0")).unwrap();
            write(&after, &root.path().join("copy0"));
            let spec = Spec {
                cwd: "/srv".to_owned(),
                mounts: vec![Mount {
                    source: source.path().to_owned(),
                    target: "/srv".to_owned(),
                    mode: Mode::Overlay,
                }],
                ..Spec::default()
            };
            let found = files(harvest(root.path(), &spec, Bound::default()));
            prop_assert_eq!(found, expected(&before, &after, "/srv"));
        }
    }

    #[test]
    fn what_exceeds_the_bound_is_counted() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        for i in 0..5 {
            fs::write(root.path().join(format!("tmp/{i}")), "1234567890").unwrap();
        }
        let bound = Bound {
            changes: 3,
            bytes: 25,
            keep: 4,
        };
        let found = harvest(root.path(), &Spec::default(), bound);
        assert_eq!(found.changes.len(), 3);
        assert_eq!(found.changes[0].content.kept, b"1234");
        assert_eq!(
            (
                found.changes[2].content.len,
                &*found.changes[2].content.sha256
            ),
            (10, "")
        );
        assert_eq!(
            found.notes,
            [
                "2 further changes to files are not listed",
                "3 files were not read: too large in all, or closed"
            ]
        );
    }

    #[test]
    fn a_name_that_is_no_text_stays_distinct() {
        assert_eq!(
            entry::readable(OsStr::from_bytes(b"a\xff\xc3b")),
            "a\\xff\\xc3b"
        );
    }
}
