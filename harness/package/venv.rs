//! Virtual environments, built in the cache for the place they will be seen at.
//! Only wheels are installed, so nothing of a package runs; afterwards no path of the host is left.

use super::error::FetchError;
use super::host::{self, is_executable};
use super::model::{Launch, Mount, Options, Tree, inside};
use super::pip::{self, Needs, Pip};
use super::python::{self, Python, Shown};
use super::sources::{self, Resolution};
use super::target::normalised;
use super::timestamp::Timestamp;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A virtual environment being built.
pub(super) struct Venv<'a> {
    root: &'a Path,
    python: &'a Python,
}

impl<'a> Venv<'a> {
    /// Makes an empty one in the empty folder `root`.
    pub fn create(root: &'a Path, python: &'a Python) -> Result<Self, FetchError> {
        let mut command = host::client(&python.program, host::NEUTRAL);
        command
            .args(["-I", "-m", "venv", "--without-pip", "--symlinks"])
            .arg(root);
        let said = host::run(&mut command)?;
        if said.ok {
            Ok(Self { root, python })
        } else {
            let words = format!("{}{}", said.stdout, said.stderr);
            Err(host::failure(
                "python -m venv",
                &python.label(),
                &words,
                root,
            ))
        }
    }

    /// Installs requirements with pip, as of a date if that can be held.
    pub fn install(
        &self,
        subject: &str,
        requirements: &[String],
        as_of: Option<Timestamp>,
        options: &Options,
    ) -> Result<Tree, FetchError> {
        if requirements.is_empty() {
            return Ok(Tree::default());
        }
        let pip = Pip::find(self.python, options)?;
        let held = as_of.filter(|_| pip.knows_dates());
        let attempt = |date| self.attempt(&pip, subject, requirements, date, options);
        let mut result = attempt(held)?;
        if held.is_some() && result.as_ref().is_err_and(|words| is_about_dates(words)) {
            result = attempt(None)?;
        }
        let mut tree = result.map_err(|words| failure(subject, &words, self.root, options))?;
        if let (Some(date), None) = (as_of, tree.as_of) {
            tree.notes.push(format!(
                "dependencies are those of today: they could not be resolved as of {date}"
            ));
        }
        Ok(tree)
    }

    /// Installs what has wheels, and says what has to be built beside it; or gives pip's words.
    fn attempt(
        &self,
        pip: &Pip,
        subject: &str,
        requirements: &[String],
        as_of: Option<Timestamp>,
        options: &Options,
    ) -> Result<Result<Tree, String>, FetchError> {
        let mut tree = Tree {
            as_of,
            ..Tree::default()
        };
        let said = pip.install(self.root, Needs::Resolved(requirements), as_of, options)?;
        if said.ok {
            return Ok(Ok(tree));
        }
        if options.offline || !lacks_wheels(&said.stderr) {
            return Ok(Err(said.stderr));
        }
        (options.progress)(&format!("not all that {subject} needs has wheels"));
        let said = pip.resolve(requirements, as_of, options)?;
        if !said.ok {
            return Ok(Err(said.stderr));
        }
        let found = Resolution::read(&said.stdout, subject, requirements)?;
        if !found.wheels.is_empty() {
            let said = pip.install(self.root, Needs::Alone(&found.wheels), as_of, options)?;
            if !said.ok {
                return Ok(Err(said.stderr));
            }
        }
        tree.notes = sources::fetch(&found.unbuilt, self.python, options)?;
        let built = found.unbuilt.iter();
        tree.dependencies
            .extend(built.map(|one| (one.name.clone(), one.version.clone())));
        tree.unbuilt = found.unbuilt;
        Ok(Ok(tree))
    }

    pub fn site_packages(&self) -> PathBuf {
        site_packages(self.root)
    }

