//! The writable file system: its places inside, and what is known of each.

use super::look::Look;
use super::tally::{Bound, Harvest, Lost, Tally};
use super::tree::{Content, Folder, What};
use crate::sandbox::root::{DOCKER, FURNISHED, WRITABLE, needs_cwd};
use crate::sandbox::{Mode, Spec};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The writable file system and what was found in it so far.
#[derive(Debug)]
pub struct Writable {
    root: OwnedFd,
    places: Vec<Place>,
    tally: Tally,
}

/// A folder of the writable file system, and where the server sees it.
#[derive(Debug)]
pub(super) struct Place {
    /// One of these exists.
    pub names: Vec<CString>,
    pub inside: String,
    /// The folder on the host that it began as.
    pub lower: Option<PathBuf>,
    pub tree: Folder,
}

impl Place {
    fn new(names: &[&str], inside: &str, lower: Option<&Path>) -> Self {
        Self {
            names: names.iter().flat_map(|name| CString::new(*name)).collect(),
            inside: inside.to_owned(),
            lower: lower.map(Path::to_owned),
            tree: Folder::default(),
        }
    }
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
            places.push(Place::new(&[*name], inside, None));
        }
        for (i, mount) in spec.mounts.iter().enumerate() {
            if mount.mode == Mode::Overlay {
                // An overlay's upper side, or the copy in its stead.
                let [up, copy] = ["up", "copy"].map(|kind| format!("{kind}{i}"));
                places.push(Place::new(
                    &[&up, &copy],
                    &mount.target,
                    Some(&mount.source),
                ));
            }
        }
        plant(spec, &mut places);
        Self {
            root,
            places,
            tally: Tally::default(),
        }
    }

    /// Its root.
    pub fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Changes since the last harvest, `last` when no process is left to make any.
    pub fn harvest(&mut self, bound: Bound, last: bool) -> Harvest {
        if self.tally.has_lost(Lost::Order) && !last {
            return Harvest::default();
        }
        let mut look = Look::new(&mut self.tally, bound, last);
        for place in &mut self.places {
            look.place(self.root.as_fd(), place);
        }
        look.finish()
    }
}

