//! Writes that leave nothing to be found: what was made and is gone before anybody looks, and what
//! was refused. Only outside the server's own folders and the package, where every touch counts;
//! within them files come and go with every temporary one. What is found after all is told by
//! what was found.

use super::remote;
use crate::effect::{FileChange, Reading, is_own, reading};
use crate::secret::Persona;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Paths kept between two looks; further ones share one name.
const PATHS: usize = 1024;
const FURTHER: &str = "/(many)";

/// Folders whose changes are found by looking, whatever they are.
const LOOKED_AT: &[&str] = &[Persona::DEFAULT.home, "/run"];

/// What a call does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub folder: i32,
    /// Address of the path.
    pub path: u64,
    /// Whether something is there afterwards that was not before.
    makes: bool,
}

impl Target {
    /// The path that this call would change, where it names one.
    pub fn of(number: libc::c_long, pid: i32, args: &[u64; 6]) -> Option<Self> {
        let here = |path: u64, makes: bool| (libc::AT_FDCWD, path, makes);
        let at = |nth: usize, makes: bool| (args[nth] as i32, args[nth + 1], makes);
        let opened = |flags: u64| flags as i32 & libc::O_CREAT != 0;
        let (folder, path, makes) = match number {
            libc::SYS_openat => at(0, opened(args[2])),
            libc::SYS_openat2 => {
                let mut flags = [0; 8];
                remote::bytes(pid, args[2], &mut flags);
                let flags = u64::from_ne_bytes(flags);
                if flags as i32 & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) == 0 {
                    return None;
                }
                at(0, opened(flags))
            }
            libc::SYS_mkdirat | libc::SYS_mknodat => at(0, true),
            libc::SYS_symlinkat => at(1, true),
            libc::SYS_linkat | libc::SYS_renameat | libc::SYS_renameat2 => at(2, true),
            libc::SYS_unlinkat | libc::SYS_fchmodat | libc::SYS_fchmodat2 => at(0, false),
            libc::SYS_truncate => here(args[0], false),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => here(args[0], opened(args[1])),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_creat | libc::SYS_mkdir | libc::SYS_mknod => here(args[0], true),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename | libc::SYS_link | libc::SYS_symlink => here(args[1], true),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink | libc::SYS_rmdir | libc::SYS_chmod => here(args[0], false),
            _ => return None,
        };
        Some(Self {
            folder,
            path,
            makes,
        })
    }
}

/// Paths that something was tried with since the last look.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<BTreeSet<String>>);

impl Attempts {
    /// Takes note of a write that may leave nothing behind: of what is not there, or of what
    /// is where nothing can be changed.
    pub fn note(&self, target: &Target, path: &str, missing: bool) {
        let may_vanish = if missing {
            target.makes
        } else {
            !LOOKED_AT.iter().any(|folder| below(path, folder))
        };
        if !may_vanish || !is_foreign(path) {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < PATHS {
            known.insert(path.to_owned());
        } else {
            known.insert(FURTHER.to_owned());
        }
    }

    /// What was tried since this was last asked, and left nothing that was found: not even in the
    /// folder, because programs put a file in place by way of another one beside it.
    pub fn take(&self, found: &[FileChange]) -> Vec<String> {
        let mut tried = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let folder = |path: &str| path.rsplit_once('/').map_or("", |(to, _)| to).to_owned();
        let changed: BTreeSet<String> = found.iter().map(|change| folder(&change.path)).collect();
        let made: BTreeSet<&str> = found.iter().map(|change| change.path.as_str()).collect();
        tried.retain(|path| !made.contains(path.as_str()) && !changed.contains(&folder(path)));
        tried.into_iter().collect()
    }
}

/// Whether every touch counts here. Programs write to devices and to their own entry of /proc by
/// the way, and Python keeps what it compiled beside every module.
fn is_foreign(path: &str) -> bool {
    let by_the_way = ["/dev", "/proc/self"].iter().any(|at| below(path, at))
        || path.contains("/node_modules/")
        || path.contains("/__pycache__");
    let is_scratch = reading(path) == Reading::Runtime && below(path, Persona::DEFAULT.home);
    !by_the_way && !is_scratch && !is_own(path)
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Body, FileAction};

    fn noted(path: &str, makes: bool, missing: bool) -> bool {
        let attempts = Attempts::default();
        let target = Target {
            folder: libc::AT_FDCWD,
            path: 0,
            makes,
        };
        attempts.note(&target, path, missing);
        !attempts.take(&[]).is_empty()
    }

    #[test]
    fn only_what_may_leave_nothing_behind_is_noted() {
        for (path, makes, missing) in [
            ("/home/alex/.bashrc2", true, true),
            ("/etc/cron.d/x", true, true),
            ("/etc/passwd", false, false),
            ("/usr/bin/node", true, false),
            ("/proc/sys/kernel/core_pattern", false, false),
        ] {
            assert!(noted(path, makes, missing), "{path}");
        }
        for (path, makes, missing) in [
            // Found by looking, or nothing at all.
            ("/home/alex/.bashrc", false, false),
            ("/home/alex/.nothing", false, true),
            ("/home/alex/work/x.tmp", true, true),
            ("/tmp/x", true, true),
            ("/home/alex/.cache/x", true, true),
            ("/dev/null", false, false),
            ("/proc/self/comm", false, false),
        ] {
            assert!(!noted(path, makes, missing), "{path}");
        }
    }

    #[test]
    fn what_is_found_beside_it_tells_of_it() {
        let attempts = Attempts::default();
        let target = Target {
            folder: libc::AT_FDCWD,
            path: 0,
            makes: true,
        };
        for path in ["/home/alex/.config/app/x.tmp", "/home/alex/.config/cron/x"] {
            attempts.note(&target, path, true);
        }
        let change = FileChange {
            path: "/home/alex/.config/app/x".to_owned(),
            action: FileAction::Created,
            mode: 0o644,
            content: Body::new(b""),
            planted: None,
        };
        assert_eq!(attempts.take(&[change]), ["/home/alex/.config/cron/x"]);
        assert_eq!(attempts.take(&[]), [""; 0]);
    }

    #[test]
    fn many_attempts_are_bounded() {
        let attempts = Attempts::default();
        let target = Target {
            folder: libc::AT_FDCWD,
            path: 0,
            makes: true,
        };
        for i in 0..PATHS + 9 {
            attempts.note(&target, &format!("/etc/{i}"), true);
        }
        assert_eq!(attempts.take(&[]).len(), PATHS + 1);
    }
}
