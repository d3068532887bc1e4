//! A server on the host, driven by the same client: what turncoat is measured against.

use super::upstream::Upstream;
use super::{ms, reroute};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use turncoat::effect::{Kind, Sink};
use turncoat::mcp::{self, Era, Session};
use turncoat::package::Package;

/// How a server is started.
#[derive(Clone, Default)]
pub struct Way<'a> {
    pub env: Vec<(&'a str, String)>,
    /// A program in front of it, with its arguments: `strace -f`.
    pub under: Vec<&'a str>,
    /// Where its HTTPS connections lead, whatever they dial.
    pub upstream: Option<&'a Upstream>,
}

/// A running server.
pub struct Bare {
    session: Session,
    child: Child,
    started: Instant,
    /// From exec to the listed surface, in milliseconds.
    pub handshake_ms: f64,
    _home: TempDir,
}

/// Nobody reads the effects of a bare server.
struct Nobody;

impl Sink for Nobody {
    fn emit(&self, kind: Kind) {
        std::hint::black_box(kind);
    }
}

impl Bare {
    pub async fn start(package: &OnHost, way: &Way<'_>) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut words: Vec<OsString> = way.under.iter().map(OsString::from).collect();
        words.extend(
            package
                .package
                .launch
                .argv
                .iter()
                .map(|word| package.path(word).into()),
        );
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(home.path())
            // What this machine's user has set may take time (certificates that Node reads first).
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path());
        command.envs(
            package
                .package
                .launch
                .env
                .iter()
                .map(|(k, v)| (k, package.path(v))),
        );
        command.envs(way.env.iter().map(|(k, v)| (k, v)));
        if let Some(upstream) = way.upstream {
            command.envs(reroute(upstream, home.path()));
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().expect("the server starts");
        let (stdin, stdout) = (
            child.stdin.take().expect("piped"),
            child.stdout.take().expect("piped"),
        );
        let options = mcp::Options {
            era: Era::Legacy,
            ..mcp::Options::default()
        };
        let connected = mcp::connect(stdin, stdout, options, Arc::new(Nobody), None).await;
        let (session, _) = connected.expect("the bare server answers");
        Self {
            session,
            child,
            started,
            handshake_ms: ms(started.elapsed()),
            _home: home,
        }
    }

    /// Makes these calls one after the other; when each was answered, since the first began.
    pub async fn calls(&mut self, calls: &[(String, Value)]) -> Vec<Duration> {
        let began = Instant::now();
        let mut answered = Vec::with_capacity(calls.len());
        for (tool, arguments) in calls {
            let result = self.session.call(tool, arguments).await;
            assert!(
                result.outcome != "gone",
                "the bare server ended in the middle"
            );
            answered.push(began.elapsed());
        }
        answered
    }

    /// Closes its stdin and waits for its end; milliseconds since its start.
    pub async fn end(mut self) -> f64 {
        self.session.close().await;
        self.child.wait().await.expect("the server ends");
        ms(self.started.elapsed())
    }
}

/// A package laid out on the host as its mounts lay it out in a sandbox.
pub struct OnHost {
    package: Package,
    tree: TempDir,
}

impl OnHost {
    pub fn new(package: Package) -> Self {
        let tree = tempfile::tempdir().expect("a folder");
        for mount in &package.launch.mounts {
            let target = format!("{}{}", tree.path().display(), mount.target);
            std::fs::create_dir_all(Path::new(&target).parent().expect("a parent"))
                .expect("a folder");
            let copy = std::process::Command::new("cp")
                .args(["-aT", "--reflink=auto"])
                .args([mount.source.as_os_str(), target.as_ref()])
                .status();
            assert!(
                copy.is_ok_and(|status| status.success()),
                "a copy of the package"
            );
        }
        Self { package, tree }
    }

    /// A path of the sandbox, alone or within a word, as one of the host.
    fn path(&self, word: &str) -> String {
        let mut mounts = self.package.launch.mounts.iter();
        match mounts.find(|mount| word.contains(&mount.target)) {
            Some(mount) => {
                let there = format!("{}{}", self.tree.path().display(), mount.target);
                word.replace(&mount.target, &there)
            }
            None => word.to_owned(),
        }
    }
}
