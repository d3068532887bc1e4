//! The world that every run of one comparison finds itself in: the same secrets, the same home,
//! the same upstreams, the same hour. Built once from the scenario and the seed; nothing of the
//! host enters but the date.

use super::bench::Means;
use super::client::Client;
use super::condition::{Condition, Conditions};
use super::door::Door;
use super::error::RunError;
use super::install;
use super::services::{Services, Standing};
use super::trust::{self, Trust};
use crate::event::{Listener, Progress};
use crate::generate::{Dictionary, Language};
use crate::internet::{Ca, Cues, Upstream};
use crate::mcp;
use crate::package::{self, Code, Difference, Package};
use crate::provenance::{Confided, Said};
use crate::sandbox::{Limits, PlantedFile, Spec};
use crate::scenario::{Content, HomeKind, Place, Scenario, Setting};
use crate::secret::{Kind, Persona, Planted, Seed, Shape, home, issued};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What all runs of one comparison have in common.
#[derive(Clone)]
pub struct Setup {
    pub seed: Seed,
    pub planted: Vec<Planted>,
    /// When all of these worlds begin, but for those of another date: a whole second, so that
    /// servers which start a little faster or slower are as far from the next one as can be.
    begin: SystemTime,
    conditions: Conditions,
    /// The client that is met where that is another than usual.
    other_client: Client,
    code: Arc<Dictionary>,
    said: Arc<Said>,
    scenario: Scenario,
    ca: Arc<Ca>,
    trust: Trust,
    /// Where copies of interpreters are kept.
    cache: PathBuf,
    listener: Arc<dyn Listener>,
    files: Vec<PlantedFile>,
    env: Vec<(String, String)>,
    args: Vec<String>,
    /// Header fields of requests to the server, names in lower case.
    headers: Vec<(String, String)>,
    /// Whether a server runs somewhere else, where calls have consequences.
    in_earnest: bool,
    mounted: Vec<Upstream>,
    services: Services,
    helper: Option<PathBuf>,
    confided: Arc<OnceLock<Arc<Confided>>>,
}

impl Setup {
    /// Makes the secrets and the home of `scenario`.
    pub fn new(scenario: &Scenario, seed: Seed, means: &Means) -> Result<Self, RunError> {
        let ca = trust::authority(&means.cache);
        let ca = Arc::new(ca.map_err(|e| RunError::new("no certificates can be made", e))?);
        let trust = Trust::new(&ca, &means.cache, &progress(&means.listener));
        let mut setup = Self {
            seed,
            planted: Vec::new(),
            begin: UNIX_EPOCH + Duration::from_secs(now_s()),
            conditions: Conditions::default(),
            other_client: Client::default(),
            code: Arc::default(),
            said: Arc::default(),
            scenario: scenario.clone(),
            ca,
            trust,
            cache: means.cache.clone(),
            listener: Arc::clone(&means.listener),
            files: Vec::new(),
            env: Vec::new(),
            args: Vec::new(),
            headers: Vec::new(),
            in_earnest: false,
            mounted: means.mounted.clone(),
            services: Services::load(scenario)?,
            helper: means.helper.clone(),
            confided: Arc::default(),
        };
        // What stands near the machine hands out canaries, whatever its home holds.
        setup.planted.extend(issued(seed).planted);
        setup.populate();
        for (name, setting) in &scenario.server.env {
            let value = setup.value(name, setting);
            setup.env.push((name.clone(), value));
        }
        for (i, setting) in scenario.server.args.iter().enumerate() {
            let value = setup.value(&format!("args[{i}]"), setting);
            setup.args.push(value);
        }
        for (name, setting) in &scenario.server.headers {
            let value = setup.value(&format!("headers.{name}"), setting);
            setup.headers.push((name.to_ascii_lowercase(), value));
        }
        Ok(setup)
    }

    /// The same world, but for these conditions.
    pub fn under(&self, conditions: &Conditions) -> Self {
        Self {
            conditions: conditions.clone(),
            ..self.clone()
        }
    }

    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Takes from the code in which two versions differ what it waits for: the client that is met
    /// under other circumstances, and what arguments are compared with.
    pub fn read(&mut self, difference: &Difference) {
        let ordinary = mcp::Options::default().client_name;
        self.other_client = Client::asked_for(difference, &ordinary);
        let text = |code: &Code| Some((Language::of(code.kind)?, code.own, code.text()));
        let [old, new] =
            [&difference.old, &difference.new].map(|side| side.iter().filter_map(text));
        self.code = Arc::new(Dictionary::newly(old, new));
        self.said = Arc::new(Said::new(self.code.texts()));
    }

