//! A server on the host, driven by the same client: what turncoat is measured against.

use super::upstream::Upstream;
use super::{ms, reroute};
use serde_json::Value;
use std::ffi::OsString;
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
    pub async fn start(package: &Package, way: &Way<'_>) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut words: Vec<OsString> = way.under.iter().map(OsString::from).collect();
        words.extend(
            package
                .launch
                .argv
                .iter()
                .map(|word| on_host(package, word).into()),
        );
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(home.path())
            .env("HOME", home.path());
        command.envs(
            package
                .launch
                .env
                .iter()
                .map(|(k, v)| (k, on_host(package, v))),
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

/// A path of the sandbox as one of the host.
fn on_host(package: &Package, word: &str) -> String {
    let mounts = package.launch.mounts.iter();
    let under = mounts
        .filter(|mount| word.contains(&mount.target))
        .max_by_key(|m| m.target.len());
    match under {
        Some(mount) => word.replace(&mount.target, &mount.source.display().to_string()),
        None => word.to_owned(),
    }
}
