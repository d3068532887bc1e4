//! The install phase: what installing a package executes is executed in the sandbox the server is
//! then started in, observed like everything else, and told with the package whose script it is.
//! Without scripts it is nothing at all. How a script ends stops nothing: that npm or pip would
//! have given up is told, and the server is started.

use super::drive::Job;
use super::error::RunError;
use super::meter::Meter;
use super::recorder::Recorder;
use super::rest;
use super::setup::Setup;
use crate::effect::{Body, Exit, Kind, Misbehaviour, Phase, Script, Sink};
use crate::event::Progress;
use crate::internet::World;
use crate::package::{self, Package};
use crate::sandbox::{
    self, Bound, Errand, ErrandEnd, Prepared, Sockets, Spec, StartError, Started,
};
use crate::scenario::InstallScripts;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

/// Bytes of output kept of one script.
const OUTPUT: usize = 256 * 1024;
/// Bytes in a pipe at most (pipe (7)), and of one read.
const PIPE: usize = 64 * 1024;
/// All scripts together may take so many times what one may.
const TOGETHER: u32 = 5;
/// Scripts are shown an earlier hour than the server: what they note down has passed by then,
/// however long they took.
const EARLIER: Duration = Duration::from_secs(3600);

/// What has to be executed before the server of `package` is started.
pub fn errands(setup: &Setup, package: &Package) -> Vec<Errand> {
    let server = &setup.scenario().server;
    if server.install_scripts == InstallScripts::Skip || package.scripts.is_empty() {
        return Vec::new();
    }
    let env = setup.environment(package);
    let errand = |script: &package::Script| {
        let mut env = env.clone();
        for (name, value) in &mut env {
            if name == "PATH" {
                *value = format!("{}:{value}", script.path.join(":"));
            }
        }
        env.retain(|(name, _)| script.env.iter().all(|(other, _)| other != name));
        env.extend(script.env.iter().cloned());
        Errand {
            argv: script.argv.clone(),
            env,
            cwd: script.folder.clone(),
            clock: setup.clock().checked_sub(EARLIER),
            limit: server.install_timeout,
        }
    };
    package.scripts.iter().map(errand).collect()
}

/// A server that runs, and what its installation came to.
pub struct Begun {
    pub started: Started,
    /// The world, where scripts needed it before the server did.
    pub world: Option<World>,
    /// Measures from where the server was started.
    pub meter: Meter,
    /// What went wrong or was left out, each a sentence.
    pub failures: Vec<String>,
}

/// Starts the server of `spec` after its package's scripts. `open` makes the world.
pub async fn begin(
    job: &Job<'_>,
    spec: &Spec,
    recorder: &Arc<Recorder>,
    open: &(dyn Fn(Sockets) -> Result<World, RunError> + Sync),
) -> Result<Begun, RunError> {
    let sink: Arc<dyn Sink> = recorder.clone();
    let prepared = tokio::task::block_in_place(|| sandbox::prepare(spec, sink));
    let mut prepared = prepared.map_err(cannot_start)?;
    let mut meter = Meter::new();
    let (mut world, mut failures) = (None, Vec::new());
    if !job.package.scripts.is_empty() {
        recorder.enter(Phase::Install);
        if spec.before.is_empty() {
            for script in &job.package.scripts {
                recorder.emit(Kind::Script(effect(script, true)));
            }
            failures.push("install scripts were not run: the scenario says so".to_owned());
        } else {
            let what = format!("running the install scripts of {}", job.package.resolved);
            job.listener.hear(Progress::Step { what });
            let sockets = prepared.sockets();
            let sockets = sockets.map_err(|e| RunError::new("the sockets cannot be used", e))?;
            let opened = open(sockets)?;
            (prepared, failures) = run(job, prepared, recorder, &opened).await?;
            meter.end(prepared.used(), recorder);
            world = Some(opened);
        }
        recorder.enter(Phase::Start);
    }
    meter.restart();
    let started = tokio::task::block_in_place(|| prepared.start()).map_err(cannot_start)?;
    Ok(Begun {
        started,
        world,
        meter,
        failures,
    })
}

fn cannot_start(e: StartError) -> RunError {
    let hint = e.hint().map(str::to_owned);
    let mut error = RunError::new("the sandbox could not start the server", e);
    error.hint = hint.or(Some(
        "`turncoat doctor` shows what this host can isolate".into(),
    ));
    error
}

fn effect(script: &package::Script, skipped: bool) -> Script {
    Script {
        package: script.package.clone(),
        version: script.version.clone(),
        own: script.own,
        name: script.event.clone(),
        text: script.text.clone(),
        folder: script.folder.clone(),
        installs_to: script.installs_to.clone(),
        skipped,
    }
}

