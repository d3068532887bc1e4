//! npm packages, installed by the real `npm` with the user's own registry settings.
//! Install scripts are not run here; they are listed, to be run in the sandbox.

use super::cache::Cache;
use super::error::FetchError;
use super::fetch::Call;
use super::manifest::Manifest;
use super::model::{Launch, Mount, Options, Package, Tree, inside};
use super::node::{self, Node};
use super::scripts::{self, Member};
use super::target::Target;
use super::timestamp::Timestamp;
use super::{host, manifest};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A published version, as the registry describes it. It never changes there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Release {
    pub name: String,
    pub version: String,
    pub integrity: Option<String>,
    pub published: Option<Timestamp>,
    /// The Node it asks for.
    pub engines: Option<String>,
}

/// Installs a release of the registry, starting its program with `args`.
pub(super) fn fetch(
    release: &Release,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let Release { name, version, .. } = release;
    let subject = format!("npm:{name}@{version}");
    let node = node::runtime(&subject, release.engines.as_deref(), options)?;
    let as_of = options.as_of.map(|date| date.to_string());
    let major = node.version.major.to_string();
    let key = [name, version, as_of.as_deref().unwrap_or(""), &major];
    let label = format!("{name}@{version}");
    let cache = Cache::new(&options.cache);
    let entry = cache.entry::<Tree, _>("npm", &label, &key, options.progress, |root| {
        (options.progress)(&format!("installing {subject}"));
        manifest(root, name, version)?;
        let mut tree = install(root, "install", options.as_of, &subject, options)?;
        tree.dependencies.remove(name);
        Ok(tree)
    })?;
    let folder = entry.root.join("node_modules").join(name);
    let manifest = Manifest::read(&folder)?;
    let place = format!("{}/node_modules/{name}", inside::NPX);
    let tree = entry.record;
    Ok(Package {
        remote: None,
        target: call.target.to_string(),
        resolved: Target::Npm {
            name: name.clone(),
            version: Some(version.clone()),
        }
        .package_url()
        .unwrap_or(subject),
        name: Some(name.clone()),
        version: Some(version.clone()),
        integrity: release.integrity.clone(),
        published: release.published.map(|date| date.to_string()),
        as_of: tree.as_of,
        launch: launch(
            manifest,
            &folder,
            &place,
            &node,
            call,
            &entry.root,
            inside::NPX,
        )?,
        dependencies: tree.dependencies,
        scripts: scripts::placed(
            tree.scripts,
            &scripts::Place {
                root: inside::NPX,
                own: &format!("node_modules/{name}"),
                node: &node.program,
                version: &node.version.to_string(),
            },
        ),
        runtime: node.label(),
        settings: Vec::new(),
        notes: tree.notes,
    })
}

/// Starts a package that lies in `folder`, seen at `place`; `source` is mounted at `target`.
pub(super) fn launch(
    manifest: Manifest,
    folder: &Path,
    place: &str,
    node: &Node,
    call: &Call,
    source: &Path,
    target: &str,
) -> Result<Launch, FetchError> {
    let manifest = match call.program {
        Some(program) => manifest.with_program(program)?,
        None => manifest,
    };
    let mut argv = manifest.start(folder, place, &node.program)?;
    argv.extend(call.args.iter().cloned());
    let mut mounts = node.mounts.clone();
    mounts.push(Mount {
        source: source.to_owned(),
        target: target.to_owned(),
        overlay: true,
    });
    Ok(Launch {
        argv,
        mounts,
        ..Launch::default()
    })
}

