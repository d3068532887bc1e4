//! The MCP client that a server meets under other circumstances: a popular one, and where the new
//! version's code names a client that the old one's does not, that one.

use crate::package::{Difference, newly_named};

/// Who the server is told it talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub name: String,
    pub version: String,
}

/// What hosts call themselves in `clientInfo.name`, their version, and the word that code tells
/// them by; those first whose word means nothing else.
const HOSTS: &[(&str, &str, &str)] = &[
    ("Visual Studio Code", "1.106.0", "visual studio code"),
    ("Visual Studio Code", "1.106.0", "vscode"),
    ("claude-code", "2.1.208", "claude"),
    ("windsurf-client", "1.0.0", "windsurf"),
    ("codex-mcp-client", "0.154.0", "codex"),
    ("gemini-cli-mcp-client", "0.50.0", "gemini"),
    ("openai-mcp", "1.0.0", "chatgpt"),
    ("openai-mcp", "1.0.0", "openai-mcp"),
    ("Cline", "3.40.0", "cline"),
    ("Roo Code", "3.30.0", "roo"),
    ("goose", "1.15.0", "goose"),
    ("Zed", "0.214.0", "zed"),
    ("LM Studio", "0.3.30", "lm studio"),
    ("mcp-inspector", "0.17.0", "inspector"),
    ("cursor-vscode", "1.0.0", "cursor"),
];

impl Default for Client {
    fn default() -> Self {
        Self::of(HOSTS[0])
    }
}

impl Client {
    fn of((name, version, _): (&str, &str, &str)) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    /// The client that the new version may wait for. The name is as its code has it: that is what
    /// it would be compared with.
    pub fn asked_for(difference: &Difference, ordinary: &str) -> Self {
        let words: Vec<&str> = HOSTS.iter().map(|(.., word)| *word).collect();
        let named = newly_named(difference, &words).into_iter();
        let mut others = named.filter(|name| !name.eq_ignore_ascii_case(ordinary));
        let Some(name) = others.next() else {
            return Self::default();
        };
        let word = |host: &&(&str, &str, &str)| name.to_ascii_lowercase().contains(host.2);
        let version = HOSTS.iter().find(word).map_or("1.0.0", |host| host.1);
        Self {
            name,
            version: version.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{Launch, Mount, Package};
    use std::fs;

    fn package(folder: &std::path::Path) -> Package {
        Package {
            launch: Launch {
                mounts: vec![Mount {
                    source: folder.to_owned(),
                    target: "/home/alex/mcp/server".to_owned(),
                    overlay: true,
                }],
                ..Launch::default()
            },
            ..Package::default()
        }
    }

    #[test]
    fn the_other_client_is_the_one_that_new_code_asks_for() {
        let other = |old: &str, new: &str| {
            let [a, b] = [old, new].map(|code| {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("index.js"), code).unwrap();
                folder
            });
            let difference = Difference::between(&package(a.path()), &package(b.path()));
            let client = Client::asked_for(&difference, "claude-ai");
            (client.name, client.version)
        };
        let told = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let windsurf = "if (client.name === 'Windsurf-client') go();";
        assert_eq!(other("", windsurf), told("Windsurf-client", "1.0.0"));
        assert_eq!(other("", "/^zed$/i.test(name)"), told("zed", "0.214.0"));
        let default = Client::default();
        let default = told(&default.name, &default.version);
        // What the old code names as well, or the ordinary client is, is nothing to wait for.
        assert_eq!(other(windsurf, windsurf), default);
        assert_eq!(other("", "name === 'Claude-AI'"), default);
        assert_eq!(other("", "a cursor, unquoted"), default);
    }
}