    /// Rewrites it for the place it will be seen at, compiles it, and says what is in it.
    pub fn seal(self, shown: &Shown, tree: &mut Tree) -> Result<(), FetchError> {
        let bin = self.root.join("bin");
        for entry in fs::read_dir(&bin).map_err(FetchError::io("read", &bin))? {
            let path = entry.map_err(FetchError::io("read", &bin))?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.to_ascii_lowercase().starts_with("activate") {
                fs::remove_file(&path).map_err(FetchError::io("remove", &path))?;
            } else if name.starts_with("python") && path.is_symlink() {
                let to = if name == "python" {
                    &shown.program
                } else {
                    "python"
                };
                fs::remove_file(&path).map_err(FetchError::io("replace", &path))?;
                symlink(to, &path).map_err(FetchError::io("create", &path))?;
            } else if path.is_file() {
                self.move_script(&path)?;
            }
        }
        let home = shown
            .program
            .rsplit_once('/')
            .map_or("/usr/bin", |(home, _)| home);
        let settings = format!(
            "home = {home}\ninclude-system-site-packages = false\nversion = {}\n",
            self.python.version
        );
        let file = self.root.join("pyvenv.cfg");
        fs::write(&file, settings).map_err(FetchError::io("write", &file))?;
        let packages = self.site_packages();
        for dist in distributions(&packages)? {
            tree.dependencies
                .insert(normalised(&dist.name), dist.version);
            // pip's notes on where a file came from: the path of the user's own wheel.
            let source = dist.info.join("direct_url.json");
            if source.exists() {
                fs::remove_file(&source).map_err(FetchError::io("remove", &source))?;
            }
        }
        for entry in WalkDir::new(&packages)
            .sort_by_file_name()
            .into_iter()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy();
            if ["cacert.pem", "roots.pem", "cacerts.txt"].contains(&&*name) {
                let path = entry.path().strip_prefix(self.root).unwrap_or(entry.path());
                tree.certifi
                    .push(format!("{}/{}", inside::VENV, path.display()));
            }
        }
        python::compile(&self.python.program, &packages, self.root, inside::VENV)
    }

    /// Scripts start with the path of their interpreter, directly or by way of `/bin/sh`.
    fn move_script(&self, path: &Path) -> Result<(), FetchError> {
        let Ok(text) = fs::read_to_string(path) else {
            return Ok(());
        };
        let here = self.root.display().to_string();
        if text.starts_with("#!") && text.contains(&here) {
            let text = text.replace(&here, inside::VENV);
            fs::write(path, text).map_err(FetchError::io("write", path))?;
        }
        Ok(())
    }
}

/// `lib/python3.X/site-packages` of a finished environment.
pub(super) fn site_packages(root: &Path) -> PathBuf {
    let versions = fs::read_dir(root.join("lib"))
        .into_iter()
        .flatten()
        .flatten();
    let packages = versions.map(|entry| entry.path().join("site-packages"));
    let mut packages = packages.filter(|path| path.is_dir());
    packages.next().unwrap_or_else(|| root.join("lib"))
}

/// An installed distribution, by the folder that records it (PEP 376).
pub(super) struct Distribution {
    pub name: String,
    pub version: String,
    pub info: PathBuf,
}

pub(super) fn distributions(packages: &Path) -> Result<Vec<Distribution>, FetchError> {
    let mut list = Vec::new();
    for entry in fs::read_dir(packages).map_err(FetchError::io("read", packages))? {
        let path = entry.map_err(FetchError::io("read", packages))?.path();
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let named = file
            .strip_suffix(".dist-info")
            .and_then(|stem| stem.split_once('-'));
        if let Some((name, version)) = named {
            list.push(Distribution {
                name: name.to_owned(),
                version: version.to_owned(),
                info: path,
            });
        }
    }
    list.sort_by(|a, b| a.info.cmp(&b.info));
    Ok(list)
}

