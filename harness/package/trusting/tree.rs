//! Packages that bring programs along which bring roots along: a copy of the whole package, in which
//! those programs are replaced and everything else is the same file.

use super::super::cache::Cache;
use super::super::error::FetchError;
use super::{LARGEST, Root, anchors, patched, tidy};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

const SHELF: &str = "trusting";
/// No program with a TLS library in it is smaller.
const SMALLEST: u64 = 256 * 1024;
const ELF: [u8; 4] = *b"\x7fELF";

/// A copy of a package in the cache whose programs trust `root`; none where it has none that would
/// need it. Packages that lie elsewhere are not looked through.
///
/// # Errors
/// Where the package cannot be read, or no copy can be kept.
pub fn trusting_tree(
    folder: &Path,
    root: &Root,
    cache: &Path,
    progress: &dyn Fn(&str),
) -> Result<Option<PathBuf>, FetchError> {
    let (Ok(below), Some(place)) = (folder.strip_prefix(cache), folder.to_str()) else {
        return Ok(None);
    };
    // Folders in the cache are named for all they hold.
    let key = [place];
    let store = Cache::new(cache);
    let known: Option<Vec<PathBuf>> = store.fact(SHELF, &key);
    let programs = match known {
        Some(programs) => programs,
        None => {
            let found = programs(folder, root)?;
            store.remember(SHELF, &key, &found);
            found
        }
    };
    if programs.is_empty() {
        return Ok(None);
    }
    let label = below
        .components()
        .nth(1)
        .unwrap_or(std::path::Component::CurDir);
    let label = label.as_os_str().to_string_lossy();
    let build = |to: &Path| copy(folder, to, &programs, root);
    let entry = store.entry::<(), _>(SHELF, &label, &[place, root.pem], progress, build)?;
    if let Some(used) = entry.root.parent() {
        tidy(&cache.join(SHELF), used);
    }
    Ok(Some(entry.root))
}

/// The programs and libraries that keep the real root, by their paths in the folder.
fn programs(folder: &Path, root: &Root) -> Result<Vec<PathBuf>, FetchError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        let (Ok(about), Ok(below)) = (entry.metadata(), path.strip_prefix(folder)) else {
            continue;
        };
        if !about.is_file() || !(SMALLEST..=LARGEST).contains(&about.len()) {
            continue;
        }
        let mut magic = ELF.map(|_| 0);
        let Ok(mut file) = File::open(path) else {
            continue;
        };
        if file.read_exact(&mut magic).is_err() || magic != ELF {
            continue;
        }
        let patches = anchors::patches(&file, root).map_err(FetchError::io("read", path))?;
        if !patches.is_empty() {
            found.push(below.to_owned());
        }
    }
    Ok(found)
}

/// Links what stays as it is, and writes the programs anew.
fn copy(from: &Path, to: &Path, programs: &[PathBuf], root: &Root) -> Result<(), FetchError> {
    let mut folders = Vec::new();
    for entry in WalkDir::new(from).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| FetchError::io("read", from)(e.into()))?;
        let source = entry.path();
        let below = source.strip_prefix(from).unwrap_or(source);
        let target = to.join(below);
        let cannot = FetchError::io("copy", source);
        let kind = entry.file_type();
        if kind.is_dir() {
            fs::create_dir(&target).map_err(cannot)?;
            folders.push((source.to_owned(), target));
        } else if kind.is_symlink() {
            let copied = fs::read_link(source).and_then(|link| symlink(link, &target));
            copied.map_err(cannot)?;
        } else if programs.iter().any(|program| program == below) {
            let file = File::open(source).map_err(FetchError::io("read", source))?;
            let patches = anchors::patches(&file, root).map_err(cannot)?;
            patched(source, &target, &patches)?;
        } else {
            // Nothing writes to either: what a server writes goes to memory.
            fs::hard_link(source, &target)
                .or_else(|_| fs::copy(source, &target).map(|_| ()))
                .map_err(cannot)?;
        }
    }
    // Inner ones first: a folder's date is that of the last change in it.
    folders.push((from.to_owned(), to.to_owned()));
    for (source, target) in folders.into_iter().rev() {
        let same = || {
            let about = fs::metadata(&source)?;
            File::open(&target)?.set_modified(about.modified()?)?;
            fs::set_permissions(&target, about.permissions())
        };
        same().map_err(FetchError::io("copy", &source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_package_is_copied_only_where_a_program_in_it_keeps_the_real_root() {
        let cache = tempfile::tempdir().unwrap();
        let root = Root {
            pem: "ours",
            key: b"our own key",
            real_key: b"the old key",
            ..Root::NONE
        };
        let folder = cache.path().join("npm/package-1/root");
        fs::create_dir_all(folder.join("lib")).unwrap();
        let program = |key: &[u8]| [&ELF, &vec![b'x'; SMALLEST as usize][..], key, b"end"].concat();
        fs::write(folder.join("index.js"), "the old key").unwrap();
        fs::write(folder.join("lib/plain.so"), program(b"another key")).unwrap();
        symlink("../index.js", folder.join("lib/link")).unwrap();
        let copied = || trusting_tree(&folder, &root, cache.path(), &|_| ()).unwrap();
        assert_eq!(copied(), None);

        let folder = cache.path().join("npm/package-2/root");
        fs::rename(
            cache.path().join("npm/package-1"),
            cache.path().join("npm/package-2"),
        )
        .unwrap();
        let tool = folder.join("lib/tool");
        fs::write(&tool, program(root.real_key)).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o555)).unwrap();
        let copied = || trusting_tree(&folder, &root, cache.path(), &|_| ()).unwrap();
        let copy = copied().unwrap();
        assert_eq!(copied().as_ref(), Some(&copy));
        assert_eq!(fs::read(copy.join("lib/tool")).unwrap(), program(root.key));
        assert_eq!(fs::read(&tool).unwrap(), program(root.real_key));
        let (was, now) = (
            fs::metadata(&tool).unwrap(),
            fs::metadata(copy.join("lib/tool")).unwrap(),
        );
        assert_eq!(
            (was.mode(), was.mtime_nsec()),
            (now.mode(), now.mtime_nsec())
        );
        let ino = |folder: &Path| fs::metadata(folder.join("index.js")).unwrap().ino();
        assert_eq!(ino(&folder), ino(&copy));
        assert_eq!(
            fs::read_link(copy.join("lib/link")).unwrap(),
            Path::new("../index.js")
        );
        // One that lies elsewhere is not looked through.
        let elsewhere = trusting_tree(&folder, &root, &cache.path().join("pip"), &|_| ());
        assert_eq!(elsewhere.unwrap(), None);
    }
}
