//! Which corners of a home hold what only their owner's own programs have business with. Broader
//! than what is planted: a server that looks for what is not there has looked all the same.

/// Folders and files below the home, and whose they are.
const GUARDED: &[(&str, &[&str])] = &[
    ("a private key", &[".ssh", ".gnupg"]),
    (
        "a cloud credential",
        &[
            ".aws",
            ".azure",
            ".boto",
            ".config/doctl",
            ".config/gcloud",
            ".config/rclone",
            ".docker",
            ".kube",
            ".oci",
            ".s3cfg",
            ".terraform.d",
        ],
    ),
    (
        "a credential",
        &[
            ".cargo/credentials",
            ".cargo/credentials.toml",
            ".cache/huggingface/token",
            ".config/composer/auth.json",
            ".config/gh",
            ".config/git/credentials",
            ".config/hub",
            ".config/stripe",
            ".env",
            ".envrc",
            ".gem/credentials",
            ".git-credentials",
            ".local/share/com.vercel.cli",
            ".m2/settings.xml",
            ".my.cnf",
            ".netrc",
            ".npmrc",
            ".pgpass",
            ".pypirc",
            ".vault-token",
            ".yarnrc.yml",
        ],
    ),
    (
        "a password store",
        &[
            ".config/1Password",
            ".config/Bitwarden",
            ".config/keepassxc",
            ".config/op",
            ".local/share/keyrings",
            ".password-store",
        ],
    ),
    (
        "a history of commands",
        &[
            ".bash_history",
            ".local/share/fish/fish_history",
            ".mysql_history",
            ".node_repl_history",
            ".psql_history",
            ".python_history",
            ".zsh_history",
        ],
    ),
    (
        "a start-up file of the shell",
        &[
            ".bash_profile",
            ".bashrc",
            ".config/fish",
            ".profile",
            ".zprofile",
            ".zshenv",
            ".zshrc",
        ],
    ),
    (
        "a browser's profile",
        &[
            ".config/BraveSoftware",
            ".config/chromium",
            ".config/google-chrome",
            ".config/microsoft-edge",
            ".config/opera",
            ".config/vivaldi",
            ".mozilla",
            ".thunderbird",
        ],
    ),
    (
        "a wallet",
        &[
            ".bitcoin",
            ".config/Exodus",
            ".config/solana",
            ".electrum",
            ".ethereum",
            ".monero",
        ],
    ),
    (
        "the configuration of an MCP client",
        &[
            ".claude",
            ".claude.json",
            ".codeium",
            ".codex",
            ".config/Claude",
            ".config/Code",
            ".config/Cursor",
            ".config/github-copilot",
            ".config/VSCodium",
            ".config/goose",
            ".config/zed",
            ".continue",
            ".cursor",
            ".gemini",
            ".vscode",
        ],
    ),
    (
        "a document of the user",
        &["Desktop", "Documents", "Downloads", "Pictures"],
    ),
];

/// Whose a path is, where it is none of a server's business: `a private key`. `path` is relative
/// to the home folder; the folders themselves count, because a listing tells what is in them.
pub fn guarded(path: &str) -> Option<&'static str> {
    let holds = |entry: &&str| {
        path.strip_prefix(*entry)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    GUARDED
        .iter()
        .find(|(_, entries)| entries.iter().any(holds))
        .map(|(whose, _)| *whose)
}

#[cfg(test)]
mod tests {
    use super::guarded;
    use crate::secret::{Persona, Seed, home};

    #[test]
    fn every_canary_outside_the_working_folder_is_guarded() {
        let planted = home(&Persona::DEFAULT, Seed(7)).planted;
        let paths = planted.iter().map(|p| p.name.strip_prefix("~/").unwrap());
        let wrong: Vec<&str> = paths
            .map(|path| path.split(' ').next().unwrap())
            .filter(|path| guarded(path).is_none() != path.starts_with("work/"))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn names_that_only_begin_alike_are_not_guarded() {
        for path in [
            ".sshrc",
            ".envrc2",
            ".npm/_logs/x",
            ".config/app/x",
            "work/a.txt",
            "",
        ] {
            assert_eq!(guarded(path), None, "{path}");
        }
        assert_eq!(guarded(".ssh"), Some("a private key"));
        assert_eq!(guarded(".ssh/id_rsa"), Some("a private key"));
    }
}
