//! Install scripts of npm packages: which there are, in which order npm runs them, and in which
//! surroundings. What is declared is read from the files that were installed, not from what the
//! registry says of them: the two need not agree, and files are what other clients go by.
//! Nothing is run here.

use super::error::FetchError;
use super::host;
use super::manifest::read_bounded;
use super::model::Script;
use crate::secret::Persona;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Events of an installation, in the order in which npm goes through them.
const EVENTS: &[&str] = &["preinstall", "install", "postinstall"];
/// The same for a folder that is linked: npm builds it first.
const LINKED: &[&str] = &["preinstall", "prepare", "install", "postinstall"];
/// What npm runs of a package that has a `binding.gyp` and says nothing else.
const GYP: &str = "node-gyp rebuild";
/// Bytes of a script's text. Longer ones cannot be executed (execve (2), `MAX_ARG_STRLEN`).
const LONGEST: usize = 128 << 10;

/// A script as a manifest declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Declared {
    package: String,
    version: Option<String>,
    event: String,
    text: String,
    /// Below the root of what was installed; empty for the root itself.
    folder: String,
}

/// One package of an installation.
pub(super) struct Member<'a> {
    pub name: &'a str,
    /// Its folder below the root; empty for the root itself.
    pub folder: &'a str,
}

/// Scripts of the packages of one installation below `root`, in npm's order: event by event,
/// packages of the upper levels first; then linked folders; then the root.
pub(super) fn declared(root: &Path, members: &[Member]) -> Result<Vec<Declared>, FetchError> {
    let whole = fs::canonicalize(root).map_err(FetchError::io("read", root))?;
    let mut found = Vec::new();
    for member in members {
        // A link may lead anywhere; one that leaves what was installed leads nowhere inside.
        let Ok(real) = fs::canonicalize(root.join(member.folder)) else {
            continue;
        };
        let Some(folder) = real
            .strip_prefix(&whole)
            .ok()
            .and_then(|below| below.to_str())
        else {
            continue;
        };
        let group = match (member.folder, folder) {
            ("", _) => 2,
            (named, real) if named != real => 1,
            _ => 0,
        };
        let Some(manifest) = manifest(&real)? else {
            continue;
        };
        let version = manifest["version"].as_str().map(str::to_owned);
        let gyp = real.join("binding.gyp").is_file();
        for (order, event, text) in scripts(&manifest, group == 1, gyp) {
            let depth = folder.matches("node_modules/").count();
            let declared = Declared {
                package: member.name.to_owned(),
                version: version.clone(),
                event: event.to_owned(),
                text,
                folder: folder.to_owned(),
            };
            found.push(((group, order, depth), declared));
        }
    }
    found.sort_by(|(a, x), (b, y)| (a, &x.folder).cmp(&(b, &y.folder)));
    let mut found: Vec<Declared> = found.into_iter().map(|(_, declared)| declared).collect();
    // Two links may lead to one folder.
    found.dedup();
    Ok(found)
}

/// A manifest that cannot be read declares nothing, as npm has it.
fn manifest(folder: &Path) -> Result<Option<Value>, FetchError> {
    let Some(text) = read_bounded(&folder.join("package.json"))? else {
        return Ok(None);
    };
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
    Ok(serde_json::from_slice(text).ok())
}

/// Place in the order, event and text of what a manifest wants run.
fn scripts(manifest: &Value, linked: bool, gyp: bool) -> Vec<(usize, &'static str, String)> {
    let text = |event: &str| {
        let text = manifest["scripts"][event].as_str()?;
        (!text.is_empty()).then(|| text.chars().take(LONGEST).collect::<String>())
    };
    let implied = gyp
        && manifest["gypfile"] != Value::Bool(false)
        && text("install").is_none()
        && text("preinstall").is_none();
    let events = if linked { LINKED } else { EVENTS };
    let all = events.iter().enumerate();
    all.filter_map(|(order, event)| {
        let text = match *event {
            "install" if implied => Some(GYP.to_owned()),
            event => text(event),
        };
        Some((order, *event, text?))
    })
    .collect()
}

/// Where the scripts of one package will be run.
pub(super) struct Place<'a> {
    /// Where the root of the installation stands inside.
    pub root: &'a str,
    /// The folder of the server's own package below it.
    pub own: &'a str,
    /// The Node that is used, as it stands inside, and its version.
    pub node: &'a str,
    pub version: &'a str,
}

/// What has to be run inside.
pub(super) fn placed(declared: Vec<Declared>, place: &Place) -> Vec<Script> {
    if declared.is_empty() {
        return Vec::new();
    }
    let surroundings = surroundings(place);
    let npm = client();
    let place_of = |script: Declared| {
        let folder = match script.folder.as_str() {
            "" => place.root.to_owned(),
            below => format!("{}/{below}", place.root),
        };
        let mut env = surroundings.clone();
        let own = [
            ("npm_package_json", format!("{folder}/package.json")),
            ("npm_package_name", script.package.clone()),
            (
                "npm_package_version",
                script.version.clone().unwrap_or_default(),
            ),
            ("npm_lifecycle_event", script.event.clone()),
            ("npm_lifecycle_script", script.text.clone()),
        ];
        env.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Script {
            path: path(&folder, place.node, npm.as_deref()),
            own: script.folder == place.own,
            package: script.package,
            version: script.version,
            event: script.event,
            argv: vec!["sh".to_owned(), "-c".to_owned(), script.text.clone()],
            text: script.text,
            folder,
            installs_to: None,
            env,
        }
    };
    declared.into_iter().map(place_of).collect()
}