/// Runs every script, one after the other.
async fn run(
    job: &Job<'_>,
    mut prepared: Prepared,
    recorder: &Recorder,
    world: &World,
) -> Result<(Prepared, Vec<String>), RunError> {
    let began = Instant::now();
    let most = job.setup.scenario().server.install_timeout * TOGETHER;
    let mut failures = Vec::new();
    let mut left_out = 0;
    for script in &job.package.scripts {
        let skipped = began.elapsed() > most;
        recorder.emit(Kind::Script(effect(script, skipped)));
        if skipped {
            left_out += 1;
            continue;
        }
        let cannot = |e| RunError::new("a script's output cannot be read", e);
        let (output, theirs) = io::pipe().map_err(cannot)?;
        let output = pipe::Receiver::from_owned_fd(output.into()).map_err(cannot)?;
        let (ended, is_ended) = oneshot::channel();
        let said = tokio::spawn(listen(output, is_ended));
        let end;
        (prepared, end) = errand(prepared, theirs.into(), world.ahead()).await?;
        let _ = ended.send(());
        rest::of_world(world).await;
        let harvest = tokio::task::block_in_place(|| prepared.harvest(Bound::default()));
        failures.extend(harvest.notes);
        for reads in prepared.reads() {
            recorder.emit(Kind::Reads(reads));
        }
        for change in harvest.changes {
            recorder.emit(Kind::File(change));
        }
        world.cut();
        let said = said.await.unwrap_or_default();
        if !said.is_empty() {
            recorder.emit(Kind::Misbehaviour(Misbehaviour {
                what: "stderr".into(),
                bytes: said.clone(),
            }));
        }
        let Some(end) = end else { break };
        failures.extend(failure(script, &end, &said));
        recorder.emit(Kind::Exit(Exit {
            code: end.code,
            signal: end.signal,
            after: match (end.over_time, end.over_memory) {
                (true, _) => "time",
                (_, true) => "memory",
                _ => "itself",
            }
            .to_owned(),
            left_behind: end.left_behind,
        }));
    }
    if left_out > 0 {
        failures.push(format!(
            "{left_out} install scripts were not run: those before them took longer than {} s",
            most.as_secs()
        ));
    }
    Ok((prepared, failures))
}

/// The next script, on a thread of its own: other runs share this one, and none waits for a thread
/// when the program ends.
async fn errand(
    mut prepared: Prepared,
    output: OwnedFd,
    clock: Arc<AtomicI64>,
) -> Result<(Prepared, Option<ErrandEnd>), RunError> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let end = prepared.errand(output, &|ahead_ns| clock.store(ahead_ns, Ordering::Relaxed));
        let _ = tell.send((prepared, end));
    });
    let (prepared, end) = told
        .await
        .map_err(|e| RunError::new("a script could not be waited for", e))?;
    Ok((prepared, end.map_err(cannot_start)?))
}

/// A script that did not succeed, as a sentence with its last line.
fn failure(script: &package::Script, end: &ErrandEnd, said: &Body) -> Option<String> {
    let how = match (end.over_time, end.over_memory, end.code, end.signal) {
        (true, ..) => "did not end in time".to_owned(),
        (_, true, ..) => "used more memory than it may have".to_owned(),
        (.., Some(0), _) => return None,
        (.., Some(code), _) => format!("failed with status {code}"),
        (.., Some(signal)) => format!("was ended by signal {signal}"),
        _ => "ended in an unknown way".to_owned(),
    };
    let text = said.text();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map(|line| line.trim().chars().take(160).collect::<String>());
    let last = last.map_or_else(String::new, |line| format!(" (`{line}`)"));
    let package::Script { package, event, .. } = script;
    Some(format!(
        "the {event} script of `{package}` {how}{last}, where an installer would have given up: the server was started all the same"
    ))
}

/// Reads output until its script has ended, and what is there by then. A process that was left
/// behind may go on writing: that is thrown away.
async fn listen(mut from: pipe::Receiver, mut ended: oneshot::Receiver<()>) -> Body {
    let mut capture = Body::capture(OUTPUT);
    let mut buffer = vec![0; PIPE];
    loop {
        tokio::select! {
            biased;
            _ = &mut ended => break,
            read = from.read(&mut buffer) => match read {
                Ok(n @ 1..) => capture.push(&buffer[..n]),
                _ => return capture.finish(),
            },
        }
    }
    let mut left = PIPE;
    while left > 0
        && let Ok(n @ 1..) = from.try_read(&mut buffer[..left])
    {
        capture.push(&buffer[..n]);
        left -= n;
    }
    tokio::spawn(async move { while let Ok(1..) = from.read(&mut buffer).await {} });
    capture.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_failed_is_told_with_its_last_words() {
        let script = package::Script {
            package: "left-pad".into(),
            event: "install".into(),
            ..package::Script::default()
        };
        let end = |code, signal| ErrandEnd {
            code,
            signal,
            left_behind: Vec::new(),
            over_time: false,
            over_memory: false,
        };
        let told = |end: &ErrandEnd, said: &str| failure(&script, end, &Body::new(said.as_bytes()));
        assert_eq!(told(&end(Some(0), None), "fine"), None);
        let failed = told(&end(Some(2), None), "gyp ERR! not ok\n\n").unwrap();
        let head =
            "the install script of `left-pad` failed with status 2 (`gyp ERR! not ok`), where";
        assert!(failed.starts_with(head), "{failed}");
        let killed = told(&end(None, Some(9)), "").unwrap();
        assert!(killed.contains("was ended by signal 9, where"), "{killed}");
        let late = ErrandEnd {
            over_time: true,
            ..end(None, Some(9))
        };
        assert!(told(&late, "").unwrap().contains("did not end in time"));
    }
}
