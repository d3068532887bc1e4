//! Runs package clients on the host, and finds programs there.
//! Clients keep the user's environment (proxies, registries, certificates) but never read
//! standard input, and always start in a folder of ours: a package's own files configure nothing.

use super::error::FetchError;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where clients start that need no folder: Python and Node look for modules where they stand,
/// and nobody but the system can leave any here.
pub(super) const NEUTRAL: &str = "/";

/// What a client said.
pub(super) struct Said {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

/// A client about to be run. `needed_for` completes "it is needed …" if it is missing.
pub(super) fn client(program: &Path, folder: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    // Messages are read by us, so they must be in one language and without colour.
    command.env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1");
    // An interpreter's own switches would reach the clients written in that language.
    for name in ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
pub(super) fn run(command: &mut Command) -> Result<Said, FetchError> {
    let name = program_name(command.get_program());
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchError::MissingTool {
            tool: name.clone(),
            needed_for: "to install this package".to_owned(),
        },
        _ => FetchError::io("run", Path::new(&name))(error),
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said {
        ok: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

fn program_name(program: &OsStr) -> String {
    let path = Path::new(program);
    let name = path.file_name().unwrap_or(program);
    name.to_string_lossy().into_owned()
}

/// The first executable called `name` on PATH.
#[expect(
    clippy::disallowed_methods,
    reason = "finds the interpreters that the user would run"
)]
pub(super) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

/// [`which`], or the error that names the missing program.
pub(super) fn tool(name: &str, needed_for: &str) -> Result<PathBuf, FetchError> {
    which(name).ok_or_else(|| FetchError::MissingTool {
        tool: name.to_owned(),
        needed_for: needed_for.to_owned(),
    })
}

pub(super) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Whether the sandbox shows this path of the host at its own place.
pub(super) fn is_system(path: &Path) -> bool {
    ["/usr", "/bin", "/lib", "/lib64", "/sbin"]
        .iter()
        .any(|system| path.starts_with(system))
}

/// The end of a client's output: where it says what went wrong, and bounded.
pub(super) fn last_words(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(6)..].join("; ");
    match last.char_indices().rev().nth(599) {
        Some((start, _)) => last[start..].to_owned(),
        None => last,
    }
}

/// Failures that every client can have, told apart by its words.
pub(super) fn failure(client: &str, subject: &str, words: &str, folder: &Path) -> FetchError {
    let has = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
    if has(&["ENOSPC", "No space left on device", "os error 28"]) {
        return FetchError::DiskFull(folder.to_owned());
    }
    if has(&[
        "ENOTCACHED",
        "network was disabled",
        "network connectivity is disabled",
    ]) {
        return FetchError::Offline {
            subject: subject.to_owned(),
        };
    }
    if has(&[
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "EHOSTUNREACH",
        "ERR_SOCKET_TIMEOUT",
        "SELF_SIGNED_CERT",
        "UNABLE_TO_VERIFY",
        "UNABLE_TO_GET_ISSUER",
        "NewConnectionError",
        "ConnectTimeout",
        "Max retries exceeded",
        "ProxyError",
        "SSLError",
        "Connection failed",
        "Failed to fetch",
        "dns error",
    ]) {
        return FetchError::Network {
            subject: subject.to_owned(),
            detail: last_words(words),
        };
    }
    FetchError::Client {
        client: client.to_owned(),
        subject: subject.to_owned(),
        detail: last_words(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_bounded_on_a_character() {
        assert_eq!(last_words("a\n\n b \n"), "a;  b ");
        assert_eq!(last_words(&"é".repeat(5000)).chars().count(), 600);
    }

    #[test]
    fn clients_failures_are_told_apart() {
        let kind = |words| failure("npm", "x", words, Path::new("/c"));
        assert!(matches!(kind("code ENOSPC"), FetchError::DiskFull(_)));
        assert!(matches!(
            kind("code ENOTCACHED"),
            FetchError::Offline { .. }
        ));
        assert!(matches!(
            kind("getaddrinfo EAI_AGAIN r"),
            FetchError::Network { .. }
        ));
        assert!(matches!(kind("code EWHATEVER"), FetchError::Client { .. }));
    }
}
