//! Waits of some length. They last as long in real time as is asked for; where time may jump, they
//! are over when the clock that is shown says so.

use super::deadlines::Until;
use super::{
    ABSOLUTE, CLOCK_MONOTONIC, EINTR, ENOSYS, Real, SLICE, Timespec, absent, errno, jumps, shown,
};
use core::ffi::{c_int, c_uint, c_ulong, c_void};
use core::ptr::null_mut;

const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;

/// A wait that began when this was made.
pub struct Span {
    begin: Timespec,
    length_ns: i64,
}

impl Span {
    pub fn new(length_ns: i64) -> Self {
        Self {
            begin: shown(CLOCK_MONOTONIC),
            length_ns,
        }
    }

    /// Nanoseconds that are left of it, 0 when it is over.
    pub fn left_ns(&self) -> i64 {
        let gone = shown(CLOCK_MONOTONIC).since(self.begin);
        self.length_ns.saturating_sub(gone).max(0)
    }

    /// Waits in slices until `wait` gives something else than 0, or the time is over. The last
    /// look has no time at all, so it is made in any case.
    fn slices(&self, mut wait: impl FnMut(Timespec) -> c_int) -> c_int {
        loop {
            let left = self.left_ns();
            let result = wait(timespec(left.min(SLICE)));
            if result != 0 || left == 0 {
                return result;
            }
        }
    }
}

pub fn timespec(ns: i64) -> Timespec {
    Timespec {
        seconds: ns / SECOND,
        nanoseconds: ns % SECOND,
    }
}

/// Nanoseconds of a valid length of time.
fn nanoseconds(time: Timespec) -> Option<i64> {
    let valid = time.seconds >= 0 && (0..SECOND).contains(&time.nanoseconds);
    valid.then(|| time.since(Timespec::ZERO))
}

/// Whole milliseconds, not fewer than it takes.
fn milliseconds(time: Timespec) -> c_int {
    let ns = time.since(Timespec::ZERO);
    ((ns + MILLISECOND - 1) / MILLISECOND) as c_int
}

/// The length of a wait that is to be sliced: given, valid, not "do not wait", and time may jump.
///
/// # Safety
/// A pointer to a time, or null.
unsafe fn to_slice(time: *const Timespec) -> Option<Span> {
    if !jumps() {
        return None;
    }
    // SAFETY: the caller vouches for what is not null.
    let length = nanoseconds(*unsafe { time.as_ref() }?)?;
    (length > 0).then(|| Span::new(length))
}

fn to_slice_ms(time: c_int) -> Option<Span> {
    (time > 0 && jumps()).then(|| Span::new(i64::from(time) * MILLISECOND))
}

static EPOLL_WAIT: Real<unsafe extern "C" fn(c_int, *mut c_void, c_int, c_int) -> c_int> =
    Real::new(c"epoll_wait", &[]);

/// # Safety
/// As epoll_wait (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut c_void,
    room: c_int,
    ms: c_int,
) -> c_int {
    let Some(real) = EPOLL_WAIT.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice_ms(ms) {
            Some(span) => span.slices(|time| real(epoll, events, room, milliseconds(time))),
            None => real(epoll, events, room, ms),
        }
    }
}

type Mask = *const c_void;

static EPOLL_PWAIT: Real<unsafe extern "C" fn(c_int, *mut c_void, c_int, c_int, Mask) -> c_int> =
    Real::new(c"epoll_pwait", &[]);

/// # Safety
/// As epoll_pwait (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait(
    epoll: c_int,
    events: *mut c_void,
    room: c_int,
    ms: c_int,
    mask: Mask,
) -> c_int {
    let Some(real) = EPOLL_PWAIT.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice_ms(ms) {
            Some(span) => span.slices(|time| real(epoll, events, room, milliseconds(time), mask)),
            None => real(epoll, events, room, ms, mask),
        }
    }
}

static EPOLL_PWAIT2: Real<
    unsafe extern "C" fn(c_int, *mut c_void, c_int, *const Timespec, Mask) -> c_int,
> = Real::new(c"epoll_pwait2", &[]);

