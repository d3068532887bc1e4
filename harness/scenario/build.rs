//! Turns a document into a [`Scenario`] and checks what takes more than one value: files that
//! must exist, entries that must not repeat. A value of the wrong kind is passed over here: it
//! has been reported already.

use super::check::{number, whole};
use super::load::read_planted;
use super::model::{
    Allow, Answer, Content, Exercise, FailOn, File, HomeKind, InstallScripts, Level, Local, Place,
    Platform, Policy, Scenario, Server, Setting, Smtp, Step, Target, ToolPlan, Upstream,
};
use super::problem::Problems;
use super::text::{quote, target_is_path};
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

/// The scenario that `document` describes. It is whole only if `problems` stays empty.
pub fn build(document: &DeTable<'_>, path: &Path, problems: &mut Problems<'_>) -> Scenario {
    let folder = path.parent().unwrap_or(Path::new(""));
    let root = View(document);
    Scenario {
        path: path.to_owned(),
        server: root
            .table("server")
            .map(|table| server(table, folder, problems))
            .unwrap_or_default(),
        upstreams: upstreams(root.tables("upstream"), folder, problems),
        exercise: root
            .table("exercise")
            .map(|table| exercise(table, problems))
            .unwrap_or_default(),
        policy: root.table("policy").map(policy).unwrap_or_default(),
    }
}

/// A table read leniently: a value of another kind counts as absent.
#[derive(Clone, Copy)]
struct View<'a>(&'a DeTable<'a>);

impl<'a> View<'a> {
    fn get(self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.0.get(key)
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.get_ref().as_str()
    }

    fn owned(self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    fn whole(self, key: &str) -> Option<u64> {
        whole(self.get(key)?.get_ref().as_integer()?)
    }

    fn small<T: TryFrom<u64>>(self, key: &str) -> Option<T> {
        T::try_from(self.whole(key)?).ok()
    }

    fn table(self, key: &str) -> Option<Self> {
        self.get(key)?.get_ref().as_table().map(View)
    }

    /// Keys and values of an inner table, in the order of the file.
    fn entries(self, key: &str) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        let mut entries: Vec<_> = self
            .table(key)
            .into_iter()
            .flat_map(|view| view.0)
            .collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    fn items(self, key: &str) -> impl Iterator<Item = &'a Spanned<DeValue<'a>>> {
        let array = self.get(key).and_then(|value| value.get_ref().as_array());
        array.into_iter().flat_map(|items| items.iter())
    }

    fn tables(self, key: &str) -> impl Iterator<Item = (Self, Range<usize>)> {
        self.items(key)
            .filter_map(|item| Some((View(item.get_ref().as_table()?), item.span())))
    }
}

fn server(view: View<'_>, folder: &Path, problems: &mut Problems<'_>) -> Server {
    Server {
        target: view
            .get("target")
            .and_then(|value| target(value, folder, problems)),
        args: view
            .items("args")
            .filter_map(|value| setting(value.get_ref()))
            .collect(),
        env: view
            .entries("env")
            .into_iter()
            .filter_map(|(name, value)| {
                Some((name.get_ref().to_string(), setting(value.get_ref())?))
            })
            .collect(),
        url: view.text("url").and_then(|text| Local::parse(text).ok()),
        headers: view
            .entries("headers")
            .into_iter()
            .filter_map(|(name, value)| {
                Some((name.get_ref().to_string(), setting(value.get_ref())?))
            })
            .collect(),
        home: match view.text("home") {
            Some("empty") => HomeKind::Empty,
            _ => HomeKind::Populated,
        },
        files: files(view, folder, problems),
        cwd: view.text("cwd").and_then(|text| Place::parse(text).ok()),
        install_scripts: match view.text("install_scripts") {
            Some("skip") => InstallScripts::Skip,
            _ => InstallScripts::Run,
        },
        install_timeout: view
            .whole("install_timeout_s")
            .map_or(Server::default().install_timeout, Duration::from_secs),
        platform: match view.text("platform") {
            Some("linux/amd64") => Some(Platform::LinuxAmd64),
            Some("linux/arm64") => Some(Platform::LinuxArm64),
            _ => None,
        },
    }
}

fn target(
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Target> {
    let text = value.get_ref().as_str()?.to_owned();
    match target_is_path(&text) {
        Err(fault) => problems.add(value.span(), fault.message, fault.hint),
        Ok(false) => return Some(Target { text, path: None }),
        Ok(true) => {
            let (file, _) = text.split_once('#').unwrap_or((&text, ""));
            let path = folder.join(file);
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let message = format!("{} is a scenario", quote(file));
                let hint = "a scenario names a server, not another scenario".to_owned();
                problems.add(value.span(), message, Some(hint));
            } else if path.exists() {
                let path = Some(path);
                return Some(Target { text, path });
            } else {
                let message = format!("{} does not exist", quote(file));
                let hint = if file.starts_with('.') || file.starts_with('/') {
                    super::load::missing(&path)
                } else {
                    Some(format!(
                        "for a package write `npm:{file}` or `pypi:{file}`; paths are relative to the scenario"
                    ))
                };
                problems.add(value.span(), message, hint);
            }
        }
    }
    None
}

fn setting(value: &DeValue<'_>) -> Option<Setting> {
    match value {
        DeValue::String(text) => Some(Setting::Plain(text.to_string())),
        DeValue::Table(table) => {
            let shape = View(table).text("secret")?.parse().ok()?;
            Some(Setting::Secret(shape))
        }
        _ => None,
    }
}

fn files(view: View<'_>, folder: &Path, problems: &mut Problems<'_>) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for (key, value) in view.entries("files") {
        let Ok(place) = Place::parse(key.get_ref()) else {
            continue;
        };
        if place == Place::Home(PathBuf::new()) {
            let message = format!("{} is a folder", quote(key.get_ref()));
            problems.add(key.span(), message, Some("name a file below it".to_owned()));
        } else if let Some(other) = files.iter().find(|file| clash(&file.place, &place)) {
            let message = format!(
                "{} and `{}` cannot both be files",
                quote(key.get_ref()),
                other.place
            );
            problems.add(key.span(), message, None);
        } else if let Some((content, mode)) = content(value, folder, problems) {
            files.push(File {
                place,
                content,
                mode,
            });
        }
    }
    files
}

