//! pip: a recent one of our own in the cache, so that a date can be asked for, or else the
//! interpreter's. It keeps the user's indexes, proxies and certificates.

use super::cache::Cache;
use super::error::FetchError;
use super::host::{self, Said};
use super::model::Options;
use super::python::{self, Python};
use super::timestamp::Timestamp;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Comes before pip in the process that resolves or installs.
const GUARD: &str = include_str!("guard.py");
/// Runs pip behind that.
const CLIENT: &str =
    "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main(sys.argv[1:]))\n";
/// What the guard says where something was to be executed.
pub(super) const REFUSED: &str = "turncoat executes nothing to install packages";

/// What to install.
#[derive(Clone, Copy)]
pub(super) enum Needs<'a> {
    /// These and what they need in turn.
    Resolved(&'a [String]),
    /// These and nothing else.
    Alone(&'a [String]),
}

/// The first release that knows `--uploaded-prior-to`.
const WANTED: &str = "pip>=26";

/// A pip that can be run.
#[derive(Debug)]
pub(super) struct Pip {
    python: PathBuf,
    /// The folder that it lies in.
    folder: PathBuf,
    /// Whether that is our own; otherwise it is the interpreter's.
    own: bool,
}

impl Pip {
    /// Finds or fetches one, run by `python`.
    pub fn find(python: &Python, options: &Options) -> Result<Self, FetchError> {
        let program = python.program.clone();
        let version = python.version.to_string();
        let cache = Cache::new(&options.cache);
        let built = cache.entry::<(), _>(
            "tools",
            "pip",
            &[WANTED, &version, "compiled"],
            options.progress,
            |root| {
                if options.offline {
                    return Err(FetchError::Offline {
                        subject: "pip".to_owned(),
                    });
                }
                (options.progress)("fetching pip");
                let mut command = bootstrap(&program, root)?;
                let said = host::run(&mut command)?;
                if said.ok {
                    // Once and here: an entry that every start adds to would be built again.
                    return python::compile(&program, root, root, "/pip");
                }
                Err(host::failure("pip", WANTED, &said.stderr, &options.cache))
            },
        );
        match built {
            Ok(entry) => Ok(Self {
                python: program,
                folder: entry.root,
                own: true,
            }),
            Err(error @ FetchError::DiskFull(_)) => Err(error),
            Err(error) => {
                let Some(folder) = installed(&program) else {
                    return Err(error);
                };
                (options.progress)(&format!("using the installed pip: {error}"));
                Ok(Self {
                    python: program,
                    folder,
                    own: false,
                })
            }
        }
    }

    /// Whether it can resolve as of a date.
    pub fn knows_dates(&self) -> bool {
        self.own
    }

    /// A Python command in which this pip can be imported.
    pub fn python(&self) -> Command {
        let mut command = host::client(&self.python, host::NEUTRAL);
        command.arg("-B");
        if self.own {
            command.env("PYTHONPATH", &self.folder);
        }
        set(&mut command);
        command
    }

    /// The same in `python`, behind the guard, where arguments go to `script`.
    fn guarded(&self, python: &Path, script: &str) -> Command {
        let mut command = host::client(python, host::NEUTRAL);
        set(&mut command);
        command.args(["-I", "-B", "-c", &format!("{GUARD}\n{script}")]);
        command.arg(&self.folder);
        command
    }

    /// Puts a pip and what `requirements` name into a folder of their own, from wheels alone.
    pub fn gather(
        &self,
        into: &Path,
        requirements: &[String],
        options: &Options,
    ) -> Result<Said, FetchError> {
        let attempt = |as_of: Option<Timestamp>| {
            let mut command = self.guarded(&self.python, CLIENT);
            command.args(["install", "--quiet", "--no-input"]);
            command.args(["--no-compile", "--only-binary=:all:", "--target"]);
            command.arg(into);
            held(&mut command, as_of, options);
            host::run(command.args(["--", WANTED]).args(requirements))
        };
        let as_of = options.as_of.filter(|_| self.knows_dates());
        let said = attempt(as_of)?;
        // Tools do not end up in the package: those of today do as well.
        match as_of {
            Some(_) if !said.ok => attempt(None),
            _ => Ok(said),
        }
    }

    /// Installs into the virtual environment `venv`, from wheels alone.
    pub fn install(
        &self,
        venv: &Path,
        needs: Needs,
        as_of: Option<Timestamp>,
        options: &Options,
    ) -> Result<Said, FetchError> {
        let mut command = self.guarded(&venv.join("bin/python"), CLIENT);
        command.args([
            "install",
            "--quiet",
            "--no-input",
            "--no-compile",
            "--no-warn-script-location",
            "--only-binary=:all:",
        ]);
        held(&mut command, as_of, options);
        let requirements = match needs {
            Needs::Resolved(requirements) => requirements,
            Needs::Alone(requirements) => {
                command.arg("--no-deps");
                requirements
            }
        };
        host::run(command.arg("--").args(requirements))
    }

    /// Says what it would install (its "installation report", on stdout) where some of that has no
    /// wheel: nothing is installed, built or executed.
    pub fn resolve(
        &self,
        requirements: &[String],
        as_of: Option<Timestamp>,
        options: &Options,
    ) -> Result<Said, FetchError> {
        let mut command = self.guarded(&self.python, include_str!("resolve.py"));
        // What a user sets against builds on this machine is kept by building elsewhere.
        command.args(["--only-binary=:none:", "--no-binary=:none:"]);
        command.args(["--quiet", "--no-input", "--prefer-binary"]);
        held(&mut command, as_of, options);
        host::run(command.arg("--").args(requirements))
    }
}

/// The requirement that pip found nothing for, by its words.
pub(super) fn missing(words: &str) -> Option<String> {
    let (_, rest) = words.split_once("No matching distribution found for ")?;
    let line = rest.lines().next().unwrap_or_default().trim();
    Some(line.chars().take(200).collect())
}

fn held(command: &mut Command, as_of: Option<Timestamp>, options: &Options) {
    if options.offline {
        command.arg("--no-index");
    }
    if let Some(date) = as_of {
        command.arg(format!("--uploaded-prior-to={}", date.next_second()));
    }
}

/// Settings of the user's that would put packages elsewhere than asked are left out.
fn set(command: &mut Command) {
    command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    for name in [
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_ROOT",
        "PIP_PYTHON",
    ] {
        command.env_remove(name);
    }
}

/// The folder in which an interpreter has its own pip.
fn installed(python: &Path) -> Option<PathBuf> {
    let script =
        "import pip, os; print(os.path.dirname(os.path.dirname(os.path.abspath(pip.__file__))))";
    let mut command = host::client(python, host::NEUTRAL);
    let said = host::run(command.args(["-c", script])).ok()?;
    let folder = said.stdout.trim_end();
    (said.ok && !folder.is_empty()).then(|| folder.into())
}

/// Installs our pip with what there is: the interpreter's own, or uv.
fn bootstrap(python: &Path, into: &Path) -> Result<Command, FetchError> {
    let mut command = if installed(python).is_some() {
        let mut command = host::client(python, host::NEUTRAL);
        command.args([
            "-m",
            "pip",
            "install",
            "--no-input",
            "--no-deps",
            "--no-compile",
        ]);
        command
    } else if let Some(uv) = host::which("uv") {
        let mut command = host::client(&uv, host::NEUTRAL);
        command
            .args([
                "pip",
                "install",
                "--no-deps",
                "--link-mode=copy",
                "--python",
            ])
            .arg(python);
        command
    } else {
        return Err(FetchError::MissingTool {
            tool: "pip".to_owned(),
            needed_for: "to install Python packages (`uv` would do as well)".to_owned(),
        });
    };
    command
        .args(["--quiet", "--only-binary=:all:", "--target"])
        .arg(into)
        .arg(WANTED);
    Ok(command)
}