/// # Safety
/// As epoll_pwait2 (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait2(
    epoll: c_int,
    events: *mut c_void,
    room: c_int,
    time: *const Timespec,
    mask: Mask,
) -> c_int {
    let Some(real) = EPOLL_PWAIT2.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice(time) {
            Some(span) => span.slices(|time| real(epoll, events, room, &raw const time, mask)),
            None => real(epoll, events, room, time, mask),
        }
    }
}

static POLL: Real<unsafe extern "C" fn(*mut c_void, c_ulong, c_int) -> c_int> =
    Real::new(c"poll", &[]);

/// # Safety
/// As poll (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poll(fds: *mut c_void, count: c_ulong, ms: c_int) -> c_int {
    let Some(real) = POLL.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice_ms(ms) {
            Some(span) => span.slices(|time| real(fds, count, milliseconds(time))),
            None => real(fds, count, ms),
        }
    }
}

static PPOLL: Real<unsafe extern "C" fn(*mut c_void, c_ulong, *const Timespec, Mask) -> c_int> =
    Real::new(c"ppoll", &[]);

/// # Safety
/// As ppoll (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ppoll(
    fds: *mut c_void,
    count: c_ulong,
    time: *const Timespec,
    mask: Mask,
) -> c_int {
    let Some(real) = PPOLL.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice(time) {
            Some(span) => span.slices(|time| real(fds, count, &raw const time, mask)),
            None => real(fds, count, time, mask),
        }
    }
}

/// What programs compiled with _FORTIFY_SOURCE call; `room` is for a check that libc makes.
static POLL_CHK: Real<unsafe extern "C" fn(*mut c_void, c_ulong, c_int, usize) -> c_int> =
    Real::new(c"__poll_chk", &[]);

/// # Safety
/// As poll (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __poll_chk(
    fds: *mut c_void,
    count: c_ulong,
    ms: c_int,
    room: usize,
) -> c_int {
    let Some(real) = POLL_CHK.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match to_slice_ms(ms) {
            Some(span) => span.slices(|time| real(fds, count, milliseconds(time), room)),
            None => real(fds, count, ms, room),
        }
    }
}

/// Words of the largest descriptor set that is waited for in slices (`FD_SETSIZE`).
const SET: usize = 1024 / 64;

/// The three sets of select (2) as they were given: a slice without an event empties them.
struct Sets {
    at: [*mut u64; 3],
    given: [[u64; SET]; 3],
    words: usize,
}

impl Sets {
    /// # Safety
    /// Sets of `count` descriptors, or null.
    unsafe fn new(count: c_int, at: [*mut c_void; 3]) -> Option<Self> {
        let words = usize::try_from(count).ok()?.div_ceil(64);
        if words > SET {
            return None;
        }
        let mut sets = Self {
            at: at.map(|set| set.cast()),
            given: [[0; SET]; 3],
            words,
        };
        for (given, at) in sets.given.iter_mut().zip(sets.at) {
            if !at.is_null() {
                // SAFETY: the caller's set holds at least so many words; unaligned sets are read
                // as they lie.
                unsafe { core::ptr::copy_nonoverlapping(at, given.as_mut_ptr(), words) };
            }
        }
        Some(sets)
    }

    fn restore(&self) {
        for (given, at) in self.given.iter().zip(self.at) {
            if !at.is_null() {
                // SAFETY: as above.
                unsafe { core::ptr::copy_nonoverlapping(given.as_ptr(), at, self.words) };
            }
        }
    }
}

static SELECT: Real<
    unsafe extern "C" fn(c_int, *mut c_void, *mut c_void, *mut c_void, *mut [i64; 2]) -> c_int,
> = Real::new(c"select", &[]);

/// # Safety
/// As select (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn select(
    count: c_int,
    read: *mut c_void,
    write: *mut c_void,
    except: *mut c_void,
    time: *mut [i64; 2],
) -> c_int {
    let Some(real) = SELECT.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        let length = time.as_ref().map(|[seconds, microseconds]| Timespec {
            seconds: *seconds,
            nanoseconds: microseconds.saturating_mul(1000),
        });
        let length = length
            .as_ref()
            .map_or(core::ptr::null(), core::ptr::from_ref);
        let sliced = to_slice(length).zip(Sets::new(count, [read, write, except]));
        let Some((span, sets)) = sliced else {
            return real(count, read, write, except, time);
        };
        let result = span.slices(|slice| {
            sets.restore();
            let mut slice = [slice.seconds, slice.nanoseconds / 1000];
            real(count, read, write, except, &raw mut slice)
        });
        // As Linux does: what is left of the time.
        let left = timespec(span.left_ns());
        time.write([left.seconds, left.nanoseconds / 1000]);
        result
    }
}

