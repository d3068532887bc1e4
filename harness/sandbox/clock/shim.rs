//! The library that shows the server's processes a shifted date. It is compiled by `build.rs`,
//! preloaded inside the sandbox, and no module of the crate: it runs where everything is hostile.
//!
//! Dates are shown shifted; deadlines made up from them are shifted back, so that every wait
//! takes its real time. The monotonic clocks are left alone. It keeps no state but the addresses
//! of libc's functions, allocates nothing, takes no lock after its constructor, and needs no
//! version of any symbol, so that it loads wherever a dynamic linker reads `ld.so.preload`.
//!
//! Out of its reach: system calls made without libc (static programs, Go), times of files.

#![no_std]

use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use core::marker::PhantomData;
use core::ptr::null;
use core::sync::atomic::{AtomicPtr, Ordering};

#[path = "shift.rs"]
mod shift;

use shift::Timespec;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// The library's own read-only data is the page that all processes share: the sandbox writes the
/// shift into the file (behind these bytes, which it finds it by), and every mapping shows it.
#[repr(C)]
struct Page {
    mark: [u8; 16],
    /// Nanoseconds to add to the real date.
    shift_ns: i64,
}

#[used]
static PAGE: Page = Page {
    mark: *b"\x93shifted clock\x0d\x0a",
    shift_ns: 0,
};

fn shift_ns() -> i64 {
    // SAFETY: a live, aligned static. Volatile, because the file may say otherwise than the source.
    unsafe { (&raw const PAGE.shift_ns).read_volatile() }
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
    fn dlerror() -> *mut c_char;
    fn __errno_location() -> *mut c_int;
}

const RTLD_NEXT: *mut c_void = -1isize as *mut c_void;
const ENOSYS: c_int = 38;
const THRD_ERROR: c_int = 2;
/// `TIMER_ABSTIME` and `TFD_TIMER_ABSTIME`.
const ABSOLUTE: c_int = 1;
const TIME_UTC: c_int = 1;

const CLOCK_REALTIME: c_int = 0;
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
        CLOCK_NANOSLEEP.look_up();
        TIMER_SETTIME.look_up();
        TIMERFD_SETTIME.look_up();
        SYSCALL.look_up();
        look_up_waits();
        // Nor shall the program find an error that it did not make.
        // SAFETY: no argument; the result is not looked at.
        unsafe { dlerror() };
    }
    construct
};

/// -1 with `ENOSYS`: this libc does not have the function.
fn absent() -> c_int {
    // SAFETY: libc's own location of the thread's error number.
    unsafe { *__errno_location() = ENOSYS };
    -1
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
        if result == 0 && tells_date(clock) {
            into.write((into.read()).shifted(shift_ns()));
        }
        result
    }
}

fn date() -> Timespec {
    let mut date = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: a live timespec.
    unsafe { clock_gettime(CLOCK_REALTIME, &raw mut date) };
    date
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

/// A deadline as libc and the kernel need it.
struct Until {
    deadline: Timespec,
    given: *const Timespec,
}

impl Until {
    /// # Safety
    /// A pointer to a deadline, or null.
    unsafe fn new(given: *const Timespec) -> Self {
        let none = Timespec {
            seconds: 0,
            nanoseconds: 0,
        };
        // SAFETY: the caller vouches for what is not null.
        let deadline = unsafe { given.as_ref() }.copied().unwrap_or(none);
        Self {
            deadline: deadline.unshifted(shift_ns()),
            given,
        }
    }

    fn as_ptr(&self) -> *const Timespec {
        if self.given.is_null() {
            null()
        } else {
            &raw const self.deadline
        }
    }
}

/// Defines functions whose last argument is a deadline, in whichever clock.
macro_rules! waits {
    ($($name:ident($($argument:ident: $kind:ty),*) $(@ $version:literal)? else $absent:expr;)*) => {
        #[allow(non_upper_case_globals, reason = "named as what they are the address of")]
        mod real {
            use super::{Real, Timespec, c_char, c_int, c_uint, c_void};
            $(pub static $name: Real<
                unsafe extern "C" fn($($kind,)* *const Timespec) -> c_int,
            > = {
                let name = concat!(stringify!($name), "\0").as_bytes();
                match super::CStr::from_bytes_with_nul(name) {
                    Ok(name) => Real::new(name, &[$($version)?]),
                    Err(_) => panic!("no name holds a NUL"),
                }
            };)*
        }

        fn look_up_waits() {
            $(real::$name.look_up();)*
        }

        $(
            /// # Safety
            /// As the function of this name in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(
                $($argument: $kind,)*
                until: *const Timespec,
            ) -> c_int {
                // SAFETY: the caller's own arguments.
                unsafe {
                    let until = Until::new(until);
                    match real::$name.get() {
                        Some(real) => real($($argument,)* until.as_ptr()),
                        None => $absent,
                    }
                }
            }
        )*
    };
}

