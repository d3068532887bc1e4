//! Node dependencies that a lock pins, installed once for every folder that has the same
//! manifest and lock: what changes while a server is written is mostly its own code.

use super::cache::{Cache, Entry, hex};
use super::error::FetchError;
use super::manifest::read_bounded;
use super::model::{Options, Tree};
use super::npm;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// Locks by preference, as npm takes them.
const LOCKS: &[&str] = &["npm-shrinkwrap.json", "package-lock.json"];
/// Where the packages lie below an entry's root.
pub(super) const PACKAGES: &str = "node_modules";

/// A manifest and its lock, which together say everything an installation depends on.
#[derive(Debug)]
pub(super) struct Pinned {
    files: Vec<(&'static str, Vec<u8>)>,
    hash: String,
}

impl Pinned {
    /// None where there is no lock, or where it names files of the folder itself (workspaces,
    /// `file:` dependencies), which only the whole folder has.
    pub fn read(folder: &Path) -> Result<Option<Self>, FetchError> {
        let Some(manifest) = read_bounded(&folder.join("package.json"))? else {
            return Ok(None);
        };
        for &name in LOCKS {
            let Some(lock) = read_bounded(&folder.join(name))? else {
                continue;
            };
            if !stands_alone(&manifest, &lock) {
                return Ok(None);
            }
            let files = vec![("package.json", manifest), (name, lock)];
            let mut hash = Sha256::new();
            for (name, text) in &files {
                hash.update((name.len() as u64).to_le_bytes());
                hash.update(name);
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            let hash = hex(&hash.finalize());
            return Ok(Some(Self { files, hash }));
        }
        Ok(None)
    }

    /// Installs the packages for `major` of Node, unless they are there already.
    pub fn install(
        &self,
        subject: &str,
        major: &str,
        options: &Options,
    ) -> Result<Entry<Tree>, FetchError> {
        let cache = Cache::new(&options.cache);
        let key = [self.hash.as_str(), major];
        cache.entry::<Tree, _>("pinned", "packages", &key, options.progress, |root| {
            (options.progress)(&format!("installing the dependencies of {subject}"));
            for (name, text) in &self.files {
                let file = root.join(name);
                fs::write(&file, text).map_err(FetchError::io("write", &file))?;
            }
            // There is none if the lock lists nothing; it is mounted all the same.
            let packages = root.join(PACKAGES);
            fs::create_dir(&packages).map_err(FetchError::io("create", &packages))?;
            let tree = npm::install(root, "ci", None, subject, options)?;
            fs::create_dir_all(&packages).map_err(FetchError::io("create", &packages))?;
            Ok(tree)
        })
    }
}

/// Whether every package of the lock comes from elsewhere than the folder it stands in.
fn stands_alone(manifest: &[u8], lock: &[u8]) -> bool {
    let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
    let (manifest, lock) = (read(manifest), read(lock));
    // Locks of npm 6 and before do not list packages by their folders.
    let Some(packages) = lock["packages"].as_object() else {
        return false;
    };
    let elsewhere = |(path, package): (&String, &Value)| {
        let from = package["resolved"].as_str().unwrap_or_default();
        path.is_empty()
            || (path.starts_with("node_modules/")
                && package["link"] != true
                && !from.starts_with("file:"))
    };
    manifest["workspaces"].is_null() && packages.iter().all(elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alone(manifest: Value, packages: Value) -> bool {
        let lock = json!({ "lockfileVersion": 3, "packages": packages });
        stands_alone(manifest.to_string().as_bytes(), lock.to_string().as_bytes())
    }

    #[test]
    fn what_needs_the_folder_is_not_shared() {
        let own = json!({ "": {}, "node_modules/zod": { "version": "4.0.0" } });
        assert!(alone(json!({}), own.clone()));
        assert!(!alone(json!({ "workspaces": ["lib"] }), own));
        for entry in [
            json!({ "": {}, "node_modules/inner": { "resolved": "inner", "link": true } }),
            json!({ "": {}, "node_modules/inner": { "resolved": "file:inner-1.0.0.tgz" } }),
            json!({ "": {}, "inner": { "version": "1.0.0" } }),
        ] {
            assert!(!alone(json!({}), entry.clone()), "{entry}");
        }
        assert!(!stands_alone(b"{}", b"{\"dependencies\": {}}"));
        assert!(!stands_alone(b"{}", b"not JSON"));
    }

    #[test]
    fn code_does_not_count_and_every_pin_does() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let hash = || {
            Pinned::read(folder.path())
                .unwrap()
                .map(|pinned| pinned.hash)
        };
        write("package.json", "{}");
        assert_eq!(hash(), None, "there is no lock");
        write("package-lock.json", r#"{"packages": {"": {}}}"#);
        let first = hash();
        assert!(first.is_some());
        write("index.js", "edited");
        assert_eq!(hash(), first);
        write("package.json", "{ }");
        assert_ne!(hash(), first);
    }
}
