//! What acquisition hands to whoever runs it: a package, how to start it, and what it lies on.

use super::scripts::Declared;
use super::sources::Unbuilt;
use super::timestamp::Timestamp;
use crate::secret::Shape;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// How to acquire.
pub struct Options<'a> {
    /// Where installed packages are kept; [`Cache::default_dir`](super::Cache::default_dir).
    pub cache: PathBuf,
    /// Resolve dependencies as they were at this moment; none means as they are now.
    pub as_of: Option<Timestamp>,
    /// Ask no registry; what is neither in our cache nor in the client's own is an error.
    pub offline: bool,
    /// A further range that the chosen runtime must fit (npm's syntax for Node, PEP 440 for
    /// Python), so that two versions can be run by one interpreter.
    pub runtime: Option<String>,
    /// Values for settings that a configuration or bundle leaves open, by name.
    pub settings: BTreeMap<String, String>,
    /// Told what takes time, one line each.
    pub progress: &'a dyn Fn(&str),
}

/// A server ready to be started in a sandbox.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// As named.
    pub target: String,
    /// What that came to: `pkg:npm/x@1.2.3`, or the folder's or file's name.
    pub resolved: String,
    pub name: Option<String>,
    pub version: Option<String>,
    /// Subresource integrity of what the registry gave (`sha512-…`), or `sha256-` and the hash
    /// of a folder's content.
    pub integrity: Option<String>,
    /// RFC 3339.
    pub published: Option<String>,
    /// The date the dependencies were resolved as of, where that could be held.
    pub as_of: Option<Timestamp>,
    pub launch: Launch,
    /// Where it runs, if that is somewhere else: there is nothing to launch then.
    pub remote: Option<Remote>,
    /// Every package below it and its version; several versions of one are joined by `, `.
    pub dependencies: BTreeMap<String, String>,
    /// What the packages of the tree want run when they are installed, in the order in which it
    /// would be. None of it was run so far.
    pub scripts: Vec<Script>,
    /// `node 20.20.2`, `python 3.11.7`; empty where the package is its own program.
    pub runtime: String,
    /// Settings that a client's configuration or a bundle's manifest brings along.
    pub settings: Vec<Setting>,
    /// What could not be held or was left out, each a sentence for the report.
    pub notes: Vec<String>,
}

/// A server that runs somewhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    pub url: Url,
    /// Header fields of each request, as a configuration gives them: real credentials, which go
    /// nowhere but there.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        write!(f, "Remote({}, {names:?})", self.url)
    }
}

/// One thing that is executed to install a package. Paths are those inside the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub package: String,
    pub version: Option<String>,
    /// Whether it belongs to the server's own package, rather than to a dependency.
    pub own: bool,
    /// `postinstall`, say.
    pub event: String,
    /// As it is declared.
    pub text: String,
    pub argv: Vec<String>,
    /// The package's folder, where it is run.
    pub folder: String,
    /// Where its files are put beside that, among those of others.
    pub installs_to: Option<String>,
    /// Variables beside those of the server.
    pub env: Vec<(String, String)>,
    /// Folders before the ordinary ones in PATH.
    pub path: Vec<String>,
}

/// How to start a server. Paths are those inside the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// An argument that held a secret holds `${NAME}` of a [`Setting`] instead.
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Where to start it, if not in the persona's working folder.
    pub cwd: Option<String>,
    /// To be made in this order.
    pub mounts: Vec<Mount>,
    /// Bundles of certificate authorities to be covered by the sandbox's own.
    pub certifi: Vec<String>,
}

/// A file or folder of the host that is seen inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// A folder, or a single file.
    pub source: PathBuf,
    pub target: String,
    /// Writable inside, what is written being thrown away; otherwise read-only.
    pub overlay: bool,
}

/// An environment variable or argument that somebody set for this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: Value,
    /// Whether it is an environment variable, rather than part of `argv`.
    pub env: bool,
}

/// A setting's value. A real credential stays where it was: only its shape is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Plain(String),
    Secret(Shape),
}

/// A dependency that is another one in another tree, or in one of them only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    pub name: String,
    /// Its version, or versions joined by `, `.
    pub was: Option<String>,
    pub now: Option<String>,
}

/// What differs between two dependency trees, by name.
pub fn tree_changes(old: &Package, new: &Package) -> Vec<TreeChange> {
    let (old, new) = (&old.dependencies, &new.dependencies);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| TreeChange {
            name: name.clone(),
            was: old.get(name).cloned(),
            now: new.get(name).cloned(),
        })
        .collect()
}

/// The same in words: `name old → new`, with `none` for absent.
pub fn tree_difference(old: &Package, new: &Package) -> Vec<String> {
    let version = |version: &Option<String>| version.as_deref().unwrap_or("none").to_owned();
    let changes = tree_changes(old, new).into_iter();
    changes
        .map(|TreeChange { name, was, now }| {
            format!("{name} {} → {}", version(&was), version(&now))
        })
        .collect()
}

/// What an installation came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tree {
    pub dependencies: BTreeMap<String, String>,
    pub scripts: Vec<Declared>,
    /// Python packages that are there as source alone, in the order in which they are to be built.
    #[serde(default)]
    pub unbuilt: Vec<Unbuilt>,
    /// The date it was resolved as of, if that could be held.
    pub as_of: Option<Timestamp>,
    pub notes: Vec<String>,
    /// Bundles of certificate authorities, by their paths inside.
    pub certifi: Vec<String>,
}

/// Inside paths are constants: OLD and NEW must not see a difference, nor anything of the host.
pub(super) mod inside {
    /// Where `npx` would have put it.
    pub const NPX: &str = "/home/alex/.npm/_npx/4f2c1e9a0b7d3c58";
    /// Where `uvx` would have put it.
    pub const VENV: &str = "/home/alex/.cache/uv/archive-v0/Qm3VxT9dLr7KpZ2bWfYh1";
    /// Where `uvx` would have put what a build needs; what others need beside it.
    pub const TOOLS: &str = "/home/alex/.cache/uv/builds-v0/tools";
    /// Where `uvx` would have put the sources of packages.
    pub const SOURCES: &str = "/home/alex/.cache/uv/sdists-v9/pypi";
    /// A folder, an unpacked bundle or a command's project.
    pub const FOLDER: &str = "/home/alex/mcp/server";
    /// Interpreters that are not under `/usr`.
    pub const OPT: &str = "/opt";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Persona;

    #[test]
    fn inside_paths_lie_in_the_persona_s_home() {
        for path in [
            inside::NPX,
            inside::VENV,
            inside::TOOLS,
            inside::SOURCES,
            inside::FOLDER,
        ] {
            assert!(path.starts_with(Persona::DEFAULT.home));
        }
    }
}
