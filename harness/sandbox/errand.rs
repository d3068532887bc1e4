//! Errands as process 1 sees them: each is begun when the launcher says so, watched over like the
//! server itself, and its end told. How it ends is its own business and stops nothing.

use super::clock::Clock;
use super::init::{self, Program};
use super::message::{self, At, Failure, News, Order, Plan, Step};
use super::spec::Errand;
use super::sys;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// Status of what could not be executed, as shells have it.
const NOT_EXECUTED: i32 = 127;
/// Between two looks at what was left behind, how many must be alike, and how many are made.
const PAUSE_MS: i32 = 5;
const ALIKE: u32 = 3;
const MOST: u32 = 60;

/// Runs every errand that is asked for. Comes back when the server may be started.
pub fn run_all(control: &OwnedFd, plan: &Plan, clock: Option<&Clock>) -> Result<(), Failure> {
    if plan.before.is_empty() {
        return Ok(());
    }
    let mut errands = plan.before.iter();
    loop {
        let (order, mut fds, _) =
            message::hear::<Order>(control.as_fd()).at(Step::Init, "order")?;
        match (order, fds.pop(), errands.next()) {
            (Order::Errand, Some(output), Some(errand)) => {
                let end = run(control, plan, errand, clock, output)?;
                message::tell(control.as_fd(), &end, &[]).at(Step::Init, "hand over")?;
            }
            (Order::Begin, ..) => return Ok(()),
            (order, ..) => {
                let unexpected = Err(io::Error::from_raw_os_error(libc::EBADMSG));
                return unexpected.at(Step::Init, format!("{order:?}"));
            }
        }
    }
}

fn run(
    control: &OwnedFd,
    plan: &Plan,
    errand: &Errand,
    clock: Option<&Clock>,
    output: OwnedFd,
) -> Result<News, Failure> {
    let nothing = File::open("/dev/null").at(Step::Init, "/dev/null")?;
    // Above the numbers that they will be put in the place of.
    let high = |fd: BorrowedFd| sys::dup_high(fd).at(Step::Init, "streams");
    let streams = [
        high(nothing.as_fd())?,
        high(output.as_fd())?,
        high(output.as_fd())?,
    ];
    drop((nothing, output));
    let program = Program {
        argv: &errand.argv,
        env: &errand.env,
        cwd: Some(&errand.cwd),
        clock: clock.zip(errand.clock),
        jumps: false,
        limits: &plan.limits,
    };
    let until = Instant::now() + errand.limit;
    // An earlier one may have removed what this one needs.
    let Ok((pid, children)) = init::start(control, &program, streams) else {
        return Ok(News::ErrandEnded {
            code: Some(NOT_EXECUTED),
            signal: None,
            left_behind: Vec::new(),
            over_time: false,
            over_memory: false,
        });
    };
    let end = init::watch_over(control, pid, &children, &plan.limits, Some(until));
    // Those that were ended with it are gone when this is told.
    let ended_all = end.over_time || end.over_memory;
    while sys::reap(-1, ended_all).is_some() {}
    Ok(News::ErrandEnded {
        code: end.child.code,
        signal: end.child.signal,
        left_behind: left_behind(control),
        over_time: end.over_time,
        over_memory: end.over_memory,
    })
}

/// Names of what an errand left running, once that has come to rest: a child that was made a moment
/// ago has its parent's name until it executes its own program.
fn left_behind(control: &OwnedFd) -> Vec<String> {
    let mut before = init::alive();
    let (mut looks, mut alike) = (0, 0);
    while !before.is_empty() && alike < ALIKE && looks < MOST {
        let _ = sys::poll([control.as_fd()], PAUSE_MS);
        while sys::reap(-1, false).is_some() {}
        let now = init::alive();
        let rests = now == before && now.iter().all(|process| process.is_asleep);
        alike = if rests { alike + 1 } else { 0 };
        looks += 1;
        before = now;
    }
    before.into_iter().map(|process| process.name).collect()
}