    /// The texts of it.
    pub fn said(&self) -> &Arc<Said> {
        &self.said
    }

    /// What the new version's code compares its arguments with.
    pub fn code(&self) -> &Arc<Dictionary> {
        &self.code
    }

    /// What upstreams say in answers for the sake of that code.
    pub fn cues(&self) -> Cues {
        Cues::new(self.code.comparands())
    }

    /// The name of that client.
    pub fn other_client(&self) -> &str {
        &self.other_client.name
    }

    /// What a server's wall clock shows when it is started.
    pub fn clock(&self) -> SystemTime {
        self.begin + self.conditions.date()
    }

    /// The client that a server meets.
    pub fn client(&self) -> mcp::Options {
        let mut options = mcp::Options::default();
        if self.conditions.has(Condition::Client) {
            let Client { name, version } = self.other_client.clone();
            (options.client_name, options.client_version) = (name, version);
        }
        if self.conditions.has(Condition::Capabilities) {
            options.roots.clear();
            options.sampling = None;
            options.elicitation = None;
        }
        options
    }

    /// Where the server is spoken to, as far as the scenario says.
    pub fn door(&self) -> Door {
        match &self.scenario.server.url {
            Some(url) => Door::named(url.port, &url.path, self.headers.clone()),
            None => Door::Unknown,
        }
    }

    /// Whether calls have consequences: a server is a real one.
    pub fn is_in_earnest(&self) -> bool {
        self.in_earnest
    }

