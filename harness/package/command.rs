//! A raw command: its interpreter is shown as any other, and the project its program lies in is
//! copied like a folder. Other files of the host that its arguments name are not shown.

use super::cache::Cache;
use super::copy::Source;
use super::error::FetchError;
use super::fetch::{Call, fetch_as};
use super::model::{Launch, Mount, Options, Package, inside};
use super::python::Python;
use super::{host, launcher, local, node, python, settings};
use std::fs;
use std::path::{Path, PathBuf};

/// What marks the folder that a program belongs to.
const ROOTS: &[&str] = &[
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "setup.py",
    "go.mod",
    "Cargo.toml",
    "deno.json",
    ".git",
];

/// Prepares a command given in the working folder.
pub(super) fn fetch(
    argv: &[String],
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let base = std::env::current_dir().map_err(FetchError::io("find", Path::new(".")))?;
    match launcher::read(argv, &base)? {
        Some(launched) => {
            let inner = Call {
                target: call.target,
                program: launched.program.as_deref(),
                args: &launched.args,
            };
            fetch_as(&launched.target, &inner, options)
        }
        None => start(argv, &base, call, options),
    }
}

/// Prepares a command given in `base`.
pub(super) fn start(
    argv: &[String],
    base: &Path,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let Some((first, args)) = argv.split_first() else {
        return Err(super::target::TargetError::Empty.into());
    };
    let base = fs::canonicalize(base).map_err(FetchError::io("read", base))?;
    let program = Program::find(first, &base, options)?;
    let script = args
        .iter()
        .find(|arg| !arg.starts_with('-') && base.join(arg).is_file());
    let anchor = match (&program, script) {
        (Program::Own(path), _) => Some(path.clone()),
        (_, Some(script)) => fs::canonicalize(base.join(script)).ok(),
        _ => None,
    };
    let project = anchor.as_deref().map(Project::around).transpose()?;
    let mut notes = Vec::new();
    let mut launch = program.launch(options)?;
    if let (Program::Own(path), Some(project)) = (&program, &project) {
        launch.argv.push(project.inside(path));
    }
    let (args, hidden) = settings::arguments(args.to_vec());
    for arg in args {
        launch.argv.push(match &project {
            Some(project) => project.argument(&arg, &base, &mut notes),
            None => arg,
        });
    }
    launch.argv.extend(call.args.iter().cloned());
    let mut package = Package {
        target: call.target.to_string(),
        resolved: first.clone(),
        name: None,
        version: None,
        integrity: None,
        published: None,
        as_of: None,
        launch,
        remote: None,
        dependencies: Default::default(),
        scripts: Vec::new(),
        runtime: program.label(),
        settings: hidden,
        notes,
    };
    if let Some(project) = project {
        let below = anchor.as_deref().and_then(|file| project.below(file));
        let (source, packages) = match (Source::read(&project.root, &[]), below) {
            (Err(FetchError::TooLarge { limit, .. }), Some(below)) => {
                let source = Source::read_below(&project.root, below)?;
                package.notes.push(format!(
                    "`{}` holds more than {limit}: of it only `{}` is there inside, with the packages above it",
                    project.root.display(),
                    below.display()
                ));
                (source, project.packages_above(below))
            }
            (source, _) => (source?, Vec::new()),
        };
        let label = local::label(&project.root);
        let cache = Cache::new(&options.cache);
        let key = ["command", source.hash.as_str()];
        let copy = |root: &Path| source.copy(root);
        let entry = cache.entry::<(), _>("folder", &label, &key, options.progress, copy)?;
        package.launch.mounts.push(Mount {
            source: entry.root,
            target: inside::FOLDER.to_owned(),
            overlay: true,
        });
        package.launch.mounts.extend(packages);
        package.launch.cwd = base
            .starts_with(&project.root)
            .then(|| project.inside(&base));
        package.integrity = Some(format!("sha256-{}", source.hash));
        package.notes.extend(source.notes.iter().cloned());
        package.resolved = label;
    }
    Ok(package)
}

/// The folder that a program belongs to.
struct Project {
    root: PathBuf,
}

