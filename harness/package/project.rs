//! Python servers that lie in a folder: their dependencies are installed, their own code is put
//! on the path as it is. A project's build does not run here; what it would have declared is read
//! from `pyproject.toml` (PEP 621) and recorded in its place. One in which code of the folder's
//! own takes part runs in the sandbox, over that.

use super::build::{Build, Place};
use super::cache::Cache;
use super::copy::Source;
use super::error::FetchError;
use super::fetch::Call;
use super::manifest::read_bounded;
use super::model::{Mount, Options, Package, Tree, inside};
use super::requirements::{self, Requirements};
use super::sdist::{self, Declared};
use super::sources;
use super::target::normalised;
use super::venv::{self, Venv};
use super::{local, python};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Names that start a folder without a manifest, by preference.
pub(super) const SCRIPTS: &[&str] = &["server.py", "main.py", "app.py", "__main__.py"];

#[derive(Debug, Default, Deserialize)]
struct PyProject {
    project: Option<Project>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Project {
    name: String,
    version: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    scripts: BTreeMap<String, String>,
    #[serde(default)]
    dynamic: Vec<String>,
}

/// Prepares a Python folder.
pub(super) fn folder(folder: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    prepare(folder, None, call, options)
}

/// Prepares an unpacked source distribution, which is built in any case: the files that a server
/// is started from may be other ones than those that were packed.
pub(super) fn source(folder: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    let declared = sdist::declared(folder)?.unwrap_or_default();
    prepare(folder, Some(declared), call, options)
}

fn prepare(
    folder: &Path,
    declared: Option<Declared>,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let source = Source::read(folder, &[])?;
    let mut subject = local::label(folder);
    let mut project = read(folder)?;
    let is_source = declared.is_some();
    let mut needs = match &declared {
        Some(declared) => Requirements {
            list: declared.requires.clone(),
            notes: Vec::new(),
        },
        None => needs(folder, project.as_ref())?,
    };
    if let Some(declared) = declared {
        subject.clone_from(&declared.name);
        let known = project.get_or_insert_default();
        known.name = declared.name;
        known.version = Some(declared.version);
        known.requires_python = declared.requires_python;
        if known.scripts.is_empty() {
            known.scripts = declared.scripts;
        }
    }
    let project = project.unwrap_or_default();
    let named = call.program.filter(|program| source.has(program));
    let script = named.or_else(|| {
        let mut known = SCRIPTS.iter().copied();
        known
            .find(|script| source.has(script))
            .filter(|_| call.program.is_none())
    });
    let python = python::find(&subject, project.requires_python.as_deref(), options)?;
    let shown = python.show(options)?;
    let cache = Cache::new(&options.cache);
    let version = python.version.to_string();
    let key = ["code", &source.hash, &version];
    let code = cache.entry::<(), _>("folder", &subject, &key, options.progress, |root| {
        source.copy(root)?;
        python::compile(&python.program, root, root, inside::FOLDER)
    })?;
    // What it runs on stands apart: code is edited more often than requirements are, and two
    // folders that ask for the same get the same, whatever the day.
    let record = Record::new(&project, &code.root);
    let as_of = options
        .as_of
        .map(|date| date.to_string())
        .unwrap_or_default();
    let (asked, recorded) = (needs.list.join("\n"), format!("{record:?}"));
    let key = [&asked, &recorded, &as_of, &version, &shown.program].map(String::as_str);
    let entry = cache.entry::<Tree, _>("venv", "packages", &key, options.progress, |root| {
        (options.progress)(&format!("installing the dependencies of {subject}"));
        let venv = Venv::create(root, &python)?;
        let mut tree = venv.install(&subject, &needs.list, options.as_of, options)?;
        record.write(root, &venv.site_packages())?;
        venv.seal(&shown, &mut tree)?;
        tree.dependencies.remove(&normalised(&project.name));
        Ok(tree)
    })?;
    let home = entry.root;
    let argv = match script {
        Some(script) if named.is_some() || project.scripts.is_empty() => vec![
            format!("{}/bin/python", inside::VENV),
            format!("{}/{script}", inside::FOLDER),
        ],
        _ => start(&home, &code.root, &project, call)?,
    };
    let tree = entry.record;
    let mut launch = venv::launch(&home, argv, call.args, shown.clone(), &tree);
    launch.mounts.push(Mount {
        source: code.root,
        target: inside::FOLDER.to_owned(),
        overlay: true,
    });
    let mut notes = source.notes;
    notes.append(&mut needs.notes);
    notes.extend(tree.notes);
    let mut builds = sources::builds(&tree.unbuilt, &python, &shown, options)?;
    launch.mounts.append(&mut builds.mounts);
    let mut scripts = builds.scripts;
    let name = match project.name.as_str() {
        "" => subject.as_str(),
        name => name,
    };
    let build = Build::of(folder, is_source).and_then(|build| {
        let prepare = |build: Build| {
            let place = Place::own(name, project.version.as_deref());
            build.prepare(&place, &python, &shown, options)
        };
        build.map(prepare).transpose()
    });
    match build {
        Ok(Some((tools, script))) => {
            launch.mounts.push(tools);
            scripts.push(script);
        }
        Ok(None) => {}
        Err(error @ FetchError::DiskFull(_)) => return Err(error),
        // The server may not need its build to be started.
        Err(error) => notes.push(format!("its build was not run: {error}")),
    }
    Ok(Package {
        target: call.target.to_string(),
        resolved: subject,
        name: Some(project.name).filter(|name| !name.is_empty()),
        version: project.version,
        integrity: Some(format!("sha256-{}", source.hash)),
        published: None,
        as_of: tree.as_of,
        launch,
        remote: None,
        dependencies: tree.dependencies,
        scripts,
        runtime: python.label(),
        settings: Vec::new(),
        notes,
    })
}

pub(super) fn read(folder: &Path) -> Result<Option<Project>, FetchError> {
    let file = folder.join("pyproject.toml");
    let Some(text) = read_bounded(&file)? else {
        return Ok(None);
    };
    let bad = |reason: String| FetchError::Config {
        file: file.clone(),
        reason,
    };
    let parsed: PyProject = toml::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if let Some(project) = &parsed.project {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._+!".contains(c);
        let version = project.version.as_deref().unwrap_or("0");
        if !project.name.chars().all(plain) || !version.chars().all(plain) {
            return Err(bad("its name or version is none".to_owned()));
        }
    }
    Ok(parsed.project)
}

/// What has to be installed: the project's own list, or else the requirements beside it.
pub(super) fn needs(folder: &Path, project: Option<&Project>) -> Result<Requirements, FetchError> {
    let beside = folder.join("requirements.txt").is_file();
    match project {
        Some(project) if !project.dynamic.iter().any(|field| field == "dependencies") => {
            for requirement in &project.dependencies {
                requirements::check("pyproject.toml", requirement)?;
            }
            Ok(Requirements {
                list: project.dependencies.clone(),
                notes: Vec::new(),
            })
        }
        _ if beside => requirements::read(folder, "requirements.txt"),
        None if !folder.join("pyproject.toml").is_file() => Ok(Requirements::default()),
        _ => Err(FetchError::NoEntry {
            place: folder.display().to_string(),
            reason: "its dependencies are known only to its build".to_owned(),
            hint: "list them in `[project] dependencies`, or in a requirements.txt beside it"
                .to_owned(),
        }),
    }
}

/// What is put into an environment in place of an installed project.
#[derive(Debug)]
struct Record<'a> {
    name: &'a str,
    version: &'a str,
    scripts: &'a BTreeMap<String, String>,
    /// Whether modules lie in a `src` folder.
    src: bool,
}

