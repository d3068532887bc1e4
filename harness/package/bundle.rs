//! MCP bundles (`.mcpb`, manifest 0.1 to 0.4): a zip file with a server and how to start it.
//! Settings that its user would be asked for come from the caller, from the manifest's defaults,
//! or, if they are credentials, are made up.

use super::archive::{self, Bounds};
use super::cache::Cache;
use super::error::FetchError;
use super::fetch::Call;
use super::manifest::{Manifest, read_bounded};
use super::model::{Launch, Mount, Options, Package, Setting, Value, inside};
use super::{local, node, project, python, settings};
use crate::secret::Persona;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Deserialize)]
pub(super) struct Bundle {
    name: String,
    version: String,
    server: Server,
    #[serde(default)]
    user_config: BTreeMap<String, Question>,
}

#[derive(Debug, Deserialize)]
struct Server {
    #[serde(rename = "type")]
    kind: Kind,
    entry_point: Option<String>,
    mcp_config: Option<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Node,
    Python,
    Binary,
    Uv,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Command {
    command: Option<String>,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    #[serde(default)]
    platform_overrides: BTreeMap<String, Command>,
}

/// What a bundle asks its user.
#[derive(Debug, Default, Deserialize)]
struct Question {
    #[serde(default)]
    required: bool,
    #[serde(default)]
    sensitive: bool,
    default: Option<Json>,
}

/// Prepares a bundle.
pub(super) fn fetch(file: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    let hash = local::file_hash(file)?;
    let label = local::label(file);
    let cache = Cache::new(&options.cache);
    let entry = cache.entry::<(), _>("bundle", &label, &[&hash], options.progress, |root| {
        archive::zip(file, root, Bounds::default()).map_err(local::archive_error(file))
    })?;
    let bundle = read(&entry.root, file)?;
    let mut answers = Answers {
        bundle: &bundle,
        file,
        options,
        settings: Vec::new(),
    };
    let config = bundle
        .server
        .mcp_config
        .clone()
        .unwrap_or_default()
        .on_linux();
    let mut package = match bundle.server.kind {
        Kind::Uv => {
            let inner = Call {
                target: call.target,
                program: bundle.server.entry_point.as_deref(),
                args: call.args,
            };
            project::folder(&entry.root, &inner, options)?
        }
        kind => {
            let mut package = plain(call, &label);
            package.launch = answers.launch(kind, &config, &entry.root, &mut package.runtime)?;
            package.launch.argv.extend(call.args.iter().cloned());
            package
        }
    };
    for (name, value) in config.env.unwrap_or_default() {
        answers.variable(&name, &value, &mut package.launch)?;
    }
    package.settings = answers.settings;
    package.name = Some(bundle.name);
    package.version = Some(bundle.version);
    package.resolved = label;
    package.integrity = Some(format!("sha256-{hash}"));
    Ok(package)
}

fn plain(call: &Call, label: &str) -> Package {
    Package {
        target: call.target.to_string(),
        resolved: label.to_owned(),
        name: None,
        version: None,
        integrity: None,
        published: None,
        as_of: None,
        launch: Launch::default(),
        remote: None,
        dependencies: BTreeMap::new(),
        scripts: Vec::new(),
        runtime: String::new(),
        settings: Vec::new(),
        notes: Vec::new(),
    }
}

pub(super) fn read(root: &Path, file: &Path) -> Result<Bundle, FetchError> {
    let bad = |reason: String| FetchError::Config {
        file: file.to_owned(),
        reason,
    };
    let text = read_bounded(&root.join("manifest.json"))?;
    let text = text.ok_or_else(|| bad("it has no manifest.json".to_owned()))?;
    serde_json::from_slice(&text).map_err(|error| bad(format!("manifest.json: {error}")))
}

impl Command {
    fn on_linux(mut self) -> Self {
        let other = self.platform_overrides.remove("linux").unwrap_or_default();
        Self {
            command: other.command.or(self.command),
            args: other.args.or(self.args),
            env: match (self.env, other.env) {
                (Some(mut env), Some(more)) => {
                    env.extend(more);
                    Some(env)
                }
                (env, more) => more.or(env),
            },
            platform_overrides: BTreeMap::new(),
        }
    }
}

/// What stands for the variables of a manifest.
struct Answers<'a, 'b> {
    bundle: &'a Bundle,
    file: &'a Path,
    options: &'a Options<'b>,
    settings: Vec<Setting>,
}

impl Answers<'_, '_> {
    fn launch(
        &mut self,
        kind: Kind,
        config: &Command,
        root: &Path,
        runtime: &mut String,
    ) -> Result<Launch, FetchError> {
        let entry = self.bundle.server.entry_point.as_deref();
        let from_entry = || Some(vec![format!("${{__dirname}}/{}", entry?)]);
        let args = config.args.clone().or_else(from_entry).unwrap_or_default();
        let mut launch = Launch::default();
        match kind {
            Kind::Node => {
                let engines = Manifest::read(root)
                    .ok()
                    .and_then(|manifest| manifest.engines);
                let node = node::runtime(&self.bundle.name, engines.as_deref(), self.options)?;
                *runtime = node.label();
                launch.argv.push(node.program);
                launch.mounts = node.mounts;
            }
            Kind::Python | Kind::Uv => {
                let python = python::find(&self.bundle.name, None, self.options)?;
                let shown = python.show(self.options)?;
                *runtime = python.label();
                launch.argv.push(shown.program);
                launch.mounts = shown.mounts;
                launch.env = shown.env;
                launch.certifi = shown.certifi;
            }
            Kind::Binary => {
                let command = config.command.clone().or_else(|| from_entry()?.pop());
                let command = command
                    .unwrap_or_default()
                    .replace("${__dirname}", inside::FOLDER);
                let below = command
                    .trim_start_matches(inside::FOLDER)
                    .trim_start_matches('/');
                let path = std::fs::canonicalize(root.join(below));
                if below.is_empty() || !path.is_ok_and(|p| p.starts_with(root) && p.is_file()) {
                    return Err(FetchError::NoEntry {
                        place: self.file.display().to_string(),
                        reason: format!("it has no program `{command}`"),
                        hint: "`server.mcp_config.command` names a file of the bundle".to_owned(),
                    });
                }
                launch.argv.push(format!("{}/{below}", inside::FOLDER));
            }
        }
        for arg in match kind {
            Kind::Binary => config.args.clone().unwrap_or_default(),
            _ => args,
        } {
            self.argument(&arg, &mut launch.argv)?;
        }
        launch.mounts.push(Mount {
            source: root.to_owned(),
            target: inside::FOLDER.to_owned(),
            overlay: true,
        });
        Ok(launch)
    }

