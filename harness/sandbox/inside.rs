//! Where a path leads for somebody whose root is another folder.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows (path_resolution (7)).
const MOST_LINKS: u32 = 40;

/// Follows links below `root` as they are followed by a process that has it as its root.
/// Nothing needs to be there.
pub fn resolve(root: &Path, path: &str) -> io::Result<PathBuf> {
    resolve_for(root, path, || None).map(|inside| outside(root, &inside))
}

/// The same for the process that goes by the id `own` gives in the /proc below `root`, which
/// /proc/self leads to. Gives the path as that process would write it.
pub fn resolve_for(
    root: &Path,
    path: &str,
    mut own: impl FnMut() -> Option<u32>,
) -> io::Result<PathBuf> {
    let mut inside = PathBuf::from("/");
    let mut left: Vec<PathBuf> = parts(Path::new(path));
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part.as_os_str() == ".." {
            inside.pop();
            continue;
        }
        let next = inside.join(&part);
        if (next == Path::new("/proc/self") || next == Path::new("/proc/thread-self"))
            && let Some(own) = own()
        {
            inside = PathBuf::from(format!("/proc/{own}"));
            continue;
        }
        match fs::read_link(outside(root, &next)) {
            Ok(to) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::from_raw_os_error(libc::ELOOP));
                }
                if to.is_absolute() {
                    inside = PathBuf::from("/");
                }
                left.extend(parts(&to));
            }
            Err(_) => inside = next,
        }
    }
    Ok(inside)
}

fn outside(root: &Path, inside: &Path) -> PathBuf {
    root.join(inside.strip_prefix("/").unwrap_or(inside))
}

/// Components of a path, last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect();
    parts.reverse();
    parts
}
