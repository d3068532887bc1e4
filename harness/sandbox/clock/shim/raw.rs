//! System calls: their numbers, and how one is made without libc.

use super::Timespec;
use core::ffi::{c_int, c_long};

#[cfg(target_arch = "x86_64")]
mod numbers {
    pub const GETTIMEOFDAY: i64 = 96;
    pub const TIME: i64 = 201;
    pub const FUTEX: i64 = 202;
    pub const CLOCK_GETTIME: i64 = 228;
    pub const CLOCK_NANOSLEEP: i64 = 230;
    pub const TIMERFD_SETTIME: i64 = 286;
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    pub const TIMERFD_SETTIME: i64 = 86;
    pub const FUTEX: i64 = 98;
    pub const CLOCK_GETTIME: i64 = 113;
    pub const CLOCK_NANOSLEEP: i64 = 115;
    pub const GETTIMEOFDAY: i64 = 169;
}

pub use numbers::*;

/// What the time that comes with a futex operation is (futex (2)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FutexTime {
    /// None, or the operation is none that waits.
    None,
    Span,
    Deadline,
}

pub fn futex_time(operation: c_int) -> FutexTime {
    const WAIT: c_int = 0;
    const LOCK_PI: c_int = 6;
    const WAIT_BITSET: c_int = 9;
    const WAIT_REQUEUE_PI: c_int = 11;
    const LOCK_PI2: c_int = 13;
    const OPTIONS: c_int = 128 | 256;
    match operation & !OPTIONS {
        WAIT => FutexTime::Span,
        LOCK_PI | WAIT_BITSET | WAIT_REQUEUE_PI | LOCK_PI2 => FutexTime::Deadline,
        _ => FutexTime::None,
    }
}

/// clock_gettime (2) for what runs before libc's function is known. Fails as libc's does, but
/// for the error number.
///
/// # Safety
/// As clock_gettime (2).
pub unsafe fn clock_gettime(clock: c_int, into: *mut Timespec) -> c_int {
    let result: c_long;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the call writes to `into` alone; the kernel destroys rcx and r11.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") CLOCK_GETTIME => result,
            in("rdi") c_long::from(clock),
            in("rsi") into,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the call writes to `into` alone.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") CLOCK_GETTIME,
            inlateout("x0") c_long::from(clock) => result,
            in("x1") into,
            options(nostack),
        );
    }
    if result == 0 { 0 } else { -1 }
}
