//! What this host can isolate and observe, found out by doing it.

use super::error::StartError;
use super::launch::{Level, start};
use super::spec::{Limits, Mode, Mount, Spec};
use crate::effect::{Kept, Kind};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// 1 May 2023, which no clock shows any more by itself.
const DATE: u64 = 1_682_942_400;

/// One thing a run relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub what: &'static str,
    pub available: bool,
    pub detail: String,
    /// What to do where it is missing.
    pub advice: Option<String>,
}

/// Starts a shell in a sandbox and tells what came of it. `helper` as in [`Spec`].
pub fn probe(helper: Option<PathBuf>) -> Vec<Probe> {
    let Ok(package) = tempfile::tempdir() else {
        return vec![Probe {
            what: "temporary folder",
            available: false,
            detail: "none can be made".to_owned(),
            advice: Some("set TMPDIR to a folder that can be written".to_owned()),
        }];
    };
    let spec = Spec {
        argv: ["/bin/sh", "-c", "date +%s || :; : < /etc/hostname"]
            .map(str::to_owned)
            .to_vec(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        cwd: "/home".to_owned(),
        mounts: vec![Mount {
            source: package.path().to_owned(),
            target: "/opt/probe".to_owned(),
            mode: Mode::Overlay,
        }],
        limits: Limits::default(),
        clock: Some(UNIX_EPOCH + Duration::from_secs(DATE)),
        helper,
        ..Spec::default()
    };
    let began = std::time::Instant::now();
    let kept = Arc::new(Kept::default());
    let outcome = start(&spec, kept.clone()).map(|mut started| {
        let ready = began.elapsed();
        let exit = started.child.wait_timeout(Duration::from_secs(10));
        let clock = tells(DATE, started.stdout);
        (started.level, started.notes, ready, exit, clock)
    });
    match outcome {
        Ok((level, notes, ready, exit, clock)) => {
            let mut all = vec![
                found("user namespaces", "a sandbox of its own for every server"),
                found("packet filter", "every TCP and UDP destination is caught"),
                Probe {
                    what: "sandbox",
                    available: exit.is_some_and(|e| e.code == Some(0)) && level == Level::L0,
                    detail: format!("level {level}, ready in {:.1} ms", millis(ready)),
                    advice: None,
                },
                clock,
                observer(&kept.take()),
            ];
            all.extend(notes.into_iter().map(|note| Probe {
                what: "limitation",
                available: false,
                detail: note,
                advice: None,
            }));
            all
        }
        Err(e) => vec![Probe {
            what: match &e {
                StartError::NoUserNamespace(_) => "user namespaces",
                StartError::NoPacketFilter(_) => "packet filter",
                _ => "sandbox",
            },
            available: false,
            advice: e.hint().map(str::to_owned),
            detail: e.to_string(),
        }],
    }
}

/// Whether what the program read was seen.
fn observer(seen: &[Kind]) -> Probe {
    let available = seen
        .iter()
        .any(|kind| matches!(kind, Kind::Read(read) if read.path == "/etc/hostname"));
    Probe {
        what: "observer",
        available,
        detail: if available {
            "files read, programs, local sockets and refused calls, by seccomp notifications"
        } else {
            "system calls are not shown: files read and programs started are not seen"
        }
        .to_owned(),
        advice: (!available).then(|| {
            "notifications need Linux 5.5, and no seccomp listener around turncoat".to_owned()
        }),
    }
}

/// Whether the program that asked for the date was told this one or a little later.
fn tells(date: u64, stdout: OwnedFd) -> Probe {
    let mut said = String::new();
    let read = File::from(stdout).take(64).read_to_string(&mut said);
    let told: Option<u64> = said.trim().parse().ok().filter(|_| read.is_ok());
    let available = told.is_some_and(|told| (date..date + 60).contains(&told));
    Probe {
        what: "wall clock",
        available,
        detail: if available {
            "starts at the same instant in every run".to_owned()
        } else {
            "runs start at different times: what a server makes of the date may differ".to_owned()
        },
        advice: None,
    }
}

fn found(what: &'static str, detail: &str) -> Probe {
    Probe {
        what,
        available: true,
        detail: detail.to_owned(),
        advice: None,
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
