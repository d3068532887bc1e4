//! A scenario after checking. Each field documents the key of the same name; units are in the
//! key's name in the file and in the type here. `run` translates these types for the modules
//! that do the work: they are a file format and follow its versions.

use crate::secret::Shape;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The value of `format` that this version reads.
pub const FORMAT: &str = "turncoat.scenario/1";

/// A checked scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file it was read from, as the caller named it. Paths in the file are relative to
    /// the folder it lies in.
    pub path: PathBuf,
    pub server: Server,
    /// In the order written. No two have the same host and port.
    pub upstreams: Vec<Upstream>,
    pub exercise: Exercise,
    pub policy: Policy,
}

/// `[server]`: what is run, and the machine it finds itself on.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// What to run. Absent where the command line names it.
    pub target: Option<Target>,
    /// Arguments after the server's own command, in order.
    pub args: Vec<Setting>,
    /// Environment variables, beside those that every process gets.
    pub env: BTreeMap<String, Setting>,
    /// What lies in the home folder.
    pub home: HomeKind,
    /// Files planted before the server starts, over those of the home folder. No place occurs
    /// twice, and none lies below another.
    pub files: Vec<File>,
    /// Where it listens, if it is spoken to over HTTP; found out where absent.
    pub url: Option<Local>,
    /// Header fields of every request to it over HTTP, by name as written.
    pub headers: BTreeMap<String, Setting>,
    /// The folder the server is started in; the persona's project folder where absent.
    pub cwd: Option<Place>,
    /// What becomes of the scripts that installing the package executes.
    pub install_scripts: InstallScripts,
    /// How long one of them may take.
    pub install_timeout: Duration,
    /// The platform this scenario is written for. On another one it must not be run: its
    /// package may have no build there, and what is seen would not be comparable.
    pub platform: Option<Platform>,
}

impl Server {
    /// Seconds.
    pub const INSTALL_TIMEOUT_S: u64 = 60;
}

impl Default for Server {
    fn default() -> Self {
        Self {
            target: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            home: HomeKind::default(),
            files: Vec::new(),
            url: None,
            headers: BTreeMap::new(),
            cwd: None,
            install_scripts: InstallScripts::default(),
            install_timeout: Duration::from_secs(Self::INSTALL_TIMEOUT_S),
            platform: None,
        }
    }
}

/// `url`: an address on the server's own loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

/// `install_scripts`: whether what installing the package executes is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstallScripts {
    /// In the sandbox, before the server is started there.
    #[default]
    Run,
    /// They are listed, and nothing of them is executed.
    Skip,
}

/// What `[server] target` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As written.
    pub text: String,
    /// Where a folder, an archive or a client's config lies (the part before `#SERVER`), joined
    /// to the scenario's folder; it existed when the scenario was loaded. Absent for a package
    /// and for an address.
    pub path: Option<PathBuf>,
}

impl Target {
    /// The target as the command line takes it: what is relative in the file is relative to
    /// the scenario's folder there and to the working folder here.
    pub fn resolved(&self) -> String {
        let Some(path) = &self.path else {
            return self.text.clone();
        };
        match self.text.split_once('#') {
            Some((_, server)) => format!("{}#{server}", path.display()),
            None => path.display().to_string(),
        }
    }
}

/// A value handed to the server. Where it shows up in an effect, it is explained by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Not secret: a plain string.
    Plain(String),
    /// Made up for every run in this shape, planted, and watched wherever it goes.
    Secret(Shape),
}

/// `home`: what lies in the home folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HomeKind {
    /// Plausible dotfiles and documents full of canaries.
    #[default]
    Populated,
    /// Nothing but the planted files.
    Empty,
}

/// One entry of `[server] files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub place: Place,
    pub content: Content,
    /// Permission bits, 0o644 where the file says nothing.
    pub mode: u32,
}

impl File {
    /// Permission bits where an entry names none.
    pub const MODE: u32 = 0o644;
}

/// What a planted file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Written in the scenario, or read from the file it names.
    Bytes(Vec<u8>),
    /// A made-up secret and nothing else, without a newline, as secret stores mount them.
    Secret(Shape),
}

