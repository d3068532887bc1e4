//! Opens for reading, as the watcher is shown them: where each leads, and what is told of it. What
//! the runtime and the package are made of is counted, everything else is told by its path, once
//! until it is asked for the count. Bounded: past so many paths, folders are told and counted.
//!
//! Paths are read from the caller's memory before the kernel reads them, so two threads that work
//! at it can show one path and open another. What comes out of the process is seen all the same.

use super::faces::{self, Clocks};
use super::{inside, remote, sys};
use crate::effect::{FileRead, Folded, Reading, is_system, reading};
use std::collections::{BTreeMap, HashSet};
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest path the kernel takes.
const PATH: usize = 4096;
/// More is read of no file of /proc that has another face.
const LARGEST: u64 = 1 << 20;
/// Paths told one by one between two counts; as many again that are none of a server's business.
const PATHS: usize = 4096;
/// Folders that further paths are counted by; those of further folders count for the root.
const FOLDERS: usize = 512;
/// Processes that may be at their start at once.
const FRESH: usize = 4096;

/// What was told since the last count, and what is only counted.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    told: HashSet<String>,
    /// How many of these are none of a server's business.
    guarded: usize,
    folders: BTreeMap<String, u64>,
    opens: u64,
}

impl Tally {
    /// What was only counted since this was last asked; what is told from now on is told anew.
    pub fn take(&self) -> Vec<Folded> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let all = (counts.opens > 0).then_some((None, counts.opens));
        let folders = counts.folders.into_iter();
        all.into_iter()
            .chain(folders.map(|(folder, opens)| (Some(folder), opens)))
            .map(|(folder, opens)| Folded { folder, opens })
            .collect()
    }

    fn count(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).opens += 1;
    }

    /// Whether this path is to be told.
    fn is_new(&self, path: &str, missing: bool, whose: Reading) -> bool {
        let counts = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{}{path}", u8::from(missing));
        if counts.told.contains(&key) {
            counts.opens += 1;
            return false;
        }
        // Many paths must not hide the one that matters.
        let guarded = matches!(whose, Reading::Guarded(_) | Reading::Probe);
        let ordinary = counts.told.len() - counts.guarded;
        if (if guarded { counts.guarded } else { ordinary }) < PATHS {
            counts.guarded += usize::from(guarded);
            return counts.told.insert(key);
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known = counts.folders.len() < FOLDERS || counts.folders.contains_key(folder);
        let folder = if known { folder } else { "" };
        *counts.folders.entry(folder.to_owned()).or_default() += 1;
        false
    }
}

/// One open, as it was asked for.
pub struct Ask {
    folder: i32,
    path: u64,
    flags: i32,
    /// Whether it says how paths are to be resolved (openat2 (2)).
    resolves: bool,
}

impl Ask {
    /// The open that this call is, if it is one that may read.
    pub fn of(number: libc::c_long, pid: i32, args: &[u64; 6]) -> Option<Self> {
        let (folder, path, flags) = match number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => (libc::AT_FDCWD, args[0], args[1] as i32),
            libc::SYS_openat => (args[0] as i32, args[1], args[2] as i32),
            libc::SYS_openat2 => {
                let mut flags = [0; 8];
                remote::bytes(pid, args[2], &mut flags);
                (args[0] as i32, args[1], u64::from_ne_bytes(flags) as i32)
            }
            _ => return None,
        };
        let resolves = number == libc::SYS_openat2;
        let reads = match flags & libc::O_ACCMODE {
            libc::O_WRONLY => false,
            // Nothing is left to be read, or nothing was ever there.
            libc::O_RDWR => {
                flags & libc::O_TRUNC == 0 && flags & libc::O_TMPFILE != libc::O_TMPFILE
            }
            _ => true,
        };
        (reads && flags & libc::O_PATH == 0).then_some(Self {
            folder,
            path,
            flags,
            resolves,
        })
    }

    /// Whether a descriptor for reading is all that is asked for.
    fn only_reads(&self) -> bool {
        let more = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_DIRECTORY;
        self.flags & more == libc::O_RDONLY && !self.resolves
    }

    pub fn closes_on_exec(&self) -> bool {
        self.flags & libc::O_CLOEXEC != 0
    }
}