/// The command that starts distribution `name` of the environment in `root`: the console script
/// asked for, the one named like it, the only one, or its module.
pub(super) fn start(
    root: &Path,
    name: &str,
    program: Option<&str>,
) -> Result<Vec<String>, FetchError> {
    let packages = site_packages(root);
    let python = format!("{}/bin/python", inside::VENV);
    let script = |name: &str| vec![python.clone(), format!("{}/bin/{name}", inside::VENV)];
    let mut scripts = Vec::new();
    for dist in distributions(&packages)? {
        if normalised(&dist.name) == normalised(name) {
            let text = fs::read_to_string(dist.info.join("entry_points.txt"));
            scripts = console_scripts(&text.unwrap_or_default());
        }
    }
    scripts.retain(|name| is_executable(&root.join("bin").join(name)));
    let wanted = program.unwrap_or(name);
    let same = |script: &&String| normalised(script) == normalised(wanted);
    if let Some(found) = scripts.iter().find(same) {
        return Ok(script(found));
    }
    if let Some(program) = program {
        // Programs of its dependencies count as well: `uvx --with` and `uv run` offer them.
        let plain = !program.contains('/');
        if plain && is_executable(&root.join("bin").join(program)) {
            return Ok(script(program));
        }
    } else if let [only] = scripts.as_slice() {
        return Ok(script(only));
    }
    let module = wanted.replace(['-', '.'], "_");
    if packages.join(&module).join("__main__.py").is_file() {
        return Ok(vec![python, "-m".to_owned(), module]);
    }
    let names: Vec<_> = scripts.iter().map(|name| format!("`{name}`")).collect();
    Err(FetchError::NoEntry {
        place: name.to_owned(),
        reason: match names.as_slice() {
            [] => "it has no console script and no `__main__`".to_owned(),
            names => format!("it has several programs: {}", names.join(", ")),
        },
        hint: "name one in a client's configuration: `uvx --from PACKAGE PROGRAM`".to_owned(),
    })
}

fn console_scripts(text: &str) -> Vec<String> {
    let mut within = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            within = line == "[console_scripts]";
        } else if within && let Some((name, _)) = line.split_once('=') {
            let name = name.trim();
            if !name.is_empty() && !name.contains('/') {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// How to start `argv` in the environment in `root`.
pub(super) fn launch(
    root: &Path,
    argv: Vec<String>,
    args: &[String],
    shown: Shown,
    tree: &Tree,
) -> Launch {
    let mut mounts = shown.mounts;
    mounts.push(Mount {
        source: root.to_owned(),
        target: inside::VENV.to_owned(),
        overlay: true,
    });
    Launch {
        argv: argv.into_iter().chain(args.iter().cloned()).collect(),
        env: shown.env,
        cwd: None,
        mounts,
        certifi: [tree.certifi.clone(), shown.certifi].concat(),
    }
}

fn is_about_dates(words: &str) -> bool {
    [
        "upload-time",
        "uploaded-prior-to",
        "No matching distribution",
        "ResolutionImpossible",
    ]
    .iter()
    .any(|mark| words.contains(mark))
}

/// Whether pip found nothing that fits, among wheels; or something that it would have built.
fn lacks_wheels(words: &str) -> bool {
    [
        "No matching distribution",
        "ResolutionImpossible",
        pip::REFUSED,
    ]
    .iter()
    .any(|mark| words.contains(mark))
}

/// What pip said, where it is more than "it failed".
fn failure(subject: &str, words: &str, root: &Path, options: &Options) -> FetchError {
    if let Some(missing) = pip::missing(words) {
        return match options.offline {
            true => FetchError::Offline { subject: missing },
            false => FetchError::NoDistribution {
                subject: missing,
                reason: format!("`{subject}` needs it, and no release fits"),
            },
        };
    }
    host::failure("pip install", subject, words, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_scripts_are_read_from_their_section_alone() {
        let text = "[gui_scripts]\nwin = a:b\n\n[console_scripts]\nmail-server = mail:main\n\
                    ../evil = x:y\nb=c:d [extra]\n[other]\nz = y:z\n";
        assert_eq!(console_scripts(text), ["mail-server", "b"]);
    }
}
