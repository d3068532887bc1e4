//! Whose files a path belongs to, on the machine that the sandbox pretends to be.

use crate::secret::Persona;

/// Whether a server may fill this path without a word: under its working folder, in a folder
/// for temporary files, in a cache or state folder (XDG Base Directory Specification). Hidden
/// entries of the working folder belong to other programs: git, editors, other clients.
pub fn is_own(path: &str) -> bool {
    let under = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let Persona { home, cwd, .. } = Persona::DEFAULT;
    if path.split('/').any(|segment| segment == "..") {
        return false;
    }
    if let Some(rest) = path.strip_prefix(cwd) {
        return rest.is_empty() || (rest.starts_with('/') && !rest.starts_with("/."));
    }
    let in_home = [".cache", ".npm", ".local/share", ".local/state", "mcp"];
    ["/tmp", "/var/tmp", "/dev/shm", "/run"]
        .into_iter()
        .any(under)
        || in_home
            .iter()
            .any(|folder| under(&format!("{home}/{folder}")))
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn own_and_foreign() {
        for own in [
            "/home/alex/work/notes/a.txt",
            "/tmp/x",
            "/home/alex/.cache/app/y",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "/home/alex/.bashrc",
            "/home/alex/work/.git/hooks/pre-commit",
            "/home/alex/work/../.ssh/config",
            "/home/alex/workshop",
            "/home/alex/.config/autostart/x.desktop",
            "/etc/cron.d/x",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