/// What npm tells every script (`npm help scripts`, "Environment"). The figures of the client are
/// made up like the paths: nothing of the host's may differ between two machines.
fn surroundings(place: &Place) -> Vec<(String, String)> {
    let Persona { home, cwd, .. } = Persona::DEFAULT;
    let mut env = vec![
        ("INIT_CWD", cwd.to_owned()),
        ("NODE", place.node.to_owned()),
        ("npm_node_execpath", place.node.to_owned()),
        ("npm_command", "exec".to_owned()),
        ("npm_config_cache", format!("{home}/.npm")),
        ("npm_config_userconfig", format!("{home}/.npmrc")),
        ("npm_config_prefix", "/usr".to_owned()),
        (
            "npm_config_user_agent",
            format!(
                "npm/10.9.4 node/v{} linux x64 workspaces/false",
                place.version
            ),
        ),
    ];
    if let Some(npm) = client() {
        env.push(("npm_execpath", format!("{npm}/bin/npm-cli.js")));
        let gyp = format!("{npm}/node_modules/node-gyp/bin/node-gyp.js");
        env.push(("npm_config_node_gyp", gyp));
    }
    env.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Folders before the ordinary ones in PATH: programs of packages, from the script's own folder
/// up; npm's own for `node-gyp`; and that of a Node which stands elsewhere.
fn path(folder: &str, node: &str, npm: Option<&str>) -> Vec<String> {
    let bins = Path::new(folder).ancestors().map(|at| {
        let at = at.join("node_modules/.bin");
        at.to_string_lossy().into_owned()
    });
    let mut path: Vec<String> = bins.collect();
    path.extend(npm.map(|npm| format!("{npm}/node_modules/@npmcli/run-script/lib/node-gyp-bin")));
    let node = Path::new(node);
    if let Some(folder) = node.parent().filter(|_| !host::is_system(node)) {
        path.push(folder.to_string_lossy().into_owned());
    }
    path
}

/// Where the host's npm lies, if the sandbox shows it at its own place.
fn client() -> Option<String> {
    let program = fs::canonicalize(host::which("npm")?).ok()?;
    let folder = program.parent()?.parent()?;
    let whole = folder.join("package.json").is_file() && host::is_system(folder);
    whole.then(|| folder.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::symlink;

    fn told(root: &Path, members: &[(&str, &str)]) -> Vec<String> {
        let members: Vec<Member> = members
            .iter()
            .map(|(name, folder)| Member { name, folder })
            .collect();
        declared(root, &members)
            .unwrap()
            .into_iter()
            .map(|d| format!("{} {} {}: {}", d.package, d.event, d.folder, d.text))
            .collect()
    }

    fn package(root: &Path, folder: &str, manifest: &Value) {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("package.json"), manifest.to_string()).unwrap();
    }

    #[test]
    fn scripts_come_in_npm_s_order() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let both = json!({"scripts": {"postinstall": "b", "preinstall": "a", "test": "t"}});
        package(root, "", &json!({"scripts": {"install": "own"}}));
        package(root, "node_modules/z", &both);
        package(root, "node_modules/z/node_modules/a", &both);
        package(root, "lib", &json!({"scripts": {"prepare": "p"}}));
        symlink("../lib", root.join("node_modules/lib")).unwrap();
        let members = [
            ("root", ""),
            ("lib", "node_modules/lib"),
            ("a", "node_modules/z/node_modules/a"),
            ("z", "node_modules/z"),
        ];
        assert_eq!(
            told(root, &members),
            [
                "z preinstall node_modules/z: a",
                "a preinstall node_modules/z/node_modules/a: a",
                "z postinstall node_modules/z: b",
                "a postinstall node_modules/z/node_modules/a: b",
                "lib prepare lib: p",
                "root install : own",
            ]
        );
    }

    #[test]
    fn a_package_with_a_binding_is_built_unless_it_says_otherwise() {
        let install = |manifest: Value| {
            let found = scripts(&manifest, false, true);
            let events = found
                .iter()
                .map(|(_, event, text)| format!("{event}: {text}"));
            events.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(install(json!({})), "install: node-gyp rebuild");
        assert_eq!(install(json!({"gypfile": false})), "");
        let own = json!({"scripts": {"install": "prebuild-install"}});
        assert_eq!(install(own), "install: prebuild-install");
        let before = json!({"scripts": {"preinstall": "true", "install": ""}});
        assert_eq!(install(before), "preinstall: true");
        assert_eq!(
            install(json!({"scripts": {"postinstall": 7}})),
            "install: node-gyp rebuild"
        );
    }

    #[test]
    fn what_is_no_manifest_or_lies_elsewhere_declares_nothing() {
        let root = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        package(other.path(), "", &json!({"scripts": {"install": "x"}}));
        let modules = root.path().join("node_modules");
        fs::create_dir_all(modules.join("broken")).unwrap();
        fs::write(modules.join("broken/package.json"), "{").unwrap();
        symlink(other.path(), modules.join("out")).unwrap();
        let members = [
            ("broken", "node_modules/broken"),
            ("out", "node_modules/out"),
            ("absent", "node_modules/absent"),
        ];
        assert_eq!(told(root.path(), &members), [""; 0]);
    }

    #[test]
    fn programs_of_packages_come_first() {
        let path = path(
            "/a/node_modules/b",
            "/opt/node/bin/node",
            Some("/usr/lib/npm"),
        );
        assert_eq!(
            path,
            [
                "/a/node_modules/b/node_modules/.bin",
                "/a/node_modules/node_modules/.bin",
                "/a/node_modules/.bin",
                "/node_modules/.bin",
                "/usr/lib/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin",
                "/opt/node/bin",
            ]
        );
    }
}
