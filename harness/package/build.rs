//! Builds of Python folders in which code of the folder's own takes part: a `setup.py`, a back end
//! that lies in the folder, a hook. What they need is fetched here as wheels, which executes
//! nothing; the build itself is left to the sandbox. A build that only others' code makes is none:
//! what it would have declared is read instead.

use super::cache::Cache;
use super::error::FetchError;
use super::manifest::read_bounded;
use super::model::{Mount, Options, Script, inside};
use super::pip::{self, Pip};
use super::python::{self, Python, Shown};
use super::{host, requirements};
use serde::Deserialize;
use std::path::Path;

/// What pip assumes of a folder that says nothing (PEP 517, "Source trees").
const LEGACY: (&str, &str) = ("setuptools.build_meta:__legacy__", "setuptools>=40.8.0");
/// What is executed inside, in the folder of the source.
const SCRIPT: &str = include_str!("build.sh");

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    build_system: Option<System>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct System {
    #[serde(default)]
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

/// A build to be made in the sandbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Build {
    requires: Vec<String>,
    /// Back end, and the code of the folder's own that takes part.
    text: String,
}

/// Whose a build is, and where it finds what inside.
pub(super) struct Place<'a> {
    pub name: &'a str,
    pub version: Option<&'a str>,
    /// Whether it is the server's own package.
    pub own: bool,
    /// The source's folder.
    pub folder: String,
    /// What the build needs.
    pub tools: String,
}

impl<'a> Place<'a> {
    /// The server's own package.
    pub fn own(name: &'a str, version: Option<&'a str>) -> Self {
        Self {
            name,
            version,
            own: true,
            folder: inside::FOLDER.to_owned(),
            tools: inside::TOOLS.to_owned(),
        }
    }

    /// A package that the server needs.
    pub fn dependency(name: &'a str, version: &'a str) -> Self {
        Self {
            name,
            version: Some(version),
            own: false,
            folder: format!("{}/{name}/{version}/src", inside::SOURCES),
            tools: format!("{}-{name}", inside::TOOLS),
        }
    }
}

impl Build {
    /// The build of a folder; none where nothing of its own is executed, unless it is to be built
    /// `anyway`.
    pub fn of(folder: &Path, anyway: bool) -> Result<Option<Self>, FetchError> {
        let file = folder.join("pyproject.toml");
        let table: Table = match read_bounded(&file)? {
            Some(text) => toml::from_slice(&text).map_err(|error| FetchError::Config {
                file,
                reason: error.to_string(),
            })?,
            None => Table::default(),
        };
        let system = table.build_system.unwrap_or_default();
        let mut own: Vec<&str> = ["setup.py", "hatch_build.py"]
            .into_iter()
            .filter(|name| folder.join(name).is_file())
            .collect();
        own.extend(system.backend_path.iter().map(String::as_str));
        if own.is_empty() && !anyway {
            return Ok(None);
        }
        let (back_end, mut requires) = match system.build_backend {
            Some(back_end) => (back_end, system.requires),
            None if system.requires.is_empty() => (LEGACY.0.to_owned(), vec![LEGACY.1.to_owned()]),
            None => (LEGACY.0.to_owned(), system.requires),
        };
        for requirement in &requires {
            requirements::check("pyproject.toml", requirement)?;
        }
        // Releases before 70.1 build wheels with its help.
        if requires.iter().any(|name| name.starts_with("setuptools")) {
            requires.push("wheel".to_owned());
        }
        requires.sort();
        Ok(Some(Self {
            text: match own.as_slice() {
                [] => format!("python -m pip wheel . # {back_end}"),
                own => format!("python -m pip wheel . # {back_end}: {}", own.join(", ")),
            },
            requires,
        }))
    }

    /// Fetches what it needs. Gives what has to be seen inside for it, and what to execute there.
    pub fn prepare(
        self,
        place: &Place,
        python: &Python,
        shown: &Shown,
        options: &Options,
    ) -> Result<(Mount, Script), FetchError> {
        let wanted = self.requires.join("\n");
        let date = options.as_of.map(|date| date.to_string());
        let interpreter = python.version.to_string();
        let key = [
            wanted.as_str(),
            date.as_deref().unwrap_or_default(),
            &interpreter,
            &shown.program,
            "compiled",
        ];
        let cache = Cache::new(&options.cache);
        let entry = cache.entry::<(), _>("build", "tools", &key, options.progress, |root| {
            let name = place.name;
            (options.progress)(&format!("fetching what the build of {name} needs"));
            let pip = Pip::find(python, options)?;
            let said = pip.gather(root, &self.requires, options)?;
            match pip::missing(&said.stderr) {
                _ if said.ok => python::compile(&python.program, root, root, inside::TOOLS),
                Some(missing) if !options.offline => Err(FetchError::NoDistribution {
                    subject: missing,
                    reason: format!("the build of `{name}` needs it, as a wheel that fits"),
                }),
                _ => Err(host::failure("pip install", name, &said.stderr, root)),
            }
        })?;
        let mount = Mount {
            source: entry.root,
            target: place.tools.clone(),
            overlay: false,
        };
        let mut env = shown.env.clone();
        env.push(("PYTHONPATH".to_owned(), place.tools.clone()));
        env.push(("VIRTUAL_ENV".to_owned(), inside::VENV.to_owned()));
        let script = Script {
            package: place.name.to_owned(),
            version: place.version.map(str::to_owned),
            own: place.own,
            event: "build".to_owned(),
            text: self.text,
            argv: ["sh", "-c", SCRIPT].map(str::to_owned).to_vec(),
            folder: place.folder.clone(),
            installs_to: Some(inside::VENV.to_owned()),
            env,
            path: vec![format!("{}/bin", inside::VENV)],
        };
        Ok((mount, script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn of(files: &[(&str, &str)]) -> Option<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let build = Build::of(folder.path(), false).unwrap()?;
        Some((build.text, build.requires.join(" ")))
    }

    #[test]
    fn a_build_is_one_only_with_code_of_the_folder_s_own() {
        let hatch =
            "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
        assert_eq!(of(&[("server.py", "")]), None);
        assert_eq!(of(&[("pyproject.toml", hatch)]), None);
        let told = |text: &str, requires: &str| {
            Some((
                format!("python -m pip wheel . # {text}"),
                requires.to_owned(),
            ))
        };
        assert_eq!(
            of(&[("pyproject.toml", hatch), ("hatch_build.py", "")]),
            told("hatchling.build: hatch_build.py", "hatchling")
        );
        assert_eq!(
            of(&[("setup.py", "")]),
            told(
                "setuptools.build_meta:__legacy__: setup.py",
                "setuptools>=40.8.0 wheel"
            )
        );
        let own =
            "[build-system]\nrequires = []\nbuild-backend = \"back\"\nbackend-path = [\"tools\"]\n";
        assert_eq!(of(&[("pyproject.toml", own)]), told("back: tools", ""));
    }

    #[test]
    fn what_a_build_needs_comes_from_the_index_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[build-system]\nrequires = [\"x @ https://h.example/x.tgz\"]\n";
        fs::write(folder.path().join("pyproject.toml"), text).unwrap();
        fs::write(folder.path().join("setup.py"), "").unwrap();
        assert!(matches!(
            Build::of(folder.path(), true),
            Err(FetchError::BuildRefused { .. })
        ));
    }
}