/// A path inside the sandbox: relative, normalised, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Written `~/…`: below the home folder; the home folder itself where empty.
    Home(PathBuf),
    /// Below the folder the server is started in (for `cwd` itself: below the persona's).
    Cwd(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home(path) => write!(f, "{}", Path::new("~").join(path).display()),
            Self::Cwd(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `platform`, as container images write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    LinuxAmd64,
    LinuxArm64,
}

impl Platform {
    /// Whether a machine is this platform. `os` and `arch` are the words of
    /// [`std::env::consts::OS`] and [`std::env::consts::ARCH`].
    pub fn is(self, os: &str, arch: &str) -> bool {
        match self {
            Self::LinuxAmd64 => (os, arch) == ("linux", "x86_64"),
            Self::LinuxArm64 => (os, arch) == ("linux", "aarch64"),
        }
    }
}

/// One `[[upstream]]`: who answers for a host. Hosts without one answer too, permissively.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Host name or IP address, in lower case, without a final dot.
    pub host: String,
    /// The port this entry is for; every port that no other entry for the host names where absent.
    pub port: Option<u16>,
    pub answer: Answer,
    /// How it does, request by request, and then from the start; well where empty.
    pub behaves: Vec<String>,
}

/// Where an upstream's answers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A built-in mock, by its name; never `smtp` or `imap`.
    Mock(String),
    /// The built-in mail server.
    Smtp(Smtp),
    /// The built-in mailboxes.
    Imap,
    /// A folder of WireMock JSON mappings, joined to the scenario's folder.
    Stubs(PathBuf),
    /// An OpenAPI document, joined to the scenario's folder.
    OpenApi(PathBuf),
    /// A HAR recording, joined to the scenario's folder.
    Har(PathBuf),
}

/// How the built-in mail server deviates from accepting everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smtp {
    /// Recipients to refuse. `*` stands for any characters, case does not matter.
    pub reject: Vec<String>,
    /// How long each mail waits for the answer to its DATA.
    pub delay: Duration,
    /// The answer to every DATA: a 4xx or 5xx reply (RFC 5321, section 4.2).
    pub fail: Option<String>,
}

/// `[exercise]`: how the server is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Exercise {
    /// Tool calls per server run.
    pub calls: u32,
    /// Seed of all made-up values; the command's default where absent.
    pub seed: Option<u64>,
    /// The part of the valid calls, 0 to 1, that must be answered without error for a
    /// conclusion. Every tool must be reached besides.
    pub floor: f64,
    /// How long the server is watched after its last call; the run's default where absent.
    pub idle: Option<Duration>,
    /// How long one call may take; less, once a tool has been silent.
    pub timeout: Duration,
    /// Per tool, by its name.
    pub tools: BTreeMap<String, ToolPlan>,
    /// Calls made as they stand after all others, in this order.
    pub sequence: Vec<Step>,
}

impl Exercise {
    pub const CALLS: u32 = 64;
    pub const FLOOR: f64 = 0.5;
    /// Seconds.
    pub const TIMEOUT_S: u64 = 30;
}

impl Default for Exercise {
    fn default() -> Self {
        Self {
            calls: Self::CALLS,
            seed: None,
            floor: Self::FLOOR,
            idle: None,
            timeout: Duration::from_secs(Self::TIMEOUT_S),
            tools: BTreeMap::new(),
            sequence: Vec::new(),
        }
    }
}

/// `[[exercise.sequence]]`: one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub tool: String,
    pub arguments: Value,
}

/// `[exercise.tools.NAME]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolPlan {
    /// Hints by the path of the argument, keys joined with `.`, `[]` for the items of a list
    /// (`filter.status`, `items[].name`). They join the generated values.
    pub args: BTreeMap<String, Vec<Value>>,
    /// Never call this tool.
    pub skip: bool,
    /// Calls of this tool; its share of all calls where absent.
    pub calls: Option<u32>,
}

/// `[policy]`: what the findings mean for the exit status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The least severity that fails; the command's default where absent.
    pub fail_on: Option<FailOn>,
    pub allow: Vec<Allow>,
    /// Severities in place of the rules' own, by rule.
    pub rules: BTreeMap<String, Level>,
}

/// `fail_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    Change,
    Suspicious,
}

/// The value of `rules.NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off,
    Info,
    Change,
    Suspicious,
}

/// Findings that are fine: those of `rule` that fit every other field which is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    pub rule: String,
    /// The host the effect went to, in lower case.
    pub host: Option<String>,
    pub tool: Option<String>,
    /// The path of the file or of the request.
    pub path: Option<String>,
    /// The field of the effect.
    pub field: Option<String>,
}

/// As an inline table in the file.
impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ rule = {:?}", self.rule)?;
        for (key, value) in [
            ("host", &self.host),
            ("tool", &self.tool),
            ("path", &self.path),
            ("field", &self.field),
        ] {
            if let Some(value) = value {
                write!(f, ", {key} = {value:?}")?;
            }
        }
        write!(f, " }}")
    }
}