/// Asks the registry about one version; none means the one tagged `latest`.
pub(super) fn release(
    name: &str,
    version: Option<&str>,
    options: &Options,
) -> Result<Release, FetchError> {
    let cache = Cache::new(&options.cache);
    // A tag moves; an exact version does not.
    let exact = version.filter(|version| Version::parse(version).is_ok());
    if let Some(version) = exact
        && let Some(known) = cache.fact("npm", &[name, version])
    {
        return Ok(known);
    }
    let spec = format!("{name}@{}", version.unwrap_or("latest"));
    (options.progress)(&format!("looking up npm:{spec}"));
    let fields = ["name", "version", "dist.integrity", "engines", "time"];
    let answer = match view(&spec, &fields, options)? {
        Ok(answer) => answer,
        Err(NotFound) => return Err(unknown(name, version.unwrap_or("latest"), options)),
    };
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(version) = text("version") else {
        return Err(unknown(name, version.unwrap_or("latest"), options));
    };
    let published = answer.get("time").and_then(|times| times.get(&version));
    let engines = answer
        .get("engines")
        .and_then(|engines| engines.get("node"));
    let release = Release {
        name: name.to_owned(),
        integrity: text("dist.integrity"),
        published: published.and_then(|date| date.as_str()?.parse().ok()),
        engines: engines.and_then(Value::as_str).map(str::to_owned),
        version,
    };
    cache.remember("npm", &[name, &release.version], &release);
    Ok(release)
}