impl<'a> Record<'a> {
    fn new(project: &'a Project, code: &Path) -> Self {
        Self {
            name: &project.name,
            version: project.version.as_deref().unwrap_or("0"),
            scripts: &project.scripts,
            src: code.join("src").is_dir(),
        }
    }

    /// Puts the folder on the path and records the project as an installer would have.
    fn write(&self, home: &Path, packages: &Path) -> Result<(), FetchError> {
        let write = |path: &Path, text: String| {
            fs::write(path, text).map_err(FetchError::io("write", path))
        };
        let source = match self.src {
            true => format!("{0}/src\n{0}\n", inside::FOLDER),
            false => format!("{}\n", inside::FOLDER),
        };
        write(&packages.join("_server.pth"), source)?;
        if self.name.is_empty() {
            return Ok(());
        }
        let (name, version) = (self.name, self.version);
        let stem = normalised(name).replace('-', "_");
        let info = packages.join(format!("{stem}-{version}.dist-info"));
        fs::create_dir_all(&info).map_err(FetchError::io("create", &info))?;
        write(
            &info.join("METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
        )?;
        let mut entries = String::from("[console_scripts]\n");
        for (script, place) in self.scripts {
            let Some(text) = console_script(script, place) else {
                return Err(FetchError::NoEntry {
                    place: name.to_owned(),
                    reason: format!("`{place}` is no function that the script `{script}` can call"),
                    hint: "write `module:function` in `[project.scripts]`".to_owned(),
                });
            };
            let path = home.join("bin").join(script);
            write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(FetchError::io("change", &path))?;
            entries += &format!("{script} = {place}\n");
        }
        write(&info.join("entry_points.txt"), entries)
    }
}

/// The script that installers write for an entry point; none if its parts are not plain names.
fn console_script(script: &str, place: &str) -> Option<String> {
    let place = place.split('[').next()?.trim();
    let (module, function) = place.split_once(':')?;
    let (module, function) = (module.trim(), function.trim());
    let name = |text: &str| {
        let word = |part: &str| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        text.split('.').all(word)
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = name(module) && name(function) && script.chars().all(plain);
    if !good || script.starts_with('.') || script.starts_with("python") || script.is_empty() {
        return None;
    }
    let first = function.split('.').next()?;
    Some(format!(
        "#!{}/bin/python\nimport sys\nfrom {module} import {first}\n\
         if __name__ == \"__main__\":\n    sys.exit({function}())\n",
        inside::VENV
    ))
}

fn start(
    home: &Path,
    code: &Path,
    project: &Project,
    call: &Call,
) -> Result<Vec<String>, FetchError> {
    let module = normalised(&project.name).replace('-', "_");
    match venv::start(home, &project.name, call.program) {
        // A module that lies in the folder is not below the environment's packages.
        Err(FetchError::NoEntry { .. }) if call.program.is_none() && project.scripts.is_empty() => {
            let below = [code.join("src").join(&module), code.join(&module)];
            if !module.is_empty() && below.iter().any(|at| at.join("__main__.py").is_file()) {
                let python = format!("{}/bin/python", inside::VENV);
                return Ok(vec![python, "-m".to_owned(), module]);
            }
            Err(FetchError::NoEntry {
                place: project.name.clone(),
                reason: "it has no script, no server.py and no `__main__`".to_owned(),
                hint: "add `[project.scripts]` to pyproject.toml, or name the command after `--`"
                    .to_owned(),
            })
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_calls_plain_names_alone() {
        let text = console_script("mail", "mail.server:App.main").unwrap();
        assert!(text.contains("from mail.server import App\n") && text.contains("App.main()"));
        for (script, place) in [
            ("mail", "mail"),
            ("mail", "os:system('x') or y"),
            ("../../mail", "mail:main"),
            ("python", "mail:main"),
            ("m", "a;b:c"),
        ] {
            assert!(console_script(script, place).is_none(), "{script} {place}");
        }
    }
}