/// What an open comes to.
#[derive(Default)]
pub struct Seen {
    /// The read to tell of, if this one is.
    pub read: Option<FileRead>,
    /// What the caller is to be given to read instead of what is there.
    pub face: Option<String>,
}

/// Looks at opens for one sandbox. Its processes all have the same root: none may change it.
pub struct Reader {
    root: Option<OwnedFd>,
    /// Where the runtime and the package are.
    package: Vec<String>,
    /// Processes that have opened nothing since they were started but what programs are made of.
    fresh: HashSet<i32>,
    clocks: Arc<Clocks>,
}

impl Reader {
    pub fn new(package: Vec<String>, clocks: Arc<Clocks>) -> Self {
        Self {
            clocks,
            root: None,
            package,
            fresh: HashSet::new(),
        }
    }

    /// A program is about to take the place of what this process was.
    pub fn begins(&mut self, pid: i32) {
        if self.fresh.len() >= FRESH {
            self.fresh.clear();
        }
        self.fresh.insert(pid);
    }

    pub fn see(&mut self, pid: i32, ask: &Ask, tally: &Tally) -> Seen {
        let asked = remote::text(pid, ask.path, PATH);
        if self.is_sealed(&asked) {
            tally.count();
            return Seen::default();
        }
        let (path, missing) = self.place(pid, ask.folder, &asked);
        let face = (is_in_proc(&path) && !missing && ask.only_reads())
            .then(|| self.face(pid, ask, &asked))
            .flatten();
        let read = self.tell(pid, ask, tally, asked, path, missing);
        Seen { read, face }
    }

    /// What a file of /proc reads like inside.
    fn face(&self, pid: i32, ask: &Ask, asked: &str) -> Option<String> {
        let path = absolute(pid, ask.folder, asked);
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        let found = inside::resolve_for(&root, &path, || Some(remote::inner_pid(pid))).ok()?;
        let there = root.join(found.strip_prefix("/").ok()?);
        let real = || {
            let mut text = String::new();
            let file = fs::File::open(there).ok()?;
            file.take(LARGEST).read_to_string(&mut text).ok()?;
            Some(text)
        };
        faces::text(found.to_str()?, &self.clocks, real)
    }

    fn tell(
        &mut self,
        pid: i32,
        ask: &Ask,
        tally: &Tally,
        asked: String,
        path: String,
        missing: bool,
    ) -> Option<FileRead> {
        let whose = self.whose(pid, &path);
        let counted = whose == Reading::Runtime || missing && is_library(&path);
        if counted || is_of_isolate(pid, ask, &path) {
            tally.count();
            return None;
        }
        tally.is_new(&path, missing, whose).then(|| FileRead {
            asked: (asked != path).then_some(asked),
            missing,
            listed: ask.flags & libc::O_DIRECTORY != 0,
            pid: remote::inner_pid(pid),
            path,
        })
    }

    /// Where a path that is to be changed leads, and whether nothing is there; none in the package.
    pub fn target(&mut self, pid: i32, folder: i32, path: u64) -> Option<(String, bool)> {
        let asked = remote::text(pid, path, PATH);
        let (path, missing) = self.place(pid, folder, &asked);
        (!asked.is_empty() && !self.is_package(&path)).then_some((path, missing))
    }

