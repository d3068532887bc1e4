//! Waiting until what a call set off has come to rest, and for no longer: most servers are back
//! at waiting at once, some act after they have answered, and some never rest.

use super::recorder::Recorder;
use crate::internet::World;
use crate::sandbox::Child;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Longest wait for what a call set off to come to rest.
const SETTLE: Duration = Duration::from_millis(400);
/// After so many waits in vain a server counts as restless and is not waited for any more.
const RESTLESS: u32 = 5;
/// Calls of each tool that are watched thoroughly at first; then ever fewer, and one in so many.
const FIRST: u32 = 4;
/// Of these the ones after which it is seen whether the tool acts later than it answers.
const FIRST_OF_ALL: u32 = 2;
const LONG_PAUSE: Duration = Duration::from_millis(5);
const EVERY: u32 = 256;
/// How long rest is looked for without pause: most servers are back at waiting within this.
const EAGER: Duration = Duration::from_micros(300);
/// The same where a look is at a number and costs little: a pause would be longer than most
/// waits, because timers are that coarse.
const EAGER_FOR_WORLD: Duration = Duration::from_millis(2);
/// The pause between looks after that, and how long rest must last to be believed.
pub const PAUSE: Duration = Duration::from_micros(600);
/// Looks in a row that must find rest.
const LOOKS: u32 = 4;
/// What a timer may be off by.
const COARSE: Duration = Duration::from_millis(2);

/// How closely a server is watched after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Until all of its threads wait, and nothing has come for so long.
    Thorough(Duration),
    /// For what is under way already.
    Glance,
}

/// What a tool has shown so far. Waiting after every call would take longer than most calls do.
#[derive(Default)]
struct Habit {
    calls: u32,
    /// How long after an answer it did some of them, at most: a timer may be what it waits for.
    lag: Duration,
}

impl Habit {
    /// How to watch after a call.
    fn call(&mut self) -> Watch {
        let nth = self.calls;
        self.calls += 1;
        let now_and_then = nth.is_power_of_two() || nth.is_multiple_of(EVERY);
        if nth < FIRST_OF_ALL {
            Watch::Thorough(LONG_PAUSE)
        } else if self.lag > Duration::ZERO || nth < FIRST || now_and_then {
            Watch::Thorough((self.lag * 2).clamp(PAUSE, SETTLE / 8))
        } else {
            Watch::Glance
        }
    }
}

/// Waits until nothing is under way in the world, within the same bounds: what has ended may have
/// sent something that is not read yet.
pub async fn of_world(world: &World) {
    let began = Instant::now();
    let mut looks = 0;
    while looks < LOOKS && began.elapsed() < SETTLE {
        looks = if world.busy() == 0 { looks + 1 } else { 0 };
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is looked at for rest.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub world: &'a World,
    pub child: &'a Child,
    pub recorder: &'a Recorder,
}

/// What was learnt about a server's rest.
#[derive(Default)]
pub struct Rest {
    in_vain: u32,
    habits: HashMap<String, Habit>,
}

impl Rest {
    /// Calls made of a tool so far.
    pub fn calls(&self, tool: &str) -> u32 {
        self.habits.get(tool).map_or(0, |habit| habit.calls)
    }

    /// Waits for rest after a call of `tool` has been answered.
    pub async fn after(&mut self, tool: &str, scene: Scene<'_>) {
        let habit = self.habits.entry(tool.to_owned()).or_default();
        let mut watch = habit.call();
        if scene.child.dirty() && !matches!(watch, Watch::Thorough(_)) {
            // A file half written would be told with the next call: writing goes on in threads.
            watch = Watch::Thorough(PAUSE);
        }
        let lag = self.settle(watch, scene).await;
        if let Some(habit) = self.habits.get_mut(tool) {
            habit.lag = habit.lag.max(lag);
        }
    }

    /// Waits until what the last call set off has come to rest: nothing is under way in the
    /// world, and the server waits for something. Bounded; a server that never rests is not
    /// waited for again. Gives the time to the last effect that was seen meanwhile.
    pub async fn settle(&mut self, watch: Watch, scene: Scene<'_>) -> Duration {
        let mut lag = Duration::ZERO;
        if self.is_given_up() {
            return lag;
        }
        let began = Instant::now();
        let (eager, pause) = match watch {
            Watch::Thorough(pause) => (EAGER, pause),
            Watch::Glance => (EAGER_FOR_WORLD, Duration::ZERO),
        };
        let mut before = scene.recorder.outward();
        // Since when everything has been at rest and nothing came.
        let mut rested: Option<Duration> = None;
        let mut looks = 0;
        loop {
            // Look-ups run on threads of their own: the main thread sleeps already while a query
            // is still on its way. Between two threads, or a thread and the world, may lie a
            // moment in which neither has it; a pause in which nothing came tells.
            let calm = match watch {
                Watch::Thorough(_) => scene.is_calm(),
                Watch::Glance => scene.world.busy() == 0,
            };
            let waited = began.elapsed();
            let seen = scene.recorder.outward();
            if seen != before {
                (before, lag, rested) = (seen, waited, None);
            }
            rested = calm.then(|| rested.unwrap_or(waited));
            looks = if rested == Some(waited) { 1 } else { looks + 1 };
            // On a busy machine much may lie between two looks.
            let sure = pause.is_zero() || looks >= LOOKS;
            if sure && rested.is_some_and(|since| waited - since >= pause) {
                self.in_vain = 0;
                return lag;
            }
            if waited > SETTLE {
                self.in_vain += 1;
                return lag;
            }
            let much = match rested {
                Some(since) => pause.saturating_sub(waited - since) > COARSE,
                None => waited > eager,
            };
            if much {
                tokio::time::sleep(PAUSE).await;
            } else {
                // Timers are coarser than this wait. The server may need this processor.
                std::thread::yield_now();
                tokio::task::yield_now().await;
            }
        }
    }

    fn is_given_up(&self) -> bool {
        self.in_vain >= RESTLESS
    }

    /// What a reader should know of a server that is not waited for any more.
    pub fn note(&self) -> Option<String> {
        let note =
            "the server never comes to rest: effects may be counted to the call after theirs";
        self.is_given_up().then(|| note.to_owned())
    }
}

impl Scene<'_> {
    /// Whether nothing is under way, and everything inside waits for something.
    pub fn is_calm(&self) -> bool {
        self.world.busy() == 0 && self.child.is_asleep() && self.child.is_idle()
    }
}
