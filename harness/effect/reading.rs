//! What it means to read a path, on the machine that the sandbox pretends to be: what every
//! program reads to run at all, what tells of an observer, what is somebody else's.

use super::territory::is_own;
use crate::secret::{Persona, guarded};

/// Whose a path is for a reader that was not told to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Libraries, language runtimes, what libc and they look up by themselves, and the places
    /// for temporary files and caches, where nothing is but what the server put there.
    Runtime,
    /// What shows whether somebody looks on: how this process is confined, what was loaded into
    /// it, what process 1 is.
    Probe,
    /// Somebody else's, and what it is: `a private key`.
    Guarded(&'static str),
    /// In the server's own folders.
    Own,
    Other,
}

/// What it means to read `path`: absolute, without `..`, links followed, the reader's own entry
/// of /proc written as `/proc/self`.
pub fn reading(path: &str) -> Reading {
    let Persona { home, .. } = Persona::DEFAULT;
    if let Some(rest) = below(path, "/proc") {
        return process(rest.trim_start_matches('/'));
    }
    let at_home = below(path, home).map(|rest| rest.trim_start_matches('/'));
    if let Some(whose) = at_home.and_then(guarded) {
        return Reading::Guarded(whose);
    }
    if let Some((_, whose)) = OTHERS.iter().find(|(at, _)| below(path, at).is_some()) {
        return Reading::Guarded(whose);
    }
    if path == "/etc/ld.so.preload" {
        return Reading::Probe;
    }
    let is_scratch = || {
        let in_home = |rest: &str| SCRATCH_AT_HOME.iter().any(|at| below(rest, at).is_some());
        SCRATCH.iter().any(|at| below(path, at).is_some()) || at_home.is_some_and(in_home)
    };
    let is_system = || SYSTEM.iter().any(|at| below(path, at).is_some());
    if is_system() || is_scratch() || path.split('/').any(|part| part == "node_modules") {
        Reading::Runtime
    } else if is_own(path) {
        Reading::Own
    } else {
        Reading::Other
    }
}

/// What it means to read a path that is relative to the home folder.
pub fn reading_at_home(path: &str) -> Reading {
    reading(&format!("{}/{path}", Persona::DEFAULT.home))
}

/// Whether the path lies in a part of the system that programs are made of: a process that has
/// opened nothing else yet is still being started by its runtime.
pub fn is_system(path: &str) -> bool {
    SYSTEM.iter().any(|at| below(path, at).is_some()) || below(path, "/proc").is_some()
}

/// What programs are made of, and what libc and language runtimes look up for them: where a
/// name leads (nsswitch.conf (5), resolver (5), gai.conf (5)), which time it is there
/// (localtime (5)), whom to trust, how many processors there are.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    // The clock's library, and interpreters that are not the distribution's.
    "/opt",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/netsvc.conf",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/svc.conf",
    "/etc/timezone",
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];

/// Nothing is there at first, so whatever is read was written before, which is an effect.
const SCRATCH: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];
const SCRATCH_AT_HOME: &[&str] = &[".cache", ".npm/_cacache", ".npm/_logs", ".local/state"];

/// Outside the home.
const OTHERS: &[(&str, &str)] = &[
    // Whoever asks libc for the name of its user reads it as well: old and new alike, mostly.
    ("/etc/passwd", "who the users are"),
    ("/etc/shadow", "the users' passwords"),
    ("/etc/gshadow", "the users' passwords"),
    ("/etc/sudoers", "who may become root"),
    ("/etc/ssh", "a private key"),
    ("/root", "another user's home"),
    ("/run/secrets", "a credential"),
    ("/var/run/secrets", "a credential"),
];

/// Below /proc. Runtimes look at their own memory, processor time and limits; the variables that
/// a process was started with are the user's credentials, whoever they were given to.
fn process(path: &str) -> Reading {
    let (whose, what) = path.split_once('/').unwrap_or((path, ""));
    let first = what.split('/').next().unwrap_or_default();
    match (whose, first) {
        ("self", "environ") => Reading::Guarded("the variables of a process"),
        ("self", "mem") => Reading::Guarded("the memory of a process"),
        ("self", what) if PROBED.contains(&what) => Reading::Probe,
        ("self", "net") => Reading::Other,
        ("self", _) => Reading::Runtime,
        ("1", _) => Reading::Probe,
        (pid, "") if pid.starts_with('{') => Reading::Other,
        (pid, "environ") if pid.starts_with('{') => Reading::Guarded("the variables of a process"),
        (pid, "cmdline") if pid.starts_with('{') => Reading::Guarded("the command of a process"),
        (pid, "mem") if pid.starts_with('{') => Reading::Guarded("the memory of a process"),
        ("cpuinfo" | "filesystems" | "loadavg" | "meminfo" | "stat" | "vmstat", _) => {
            Reading::Runtime
        }
        ("sys", "kernel" | "vm") if !what.starts_with("kernel/random/boot_id") => Reading::Runtime,
        _ => Reading::Other,
    }
}

/// Files of a process that say how it is confined, what was loaded into it, who may look on.
const PROBED: &[&str] = &[
    "attr",
    "gid_map",
    "map_files",
    "maps",
    "mountinfo",
    "mounts",
    "mountstats",
    "ns",
    "numa_maps",
    "setgroups",
    "smaps",
    "smaps_rollup",
    "stack",
    "status",
    "syscall",
    "uid_map",
    "wchan",
];

/// What follows `folder`, where the path is that folder or lies in it.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{Reading, reading};

    #[test]
    fn whose_a_path_is() {
        for (path, whose) in [
            ("/usr/lib/x.so", Reading::Runtime),
            ("/etc/resolv.conf", Reading::Runtime),
            ("/home/alex/work/node_modules/a/index.js", Reading::Runtime),
            ("/tmp/x", Reading::Runtime),
            ("/proc/self/stat", Reading::Runtime),
            ("/proc/sys/vm/overcommit_memory", Reading::Runtime),
            ("/etc/ld.so.preload", Reading::Probe),
            ("/proc/self/status", Reading::Probe),
            ("/proc/1/cmdline", Reading::Probe),
            ("/home/alex/work/notes.md", Reading::Own),
            ("/home/alex/work/.env", Reading::Other),
            ("/home/alex/.gitconfig", Reading::Other),
            ("/home/alex", Reading::Other),
            ("/etc/passwd", Reading::Guarded("who the users are")),
            ("/usrx", Reading::Other),
            ("/proc/{pid}/stat", Reading::Other),
            ("/home/alex/.ssh/id", Reading::Guarded("a private key")),
            // Not even where it looks like a dependency, or like scratch.
            (
                "/home/alex/.ssh/node_modules/x",
                Reading::Guarded("a private key"),
            ),
            (
                "/proc/self/environ",
                Reading::Guarded("the variables of a process"),
            ),
            (
                "/proc/{pid}/cmdline",
                Reading::Guarded("the command of a process"),
            ),
            ("/run/secrets/token", Reading::Guarded("a credential")),
        ] {
            assert_eq!(reading(path), whose, "{path}");
        }
    }
}
