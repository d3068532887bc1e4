//! Settings that somebody's configuration holds: which of them are credentials, and in what
//! shape one can be made up in their place. A real credential never leaves this module.

use super::error::FetchError;
use super::model::{Options, Setting, Value};
use crate::secret::Shape;
use std::path::Path;

/// Parts of names that say "credential".
const MARKS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "CREDENTIAL",
    "AUTH_",
    "AUTHORIZATION",
    "BEARER",
    "COOKIE",
    "SESSION",
    "_KEY",
    "_PAT",
    "_PASS",
    "DSN",
    "WEBHOOK",
    "CONNECTION_STRING",
    "DATABASE_URL",
];

/// Starts of well-known credentials and their shapes' names.
const STARTS: &[(&str, &str)] = &[
    ("ghp_", "github"),
    ("github_pat_", "github"),
    ("xoxb-", "slack"),
    ("re_", "resend"),
    ("SG.", "sendgrid"),
    ("sk_live_", "stripe"),
    ("sk-proj-", "openai"),
    ("sk-ant-", "anthropic"),
    ("AKIA", "aws-access-key"),
    ("ntn_", "notion"),
    ("npm_", "npm"),
];

/// Vendors whose servers check the form of their credential.
const VENDORS: &[(&str, &str)] = &[
    ("POSTMARK", "uuid"),
    ("GITHUB", "github"),
    ("SLACK", "slack"),
    ("RESEND", "resend"),
    ("SENDGRID", "sendgrid"),
    ("STRIPE", "stripe"),
    ("OPENAI", "openai"),
    ("ANTHROPIC", "anthropic"),
    ("NOTION", "notion"),
];

/// Reads one setting as configured. A value that refers to something the configuration does not
/// hold (`${VAR}`, `${input:ID}`) is taken from the caller's settings, or made up if secret.
pub(super) fn read(
    name: &str,
    value: &str,
    env: bool,
    file: &Path,
    options: &Options,
) -> Result<Setting, FetchError> {
    let setting = |value| Setting {
        name: name.to_owned(),
        value,
        env,
    };
    if let Some(given) = options.settings.get(name) {
        return Ok(setting(Value::Plain(given.clone())));
    }
    let known = expand(value);
    if looks_secret(name, known.as_deref().unwrap_or_default()) {
        return Ok(setting(Value::Secret(shape(name, known.as_deref()))));
    }
    match known {
        Some(value) => Ok(setting(Value::Plain(value))),
        None => Err(FetchError::Setting {
            name: name.to_owned(),
            bundle: file.to_owned(),
        }),
    }
}

/// A value with the defaults of its variables (`${VAR:-default}`); none if one has none.
fn expand(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, after) = after.split_once('}')?;
        whole += before;
        whole += match variable {
            "userHome" | "HOME" | "env:HOME" => crate::secret::Persona::DEFAULT.home,
            other => other.split_once(":-")?.1,
        };
        rest = after;
    }
    Some(whole + rest)
}

/// Whether a setting is a credential, by its name or by the form of its value.
pub(super) fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_uppercase();
    let name = name.replace('-', "_");
    MARKS.iter().any(|mark| name.contains(mark))
        || STARTS
            .iter()
            .any(|(start, _)| value.starts_with(start) && value.len() > 15)
        || url::Url::parse(value).is_ok_and(|url| url.password().is_some())
}

/// The shape of a credential: its own if it is known, else its vendor's, else a token.
pub(super) fn shape(name: &str, value: Option<&str>) -> Shape {
    let value = value.filter(|value| !value.is_empty());
    let upper = name.to_ascii_uppercase();
    let vendor = VENDORS.iter().find(|(vendor, _)| upper.contains(vendor));
    let start = value.and_then(|v| STARTS.iter().find(|(start, _)| v.starts_with(start)));
    let text = match (start, vendor, value) {
        (Some((_, shape)), _, _) | (None, Some((_, shape)), _) => (*shape).to_owned(),
        (None, None, Some(value)) => alike(value),
        (None, None, None) => "token".to_owned(),
    };
    text.parse()
        .or_else(|_| "token".parse())
        .unwrap_or_else(|_| unreachable!("`token` is a shape"))
}