    /// One argument; a setting with several values becomes several.
    fn argument(&mut self, arg: &str, argv: &mut Vec<String>) -> Result<(), FetchError> {
        let only = arg
            .strip_prefix("${user_config.")
            .and_then(|rest| rest.strip_suffix('}'));
        if let Some(key) = only
            && let Some(Json::Array(values)) = self.default(key)
        {
            for value in values {
                argv.push(places(&plain_text(&value)));
            }
            return Ok(());
        }
        if let Some(value) = self.text(arg)? {
            argv.push(value);
        }
        Ok(())
    }

    /// One environment variable, as a setting if it is one.
    fn variable(&mut self, name: &str, value: &str, launch: &mut Launch) -> Result<(), FetchError> {
        if let Some(given) = self.options.settings.get(name) {
            self.push(name, Value::Plain(given.clone()), true);
            return Ok(());
        }
        if !value.contains("${user_config.") {
            launch.env.push((name.to_owned(), places(value)));
            return Ok(());
        }
        let whole = value
            .strip_prefix("${user_config.")
            .and_then(|rest| rest.strip_suffix('}'));
        let secret = whole.is_some_and(|key| self.is_secret(key));
        if secret || settings::looks_secret(name, "") {
            self.push(name, Value::Secret(settings::shape(name, None)), true);
        } else if let Some(text) = self.text(value)? {
            self.push(name, Value::Plain(text), true);
        }
        Ok(())
    }

    fn push(&mut self, name: &str, value: Value, env: bool) {
        if self
            .settings
            .iter()
            .any(|known| known.name == name && known.env == env)
        {
            return;
        }
        self.settings.push(Setting {
            name: name.to_owned(),
            value,
            env,
        });
    }

    fn is_secret(&self, key: &str) -> bool {
        let question = self.bundle.user_config.get(key);
        question.is_some_and(|question| question.sensitive) || settings::looks_secret(key, "")
    }

    fn default(&self, key: &str) -> Option<Json> {
        if let Some(given) = self.options.settings.get(key) {
            return Some(Json::String(given.clone()));
        }
        self.bundle.user_config.get(key)?.default.clone()
    }

    /// A text with its variables replaced; none if it is an optional setting nobody gave.
    fn text(&mut self, text: &str) -> Result<Option<String>, FetchError> {
        let text = places(text);
        let mut whole = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${user_config.") {
            let (key, after) = after.split_once('}').unwrap_or((after, ""));
            whole += before;
            match self.default(key) {
                Some(value) => whole += &places(&plain_text(&value)),
                None if self.is_secret(key) => {
                    self.push(key, Value::Secret(settings::shape(key, None)), false);
                    whole += &format!("${{{key}}}");
                }
                None if self
                    .bundle
                    .user_config
                    .get(key)
                    .is_some_and(|q| !q.required) =>
                {
                    return Ok(None);
                }
                None => {
                    return Err(FetchError::Setting {
                        name: key.to_owned(),
                        bundle: self.file.to_owned(),
                    });
                }
            }
            rest = after;
        }
        Ok(Some(whole + rest))
    }
}

/// The variables that stand for places, as they are inside.
fn places(text: &str) -> String {
    let home = Persona::DEFAULT.home;
    text.replace("${__dirname}", inside::FOLDER)
        .replace("${HOME}", home)
        .replace("${DESKTOP}", &format!("{home}/Desktop"))
        .replace("${DOCUMENTS}", &format!("{home}/Documents"))
        .replace("${DOWNLOADS}", &format!("{home}/Downloads"))
        .replace("${pathSeparator}", "/")
        .replace("${/}", "/")
}

fn plain_text(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