impl Project {
    /// The nearest folder above `file` that is marked as a project's, or else its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "the home folder bounds the search for a project"
    )]
    fn around(file: &Path) -> Result<Self, FetchError> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        let home = std::env::var_os("HOME").and_then(|home| fs::canonicalize(home).ok());
        let private = |folder: &Path| {
            folder.parent().is_none() || home.as_ref().is_some_and(|home| home.starts_with(folder))
        };
        let marked = |folder: &&Path| ROOTS.iter().any(|mark| folder.join(mark).exists());
        let open = folder.ancestors().take_while(|folder| !private(folder));
        let root = open.clone().find(marked).or_else(|| open.clone().next());
        match root {
            Some(root) => Ok(Self {
                root: root.to_owned(),
            }),
            None => Err(FetchError::NotRunnable {
                target: file.display().to_string(),
                reason: "its folder is your whole home folder, which no server should see",
                hint: "put the server into a folder of its own",
            }),
        }
    }

    /// The part of the project that `file` lies in, where that is not all of it.
    fn below<'a>(&self, file: &'a Path) -> Option<&'a Path> {
        let below = file.parent()?.strip_prefix(&self.root).ok()?;
        (below != Path::new("")).then_some(below)
    }

    /// The packages that a program in `below` finds above its own folder, in place.
    fn packages_above(&self, below: &Path) -> Vec<Mount> {
        let above = below.ancestors().skip(1);
        let places = above.map(|folder| self.root.join(folder).join("node_modules"));
        places
            .filter(|place| place.is_dir())
            .map(|place| Mount {
                target: self.inside(&place),
                source: place,
                overlay: true,
            })
            .collect()
    }

    fn inside(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(below) if below != Path::new("") => {
                format!("{}/{}", inside::FOLDER, below.display())
            }
            _ => inside::FOLDER.to_owned(),
        }
    }

    /// An argument as it must read inside. Relative ones stay, as the working folder goes along.
    fn argument(&self, arg: &str, base: &Path, notes: &mut Vec<String>) -> String {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) if arg.starts_with('-') => (format!("{flag}="), value),
            _ => (String::new(), arg),
        };
        let within = base.starts_with(&self.root);
        let is_path = value.starts_with('/') || !within;
        let Some(path) = fs::canonicalize(base.join(value)).ok().filter(|_| is_path) else {
            return arg.to_owned();
        };
        if path.starts_with(&self.root) {
            return format!("{flag}{}", self.inside(&path));
        }
        if !host::is_system(&path) && value.starts_with('/') {
            notes.push(format!(
                "`{value}` lies outside the project and is not there inside"
            ));
        }
        arg.to_owned()
    }
}

/// What the first word of a command is.
enum Program {
    Node(node::Node),
    /// An interpreter, and the packages of the virtual environment it was reached through.
    Python(Python, Option<PathBuf>),
    /// A program of the system, in place.
    System(PathBuf),
    /// A program of the user's.
    Own(PathBuf),
}

impl Program {
    fn find(first: &str, base: &Path, options: &Options) -> Result<Self, FetchError> {
        let path = match first.contains('/') {
            true => Some(base.join(first)).filter(|path| host::is_executable(path)),
            false => host::which(first),
        };
        let Some(path) = path else {
            return Err(FetchError::MissingTool {
                tool: first.to_owned(),
                needed_for: "to run this command".to_owned(),
            });
        };
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == "node" || name == "nodejs" {
            return Ok(Self::Node(node::runtime(first, None, options)?));
        }
        let is_version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        if name.strip_prefix("python").is_some_and(is_version)
            && let Some(python) = python::probe(&path)
        {
            let venv = path.parent().and_then(Path::parent);
            let venv = venv.filter(|venv| venv.join("pyvenv.cfg").is_file());
            let packages = venv.map(super::venv::site_packages);
            return Ok(Self::Python(python, packages));
        }
        let real = fs::canonicalize(&path).map_err(FetchError::io("read", &path))?;
        Ok(match host::is_system(&real) {
            true => Self::System(real),
            false => Self::Own(real),
        })
    }

    fn launch(&self, options: &Options) -> Result<Launch, FetchError> {
        let mut launch = Launch::default();
        match self {
            Self::Node(node) => {
                launch.argv.push(node.program.clone());
                launch.mounts.clone_from(&node.mounts);
            }
            Self::Python(python, packages) => {
                let shown = python.show(options)?;
                launch.argv.push(shown.program);
                launch.mounts = shown.mounts;
                launch.env = shown.env;
                launch.certifi = shown.certifi;
                if let Some(packages) = packages {
                    let target = format!("{}/site-packages", inside::VENV);
                    launch.env.push(("PYTHONPATH".to_owned(), target.clone()));
                    launch.certifi.push(format!("{target}/certifi/cacert.pem"));
                    launch.mounts.push(Mount {
                        source: packages.clone(),
                        target,
                        overlay: true,
                    });
                    launch
                        .certifi
                        .retain(|_| packages.join("certifi/cacert.pem").is_file());
                }
            }
            Self::System(path) => launch.argv.push(path.display().to_string()),
            // Its place is known once its project is.
            Self::Own(_) => {}
        }
        Ok(launch)
    }

    fn label(&self) -> String {
        match self {
            Self::Node(node) => node.label(),
            Self::Python(python, _) => python.label(),
            Self::System(_) | Self::Own(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_moved_with_their_project() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("dist")).unwrap();
        fs::write(root.join("package.json"), "{}").unwrap();
        fs::write(root.join("dist/server.js"), "").unwrap();
        let project = Project::around(&root.join("dist/server.js")).unwrap();
        assert_eq!(project.root, root);
        let mut notes = Vec::new();
        let absolute = root.join("dist/server.js").display().to_string();
        let mut moved = |arg: &str| project.argument(arg, &root, &mut notes);
        assert_eq!(moved("dist/server.js"), "dist/server.js");
        assert_eq!(moved(&absolute), "/home/alex/mcp/server/dist/server.js");
        assert_eq!(
            moved(&format!("--f={absolute}")),
            "--f=/home/alex/mcp/server/dist/server.js"
        );
        assert_eq!(moved("--stdio"), "--stdio");
        assert!(notes.is_empty());
    }
}