    /// Header fields of requests to a server that speaks HTTP.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The home folder's files and the scenario's own, over them.
    fn populate(&mut self) {
        let persona = &Persona::DEFAULT;
        if self.scenario.server.home == HomeKind::Populated {
            let home = home(persona, self.seed);
            self.planted.extend(home.planted);
            self.files
                .extend(home.files.into_iter().map(|file| PlantedFile {
                    path: format!("{}/{}", persona.home, file.path),
                    content: file.content,
                    mode: file.mode,
                }));
        }
        for file in self.scenario.server.files.clone() {
            let path = match &file.place {
                Place::Home(path) => format!("{}/{}", persona.home, path.display()),
                Place::Cwd(path) => format!("{}/{}", self.cwd(), path.display()),
            };
            let content = match &file.content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::Secret(shape) => {
                    let name = file.place.to_string();
                    self.plant(&name, shape.clone()).into_bytes()
                }
            };
            self.files.retain(|known| known.path != path);
            self.files.push(PlantedFile {
                path,
                content,
                mode: file.mode,
            });
        }
    }

    fn value(&mut self, name: &str, setting: &Setting) -> String {
        match setting {
            Setting::Secret(shape) => self.plant(name, shape.clone()),
            Setting::Plain(value) => {
                self.set(name, value);
                value.clone()
            }
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        let known = Planted {
            name: name.to_owned(),
            value: value.to_owned(),
            kind: Kind::Setting,
            unknown: 0..0,
        };
        self.planted.push(known);
    }

    fn plant(&mut self, name: &str, shape: Shape) -> String {
        let value = shape.make(&mut self.seed.stream(&format!("secret {name}")));
        let planted = Planted {
            name: name.to_owned(),
            kind: Kind::Secret,
            unknown: shape.unknown(value.len()),
            value: value.clone(),
        };
        if !self.planted.contains(&planted) {
            self.planted.push(planted);
        }
        value
    }

    fn cwd(&self) -> String {
        match &self.scenario.server.cwd {
            Some(Place::Home(path)) => format!("{}/{}", Persona::DEFAULT.home, path.display()),
            Some(Place::Cwd(path)) => format!("{}/{}", Persona::DEFAULT.cwd, path.display()),
            None => Persona::DEFAULT.cwd.to_owned(),
        }
    }

    /// What the package brings along: interpreters that must know whom to trust, and settings (a
    /// client's configuration, a bundle's manifest), credentials replaced by made-up ones of the
    /// same shape.
    pub fn adopt(&mut self, package: &Package) {
        self.in_earnest |= package.remote.is_some();
        let progress = progress(&self.listener);
        self.trust
            .adopt(&package.launch, &self.ca, &self.cache, &progress);
        for setting in &package.settings {
            let known = self.planted.iter().any(|p| p.name == setting.name);
            if known || self.env.iter().any(|(name, _)| *name == setting.name) {
                continue;
            }
            let value = match &setting.value {
                package::Value::Plain(value) => {
                    self.set(&setting.name, value);
                    value.clone()
                }
                package::Value::Secret(shape) => self.plant(&setting.name, shape.clone()),
            };
            if setting.env {
                self.env.push((setting.name.clone(), value));
            }
        }
    }

    /// What to start for this package.
    pub fn spec(&self, package: &Package) -> Spec {
        let launch = &package.launch;
        let mut argv: Vec<String> = launch.argv.iter().map(|arg| self.filled(arg)).collect();
        argv.extend(self.args.iter().cloned());
        let mut files = self.files.clone();
        files.extend(self.trust.files(launch));
        Spec {
            argv,
            env: self.environment(package),
            cwd: launch.cwd.clone().unwrap_or_else(|| self.cwd()),
            mounts: self.trust.mounts(launch),
            files,
            limits: Limits::default(),
            before: install::errands(self, package),
            clock: Some(self.clock()),
            jumps: self.conditions.hurries(),
            identity: self.conditions.identity(),
            helper: self.helper.clone(),
        }
    }

    /// Fills in the secrets that a configured command holds by name.
    fn filled(&self, arg: &str) -> String {
        let mut out = arg.to_owned();
        for planted in &self.planted {
            out = out.replace(&format!("${{{}}}", planted.name), &planted.value);
        }
        out
    }

    /// The complete environment: what a login gives, what makes runs repeatable, and the settings.
    pub(super) fn environment(&self, package: &Package) -> Vec<(String, String)> {
        let persona = &Persona::DEFAULT;
        let path =
            "/home/alex/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let base = [
            ("PATH", path),
            ("HOME", persona.home),
            ("USER", persona.user),
            ("LOGNAME", persona.user),
            ("SHELL", "/bin/bash"),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            // The order of Python's sets shows in descriptions and request bodies.
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        let mut env: Vec<(String, String)> = base
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let others = self.conditions.environment();
        for (name, value) in others.into_iter().chain(self.trust.variable()) {
            env.retain(|(known, _)| known != name);
            env.push((name.to_owned(), value.to_owned()));
        }
        for (name, value) in package.launch.env.iter().chain(&self.env) {
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), self.filled(value)));
        }
        env
    }

    /// What is watched for in all runs, to be made by whoever first has the time: nothing is
    /// planted later.
    pub fn confided(&self) -> impl FnOnce() -> Arc<Confided> + Send + use<> {
        let made = Arc::clone(&self.confided);
        let given = match made.get() {
            Some(_) => Default::default(),
            None => (self.planted.clone(), self.files.clone()),
        };
        move || Arc::clone(made.get_or_init(|| Arc::new(confided(&given.0, &given.1))))
    }

    /// What a server can notice of how it was set up, each a sentence for the report.
    pub fn notes(&self) -> Vec<String> {
        self.trust.notes()
    }

    pub fn ca(&self) -> Arc<Ca> {
        Arc::clone(&self.ca)
    }

    /// Fresh upstreams: they hold state, and every run must find them as new.
    pub fn upstreams(&self) -> Result<Standing, RunError> {
        let mut standing = self.services.fresh(self.seed)?;
        standing.http.splice(0..0, self.mounted.iter().cloned());
        Ok(standing)
    }
}

/// Tells of what takes time.
fn progress(listener: &Arc<dyn Listener>) -> impl Fn(&str) + use<> {
    let listener = Arc::clone(listener);
    move |what| {
        let what = what.to_owned();
        listener.hear(Progress::Step { what });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "servers are shown the date of the comparison, or their dates would look made up"
)]
fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}

/// Everything planted that is no setting, and the files that hold such a value.
fn confided(planted: &[Planted], files: &[PlantedFile]) -> Confided {
    let secret = planted.iter().filter(|p| p.kind != Kind::Setting);
    let secret: Vec<&[u8]> = secret.map(|p| p.value.as_bytes()).collect();
    let holds = |file: &&PlantedFile| {
        let inside = |value| memchr::memmem::find(&file.content, value).is_some();
        secret.iter().any(|value| inside(value))
    };
    let files = files.iter().filter(holds).map(|file| {
        let path = file.path.strip_prefix(Persona::DEFAULT.home);
        let name = path.map_or(file.path.clone(), |path| format!("~{path}"));
        (name, file.content.as_slice())
    });
    Confided::planted(planted, files)
}
