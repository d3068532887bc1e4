//! Commands that fetch what they run (`npx`, `uvx`), read as the packages they would fetch.

use super::error::FetchError;
use super::target::{Target, TargetError};
use std::path::{Path, PathBuf};

/// What such a command runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Launched {
    pub target: Target,
    pub program: Option<String>,
    pub args: Vec<String>,
}

/// Reads a command; none if it is an ordinary program. Relative folders start at `base`.
pub(super) fn read(argv: &[String], base: &Path) -> Result<Option<Launched>, FetchError> {
    let Some((first, rest)) = argv.split_first() else {
        return Ok(None);
    };
    let name = Path::new(first)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let refused = |reason, hint| FetchError::NotRunnable {
        target: argv.join(" "),
        reason,
        hint,
    };
    match (
        name.trim_end_matches(".cmd").trim_end_matches(".exe"),
        words.as_slice(),
    ) {
        // A wrapper that some clients need on another system.
        ("cmd", ["/c" | "/C", ..]) => read(&rest[1..], base),
        ("npx" | "bunx", words) => npx(words).map(Some),
        ("npm", ["exec" | "x", words @ ..]) | ("pnpm" | "yarn", ["dlx", words @ ..]) => {
            npx(words).map(Some)
        }
        ("uvx", words) | ("uv", ["tool", "run", words @ ..]) | ("pipx", ["run", words @ ..]) => {
            uvx(words).map(Some)
        }
        ("uv", words) => uv_run(words, base),
        ("docker" | "podman" | "nerdctl", _) => Err(refused(
            "it starts a container, which would run outside the sandbox",
            "name the package or folder that the image was made from",
        )),
        _ => Ok(None),
    }
}

/// `npx [-y] [-p PACKAGE] SPEC [ARGS]`
fn npx(words: &[&str]) -> Result<Launched, FetchError> {
    let mut package = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--" => continue,
            "-p" | "--package" => package = words.next().copied(),
            option if option.starts_with("--package=") => {
                package = option.split_once('=').map(|o| o.1);
            }
            option if option.starts_with('-') => continue,
            spec => {
                let args = words
                    .skip_while(|word| **word == "--")
                    .map(|w| (*w).to_owned());
                return Ok(Launched {
                    target: Target::parse(&format!("npm:{}", package.unwrap_or(spec)))?,
                    program: package.is_some().then(|| spec.to_owned()),
                    args: args.collect(),
                });
            }
        }
    }
    match package {
        Some(package) => Ok(Launched {
            target: Target::parse(&format!("npm:{package}"))?,
            program: None,
            args: Vec::new(),
        }),
        None => Err(TargetError::Empty.into()),
    }
}

/// `uvx [--from PACKAGE] NAME[@VERSION] [ARGS]`
fn uvx(words: &[&str]) -> Result<Launched, FetchError> {
    let mut package = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--from" | "--spec" => package = words.next().copied(),
            "--python" | "-p" | "--index" | "--default-index" | "--index-url" => {
                words.next();
            }
            "--with" | "--with-editable" | "--with-requirements" => {
                return Err(FetchError::NotRunnable {
                    target: "uvx".to_owned(),
                    reason: "`--with` adds packages that are not the server's own",
                    hint: "name the server's package, or a folder that lists what it needs",
                });
            }
            option if option.starts_with('-') => continue,
            name => {
                let from = package.unwrap_or(name);
                // Extras only add dependencies; uvx also takes `==` where we write `@`.
                let from = match from.split_once('[').zip(from.split_once(']')) {
                    Some(((name, _), (_, rest))) => format!("{name}{rest}"),
                    None => from.to_owned(),
                };
                let from = from.replacen("==", "@", 1).replace("@latest", "");
                return Ok(Launched {
                    target: Target::parse(&format!("pypi:{from}"))?,
                    program: package.is_some().then(|| name.to_owned()),
                    args: words.map(|word| (*word).to_owned()).collect(),
                });
            }
        }
    }
    Err(TargetError::Empty.into())
}

/// `uv [--directory FOLDER] run [--directory FOLDER] PROGRAM [ARGS]`
fn uv_run(words: &[&str], base: &Path) -> Result<Option<Launched>, FetchError> {
    let mut folder = PathBuf::from(base);
    let mut running = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--directory" | "--project" => folder = base.join(words.next().unwrap_or(&".")),
            "--python" | "-p" | "--with" => {
                words.next();
            }
            "run" if !running => running = true,
            option if option.starts_with('-') => continue,
            program if running => {
                let mut args: Vec<_> = words.map(|word| (*word).to_owned()).collect();
                let mut program = Some(program.to_owned());
                // `uv run python server.py` is `uv run server.py`.
                if program.as_deref().is_some_and(|p| p.starts_with("python")) && !args.is_empty() {
                    program = Some(args.remove(0));
                }
                return Ok(Some(Launched {
                    target: Target::Folder(folder),
                    program,
                    args,
                }));
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: &str) -> String {
        let argv: Vec<_> = command.split(' ').map(str::to_owned).collect();
        match read(&argv, Path::new("/base")) {
            Ok(Some(run)) => format!(
                "{} {} [{}]",
                run.target,
                run.program.as_deref().unwrap_or("-"),
                run.args.join(" ")
            ),
            Ok(None) => "a program".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn launchers_are_read_as_packages() {
        for (command, read) in [
            (
                "npx -y @acme/mail@1.2.3 --stdio",
                "npm:@acme/mail@1.2.3 - [--stdio]",
            ),
            (
                "/opt/bin/npx --package=@acme/mail mailer -v",
                "npm:@acme/mail mailer [-v]",
            ),
            ("cmd /c npx -y mail", "npm:mail - []"),
            (
                "uvx mail-server==1.2 --db x",
                "pypi:mail-server@1.2 - [--db x]",
            ),
            ("uvx --from mail[all]@2.0 mailer", "pypi:mail@2.0 mailer []"),
            ("uv tool run mail@latest", "pypi:mail - []"),
            (
                "uv --directory srv run server.py -v",
                "/base/srv server.py [-v]",
            ),
            ("uv run --directory /srv python main.py", "/srv main.py []"),
            ("node server.js", "a program"),
            (
                "docker run x",
                "`docker run x` cannot be run: it starts a container, which would run outside the sandbox",
            ),
        ] {
            assert_eq!(text(command), read, "{command}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_words_are_read_or_refused(
            words in proptest::collection::vec("npx|uvx|uv|run|-p|--from|--directory|--|a@1|[a-z\\[\\]=@-]{0,6}", 0..6)
        ) {
            let _ = read(&words, Path::new("/base"));
        }
    }
}
