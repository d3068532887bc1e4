//! syscall (2): some libraries tell the time, and wait, without libc's functions for it.

use super::deadlines::{Until, timerfd_settime};
use super::raw::{self, FutexTime};
use super::spans::{Span, clock_nanosleep, timespec};
use super::{
    ABSOLUTE, ETIMEDOUT, Real, SLICE, Timespec, absent, errno, fail, gettimeofday, jumps, shift_of,
};
use core::ffi::{c_int, c_long};

type Syscall = unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;

static SYSCALL: Real<Syscall> = Real::new(c"syscall", &[]);

/// Some libraries wait by the futex call itself (libstdc++'s futures, abseil and so gRPC, Rust's
/// standard library).
///
/// # Safety
/// As syscall (2). It is declared with variable arguments; where this library is compiled for,
/// those travel as fixed ones do, and reading more than were given is harmless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let Some(real) = SYSCALL.get() else {
        return absent().into();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        match number {
            raw::CLOCK_GETTIME
            | raw::GETTIMEOFDAY
            | raw::CLOCK_NANOSLEEP
            | raw::TIMERFD_SETTIME
            | raw::FUTEX => call_of_time(real, number, [a, b, c, d, e, f]),
            #[cfg(target_arch = "x86_64")]
            raw::TIME => call_of_time(real, number, [a, b, c, d, e, f]),
            // A jump in the end: calls that return twice find the caller's frame as they left it.
            _ => real(number, a, b, c, d, e, f),
        }
    }
}

/// # Safety
/// As syscall (2).
#[inline(never)]
unsafe fn call_of_time(real: Syscall, number: c_long, arguments: [usize; 6]) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller's own arguments, or a live copy of what one points at.
    unsafe {
        match number {
            raw::CLOCK_GETTIME => {
                let result = real(number, a, b, c, d, e, f);
                if result == 0 {
                    let into = b as *mut Timespec;
                    into.write((into.read()).shifted(shift_of(a as c_int)));
                }
                result
            }
            raw::GETTIMEOFDAY => gettimeofday(a as *mut _, b as *mut _).into(),
            #[cfg(target_arch = "x86_64")]
            raw::TIME => super::time(a as *mut i64),
            raw::TIMERFD_SETTIME => {
                timerfd_settime(a as c_int, b as c_int, c as *const _, d as *mut _).into()
            }
            raw::CLOCK_NANOSLEEP if b as c_int & ABSOLUTE != 0 || jumps() => {
                // libc's function gives the error number, the call sets it.
                match clock_nanosleep(a as c_int, b as c_int, c as *const _, d as *mut _) {
                    0 => 0,
                    why => fail(why).into(),
                }
            }
            raw::FUTEX => match raw::futex_time(b as c_int) {
                FutexTime::Deadline => {
                    let mut until = Until::new(d as *const Timespec);
                    loop {
                        let until_now = until.as_ptr() as usize;
                        let result = real(number, a, b, c, until_now, e, f);
                        // The kernel compares the word anew: no wake-up is lost.
                        if result != -1 || errno() != ETIMEDOUT || !until.again() {
                            return result;
                        }
                    }
                }
                FutexTime::Span if d != 0 && jumps() => {
                    let span = Span::new((d as *const Timespec).read().since(Timespec::ZERO));
                    loop {
                        let left = span.left_ns();
                        let slice = timespec(left.min(SLICE));
                        let slice = &raw const slice as usize;
                        let result = real(number, a, b, c, slice, e, f);
                        if result != -1 || errno() != ETIMEDOUT || left == 0 {
                            return result;
                        }
                    }
                }
                _ => real(number, a, b, c, d, e, f),
            },
            _ => real(number, a, b, c, d, e, f),
        }
    }
}

pub fn look_up() {
    SYSCALL.look_up();
}