waits! {
    pthread_cond_timedwait(condition: *mut c_void, mutex: *mut c_void) @ c"GLIBC_2.3.2" else ENOSYS;
    pthread_cond_clockwait(condition: *mut c_void, mutex: *mut c_void, clock: c_int) else ENOSYS;
    pthread_mutex_timedlock(mutex: *mut c_void) else ENOSYS;
    pthread_mutex_clocklock(mutex: *mut c_void, clock: c_int) else ENOSYS;
    pthread_rwlock_timedrdlock(lock: *mut c_void) else ENOSYS;
    pthread_rwlock_timedwrlock(lock: *mut c_void) else ENOSYS;
    pthread_rwlock_clockrdlock(lock: *mut c_void, clock: c_int) else ENOSYS;
    pthread_rwlock_clockwrlock(lock: *mut c_void, clock: c_int) else ENOSYS;
    pthread_timedjoin_np(thread: usize, result: *mut *mut c_void) else ENOSYS;
    pthread_clockjoin_np(thread: usize, result: *mut *mut c_void, clock: c_int) else ENOSYS;
    cnd_timedwait(condition: *mut c_void, mutex: *mut c_void) else THRD_ERROR;
    mtx_timedlock(mutex: *mut c_void) else THRD_ERROR;
    sem_timedwait(semaphore: *mut c_void) else absent();
    sem_clockwait(semaphore: *mut c_void, clock: c_int) else absent();
    mq_timedsend(queue: c_int, bytes: *const c_char, length: usize, priority: c_uint) else absent();
    mq_timedreceive(queue: c_int, bytes: *mut c_char, length: usize, priority: *mut c_uint) else absent();
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
            return real(clock, flags, time, left);
        }
        let until = Until::new(time);
        real(clock, flags, until.as_ptr(), left)
    }
}

/// `struct itimerspec`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Alarm {
    interval: Timespec,
    first: Timespec,
}

impl Alarm {
    fn unshifted(mut self) -> Self {
        self.first = self.first.unshifted(shift_ns());
        self
    }
}

static TIMER_SETTIME: Real<
    unsafe extern "C" fn(*mut c_void, c_int, *const Alarm, *mut Alarm) -> c_int,
> = Real::new(c"timer_settime", &[c"GLIBC_2.3.3"]);

/// # Safety
/// As timer_settime (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_settime(
    timer: *mut c_void,
    flags: c_int,
    new: *const Alarm,
    old: *mut Alarm,
) -> c_int {
    let Some(real) = TIMER_SETTIME.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        if flags & ABSOLUTE == 0 || new.is_null() {
            return real(timer, flags, new, old);
        }
        let alarm = (new.read()).unshifted();
        real(timer, flags, &raw const alarm, old)
    }
}

static TIMERFD_SETTIME: Real<
    unsafe extern "C" fn(c_int, c_int, *const Alarm, *mut Alarm) -> c_int,
> = Real::new(c"timerfd_settime", &[]);

/// # Safety
/// As timerfd_settime (2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_settime(
    timer: c_int,
    flags: c_int,
    new: *const Alarm,
    old: *mut Alarm,
) -> c_int {
    let Some(real) = TIMERFD_SETTIME.get() else {
        return absent();
    };
    // SAFETY: the caller's own arguments.
    unsafe {
        if flags & ABSOLUTE == 0 || new.is_null() {
            return real(timer, flags, new, old);
        }
        let alarm = (new.read()).unshifted();
        real(timer, flags, &raw const alarm, old)
    }
}

type Syscall = unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;

static SYSCALL: Real<Syscall> = Real::new(c"syscall", &[]);

/// Some libraries wait by the futex call itself (libstdc++'s futures, abseil and so gRPC).
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
                if result == 0 && tells_date(a as c_int) {
                    let into = b as *mut Timespec;
                    into.write((into.read()).shifted(shift_ns()));
                }
                result
            }
            raw::GETTIMEOFDAY => gettimeofday(a as *mut _, b as *mut _).into(),
            #[cfg(target_arch = "x86_64")]
            raw::TIME => time(a as *mut i64),
            raw::TIMERFD_SETTIME => {
                timerfd_settime(a as c_int, b as c_int, c as *const _, d as *mut _).into()
            }
            raw::CLOCK_NANOSLEEP if b as c_int & ABSOLUTE != 0 => {
                let until = Until::new(c as *const Timespec);
                real(number, a, b, until.as_ptr() as usize, d, e, f)
            }
            raw::FUTEX if raw::futex_has_deadline(b as c_int) => {
                let until = Until::new(d as *const Timespec);
                real(number, a, b, c, until.as_ptr() as usize, e, f)
            }
            _ => real(number, a, b, c, d, e, f),
        }
    }
}

/// System calls: their numbers, and how one is made without libc.
mod raw {
    use super::{Timespec, c_int, c_long};

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

    /// Whether a futex operation may come with a deadline that is a date; the time of a plain
    /// wait is a duration (futex (2)).
    pub fn futex_has_deadline(operation: c_int) -> bool {
        const LOCK_PI: c_int = 6;
        const WAIT_BITSET: c_int = 9;
        const WAIT_REQUEUE_PI: c_int = 11;
        const LOCK_PI2: c_int = 13;
        const OPTIONS: c_int = 128 | 256;
        matches!(
            operation & !OPTIONS,
            LOCK_PI | WAIT_BITSET | WAIT_REQUEUE_PI | LOCK_PI2
        )
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
}
