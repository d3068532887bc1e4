//! The library that shows the server's processes a shifted date. It is compiled by `build.rs`,
//! preloaded inside the sandbox, and no module of the crate: it runs where everything is hostile.
//!
//! Dates are shown shifted; deadlines made up from them are shifted back, so that every wait
//! takes its real time. Where the sandbox lets time pass in jumps, every clock is ahead by what
//! has passed, and waits end when they are due by what is shown. The library keeps no state but
//! the addresses of libc's functions, allocates nothing, takes no lock after its constructor, and
//! needs no version of any symbol, so that it loads wherever a dynamic linker reads
//! `ld.so.preload`.
//!
//! Out of its reach: system calls made without libc (static programs, Go), times of files, and
//! timers that the kernel keeps (timerfd, alarm): no jump hurries them.

#![no_std]

use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicPtr, Ordering};

#[path = "shim/calls.rs"]
mod calls;
#[path = "shim/deadlines.rs"]
mod deadlines;
#[path = "shim/raw.rs"]
mod raw;
#[path = "shift.rs"]
mod shift;
#[path = "shim/spans.rs"]
mod spans;

use shift::{Shift, Timespec};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// The library's own read-only data is the page that all processes share: the sandbox writes the
/// numbers into the file (behind these bytes, which it finds them by), and every mapping shows
/// them.
#[repr(C)]
struct Page {
    mark: [u8; 16],
    /// Nanoseconds to add to the real date.
    shift_ns: i64,
    /// Nanoseconds that have passed in jumps: to be added to every clock.
    passed_ns: i64,
    /// Not zero where there may be jumps.
    jumps: i64,
}

#[used]
static PAGE: Page = Page {
    mark: *b"\x93shifted clock\x0d\x0a",
    shift_ns: 0,
    passed_ns: 0,
    jumps: 0,
};

/// What the clocks show beyond the real time, now.
fn shift() -> Shift {
    // SAFETY: live, aligned statics. Volatile, because the file may say otherwise than the source.
    unsafe {
        let passed_ns = (&raw const PAGE.passed_ns).read_volatile();
        Shift {
            date_ns: (&raw const PAGE.shift_ns)
                .read_volatile()
                .saturating_add(passed_ns),
            uptime_ns: passed_ns,
        }
    }
}

/// Whether a wait may end before its real time is over.
fn jumps() -> bool {
    // SAFETY: as above.
    unsafe { (&raw const PAGE.jumps).read_volatile() != 0 }
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
    fn dlerror() -> *mut c_char;
    fn __errno_location() -> *mut c_int;
}

const RTLD_NEXT: *mut c_void = -1isize as *mut c_void;
const ENOSYS: c_int = 38;
const ETIMEDOUT: c_int = 110;
const EINTR: c_int = 4;
/// `TIMER_ABSTIME` and `TFD_TIMER_ABSTIME`.
const ABSOLUTE: c_int = 1;
const TIME_UTC: c_int = 1;

const CLOCK_REALTIME: c_int = 0;
const CLOCK_MONOTONIC: c_int = 1;
/// The longest that a wait lasts before it looks whether time has jumped, nanoseconds.
const SLICE: i64 = 10_000_000;

/// The clocks that tell the date.
fn tells_date(clock: c_int) -> bool {
    const CLOCK_REALTIME_COARSE: c_int = 5;
    const CLOCK_REALTIME_ALARM: c_int = 8;
    const CLOCK_TAI: c_int = 11;
    matches!(
        clock,
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_REALTIME_ALARM | CLOCK_TAI
    )
}

/// The clocks that tell how long the machine has run.
fn tells_uptime(clock: c_int) -> bool {
    const CLOCK_MONOTONIC_RAW: c_int = 4;
    const CLOCK_MONOTONIC_COARSE: c_int = 6;
    const CLOCK_BOOTTIME: c_int = 7;
    const CLOCK_BOOTTIME_ALARM: c_int = 9;
    matches!(
        clock,
        CLOCK_MONOTONIC
            | CLOCK_MONOTONIC_RAW
            | CLOCK_MONOTONIC_COARSE
            | CLOCK_BOOTTIME
            | CLOCK_BOOTTIME_ALARM
    )
}

/// What a clock shows beyond the real time, nanoseconds.
fn shift_of(clock: c_int) -> i64 {
    if tells_date(clock) {
        shift().date_ns
    } else if tells_uptime(clock) {
        shift().uptime_ns
    } else {
        0
    }
}