    fn is_package(&self, path: &str) -> bool {
        self.package.iter().any(|folder| {
            path.strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether the path stays in a folder that nothing inside can be made to lead out of.
    fn is_sealed(&self, path: &str) -> bool {
        ["/usr/", "/lib/", "/lib64/"]
            .iter()
            .any(|folder| path.starts_with(folder))
            && !path.contains("/..")
    }

    fn whose(&mut self, pid: i32, path: &str) -> Reading {
        if self.is_package(path) {
            self.fresh.remove(&pid);
            return Reading::Runtime;
        }
        let whose = reading(path);
        // The dynamic linker, libc and the runtime look at their own process while they start it.
        if whose == Reading::Probe && !path.starts_with("/proc/1") && self.fresh.contains(&pid) {
            return Reading::Runtime;
        }
        if whose != Reading::Runtime || !is_system(path) {
            self.fresh.remove(&pid);
        }
        whose
    }

    /// Where the path leads for that process, and whether nothing is there.
    fn place(&mut self, pid: i32, folder: i32, asked: &str) -> (String, bool) {
        let whole = absolute(pid, folder, asked);
        match self.quick(pid, &whole) {
            Some((_, path)) if !is_in_proc(&path) => (path, false),
            Some(_) => thorough(pid, &whole),
            None => (self.absent(pid, &whole))
                .map_or_else(|| thorough(pid, &whole), |path| (path, true)),
        }
    }

    /// Asks the kernel where it leads, if it leads anywhere. Links of /proc that lead to open
    /// files are not followed, and whose /proc/self is meant is not known.
    fn quick(&mut self, pid: i32, path: &str) -> Option<(OwnedFd, String)> {
        if self.root.is_none() {
            let mut how = OpenOptions::new();
            let how = how.read(true).custom_flags(libc::O_PATH);
            let root = how.open(format!("/proc/{pid}/root"));
            self.root = root.ok().map(OwnedFd::from);
        }
        let root = self.root.as_ref()?.as_fd();
        let asked = CString::new(path).ok()?;
        // Most paths lead where they say, and need not be asked for where that is.
        if is_plain(path)
            && let Ok(entry) = sys::entry_in_root(root, &asked, false)
        {
            return Some((entry, path.to_owned()));
        }
        let entry = sys::entry_in_root(root, &asked, true).ok()?;
        let to = link(&format!("/proc/self/fd/{}", entry.as_raw_fd()));
        (!to.is_empty()).then_some((entry, to))
    }

    /// Where a path that leads nowhere would, going by the last folder on its way that is there;
    /// none where that takes a closer look.
    fn absent(&mut self, pid: i32, path: &str) -> Option<String> {
        for (at, _) in path.rmatch_indices('/') {
            let rest = path[at + 1..].trim_end_matches('/');
            let folder = if at == 0 { "/" } else { &path[..at] };
            let Some((entry, folder)) = self.quick(pid, folder) else {
                continue;
            };
            let plain = |part: &str| !matches!(part, "" | "." | "..");
            if is_in_proc(&folder) || !rest.split('/').all(plain) {
                return None;
            }
            // A link that leads nowhere does not end here.
            let first = rest.split('/').next().unwrap_or(rest);
            let first = format!("/proc/self/fd/{}/{first}", entry.as_raw_fd());
            let folder = folder.trim_end_matches('/');
            return is_gone(Path::new(&first)).then(|| format!("{folder}/{rest}"));
        }
        None
    }
}

/// A path as it was asked for, from the root.
fn absolute(pid: i32, folder: i32, asked: &str) -> String {
    if asked.starts_with('/') {
        return asked.to_owned();
    }
    let base = match folder {
        libc::AT_FDCWD => link(&format!("/proc/{pid}/cwd")),
        fd => link(&format!("/proc/{pid}/fd/{fd}")),
    };
    format!("{}/{asked}", base.trim_end_matches('/'))
}

/// Whether no part of an absolute path says anything but a name.
fn is_plain(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|rest| !rest.split('/').any(|part| matches!(part, "" | "." | "..")))
}

fn is_in_proc(path: &str) -> bool {
    path == "/proc" || path.starts_with("/proc/")
}

/// Whether this is how V8 looks for room for an isolate's code where a worker begins
/// (`isolates-begin`). What must not be lost: the same read by a script, for which Node always
/// sets the flag (`uv_fs_open`), and Python (PEP 446).
fn is_of_isolate(thread: i32, ask: &Ask, path: &str) -> bool {
    path == "/proc/self/maps"
        && ask.flags & libc::O_CLOEXEC == 0
        && remote::outer_pid(thread).is_some_and(|process| process != thread)
}

/// Follows every link by itself; says whether nothing is there.
fn thorough(pid: i32, path: &str) -> (String, bool) {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let mut own = None;
    let mut me = || *own.get_or_insert_with(|| remote::inner_pid(pid));
    let Ok(found) = inside::resolve_for(&root, path, || Some(me())) else {
        // Links in a circle lead nowhere.
        return (path.to_owned(), true);
    };
    let missing = is_gone(&root.join(found.strip_prefix("/").unwrap_or(&found)));
    let text = found.to_string_lossy().into_owned();
    match text.strip_prefix("/proc/") {
        Some(rest) => (in_proc(rest, me()), missing),
        None => (text, missing),
    }
}

/// A path below /proc without the numbers of processes, which say nothing.
fn in_proc(path: &str, me: u32) -> String {
    let (whose, what) = path.split_once('/').unwrap_or((path, ""));
    let Ok(id) = whose.parse::<u32>() else {
        return format!("/proc/{path}");
    };
    let whose = match id {
        id if id == me => "self",
        1 => "1",
        _ => "{pid}",
    };
    // A thread's files say what its process's do.
    let thread = what
        .strip_prefix("task/")
        .and_then(|rest| rest.split_once('/'));
    let what = thread.map_or(what, |(_, what)| what);
    format!("/proc/{whose}/{what}")
        .trim_end_matches('/')
        .to_owned()
}

/// The dynamic linker looks for a library in every folder that the one which asks was built with,
/// on whichever machine that was.
fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".so") || name.contains(".so.")
}

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound)
}