/// Whether one place is the other or lies below it.
fn clash(a: &Place, b: &Place) -> bool {
    match (a, b) {
        (Place::Home(a), Place::Home(b)) | (Place::Cwd(a), Place::Cwd(b)) => {
            a.starts_with(b) || b.starts_with(a)
        }
        _ => false,
    }
}

fn content(
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<(Content, u32)> {
    let view = match value.get_ref() {
        DeValue::String(text) => {
            let bytes = text.as_bytes().to_vec();
            return Some((Content::Bytes(bytes), File::MODE));
        }
        DeValue::Table(table) => View(table),
        _ => return None,
    };
    let mode = view.small("mode").unwrap_or(File::MODE);
    let content = if let Some(text) = view.text("text") {
        Content::Bytes(text.as_bytes().to_vec())
    } else if let Some(shape) = view.text("secret") {
        Content::Secret(shape.parse().ok()?)
    } else {
        let from = view.get("from")?;
        let name = from.get_ref().as_str()?;
        match read_planted(&folder.join(name), name) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(fault) => {
                problems.add(from.span(), fault.message, fault.hint);
                return None;
            }
        }
    };
    Some((content, mode))
}

fn upstreams<'a>(
    tables: impl Iterator<Item = (View<'a>, Range<usize>)>,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Vec<Upstream> {
    let mut seen = HashSet::new();
    let mut upstreams = Vec::new();
    for (view, _) in tables {
        let port = view.small("port");
        let Some(host_value) = view.get("host") else {
            continue;
        };
        let Some(host) = host_value.get_ref().as_str().map(host_name) else {
            continue;
        };
        if !seen.insert((host.clone(), port)) {
            let shown = match port {
                Some(port) => format!("port {port} of {}", quote(&host)),
                None => quote(&host),
            };
            let message = format!("a second [[upstream]] for {shown}");
            let hint = "one answers for a host; `port` tells two on the same host apart".to_owned();
            problems.add(host_value.span(), message, Some(hint));
        }
        if let Some(answer) = answer(view, folder, problems) {
            let behaves = view
                .items("behaves")
                .filter_map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect();
            upstreams.push(Upstream {
                host,
                port,
                answer,
                behaves,
            });
        }
    }
    upstreams
}

fn host_name(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_lowercase()
}