/// Notes what each place holds from the start on; of two files at one path the later is there.
fn plant(spec: &Spec, places: &mut [Place]) {
    let mut put = |path: &str, what: What| {
        // What stands in a read-only mount cannot change; only the innermost one counts.
        let around = |inside: &str| path != inside && Path::new(path).starts_with(inside);
        let sealed = (spec.mounts.iter())
            .filter(|mount| mount.mode == Mode::ReadOnly && around(&mount.target))
            .map(|mount| mount.target.len())
            .max();
        let place = places.iter_mut().filter(|place| around(&place.inside));
        let Some(place) = place.max_by_key(|place| place.inside.len()) else {
            return;
        };
        if sealed.is_none_or(|len| len < place.inside.len())
            && let Ok(below) = Path::new(path).strip_prefix(&place.inside)
        {
            // What the lower side has shows through; the writable side lacks it until it changes.
            let lower = place.lower.as_ref();
            let shows = !matches!(what, What::File { .. })
                && lower.is_some_and(|lower| lower.join(below).exists());
            if !shows {
                place.tree.plant(below, what);
            }
        }
    };
    for file in spec.files.iter().rev() {
        // One that is planted over a mounted file stands in that mount.
        if !spec.mounts.iter().any(|mount| mount.target == file.path) {
            let (mode, content) = (file.mode, Content::Planted(file.content.clone().into()));
            put(&file.path, What::File { mode, content });
        }
    }
    for mount in &spec.mounts {
        put(&mount.target, What::There);
    }
    for (folder, _) in FURNISHED {
        put(folder, What::Folder(Folder::default()));
    }
    put(DOCKER.0, What::Other(DOCKER.1));
    let files = spec.files.iter().map(|file| &file.path);
    let targets = spec.mounts.iter().map(|mount| &mount.target);
    let parents = files
        .chain(targets)
        .flat_map(|path| Path::new(path).ancestors().skip(1));
    for folder in parents.chain(Path::new(&spec.cwd).ancestors()) {
        put(&folder.to_string_lossy(), What::Folder(Folder::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::FileAction;
    use crate::sandbox::{Mount, PlantedFile};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs::{self, File, Permissions};
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

    /// Makes `to` hold the tree, and leaves alone what is as it should be.
    fn write(tree: &Tree, to: &Path) {
        for entry in fs::read_dir(to).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let below = format!("{name}/");
            if tree.keys().any(|path| path.starts_with(&below)) && entry.path().is_dir() {
                for entry in fs::read_dir(entry.path()).unwrap().flatten() {
                    let path = format!("{below}{}", entry.file_name().to_str().unwrap());
                    if !tree.contains_key(&path) {
                        fs::remove_file(entry.path()).unwrap();
                    }
                }
            } else if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else if !tree.contains_key(&name) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        for (path, (content, private)) in tree {
            let path = to.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if fs::read_to_string(&path).ok() != Some(content.to_string()) {
                fs::write(&path, content.to_string()).unwrap();
            }
            fs::set_permissions(&path, Permissions::from_mode(mode(*private))).unwrap();
        }
    }

    fn writable(root: &Path, spec: &Spec) -> Writable {
        Writable::new(File::open(root).unwrap().into(), spec)
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

    /// The same as a harvest says it, folders left out: those have no letter in the trees.
    fn files(harvest: Harvest, trees: [&Tree; 2], base: &str) -> BTreeMap<String, FileAction> {
        let is_file = |path: &str| {
            let path = path
                .strip_prefix(base)
                .and_then(|path| path.strip_prefix('/'));
            path.is_some_and(|path| trees.iter().any(|tree| tree.contains_key(path)))
        };
        let files = harvest
            .changes
            .into_iter()
            .filter(|change| change.action != FileAction::FolderCreated && is_file(&change.path));
        files.map(|change| (change.path, change.action)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
        // Looks follow each other at once, so that file times alone would not tell.
        #[test]
        fn each_look_tells_what_changed_since_the_one_before(
            planted in trees(),
            steps in proptest::collection::vec((trees(), any::<bool>()), 1..5),
        ) {
            let root = tempfile::tempdir().unwrap();
            let home = root.path().join("home");
            fs::create_dir(&home).unwrap();
            let files_planted = planted.iter().map(|(path, (content, private))| PlantedFile {
                path: format!("/home/alex/{path}"),
                content: content.to_string().into_bytes(),
                mode: mode(*private),
            });
            let spec = Spec {
                cwd: "/home/alex".to_owned(),
                files: files_planted.collect(),
                ..Spec::default()
            };
            let mut writable = writable(root.path(), &spec);
            let mut before = planted;
            for (after, last) in steps {
                write(&after, &home);
                let harvest = writable.harvest(Bound::default(), last);
                let found = files(harvest, [&before, &after], "/home/alex");
                // A name that is a folder before or after says so as a whole.
                let mut expected = expected(&before, &after, "/home/alex");
                let folder = |tree: &Tree, path: &str| {
                    let below = format!("{}/", path.trim_start_matches("/home/alex/"));
                    tree.keys().any(|path| path.starts_with(&below))
                };
                expected.retain(|path, _| !folder(&before, path) && !folder(&after, path));
                let mut found = found;
                found.retain(|path, _| !folder(&before, path) && !folder(&after, path));
                prop_assert_eq!(found, expected);
                let again = writable.harvest(Bound::default(), last);
                prop_assert_eq!(again, Harvest::default());
                before = after;
            }
        }

        // Side by side only: a folder that is gone whole is told once, not file by file.
        #[test]
        fn a_copy_is_compared_with_its_source(
            before in trees(),
            steps in proptest::collection::vec((trees(), any::<bool>()), 1..4),
        ) {
            let flat = |tree: Tree| -> Tree {
                tree.into_iter().map(|(path, file)| (path.replace('/', "-"), file)).collect()
            };
            let mut before = flat(before);
            let (root, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            write(&before, source.path());
            fs::create_dir(root.path().join("copy0")).unwrap();
            let spec = Spec {
                cwd: "/srv".to_owned(),
                mounts: vec![Mount {
                    source: source.path().to_owned(),
                    target: "/srv".to_owned(),
                    mode: Mode::Overlay,
                }],
                ..Spec::default()
            };
            let mut writable = writable(root.path(), &spec);
            for (after, last) in steps {
                let after = flat(after);
                write(&after, &root.path().join("copy0"));
                let harvest = writable.harvest(Bound::default(), last);
                let found = files(harvest, [&before, &after], "/srv");
                prop_assert_eq!(found, expected(&before, &after, "/srv"));
                before = after;
            }
        }
    }

    #[test]
    fn a_mount_in_a_folder_of_another_s_lower_side_is_no_change() {
        let (root, lower) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(lower.path().join("outer/app/inner")).unwrap();
        for up in ["up0", "up1"] {
            fs::create_dir(root.path().join(up)).unwrap();
        }
        let mount = |source: &str, target: &str| Mount {
            source: lower.path().join(source),
            target: target.to_owned(),
            mode: Mode::Overlay,
        };
        let spec = Spec {
            cwd: "/srv/app".to_owned(),
            mounts: vec![
                mount("outer", "/srv"),
                mount("outer/app/inner", "/srv/app/inner"),
            ],
            ..Spec::default()
        };
        let mut writable = writable(root.path(), &spec);
        assert_eq!(writable.harvest(Bound::default(), true), Harvest::default());
        fs::write(root.path().join("up1/new"), "").unwrap();
        let found = writable.harvest(Bound::default(), true);
        assert_eq!(found.changes.len(), 1);
        assert_eq!(found.changes[0].path, "/srv/app/inner/new");
    }

    fn in_tmp(count: usize, content: &str) -> (tempfile::TempDir, Writable) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        for i in 0..count {
            fs::write(root.path().join(format!("tmp/{i}")), content).unwrap();
        }
        let writable = writable(root.path(), &Spec::default());
        (root, writable)
    }

    #[test]
    fn what_was_planted_is_told_with_every_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("home/.profile");
        fs::create_dir(root.path().join("home")).unwrap();
        fs::write(&file, "planted").unwrap();
        let path = "/home/alex/.profile".to_owned();
        let planted = PlantedFile {
            path,
            content: b"planted".to_vec(),
            mode: fs::metadata(&file).unwrap().permissions().mode() & 0o7777,
        };
        let spec = Spec {
            files: vec![planted],
            ..Spec::default()
        };
        let mut writable = writable(root.path(), &spec);
        assert_eq!(writable.harvest(Bound::default(), true), Harvest::default());
        let mut changes = |content: Option<&str>| {
            match content {
                Some(content) => fs::write(&file, content).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let changes = writable.harvest(Bound::default(), true).changes.into_iter();
            let told = |c: crate::effect::FileChange| (c.action, c.planted.map(|p| p.kept));
            changes.map(told).collect::<Vec<_>>()
        };
        let before = Some(b"planted".to_vec());
        let modified = (FileAction::Modified, before.clone());
        for content in ["planted more", "planted more still"] {
            assert_eq!(changes(Some(content)), std::slice::from_ref(&modified));
        }
        assert_eq!(changes(None), [(FileAction::Deleted, None)]);
        assert_eq!(changes(Some("again")), [(FileAction::Created, before)]);
    }

    #[test]
    fn what_exceeds_the_bound_is_noted_once() {
        let (root, mut writable) = in_tmp(5, "1234567890");
        let bound = Bound {
            changes: 3,
            bytes: 25,
            keep: 4,
        };
        // While the server runs, half of the bytes are read.
        let found = writable.harvest(bound, false);
        let content = |i: usize| &found.changes[i].content;
        assert_eq!(found.changes.len(), 3);
        assert_eq!(content(0).kept, b"1234");
        assert_eq!((content(2).len, &*content(2).sha256), (10, ""));
        assert_eq!(
            found.notes,
            [
                "some files were not read: too large in all, or closed",
                "changes to files after the first 3 are not listed"
            ]
        );
        fs::write(root.path().join("tmp/5"), "").unwrap();
        assert_eq!(writable.harvest(bound, true), Harvest::default());
    }

    #[test]
    fn a_crowd_is_looked_at_in_the_end_only() {
        let (root, mut writable) = in_tmp(super::super::tally::MANY + 1, "");
        let found = writable.harvest(Bound::default(), false);
        assert_eq!(found.changes, []);
        assert!(
            found.notes[0].starts_with("more than 5000 files"),
            "{:?}",
            found.notes
        );
        fs::write(root.path().join("tmp/new"), "").unwrap();
        assert_eq!(
            writable.harvest(Bound::default(), false),
            Harvest::default()
        );
        let found = writable.harvest(Bound::default(), true);
        assert_eq!(found.changes.len(), super::super::tally::MANY + 2);
        assert_eq!(found.notes, [""; 0]);
    }
}
