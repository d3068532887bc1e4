//! Servers that lie in a folder or an archive of the user's.
//! A folder is told by what stands in it; it is copied, never changed, and nothing of it runs.

use super::archive::{self, Bounds};
use super::cache::{Cache, hex};
use super::copy::Source;
use super::error::FetchError;
use super::fetch::Call;
use super::manifest::Manifest;
use super::model::{Launch, Mount, Options, Package, Tree, inside};
use super::npm;
use super::pinned::{PACKAGES, Pinned};
use super::scripts::{self, Member};
use super::sdist;
use super::target::Target;
use super::{host, node, project};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What a folder's files say it is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A `package.json`, or JavaScript that needs none.
    Node,
    /// A `pyproject.toml`, `requirements.txt` or Python file.
    Python,
    /// One program, by its name.
    Program(PathBuf),
}

/// Prepares a folder.
pub(super) fn folder(folder: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    match kind(folder)? {
        Kind::Node => node_folder(folder, call, options),
        Kind::Python => project::folder(folder, call, options),
        Kind::Program(program) => program_folder(folder, &program, call, options),
    }
}

fn kind(folder: &Path) -> Result<Kind, FetchError> {
    let has = |names: &[&str]| names.iter().any(|name| folder.join(name).is_file());
    let python =
        || has(&["pyproject.toml", "requirements.txt", "setup.py"]) || has(project::SCRIPTS);
    let javascript = [
        "index.js",
        "server.js",
        "index.mjs",
        "server.mjs",
        "index.cjs",
    ];
    if has(&["package.json"]) {
        // Python servers may keep a manifest for their tools alone.
        let starts = Manifest::read(folder)?.names_a_program() || has(&javascript);
        if starts || !python() {
            return Ok(Kind::Node);
        }
    }
    if python() {
        return Ok(Kind::Python);
    }
    if has(&javascript) {
        return Ok(Kind::Node);
    }
    let mut programs = Vec::new();
    for entry in fs::read_dir(folder).map_err(FetchError::io("read", folder))? {
        let entry = entry.map_err(FetchError::io("read", folder))?;
        if host::is_executable(&entry.path()) {
            programs.push(PathBuf::from(entry.file_name()));
        }
    }
    programs.sort();
    let none = |reason: String| FetchError::NoEntry {
        place: folder.display().to_string(),
        reason,
        hint: "a server's folder holds a package.json, a pyproject.toml, a requirements.txt \
               with a server.py, or one executable; anything else starts with `-- COMMAND`"
            .to_owned(),
    };
    match programs.as_slice() {
        [program] => Ok(Kind::Program(program.clone())),
        [] => Err(none("it holds nothing that is a server".to_owned())),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|p| format!("`{}`", p.display()))
                .collect();
            Err(none(format!(
                "it holds several programs: {}",
                names.join(", ")
            )))
        }
    }
}

fn node_folder(folder: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    let has = |name: &str| folder.join(name).exists();
    let locked = has("package-lock.json") || has("npm-shrinkwrap.json");
    let bare = !has("package.json");
    let manifest = if bare {
        Manifest::default()
    } else {
        Manifest::read(folder)?
    };
    let install = match () {
        () if locked => Some("ci"),
        () if has("node_modules") || !manifest.has_dependencies => None,
        () => Some("install"),
    };
    let skip: &[&str] = if install.is_some() {
        &["node_modules"]
    } else {
        &[]
    };
    let source = Source::read(folder, skip)?;
    let name = label(folder);
    let plan = Plan {
        resolved: name.clone(),
        hash: source.hash.clone(),
        label: name,
        manifest,
        install,
        notes: source.notes.clone(),
        pinned: Pinned::read(folder)?,
    };
    node_package(plan, call, options, |into| source.copy(into))
}

/// Prepares what `npm pack` made. Its dependencies are resolved as npm would on installing it. What
/// Python's tools pack ends in the same letters.
pub(super) fn tarball(file: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    if file.as_os_str().as_encoded_bytes().ends_with(b".tar.gz")
        && let Some(package) = sdist::file(file, call, options)?
    {
        return Ok(package);
    }
    let hash = file_hash(file)?;
    // The manifest decides where the package is put, so it is read ahead of the installation.
    let look = tempfile::tempdir().map_err(FetchError::io("create", &std::env::temp_dir()))?;
    let unpack =
        |into: &Path| archive::tarball(file, into, Bounds::default()).map_err(archive_error(file));
    unpack(look.path())?;
    let manifest = Manifest::read(look.path())?;
    let plan = Plan {
        resolved: label(file),
        hash,
        label: label(file),
        install: manifest.has_dependencies.then_some("install"),
        manifest,
        notes: Vec::new(),
        pinned: None,
    };
    node_package(plan, call, options, unpack)
}

pub(super) fn archive_error(file: &Path) -> impl Fn(archive::ArchiveError) -> FetchError {
    let path = file.to_owned();
    move |source| match source {
        archive::ArchiveError::Write { path, source } => FetchError::io("write", &path)(source),
        source => FetchError::Archive {
            path: path.clone(),
            source,
        },
    }
}

/// A Node package that does not come from the registry.
pub(super) struct Plan {
    pub resolved: String,
    pub label: String,
    pub hash: String,
    pub manifest: Manifest,
    /// npm's verb, if its dependencies are to be installed.
    pub install: Option<&'static str>,
    /// Dependencies that stand apart from the folder, in place of that.
    pub pinned: Option<Pinned>,
    pub notes: Vec<String>,
}

