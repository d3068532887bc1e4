//! What this host can isolate and observe, found out by doing it.

use super::error::StartError;
use super::launch::{Level, start};
use super::spec::{Limits, Mode, Mount, Spec};
use crate::effect::Kept;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), ":".to_owned()],
        cwd: "/home".to_owned(),
        mounts: vec![Mount {
            source: package.path().to_owned(),
            target: "/opt/probe".to_owned(),
            mode: Mode::Overlay,
        }],
        limits: Limits::default(),
        helper,
        ..Spec::default()
    };
    let began = std::time::Instant::now();
    let outcome = start(&spec, Arc::new(Kept::default())).map(|mut started| {
        let ready = began.elapsed();
        let exit = started.child.wait_timeout(Duration::from_secs(10));
        (started.level, started.notes, ready, exit)
    });
    match outcome {
        Ok((level, notes, ready, exit)) => {
            let mut all = vec![
                found("user namespaces", "a sandbox of its own for every server"),
                found("packet filter", "every TCP and UDP destination is caught"),
                Probe {
                    what: "sandbox",
                    available: exit.is_some_and(|e| e.code == Some(0)) && level == Level::L0,
                    detail: format!("level {level}, ready in {:.1} ms", millis(ready)),
                    advice: None,
                },
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