fn alike(value: &str) -> String {
    let all = |test: fn(char) -> bool| value.chars().all(test);
    let length = value.chars().count().clamp(8, 4096);
    let groups: Vec<_> = value.split('-').map(str::len).collect();
    match () {
        () if groups == [8, 4, 4, 4, 12] => "uuid".to_owned(),
        () if all(|c| c.is_ascii_digit()) => format!("{{digits:{length}}}"),
        () if all(|c| c.is_ascii_hexdigit()) => format!("{{hex:{length}}}"),
        () => format!("{{alnum:{length}}}"),
    }
}

/// Takes credentials out of arguments: `--token=VALUE` and `--token VALUE` keep their flag, and
/// the value becomes `${NAME}` of a setting.
pub(super) fn arguments(args: Vec<String>) -> (Vec<String>, Vec<Setting>) {
    let mut settings = Vec::new();
    let mut hide = |flag: &str, value: &str| {
        let name = flag.trim_start_matches('-').to_owned();
        let placeholder = format!("${{{name}}}");
        settings.push(Setting {
            value: Value::Secret(shape(&name, Some(value))),
            name,
            env: false,
        });
        placeholder
    };
    let mut hidden: Vec<String> = Vec::new();
    for arg in args {
        let flag = hidden
            .last()
            .filter(|last| last.starts_with('-') && !last.contains('='));
        let replaced = match (arg.split_once('='), flag) {
            (Some((flag, value)), _) if arg.starts_with('-') => {
                looks_secret(flag, value).then(|| format!("{flag}={}", hide(flag, value)))
            }
            (_, Some(flag)) if !arg.starts_with('-') && looks_secret(flag, &arg) => {
                Some(hide(flag, &arg))
            }
            _ if looks_secret("", &arg) => Some(hide("credential", &arg)),
            _ => None,
        };
        hidden.push(replaced.unwrap_or(arg));
    }
    (hidden, settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Seed;

    #[test]
    fn credentials_are_known_by_name_or_form() {
        for name in [
            "POSTMARK_SERVER_TOKEN",
            "api-key",
            "SMTP_PASS",
            "access-token",
        ] {
            assert!(looks_secret(name, ""), "{name}");
        }
        assert!(looks_secret("VALUE", "ghp_0123456789abcdef0123"));
        assert!(looks_secret("DB", "postgresql://u:p@db.example/d"));
        for name in ["DEFAULT_SENDER_EMAIL", "LOG_LEVEL", "PORT", "BASE_URL"] {
            assert!(!looks_secret(name, "x"), "{name}");
        }
    }

    #[test]
    fn a_made_up_value_looks_like_the_real_one_and_is_not() {
        let real = "0b1c2d3e-0000-4000-8000-0123456789ab";
        let made = shape("SOME_TOKEN", Some(real)).make(&mut Seed(1).stream("x"));
        assert_eq!(made.len(), real.len());
        assert_ne!(made, real);
        let github = shape("X_TOKEN", Some("ghp_real")).make(&mut Seed(1).stream("x"));
        assert!(github.starts_with("ghp_"));
    }

    #[test]
    fn arguments_lose_their_credentials() {
        let args = [
            "--access-token=real",
            "--key-file",
            "a",
            "--api-key",
            "real",
            "stdio",
            "postgres://u:real@h/d",
        ];
        let (args, settings) = arguments(args.map(str::to_owned).to_vec());
        assert!(args.iter().all(|arg| !arg.contains("real")), "{args:?}");
        assert_eq!(args[0], "--access-token=${access-token}");
        assert_eq!(settings.len(), 3);
    }

    #[test]
    fn variables_have_their_defaults_or_none() {
        assert_eq!(expand("${A:-x}/y").as_deref(), Some("x/y"));
        assert_eq!(expand("${userHome}/y").as_deref(), Some("/home/alex/y"));
        assert_eq!(expand("${input:token}"), None);
        assert_eq!(expand("${A"), None);
    }
}