fn answer(view: View<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<Answer> {
    if let Some(mock) = view.text("mock") {
        if mock == "imap" {
            return Some(Answer::Imap);
        }
        if mock != "smtp" {
            return Some(Answer::Mock(mock.to_owned()));
        }
        return Some(Answer::Smtp(Smtp {
            reject: view
                .items("reject")
                .filter_map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect(),
            delay: Duration::from_millis(view.whole("delay_ms").unwrap_or(0)),
            fail: view.owned("fail"),
        }));
    }
    type Make = fn(PathBuf) -> Answer;
    let files: [(&str, Make); 3] = [
        ("stubs", Answer::Stubs),
        ("openapi", Answer::OpenApi),
        ("har", Answer::Har),
    ];
    let (key, make) = files.into_iter().find(|(key, _)| view.get(key).is_some())?;
    let value = view.get(key)?;
    let name = value.get_ref().as_str()?;
    let path = folder.join(name);
    let mut wrong = |message: String, hint| problems.add(value.span(), message, hint);
    match (key, path.is_dir()) {
        ("stubs", true) => return Some(make(path)),
        ("openapi" | "har", false) if path.exists() => return Some(make(path)),
        ("stubs", false) if path.exists() => {
            let hint = "name the folder that the mappings lie in".to_owned();
            wrong(format!("{} is not a folder", quote(name)), Some(hint));
        }
        (_, true) => {
            let hint = "name the file".to_owned();
            wrong(format!("{} is a folder", quote(name)), Some(hint));
        }
        _ => wrong(
            format!("{} does not exist", quote(name)),
            super::load::missing(&path),
        ),
    }
    None
}

fn exercise(view: View<'_>, problems: &mut Problems<'_>) -> Exercise {
    let default = Exercise::default();
    Exercise {
        calls: view.small("calls").unwrap_or(default.calls),
        seed: view.whole("seed"),
        floor: view
            .get("floor")
            .and_then(|value| number(value.get_ref()))
            .unwrap_or(default.floor),
        idle: view.whole("idle_ms").map(Duration::from_millis),
        timeout: view
            .whole("timeout_s")
            .map_or(default.timeout, Duration::from_secs),
        tools: view
            .entries("tools")
            .into_iter()
            .filter_map(|(name, value)| {
                let view = View(value.get_ref().as_table()?);
                Some((name.get_ref().to_string(), tool(view, problems)))
            })
            .collect(),
        sequence: view
            .tables("sequence")
            .filter_map(|(step, _)| {
                let arguments = step.get("arguments").map(|value| json(value.get_ref()));
                Some(Step {
                    tool: step.owned("tool")?,
                    arguments: arguments.unwrap_or_else(|| Value::Object(Map::new())),
                })
            })
            .collect(),
    }
}

fn tool(view: View<'_>, problems: &mut Problems<'_>) -> ToolPlan {
    let mut args = BTreeMap::new();
    if let Some(table) = view.table("args") {
        hints(table, "", &mut args, problems);
    }
    ToolPlan {
        args,
        skip: view
            .get("skip")
            .and_then(|value| value.get_ref().as_bool())
            .unwrap_or(false),
        calls: view.small("calls"),
    }
}

/// Collects the lists in `view` by the path that leads to them.
fn hints(
    view: View<'_>,
    prefix: &str,
    args: &mut BTreeMap<String, Vec<Value>>,
    problems: &mut Problems<'_>,
) {
    for (key, value) in view.0 {
        let path = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => hints(View(table), &format!("{path}."), args, problems),
            DeValue::Array(items) => {
                let values = items.iter().map(|item| json(item.get_ref())).collect();
                let message = format!("a second list for {}", quote(&path));
                if args.insert(path, values).is_some() {
                    problems.add(key.span(), message, Some("join the two".to_owned()));
                }
            }
            _ => {}
        }
    }
}

fn policy(view: View<'_>) -> Policy {
    Policy {
        fail_on: match view.text("fail_on") {
            Some("change") => Some(FailOn::Change),
            Some("suspicious") => Some(FailOn::Suspicious),
            _ => None,
        },
        allow: view
            .tables("allow")
            .filter_map(|(entry, _)| {
                Some(Allow {
                    rule: entry.owned("rule")?,
                    host: entry.text("host").map(host_name),
                    tool: entry.owned("tool"),
                    path: entry.owned("path"),
                    field: entry.owned("field"),
                })
            })
            .collect(),
        rules: view
            .entries("rules")
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    name.get_ref().to_string(),
                    level(value.get_ref().as_str()?)?,
                ))
            })
            .collect(),
    }
}

fn level(text: &str) -> Option<Level> {
    Some(match text {
        "off" => Level::Off,
        "info" => Level::Info,
        "change" => Level::Change,
        "suspicious" => Level::Suspicious,
        _ => return None,
    })
}

/// A TOML value as JSON; dates become strings. What JSON lacks is null here and an error in `check`.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => json_integer(integer).map_or(Value::Null, Value::Number),
        DeValue::Float(_) => number(value)
            .and_then(Number::from_f64)
            .map_or(Value::Null, Value::Number),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// The number, where 64 bits hold it, with or without a sign.
pub fn json_integer(integer: &DeInteger<'_>) -> Option<Number> {
    let (text, radix) = (integer.as_str(), integer.radix());
    let positive = u64::from_str_radix(text, radix).map(Number::from);
    positive
        .or_else(|_| i64::from_str_radix(text, radix).map(Number::from))
        .ok()
}