fn link(path: &str) -> String {
    let to = fs::read_link(path).unwrap_or_default();
    to.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_processes_are_left_out() {
        for (path, told) in [
            ("7/environ", "/proc/self/environ"),
            ("7", "/proc/self"),
            ("7/task/9/maps", "/proc/self/maps"),
            ("7/task/9", "/proc/self/task/9"),
            ("1/cmdline", "/proc/1/cmdline"),
            ("12/environ", "/proc/{pid}/environ"),
            ("meminfo", "/proc/meminfo"),
        ] {
            assert_eq!(in_proc(path, 7), told, "{path}");
        }
    }

    #[test]
    fn a_path_is_plain_where_every_part_is_a_name() {
        for (path, plain) in [
            ("/a/b.js", true),
            ("/a/..b", true),
            ("/a/../b", false),
            ("/a/./b", false),
            ("/a//b", false),
            ("/a/", false),
            ("/", false),
            ("a/b", false),
        ] {
            assert_eq!(is_plain(path), plain, "{path}");
        }
    }

    #[test]
    fn every_path_is_told_once_and_every_open_is_counted() {
        let tally = Tally::default();
        let other = |i: usize| tally.is_new(&format!("/data/{i}"), false, Reading::Other);
        let told = (0..2 * PATHS).filter(|i| other(*i)).count();
        assert_eq!(told, PATHS);
        assert!(!other(0));
        // None of them hides what matters.
        let guarded = Reading::Guarded("a private key");
        assert!(tally.is_new("/home/alex/.ssh/id", true, guarded));
        assert!(tally.is_new("/home/alex/.ssh/id", false, guarded));
        let folded = |folder: Option<&str>, opens: usize| Folded {
            folder: folder.map(str::to_owned),
            opens: opens as u64,
        };
        assert_eq!(
            tally.take(),
            [folded(None, 1), folded(Some("/data"), PATHS)]
        );
        assert_eq!(tally.take(), []);
        assert!(tally.is_new("/data/0", false, Reading::Other));
    }

    #[test]
    fn folders_are_bounded_too() {
        let tally = Tally::default();
        for i in 0..PATHS + 2 * FOLDERS {
            tally.is_new(&format!("/{i}/x"), false, Reading::Other);
        }
        let folded = tally.take();
        assert_eq!(folded.len(), FOLDERS + 1);
        assert_eq!(
            folded.iter().map(|f| f.opens).sum::<u64>(),
            2 * FOLDERS as u64
        );
    }
}
