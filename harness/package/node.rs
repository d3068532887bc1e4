//! The Node that runs a package: the installed one where it fits, else npm's own `node` package.
//! Nothing is executed here beyond asking the installed Node for its version.

use super::cache::Cache;
use super::error::FetchError;
use super::model::{Mount, Options, inside};
use super::{host, npm, range};
use semver::Version;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A Node as the sandbox will see it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub version: Version,
    pub program: String,
    pub mounts: Vec<Mount>,
}

impl Node {
    pub fn label(&self) -> String {
        format!("node {}", self.version)
    }
}

/// The Node for a package with this `engines.node`.
pub(super) fn runtime(
    subject: &str,
    engines: Option<&str>,
    options: &Options,
) -> Result<Node, FetchError> {
    let wanted: Vec<&str> = engines
        .into_iter()
        .chain(options.runtime.as_deref())
        .collect();
    let fits = |version: &Version| wanted.iter().all(|range| range::fits(range, version));
    let installed = installed(&Cache::new(&options.cache))?;
    if let Some(node) = installed.clone()
        && fits(&node.version)
    {
        return Ok(node);
    }
    let wanted = wanted.join(" and ");
    let mut found: Vec<_> = installed.iter().map(Node::label).collect();
    match fetched(&wanted, &fits, options) {
        Ok(Some(node)) => return Ok(node),
        Ok(None) => found.push("no version of npm's `node` package that fits".to_owned()),
        // A full disk is not a missing runtime, and has its own remedy.
        Err(error @ FetchError::DiskFull(_)) => return Err(error),
        Err(error) => found.push(format!("npm's `node` package could not be had: {error}")),
    }
    Err(FetchError::Runtime {
        subject: subject.to_owned(),
        runtime: "Node",
        wanted,
        found,
    })
}

/// The Node on PATH.
fn installed(cache: &Cache) -> Result<Option<Node>, FetchError> {
    let Some(program) = host::which("node") else {
        return Ok(None);
    };
    let Some((version, path)) = asked(&program, cache)? else {
        return Ok(None);
    };
    let (Ok(version), Ok(path)) = (version.parse(), fs::canonicalize(path)) else {
        return Ok(None);
    };
    Ok(Some(if host::is_system(&path) {
        Node {
            version,
            program: path.display().to_string(),
            mounts: Vec::new(),
        }
    } else {
        mounted(version, path)
    }))
}

/// What a Node says of itself: its version and where it is, which for a version manager's shim is
/// somewhere else. To start it takes longer than all else before a run, so a binary that did not
/// change since is not asked again.
fn asked(program: &Path, cache: &Cache) -> Result<Option<(String, PathBuf)>, FetchError> {
    let identity = identity(program).filter(|_| is_node(program));
    let key = identity.as_ref().map(|key| [key.as_str()]);
    if let Some(known) = key.as_ref().and_then(|key| cache.fact("node", key)) {
        return Ok(Some(known));
    }
    let script = "process.stdout.write(process.versions.node + '\\n' + process.execPath)";
    let mut command = host::client(program, host::NEUTRAL);
    let said = host::run(command.env_remove("NODE_OPTIONS").args(["-e", script]))?;
    let Some((version, path)) = said.stdout.split_once('\n').filter(|_| said.ok) else {
        return Ok(None);
    };
    let known = (version.to_owned(), PathBuf::from(path));
    if let Some(key) = &key {
        cache.remember("node", key, &known);
    }
    Ok(Some(known))
}

/// Whether it is no shim, whose answer may change while it stays the same: shims are scripts, or
/// links to a program of another name.
fn is_node(program: &Path) -> bool {
    let path = fs::canonicalize(program);
    path.is_ok_and(|path| path.file_name().is_some_and(|name| name == "node"))
}

/// What tells one binary from another; none for a script.
pub(super) fn identity(program: &Path) -> Option<String> {
    const ELF: [u8; 4] = *b"\x7fELF";
    let path = fs::canonicalize(program).ok()?;
    let mut file = fs::File::open(&path).ok()?;
    let mut magic = ELF.map(|_| 0);
    file.read_exact(&mut magic).ok()?;
    let meta = file.metadata().ok()?;
    (magic == ELF).then(|| {
        let (path, size) = (path.display(), meta.len());
        let changed = (
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        );
        format!("{path} {} {} {size} {changed:?}", meta.dev(), meta.ino())
    })
}

/// Only the binary: it needs nothing else of its installation to run a server.
fn mounted(version: Version, binary: PathBuf) -> Node {
    let program = format!("{}/node/bin/node", inside::OPT);
    Node {
        version,
        program: program.clone(),
        mounts: vec![Mount {
            source: binary,
            target: program,
            overlay: false,
        }],
    }
}

/// A Node from npm, remembered for this range so that later runs use the same.
fn fetched(
    wanted: &str,
    fits: &dyn Fn(&Version) -> bool,
    options: &Options,
) -> Result<Option<Node>, FetchError> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("node-linux-{arch}");
    let cache = Cache::new(&options.cache);
    let key = [package.as_str(), wanted];
    let known: Option<String> = cache.fact("node", &key);
    let version = match known.and_then(|version| version.parse().ok()) {
        Some(version) => version,
        None => {
            let versions = npm::versions(&package, options)?;
            let Some(version) = choose(&versions, fits) else {
                return Ok(None);
            };
            cache.remember("node", &key, &version.to_string());
            version
        }
    };
    let exact = version.to_string();
    let label = format!("node@{exact}");
    let entry = cache.entry::<(), _>(
        "node",
        &label,
        &[&package, &exact],
        options.progress,
        |root| {
            (options.progress)(&format!("fetching Node {exact}"));
            let scratch = root.join("scratch");
            fs::create_dir(&scratch).map_err(FetchError::io("create", &scratch))?;
            npm::manifest(&scratch, &package, &exact)?;
            npm::install(&scratch, "install", None, &label, options)?;
            let from = scratch.join("node_modules").join(&package).join("bin/node");
            let to = root.join("node");
            fs::rename(&from, &to).map_err(FetchError::io("move", &from))?;
            fs::remove_dir_all(&scratch).map_err(FetchError::io("remove", &scratch))
        },
    )?;
    Ok(Some(mounted(version, entry.root.join("node"))))
}

/// The newest release of the lowest line that fits: even lines are the long-lived ones, and
/// the lowest is closest to what the package was written for.
fn choose(versions: &[Version], fits: &dyn Fn(&Version) -> bool) -> Option<Version> {
    let fitting = versions.iter().filter(|v| v.pre.is_empty() && fits(v));
    let rank = |v: &Version| (v.major % 2, v.major);
    let line = fitting.clone().map(rank).min()?;
    fitting.filter(|v| rank(v) == line).max().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_long_lived_line_is_chosen() {
        let versions: Vec<Version> = ["20.1.0", "21.7.0", "22.3.0", "22.20.0", "23.1.0", "24.0.0"]
            .iter()
            .map(|v| v.parse().unwrap())
            .collect();
        let chosen = |range: &str| choose(&versions, &|v| range::fits(range, v));
        assert_eq!(chosen(">=21"), Some(Version::new(22, 20, 0)));
        assert_eq!(chosen("^23"), Some(Version::new(23, 1, 0)));
        assert_eq!(chosen(">=99"), None);
    }
}
