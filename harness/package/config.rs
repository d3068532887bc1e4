//! One server of an MCP client's configuration: `mcpServers` (Claude, Cursor), `servers`
//! (VS Code) and `mcp_servers` (Codex).
//! Its credentials stay in the file: only their shapes come along.

use super::command;
use super::error::FetchError;
use super::fetch::{Call, fetch_as};
use super::launcher;
use super::manifest::read_bounded;
use super::model::{Options, Package};
use super::settings;
use super::target::{Target, TargetError};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Deserialize)]
struct Server {
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, Value>,
    cwd: Option<String>,
    url: Option<String>,
    #[serde(default, alias = "http_headers")]
    headers: BTreeMap<String, String>,
}

/// Prepares the server `name` of `file`.
pub(super) fn fetch(
    file: &Path,
    name: &str,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let server = read(file, name)?;
    if let Some(url) = &server.url {
        let bad = |error: TargetError| FetchError::Config {
            file: file.to_owned(),
            reason: format!("server `{name}`: {error}"),
        };
        return match Target::parse(url).map_err(bad)? {
            Target::Remote(url) => {
                let headers = server.headers.iter();
                let headers =
                    headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
                Ok(super::fetch::remote(call.target, &url, headers.collect()))
            }
            _ => Err(FetchError::Config {
                file: file.to_owned(),
                reason: format!("server `{name}`: `{url}` is not the address of a server"),
            }),
        };
    }
    let base = base(file, &server);
    let argv = argv(file, name, &server)?;
    let mut package = match launcher::read(&argv, &base)? {
        Some(launched) => {
            let (args, hidden) = settings::arguments(launched.args);
            let inner = Call {
                target: call.target,
                program: launched.program.as_deref(),
                args: &args,
            };
            let mut package = fetch_as(&launched.target, &inner, options)?;
            package.settings.extend(hidden);
            package
        }
        None => command::start(&argv, &base, call, options)?,
    };
    for (name, value) in &server.env {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let setting = settings::read(name, &value, true, file, options)?;
        package.settings.push(setting);
    }
    Ok(package)
}

/// The package or folder that a server comes from; none for a plain program.
pub(super) fn target(file: &Path, name: &str) -> Result<Option<Target>, FetchError> {
    let server = read(file, name)?;
    if server.url.is_some() {
        return Ok(None);
    }
    let argv = argv(file, name, &server)?;
    let launched = launcher::read(&argv, &base(file, &server))?;
    Ok(launched.map(|launched| launched.target))
}

#[expect(
    clippy::disallowed_methods,
    reason = "`${userHome}` means the home of whoever wrote the file"
)]
fn argv(file: &Path, name: &str, server: &Server) -> Result<Vec<String>, FetchError> {
    let Some(command) = &server.command else {
        return Err(FetchError::Config {
            file: file.to_owned(),
            reason: format!("server `{name}` has no `command`"),
        });
    };
    let here = workspace(file).display().to_string();
    let known = |text: &String| {
        let home = std::env::var("HOME").unwrap_or_default();
        text.replace("${workspaceFolder}", &here)
            .replace("${userHome}", &home)
    };
    Ok([command]
        .into_iter()
        .chain(&server.args)
        .map(known)
        .collect())
}

fn base(file: &Path, server: &Server) -> PathBuf {
    let here = workspace(file);
    server
        .cwd
        .as_ref()
        .map_or(here.clone(), |cwd| here.join(cwd))
}

/// The folder a configuration belongs to: clients keep theirs in a folder of their own.
fn workspace(file: &Path) -> PathBuf {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().unwrap_or(Path::new("/"));
    let own = [".vscode", ".cursor", ".codex", ".gemini", ".windsurf"];
    let hidden = folder
        .file_name()
        .is_some_and(|name| own.iter().any(|own| name == *own));
    let workspace = if hidden {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    workspace.to_owned()
}

fn read(file: &Path, name: &str) -> Result<Server, FetchError> {
    let bad = |reason: String| FetchError::Config {
        file: file.to_owned(),
        reason,
    };
    let text = read_bounded(file)?.ok_or_else(|| bad("it does not exist".to_owned()))?;
    let text = String::from_utf8(text).map_err(|_| bad("it is not UTF-8".to_owned()))?;
    let value: Value = if file.extension().is_some_and(|end| end == "toml") {
        toml::from_str(&text).map_err(|error| bad(error.to_string()))?
    } else {
        serde_json::from_str(&without_comments(&text)).map_err(|error| bad(error.to_string()))?
    };
    let tables = [
        value.get("mcpServers"),
        value.get("servers"),
        value.get("mcp_servers"),
        value.get("mcp").and_then(|mcp| mcp.get("servers")),
    ];
    let tables: Vec<_> = tables
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    match tables.iter().find_map(|table| table.get(name)) {
        Some(server) => {
            Server::deserialize(server).map_err(|error| bad(format!("server `{name}`: {error}")))
        }
        None => Err(FetchError::NoServer {
            file: file.to_owned(),
            server: name.to_owned(),
            known: tables
                .iter()
                .flat_map(|table| table.keys().cloned())
                .collect(),
        }),
    }
}

/// JSON as editors write it: without comments and the commas that end lists.
pub(super) fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest);
            plain.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else {
            if matches!(c, '}' | ']') && plain.trim_end().ends_with(',') {
                plain.truncate(plain.trim_end().len() - 1);
            }
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    plain
}

/// Where the string that `text` starts with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_client_s_form_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "a.json",
                r#"{"mcpServers": {"mail": {"command": "npx", "args": ["-y", "m@1.0.0"]}}}"#,
            ),
            (
                "b.json",
                "{ // mine\n \"servers\": {\"mail\": {\"command\": \"npx\", \"args\": [\"-y\", \"m@1.0.0\",],},}, }",
            ),
            (
                "c.toml",
                "[mcp_servers.mail]\ncommand = 'npx'\nargs = ['-y', 'm@1.0.0']\n",
            ),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let target = target(&file, "mail").unwrap().unwrap();
            assert_eq!(target.to_string(), "npm:m@1.0.0", "{name}");
            let error = super::target(&file, "mial").unwrap_err();
            assert_eq!(error.hint().unwrap(), "did you mean `mail`?");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn plain_json_keeps_its_meaning(text in "[ -~]{0,30}", n in any::<i32>()) {
            let value = serde_json::json!({"a": [text, n], "b": {"c": null}});
            let read: Value = serde_json::from_str(&without_comments(&value.to_string())).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn any_text_passes(text in "[\"\\\\/*,\\]} a\\n]{0,30}") {
            without_comments(&text);
        }
    }
}
