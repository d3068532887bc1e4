//! Where a test runs the binary: folders of its own, a clean environment, and one cache of
//! installed packages for every test of this target folder.

use regex::Regex;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest that any command may take; far beyond what one needs on a busy machine.
pub const BOUND: Duration = Duration::from_secs(240);
/// Between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// What package clients are told by the surroundings, which the tests hand on.
const CLIENTS: &[&str] = &[
    "npm_config_",
    "pip_",
    "uv_",
    "ssl_cert_",
    "node_extra_ca_",
    "requests_ca_",
    "curl_ca_",
];

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders of one test. Gone when it ends.
pub struct Context {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    everywhere: bool,
}

impl Context {
    /// Runs the binary in the repository.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("it-").tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self {
            folder,
            env: Vec::new(),
            cwd: root().to_owned(),
            everywhere: false,
        }
    }

    /// Runs the binary in an empty folder of this test's own.
    pub fn apart() -> Self {
        let context = Self::new();
        Self {
            cwd: context.work(),
            ..context
        }
    }

    /// Compares in every world, as a user does who does not say otherwise. Most tests are about
    /// what shows in the ordinary one, and need not wait for the others.
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A folder for what the test makes.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where the binary puts what is temporary.
    pub fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Writes a file below [`Context::work`] and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// Copies a server of `tests/servers` to `to` below [`Context::work`].
    pub fn copy(&self, server: &str, to: &str) -> PathBuf {
        let (from, to) = (servers().join(server), self.work().join(to));
        for entry in walkdir::WalkDir::new(&from) {
            let entry = entry.unwrap();
            let path = to.join(entry.path().strip_prefix(&from).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::copy(entry.path(), path).unwrap();
            }
        }
        to
    }

    /// The binary, about to be run.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turncoat"));
        self.prepare(&mut command);
        let mut args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().into()).collect();
        let is_diff = args.first().is_some_and(|first| first == "diff");
        if is_diff && !self.everywhere && !args.iter().any(|arg| arg == "--under") {
            args.splice(1..1, ["--under".into(), "none".into()]);
        }
        command.args(args);
        command
    }

    /// A command in the binary's surroundings.
    pub fn prepare(&self, command: &mut Command) {
        let wanted = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["path", "home"].contains(&&*name)
                || name.ends_with("_proxy")
                || CLIENTS.iter().any(|prefix| name.starts_with(prefix))
        };
        command
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| wanted(name)))
            .env("XDG_CACHE_HOME", cache())
            .env("TMPDIR", self.tmp())
            .env("NO_COLOR", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// Runs the binary to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.start(args).wait()
    }

    /// [`Context::run`] with words separated by spaces.
    pub fn line(&self, line: &str) -> Output {
        self.run(line.split_whitespace())
    }

    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        Running::new(self.command(args))
    }
}

/// An example program. `cargo test` builds them beside the tests, and so does `cargo build
/// --examples`; not where one test is named.
pub fn built(example: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(example);
    assert!(program.exists(), "cargo build --example {example}");
    program
}

pub fn servers() -> PathBuf {
    root().join("tests/servers")
}

/// Packages installed by tests, kept between runs of them.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A command under way; killed when dropped.
pub struct Running {
    pub child: Child,
    began: Instant,
    line: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    pub fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        let line = format!("{command:?}");
        Self {
            child,
            began: Instant::now(),
            line,
            stdout: Some(stdout),
            stderr: Some(stderr),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn wait(self) -> Output {
        self.wait_and(|_| {})
    }

    /// Waits for the end, calling `look` again and again until then.
    pub fn wait_and(mut self, mut look: impl FnMut(u32)) -> Output {
        let pid = self.pid();
        let ended = poll(BOUND, || {
            look(pid);
            self.child.try_wait().unwrap()
        });
        let Some(status) = ended else {
            self.child.kill().unwrap();
            let (out, err) = self.said();
            panic!("no end within {BOUND:?}: {}\n{out}\n{err}", self.line);
        };
        let (stdout, stderr) = self.said();
        Output {
            status,
            stdout,
            stderr,
            wall: self.began.elapsed(),
        }
    }

    fn said(&mut self) -> (String, String) {
        let take = |thread: Option<JoinHandle<String>>| thread.unwrap().join().unwrap();
        (take(self.stdout.take()), take(self.stderr.take()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    })
}

/// What a command did.
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub wall: Duration,
}

impl Output {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails unless it ended so.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as the one JSON document that it must be.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.stdout, self.stderr))
    }

    /// Exit status and both streams, without what differs from run to run.
    pub fn told(&self) -> String {
        let code = self
            .code()
            .map_or("killed".to_owned(), |code| code.to_string());
        format!(
            "status {code}\n----- stdout\n{}----- stderr\n{}",
            redacted(&self.stdout),
            redacted(&self.stderr)
        )
    }
}

/// `text` without times, hashes, levels of isolation and the places of this machine.
pub fn redacted(text: &str) -> String {
    let place = root().display().to_string();
    let mut text = text.replace(&place, "[root]");
    for (pattern, instead) in [
        (r"/[^\s`'=]*/it-[A-Za-z0-9]+/(work|tmp)", "[$1]"),
        (r"\b\d+\.\d+ s\b", "[time]"),
        (r"\bsha256-[0-9a-f]{64}\b", "[hash]"),
        (r"\bL[0-4]\b", "[level]"),
        (r"turncoat-[A-Za-z0-9]{6}\b", "turncoat-[random]"),
        (r"(?m)^installing the dependencies of .*\n", ""),
        (r"(?m)^waiting for another turncoat to install .*\n", ""),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, instead)
            .into_owned();
    }
    text
}

/// Looks until there is something, at most as long as `bound`.
pub fn poll<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::park_timeout(PAUSE);
    }
}