pub(super) fn node_package(
    plan: Plan,
    call: &Call,
    options: &Options,
    fill: impl Fn(&Path) -> Result<(), FetchError>,
) -> Result<Package, FetchError> {
    let subject = plan.resolved.clone();
    let node = node::runtime(&subject, plan.manifest.engines.as_deref(), options)?;
    // A package lies where its published version would, so that the two can be compared.
    let published = plan.manifest.name.clone().filter(|name| {
        let npm = Target::parse(&format!("npm:{name}"));
        matches!(npm, Ok(Target::Npm { version: None, .. }))
    });
    let (mounted, below) = match &published {
        Some(name) => (inside::NPX, format!("node_modules/{name}")),
        None => (inside::FOLDER, String::new()),
    };
    let as_of = options.as_of.filter(|_| plan.install == Some("install"));
    let date = as_of.map(|date| date.to_string()).unwrap_or_default();
    let major = node.version.major.to_string();
    let apart = plan.pinned.as_ref();
    let apart = apart.map(|pinned| pinned.install(&plan.label, &major, options));
    let apart = apart.transpose()?;
    let verb = match &apart {
        Some(_) => "apart",
        None => plan.install.unwrap_or(""),
    };
    let key = ["node", &plan.hash, verb, &date, &major, &below];
    let cache = Cache::new(&options.cache);
    let entry = cache.entry::<Tree, _>("folder", &plan.label, &key, options.progress, |root| {
        let folder = root.join(&below);
        fs::create_dir_all(&folder).map_err(FetchError::io("create", &folder))?;
        fill(&folder)?;
        let mut tree = match plan.install {
            _ if apart.is_some() => {
                let packages = folder.join(PACKAGES);
                fs::create_dir_all(&packages).map_err(FetchError::io("create", &packages))?;
                Tree::default()
            }
            None => npm::read_tree(&folder)?,
            Some(verb) => {
                (options.progress)(&format!("installing the dependencies of {subject}"));
                // Registry settings of a stranger's folder are not followed.
                let settings = folder.join(".npmrc");
                if settings.exists() {
                    fs::remove_file(&settings).map_err(FetchError::io("remove", &settings))?;
                }
                npm::install(&folder, verb, as_of, &subject, options)?
            }
        };
        let name = plan.manifest.name.as_deref().unwrap_or(&plan.label);
        tree.scripts
            .extend(scripts::declared(&folder, &[Member { name, folder: "" }])?);
        Ok(tree)
    })?;
    let folder = entry.root.join(&below);
    let place = [mounted, &below].join("/");
    let place = place.trim_end_matches('/');
    let mut launch = npm::launch(
        plan.manifest.clone(),
        &folder,
        place,
        &node,
        call,
        &entry.root,
        mounted,
    )?;
    let mut tree = entry.record;
    if let Some(apart) = apart {
        launch.mounts.push(Mount {
            source: apart.root.join(PACKAGES),
            target: format!("{place}/{PACKAGES}"),
            overlay: true,
        });
        let own = std::mem::replace(&mut tree, apart.record);
        tree.scripts.extend(own.scripts);
    }
    let scripts = scripts::placed(
        tree.scripts,
        &scripts::Place {
            root: place,
            own: "",
            node: &node.program,
            version: &node.version.to_string(),
        },
    );
    Ok(Package {
        target: call.target.to_string(),
        resolved: plan.resolved,
        name: plan.manifest.name,
        version: plan.manifest.version,
        integrity: Some(format!("sha256-{}", plan.hash)),
        published: None,
        as_of: tree.as_of,
        launch,
        remote: None,
        dependencies: tree.dependencies,
        scripts,
        runtime: node.label(),
        settings: Vec::new(),
        notes: [plan.notes, tree.notes].concat(),
    })
}

fn program_folder(
    folder: &Path,
    program: &Path,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let source = Source::read(folder, &[])?;
    let name = label(folder);
    let cache = Cache::new(&options.cache);
    let key = ["program", source.hash.as_str()];
    let copy = |root: &Path| source.copy(root);
    let entry = cache.entry::<(), _>("folder", &name, &key, options.progress, copy)?;
    let mut argv = vec![format!("{}/{}", inside::FOLDER, program.display())];
    argv.extend(call.args.iter().cloned());
    Ok(Package {
        remote: None,
        target: call.target.to_string(),
        resolved: name,
        name: None,
        version: None,
        integrity: Some(format!("sha256-{}", source.hash)),
        published: None,
        as_of: None,
        launch: Launch {
            argv,
            mounts: vec![Mount {
                source: entry.root,
                target: inside::FOLDER.to_owned(),
                overlay: true,
            }],
            ..Launch::default()
        },
        dependencies: Default::default(),
        scripts: Vec::new(),
        runtime: String::new(),
        settings: Vec::new(),
        notes: source.notes,
    })
}

/// The last part of a path, also of `.` and `..`.
pub(super) fn label(path: &Path) -> String {
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_name().unwrap_or(absolute.as_os_str());
    name.to_string_lossy().into_owned()
}

pub(super) fn file_hash(file: &Path) -> Result<String, FetchError> {
    let failed = || FetchError::io("read", file);
    let mut reader = File::open(file).map_err(failed())?;
    let mut hash = Sha256::new();
    let mut buffer = [0; 1 << 16];
    loop {
        match io::Read::read(&mut reader, &mut buffer).map_err(failed())? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}
