//! The end of a run: the server is asked to end, made to where it does not, and what goes on without
//! it is watched for a while before it is ended as well. A server that ends when its stdin is closed
//! and leaves nobody behind is waited for no longer than that takes.

use super::{Job, Live, Run, files, harvest};
use crate::effect::{Exit, Kind, Misbehaviour, Phase, Sink, Stage};
use crate::internet::World;
use crate::mcp::Session;
use crate::run::condition::Condition;
use crate::run::error::RunError;
use crate::run::recorder::{Recorded, Recorder};
use crate::sandbox::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// How long a server may take to end after its stdin was closed, then after SIGTERM; and how long
/// those who go on without it may wait for whatever they wait for.
const GRACE: Duration = Duration::from_millis(1500);
/// The same for one that works on.
const GRACE_AT_WORK: Duration = Duration::from_secs(6);
/// How long those who go on are watched after each jump of their clocks.
const AFTER_JUMP: Duration = Duration::from_millis(300);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

impl Live {
    /// Asks the server to end, sees to it that it does, and gathers what it left.
    pub(super) async fn end(mut self, job: &Job<'_>) -> Run {
        self.recorder.enter(Phase::Exit);
        let speaks_http = self.speech.door.is_http();
        let gone = self.session.is_gone();
        // Its output ends a moment before it does itself.
        let patience = if gone { GRACE } else { Duration::ZERO };
        let early = tokio::task::block_in_place(|| self.child.wait_main(patience));
        let mut line = Line::Open(Box::new(self.session));
        let after = if early && gone {
            "itself"
        } else {
            let other = job.setup.conditions().has(Condition::Ending);
            let stages: &[Stage] = match (speaks_http, other) {
                // Nothing but its clients tells a server that listens that they are gone.
                (true, _) => &[Stage::Sigterm],
                (false, true) => &[Stage::Sigterm, Stage::StdinClosed],
                (false, false) => &[Stage::StdinClosed, Stage::Sigterm],
            };
            if speaks_http {
                line.end_session().await;
            }
            ask(stages, &mut self.child, &mut line, &self.recorder)
        };
        if self.child.is_survived(Duration::ZERO) {
            harvest(&mut self.child, &self.recorder, &mut self.notes);
            self.recorder.reach(Stage::Afterlife);
            let jumps = job.setup.conditions().idle();
            outlive(&mut self.child, &self.world, GRACE);
            for by in jumps {
                if self.child.is_survived(Duration::ZERO) && self.child.advance(*by).is_ok() {
                    self.world.advance(*by);
                    self.now += *by;
                    self.recorder.jump(seconds(self.now));
                    outlive(&mut self.child, &self.world, AFTER_JUMP);
                }
            }
        }
        let exit = tokio::task::block_in_place(|| self.child.finish());
        line.end().await;
        let said = self.outlets.end().await;
        self.world.close().await;
        let mut used = self.child.used();
        used.peak = used.peak.max(exit.max_memory);
        self.meter.end(used, &self.recorder);
        let sink: &dyn Sink = &*self.recorder;
        for bytes in said {
            let what = "stderr".into();
            sink.emit(Kind::Misbehaviour(Misbehaviour { what, bytes }));
        }
        for reads in self.child.reads() {
            sink.emit(Kind::Reads(reads));
        }
        for change in files(&mut self.child, &mut self.notes) {
            sink.emit(Kind::File(change));
        }
        sink.emit(Kind::Exit(Exit {
            code: exit.code,
            signal: exit.signal,
            after: after.to_owned(),
            left_behind: exit.left_behind,
        }));
        self.notes.extend(job.package.notes.iter().cloned());
        self.recorder
            .end(self.isolation.clone(), self.notes.clone());
        drop(self.recorder);
        let recorded = tokio::task::block_in_place(|| self.recording.finish());
        let mut problem = self.problem;
        let recorded = recorded.unwrap_or_else(|| {
            problem = Some(RunError::plain("the recorder of the run failed"));
            Recorded::nothing()
        });
        if let Some(what) = &recorded.problem {
            problem = Some(RunError::plain(what.clone()).hint("is the disk full?"));
        }
        Run {
            recorded,
            surface: self.surface,
            isolation: self.isolation,
            notes: self.notes,
            folder: self.folder,
            speech: self.speech,
            problem,
            valid_calls: self.valid_calls,
        }
    }
}

/// The way to the server's stdin.
enum Line {
    Open(Box<Session>),
    Closing(JoinHandle<bool>),
    Ended,
}

impl Line {
    /// Closes the server's stdin; what it still says is heard beside.
    fn close(&mut self) {
        if let Self::Open(session) = std::mem::replace(self, Self::Ended) {
            *self = Self::Closing(tokio::spawn(session.close()));
        }
    }

    /// Ends the session with a server that listens, and waits for its word.
    async fn end_session(&mut self) {
        self.close();
        if let Self::Closing(closing) = std::mem::replace(self, Self::Ended) {
            let _ = closing.await;
        }
    }

    /// Hears what the server, which is gone, has said.
    async fn end(mut self) {
        self.close();
        if let Self::Closing(closing) = self {
            let _ = closing.await;
        }
    }
}

/// Asks in one way and then in the other, then insists. Gives what it ended after.
fn ask(stages: &[Stage], child: &mut Child, line: &mut Line, recorder: &Recorder) -> &'static str {
    for &stage in stages {
        recorder.reach(stage);
        let word = match stage {
            Stage::StdinClosed => {
                line.close();
                "stdin-closed"
            }
            _ => {
                let _ = child.terminate();
                "sigterm"
            }
        };
        if patiently(child) {
            return word;
        }
    }
    recorder.reach(Stage::Sigkill);
    let _ = child.kill();
    tokio::task::block_in_place(|| child.wait_main(GRACE));
    "sigkill"
}

/// Waits for the end until the server has waited itself for [`GRACE`]: on a busy machine it may
/// take long to end in order, and how it ends is behaviour. Bounded for one that never waits.
fn patiently(child: &mut Child) -> bool {
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    tokio::task::block_in_place(|| {
        while waited < GRACE && began.elapsed() < GRACE_AT_WORK {
            if child.wait_main(LOOK) {
                return true;
            }
            if child.is_idle() {
                waited += LOOK;
            }
        }
        false
    })
}

/// Watches those who go on after the server's end, until they have ended or have waited themselves
/// for so long. Bounded as well.
fn outlive(child: &mut Child, world: &World, patience: Duration) {
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    tokio::task::block_in_place(|| {
        while waited < patience && began.elapsed() < GRACE_AT_WORK {
            if !child.is_survived(LOOK) {
                return;
            }
            if world.busy() == 0 && child.is_idle() {
                waited += LOOK;
            }
        }
    });
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}