/// libc's function of a name that this library defines as well.
struct Real<F> {
    at: AtomicPtr<c_void>,
    name: &'static CStr,
    /// Versions to ask for first, where libc has an older one of another layout besides: `dlsym`
    /// before glibc 2.36 may give that one.
    versions: &'static [&'static CStr],
    function: PhantomData<F>,
}

impl<F: Copy> Real<F> {
    const fn new(name: &'static CStr, versions: &'static [&'static CStr]) -> Self {
        Self {
            at: AtomicPtr::new(core::ptr::null_mut()),
            name,
            versions,
            function: PhantomData,
        }
    }

    /// What the constructor found.
    fn known(&self) -> Option<F> {
        let at = self.at.load(Ordering::Relaxed);
        // SAFETY: every `F` of this file is a function pointer, and `at` is that function's
        // address: the name and the type were written down together.
        (!at.is_null()).then(|| unsafe { core::mem::transmute_copy(&at) })
    }

    /// The same for callers that may come before the constructor, from another library's.
    fn get(&self) -> Option<F> {
        if self.at.load(Ordering::Relaxed).is_null() {
            self.look_up();
        }
        self.known()
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self) {
        let mut at = core::ptr::null_mut();
        // SAFETY: live C strings; the linker gives null for what it does not find.
        unsafe {
            for version in self.versions {
                at = dlvsym(RTLD_NEXT, self.name.as_ptr(), version.as_ptr());
            }
            if at.is_null() {
                at = dlsym(RTLD_NEXT, self.name.as_ptr());
            }
        }
        self.at.store(at, Ordering::Relaxed);
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    /// Looks up everything at once: looking up takes the linker's lock, which the thread that
    /// waits may not wait for, and is not for signal handlers.
    extern "C" fn construct() {
        CLOCK_GETTIME.look_up();
        TIMESPEC_GET.look_up();
        deadlines::look_up();
        spans::look_up();
        calls::look_up();
        // Nor shall the program find an error that it did not make.
        // SAFETY: no argument; the result is not looked at.
        unsafe { dlerror() };
    }
    construct
};

/// The thread's error number.
fn errno() -> c_int {
    // SAFETY: libc's own location of it.
    unsafe { *__errno_location() }
}

/// -1 with an error number.
fn fail(errno: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { *__errno_location() = errno };
    -1
}

/// -1 with `ENOSYS`: this libc does not have the function.
fn absent() -> c_int {
    fail(ENOSYS)
}

static CLOCK_GETTIME: Real<unsafe extern "C" fn(c_int, *mut Timespec) -> c_int> =
    Real::new(c"clock_gettime", &[]);

/// # Safety
/// As clock_gettime (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, into: *mut Timespec) -> c_int {
    // SAFETY: the caller's own arguments; what the call filled can be read and written.
    unsafe {
        let result = match CLOCK_GETTIME.known() {
            Some(real) => real(clock, into),
            None => raw::clock_gettime(clock, into),
        };
        if result == 0 {
            into.write((into.read()).shifted(shift_of(clock)));
        }
        result
    }
}

/// What a clock shows.
fn shown(clock: c_int) -> Timespec {
    let mut now = Timespec::ZERO;
    // SAFETY: a live timespec.
    unsafe { clock_gettime(clock, &raw mut now) };
    now
}

fn date() -> Timespec {
    shown(CLOCK_REALTIME)
}

/// # Safety
/// As gettimeofday (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(into: *mut [i64; 2], zone: *mut [c_int; 2]) -> c_int {
    let date = date();
    // SAFETY: the caller's own pointers, where there are any.
    unsafe {
        if !into.is_null() {
            into.write([date.seconds, date.nanoseconds / 1000]);
        }
        // As libc does: the kernel's time zone is not told to anyone.
        if !zone.is_null() {
            zone.write([0, 0]);
        }
    }
    0
}

/// # Safety
/// As time (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(into: *mut i64) -> i64 {
    let date = date();
    if !into.is_null() {
        // SAFETY: the caller's own pointer.
        unsafe { into.write(date.seconds) };
    }
    date.seconds
}

static TIMESPEC_GET: Real<unsafe extern "C" fn(*mut Timespec, c_int) -> c_int> =
    Real::new(c"timespec_get", &[]);

/// # Safety
/// As timespec_get (3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timespec_get(into: *mut Timespec, base: c_int) -> c_int {
    // SAFETY: the caller's own arguments.
    unsafe {
        if base != TIME_UTC {
            return TIMESPEC_GET.get().map_or(0, |real| real(into, base));
        }
        into.write(date());
    }
    base
}