/// Every version of a package, oldest first.
pub(super) fn versions(name: &str, options: &Options) -> Result<Vec<Version>, FetchError> {
    let Ok(answer) = view(name, &["versions"], options)? else {
        return Err(unknown_package(name));
    };
    let list = match &answer {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut versions: Vec<Version> = list
        .iter()
        .filter_map(|version| version.as_str()?.parse().ok())
        .collect();
    versions.sort();
    Ok(versions)
}

fn unknown_package(name: &str) -> FetchError {
    FetchError::UnknownPackage {
        registry: "npm",
        name: name.to_owned(),
    }
}

/// Whether it is the package or only its version that does not exist.
fn unknown(name: &str, version: &str, options: &Options) -> FetchError {
    match versions(name, options) {
        Ok(known) if known.is_empty() => unknown_package(name),
        Ok(known) => FetchError::UnknownVersion {
            registry: "npm",
            name: name.to_owned(),
            version: version.to_owned(),
            newest: known.iter().rev().take(5).map(Version::to_string).collect(),
        },
        Err(error) => error,
    }
}

struct NotFound;

fn view(
    spec: &str,
    fields: &[&str],
    options: &Options,
) -> Result<Result<Value, NotFound>, FetchError> {
    let npm = host::tool("npm", "to install npm packages")?;
    let mut command = host::client(&npm, host::NEUTRAL);
    command.args([
        "view",
        "--json",
        "--no-update-notifier",
        "--workspaces=false",
    ]);
    if options.offline {
        command.arg("--offline");
    }
    let said = host::run(command.arg("--").arg(spec).args(fields))?;
    if !said.ok {
        return match error_code(&said.stdout).as_deref() {
            Some("E404" | "ETARGET") => Ok(Err(NotFound)),
            _ => Err(host::failure(
                "npm view",
                spec,
                &format!("{}\n{}", said.stderr, said.stdout),
                &options.cache,
            )),
        };
    }
    // npm answers a version that does not exist with nothing at all.
    if said.stdout.trim().is_empty() {
        return Ok(Err(NotFound));
    }
    match serde_json::from_str(&said.stdout) {
        // One matching version, as a list.
        Ok(Value::Array(mut list)) if fields.len() > 1 => Ok(list.pop().ok_or(NotFound)),
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => Err(host::failure(
            "npm view",
            spec,
            &format!("unreadable answer: {error}"),
            &options.cache,
        )),
    }
}

fn error_code(stdout: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(stdout).ok()?;
    Some(answer.get("error")?.get("code")?.as_str()?.to_owned())
}

/// A manifest that asks for one package, like the one `npx` writes.
pub(super) fn manifest(folder: &Path, name: &str, version: &str) -> Result<(), FetchError> {
    let manifest = serde_json::json!({ "dependencies": { name: version } });
    let file = folder.join("package.json");
    fs::write(&file, format!("{manifest:#}\n")).map_err(FetchError::io("write", &file))
}

/// Runs `npm install` or `npm ci` in `folder`, which must be ours.
pub(super) fn install(
    folder: &Path,
    verb: &str,
    as_of: Option<Timestamp>,
    subject: &str,
    options: &Options,
) -> Result<Tree, FetchError> {
    let npm = host::tool("npm", "to install npm packages")?;
    let attempt = |as_of: Option<Timestamp>| {
        let mut command = host::client(&npm, folder);
        command.args([
            verb,
            "--json",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--omit=dev",
            "--no-global",
            // Its own search would climb out of a folder that lies in a `node_modules`.
            "--prefix=.",
            "--no-progress",
            // The registry's address is the host's business, not the server's.
            "--omit-lockfile-registry-resolved",
        ]);
        if options.offline {
            command.arg("--offline");
        } else {
            command.arg("--prefer-offline");
        }
        if let Some(date) = as_of {
            command.arg(format!("--before={date}"));
        }
        host::run(&mut command)
    };
    let mut said = attempt(as_of)?;
    let mut held = as_of;
    let mut notes = Vec::new();
    // Registries that tell no dates, or later ones than they should, have nothing before a date.
    if let Some(date) = as_of
        && !said.ok
        && matches!(
            error_code(&said.stdout).as_deref(),
            Some("ETARGET" | "ENOVERSIONS")
        )
    {
        let why = host::last_words(&error_summary(&said.stdout));
        notes.push(format!(
            "dependencies are those of today: none could be resolved as of {date} ({why})"
        ));
        held = None;
        said = attempt(None)?;
    }
    if !said.ok {
        let words = format!("{}\n{}", said.stderr, error_summary(&said.stdout));
        return Err(host::failure(
            &format!("npm {verb}"),
            subject,
            &words,
            folder,
        ));
    }
    let mut tree = read_tree(folder)?;
    tree.as_of = held;
    tree.notes = notes;
    Ok(tree)
}

fn error_summary(stdout: &str) -> String {
    let answer: Value = serde_json::from_str(stdout).unwrap_or_default();
    let part = |key| answer["error"][key].as_str().unwrap_or_default().to_owned();
    let code = part("code");
    format!("{code} {}\n{}", part("summary"), part("detail"))
}

/// Reads what npm says it installed; a package without dependencies has no such file.
pub(super) fn read_tree(folder: &Path) -> Result<Tree, FetchError> {
    #[derive(Deserialize)]
    struct Lock {
        packages: BTreeMap<String, Installed>,
    }
    #[derive(Deserialize)]
    struct Installed {
        version: Option<String>,
        /// Of a link, the folder it leads to, which is listed as well.
        resolved: Option<String>,
        #[serde(default)]
        link: bool,
    }
    let file = folder.join("node_modules/.package-lock.json");
    let Some(text) = manifest::read_bounded(&file)? else {
        return Ok(Tree::default());
    };
    let lock: Lock = serde_json::from_slice(&text).map_err(|error| FetchError::Config {
        file: file.clone(),
        reason: error.to_string(),
    })?;
    let mut tree = Tree::default();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut members = Vec::new();
    for (path, installed) in &lock.packages {
        let Some((_, name)) = path.rsplit_once("node_modules/") else {
            continue;
        };
        members.push(Member { name, folder: path });
        let target = installed.resolved.as_ref().filter(|_| installed.link);
        let target = target.and_then(|folder| lock.packages.get(folder));
        let version = target
            .unwrap_or(installed)
            .version
            .clone()
            .unwrap_or_else(|| "unversioned".to_owned());
        versions.entry(name.to_owned()).or_default().push(version);
    }
    for (name, mut list) in versions {
        list.sort();
        list.dedup();
        tree.dependencies.insert(name, list.join(", "));
    }
    tree.scripts = scripts::declared(folder, &members)?;
    Ok(tree)
}