static PSELECT: Real<
    unsafe extern "C" fn(
        c_int,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *const Timespec,
        Mask,
    ) -> c_int,
> = Real::new(c"pselect", &[]);

/// # Safety
/// As pselect (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pselect(
    count: c_int,
    read: *mut c_void,
    write: *mut c_void,
    except: *mut c_void,
    time: *const Timespec,
    mask: Mask,
) -> c_int {
    let Some(real) = PSELECT.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        let sliced = to_slice(time).zip(Sets::new(count, [read, write, except]));
        let Some((span, sets)) = sliced else {
            return real(count, read, write, except, time, mask);
        };
        span.slices(|slice| {
            sets.restore();
            real(count, read, write, except, &raw const slice, mask)
        })
    }
}

static CLOCK_NANOSLEEP: Real<
    unsafe extern "C" fn(c_int, c_int, *const Timespec, *mut Timespec) -> c_int,
> = Real::new(c"clock_nanosleep", &[]);

/// # Safety
/// As clock_nanosleep (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: c_int,
    flags: c_int,
    time: *const Timespec,
    left: *mut Timespec,
) -> c_int {
    let Some(real) = CLOCK_NANOSLEEP.get() else {
        return ENOSYS;
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        if flags & ABSOLUTE == 0 {
            let Some(span) = to_slice(time) else {
                return real(clock, flags, time, left);
            };
            let result = span.slices(|slice| real(clock, flags, &raw const slice, null_mut()));
            if result == EINTR && !left.is_null() {
                left.write(timespec(span.left_ns()));
            }
            return result;
        }
        let mut until = Until::new(time);
        loop {
            let result = real(clock, flags, until.as_ptr(), left);
            if result != 0 || !until.again() {
                return result;
            }
        }
    }
}

static NANOSLEEP: Real<unsafe extern "C" fn(*const Timespec, *mut Timespec) -> c_int> =
    Real::new(c"nanosleep", &[]);

/// # Safety
/// As nanosleep (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(time: *const Timespec, left: *mut Timespec) -> c_int {
    let Some(real) = NANOSLEEP.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        let Some(span) = to_slice(time) else {
            return real(time, left);
        };
        let result = span.slices(|slice| real(&raw const slice, null_mut()));
        if result == -1 && errno() == EINTR && !left.is_null() {
            left.write(timespec(span.left_ns()));
        }
        result
    }
}

static USLEEP: Real<unsafe extern "C" fn(c_uint) -> c_int> = Real::new(c"usleep", &[]);

/// # Safety
/// As usleep (3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usleep(microseconds: c_uint) -> c_int {
    let Some(real) = USLEEP.get() else {
        return absent();
    };
    // SAFETY: no pointer but those to live times.
    unsafe {
        if !jumps() {
            return real(microseconds);
        }
        let time = timespec(i64::from(microseconds) * 1000);
        nanosleep(&raw const time, null_mut())
    }
}

static SLEEP: Real<unsafe extern "C" fn(c_uint) -> c_uint> = Real::new(c"sleep", &[]);

/// # Safety
/// As sleep (3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    let Some(real) = SLEEP.get() else {
        return seconds;
    };
    // SAFETY: no pointer but those to live times.
    unsafe {
        if !jumps() {
            return real(seconds);
        }
        let time = timespec(i64::from(seconds) * SECOND);
        let mut left = Timespec::ZERO;
        if nanosleep(&raw const time, &raw mut left) == 0 {
            return 0;
        }
        left.seconds as c_uint
    }
}

pub fn look_up() {
    EPOLL_WAIT.look_up();
    EPOLL_PWAIT.look_up();
    EPOLL_PWAIT2.look_up();
    POLL.look_up();
    PPOLL.look_up();
    POLL_CHK.look_up();
    SELECT.look_up();
    PSELECT.look_up();
    CLOCK_NANOSLEEP.look_up();
    NANOSLEEP.look_up();
    USLEEP.look_up();
    SLEEP.look_up();
}
