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

/// Whether programs keep logs, caches and temporary files here (XDG Base Directory
/// Specification): of a path that [`is_own`], what no user looks after.
pub fn is_bookkeeping(path: &str) -> bool {
    let home = Persona::DEFAULT.home;
    let kept = [".cache/", ".npm/", ".local/state/"];
    let in_home = path
        .strip_prefix(home)
        .and_then(|rest| rest.strip_prefix('/'));
    let at_home = in_home.is_some_and(|rest| kept.iter().any(|folder| rest.starts_with(folder)));
    is_own(path) && (at_home || path.starts_with("/tmp/"))
}

/// Whether files of installed packages lie here. Folders that packages share are none of them:
/// npm links programs into one, and builders keep their caches in another.
pub fn is_installed(path: &str) -> bool {
    let home = Persona::DEFAULT.home;
    let below = path.strip_prefix(home).unwrap_or_default();
    let installed = ["/.npm/_npx/", "/.cache/uv/", "/mcp/"];
    let shared = ["/node_modules/.bin/", "/node_modules/.cache"];
    installed.iter().any(|folder| below.starts_with(folder))
        && !shared.iter().any(|folder| below.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::{is_bookkeeping, is_installed, is_own};

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

    #[test]
    fn packages_lie_where_clients_put_them() {
        let modules = "/home/alex/.npm/_npx/1/node_modules";
        assert!(is_installed(&format!("{modules}/left-pad/index.js")));
        assert!(is_installed("/home/alex/mcp/server/index.js"));
        assert!(!is_installed(&format!("{modules}/.bin/left-pad")));
        assert!(!is_installed("/home/alex/.npm/_logs/x.log"));
        assert!(!is_installed("/srv/home/alex/mcp/server/index.js"));
    }

    #[test]
    fn logs_and_caches_are_bookkeeping_and_the_working_folder_is_not() {
        assert!(is_bookkeeping("/home/alex/.npm/_logs/x.log"));
        assert!(is_bookkeeping("/tmp/x"));
        for other in [
            "/home/alex/work/a.txt",
            "/home/alex/.npm/../.bashrc",
            "/home/alex/.npmrc",
        ] {
            assert!(!is_bookkeeping(other), "{other}");
        }
    }
}
