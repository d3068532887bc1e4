//! Programs that are started, as the watcher is shown them: which one, how, where, by whom, and
//! with which variables that the server itself was not started with.

use super::{inside, remote};
use crate::effect::Program;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

const PATH: usize = 4096;
const ARGUMENTS: usize = 256;
const ARGUMENT_BYTES: usize = 64 << 10;
/// Variables of one start that are told, and bytes of each value.
const VARIABLES: usize = 64;
const VALUE: usize = 1024;

/// A call of execve (2) or execveat (2): where in the caller's memory everything is.
pub struct Start {
    pub pid: i32,
    pub folder: i32,
    pub path: u64,
    pub argv: u64,
    pub env: u64,
}

/// The variables that a process was started with.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those that the server is started with.
    pub fn new(env: &[(String, String)]) -> Self {
        Self(env.iter().cloned().collect())
    }

    fn of(start: &Start) -> Self {
        let all = remote::texts(start.pid, start.env, ARGUMENTS, ARGUMENT_BYTES);
        let pairs = all.iter().filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// What is set, or set to something else, and what is not set any more (none).
    fn changed(&self, now: &Self) -> BTreeMap<String, Option<String>> {
        let set = now
            .0
            .iter()
            .filter(|(name, value)| self.0.get(*name) != Some(value));
        let set =
            set.map(|(name, value)| (name.clone(), Some(value.chars().take(VALUE).collect())));
        let gone = self.0.keys().filter(|name| !now.0.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), None));
        set.take(VARIABLES).chain(gone.take(VARIABLES)).collect()
    }
}

impl Start {
    /// The program as it is asked for, by a process whose server was started with `known`.
    pub fn program(&self, known: &Variables) -> Program {
        let pid = self.pid;
        let link = |name: String| {
            let link = fs::read_link(format!("/proc/{pid}/{name}")).unwrap_or_default();
            link.to_string_lossy().into_owned()
        };
        let cwd = link("cwd".to_owned());
        let mut path = remote::text(pid, self.path, PATH);
        if !path.starts_with('/') {
            let base = match self.folder {
                libc::AT_FDCWD => cwd.clone(),
                fd => link(format!("fd/{fd}")),
            };
            // An empty path names the descriptor itself (execveat with AT_EMPTY_PATH).
            path = if path.is_empty() {
                base
            } else {
                format!("{}/{path}", base.trim_end_matches('/'))
            };
        }
        Program {
            missing: is_missing(Path::new(&format!("/proc/{pid}/root")), &path),
            path,
            argv: remote::texts(pid, self.argv, ARGUMENTS, ARGUMENT_BYTES),
            cwd,
            pid: remote::inner_pid(pid),
            by: link("exe".to_owned()),
            variables: known.changed(&Variables::of(self)),
            tried: Vec::new(),
        }
    }
}

/// Whether nothing is at `path` below `root` now. What cannot be told, or only by the process
/// itself (`/proc/self`), is there.
fn is_missing(root: &Path, path: &str) -> bool {
    inside::resolve(root, path).is_ok_and(|at| {
        let own = at.strip_prefix(root).is_ok_and(|at| at.starts_with("proc"));
        let gone = || fs::symlink_metadata(&at).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        !own && gone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn variables_are_told_by_what_became_of_them() {
        let variables = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
            Variables(pairs.iter().map(owned).collect())
        };
        let known = variables(&[("HOME", "/home/alex"), ("PATH", "/bin"), ("TZ", "UTC")]);
        let now = variables(&[("HOME", "/home/alex"), ("PATH", "/x:/bin"), ("NEW", "1")]);
        let changed = known.changed(&now);
        let expected = [("NEW", Some("1")), ("PATH", Some("/x:/bin")), ("TZ", None)];
        let told: Vec<_> = changed
            .iter()
            .map(|(name, to)| (name.as_str(), to.as_deref()))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_program_is_looked_for_below_its_own_root() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("usr/bin")).unwrap();
        fs::write(at("usr/bin/here"), "").unwrap();
        symlink("/usr/bin", at("bin")).unwrap();
        symlink("/nowhere", at("usr/bin/dangling")).unwrap();
        for (path, missing) in [
            ("/usr/bin/here", false),
            ("/bin/here", false),
            ("/bin/../bin/here", false),
            ("/usr/bin/dangling", true),
            ("/proc/self/exe", false),
            ("/bin/absent", true),
            // It is there, and not below this root.
            ("/etc/passwd", true),
        ] {
            assert_eq!(is_missing(root.path(), path), missing, "{path}");
        }
    }
}
