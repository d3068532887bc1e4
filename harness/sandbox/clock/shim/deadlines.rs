//! Waits until a deadline, in whichever clock: the real one is as far away as the one given. Where
//! time may jump they are made of slices, each as long as no jump is noticed.

use super::{
    ABSOLUTE, CLOCK_MONOTONIC, CLOCK_REALTIME, ENOSYS, ETIMEDOUT, Real, SLICE, Timespec, absent,
    errno, jumps, shift, shift_of, shown,
};
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::null;

const THRD_ERROR: c_int = 2;
const THRD_TIMEDOUT: c_int = 4;

/// A deadline as libc and the kernel need it.
pub struct Until {
    /// As the server made it up.
    given: Timespec,
    /// In real time, and no later than the end of a slice.
    real: Timespec,
    /// The pointer that was given, where it is null.
    is_none: bool,
    /// The real deadline is nearer than the one given.
    is_slice: bool,
}

impl Until {
    /// # Safety
    /// A pointer to a deadline, or null.
    pub unsafe fn new(given: *const Timespec) -> Self {
        // SAFETY: the caller vouches for what is not null.
        let deadline = unsafe { given.as_ref() }.copied();
        let mut until = Self {
            given: deadline.unwrap_or(Timespec::ZERO),
            real: Timespec::ZERO,
            is_none: given.is_null(),
            is_slice: false,
        };
        until.renew();
        until
    }

    /// Sets the real deadline anew, from where the clocks stand now.
    fn renew(&mut self) {
        self.real = self.given.unshifted(shift());
        self.is_slice = false;
        if jumps() && !self.is_none {
            let now = shown(self.clock());
            self.is_slice = self.given.since(now) > SLICE;
            if self.is_slice {
                self.real = now
                    .shifted(SLICE)
                    .shifted(shift_of(self.clock()).saturating_neg());
            }
        }
    }

    fn clock(&self) -> c_int {
        if self.given.is_date() {
            CLOCK_REALTIME
        } else {
            CLOCK_MONOTONIC
        }
    }

    pub fn as_ptr(&self) -> *const Timespec {
        if self.is_none {
            null()
        } else {
            &raw const self.real
        }
    }

    /// After a wait in vain: whether to wait for another slice.
    pub fn again(&mut self) -> bool {
        let again = self.is_slice && self.given > shown(self.clock());
        if again {
            self.renew();
        }
        again
    }
}

/// How a function says that its time is over.
#[derive(Clone, Copy)]
enum Over {
    Returns(c_int),
    Errno,
}

impl Over {
    fn is(self, result: c_int) -> bool {
        match self {
            Self::Returns(over) => result == over,
            Self::Errno => result == -1 && errno() == ETIMEDOUT,
        }
    }
}

/// What a slice's end means to the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    /// Nothing: what is waited for stays until it is taken.
    Again,
    /// A wake-up without a reason, which conditions may have: one that comes between two slices
    /// is for nobody, so the caller has to look at what it waits for.
    Spurious,
}

/// Defines functions whose last argument is a deadline, in whichever clock.
macro_rules! waits {
    ($($name:ident($($argument:ident: $kind:ty),*) $(@ $version:literal)?
        over $over:expr, $between:ident, else $absent:expr;)*) => {
        #[allow(non_upper_case_globals, reason = "named as what they are the address of")]
        mod real {
            use super::{CStr, Real, Timespec, c_char, c_int, c_uint, c_void};
            $(pub static $name: Real<
                unsafe extern "C" fn($($kind,)* *const Timespec) -> c_int,
            > = {
                let name = concat!(stringify!($name), "\0").as_bytes();
                match CStr::from_bytes_with_nul(name) {
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
                let Some(real) = real::$name.get() else { return $absent };
                // SAFETY: the caller's own arguments.
                unsafe {
                    let mut until = Until::new(until);
                    loop {
                        let result = real($($argument,)* until.as_ptr());
                        if !$over.is(result) || !until.again() {
                            return result;
                        }
                        if Between::$between == Between::Spurious {
                            return 0;
                        }
                    }
                }
            }
        )*
    };
}

waits! {
    pthread_cond_timedwait(condition: *mut c_void, mutex: *mut c_void) @ c"GLIBC_2.3.2"
        over Over::Returns(ETIMEDOUT), Spurious, else ENOSYS;
    pthread_cond_clockwait(condition: *mut c_void, mutex: *mut c_void, clock: c_int)
        over Over::Returns(ETIMEDOUT), Spurious, else ENOSYS;
    pthread_mutex_timedlock(mutex: *mut c_void)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_mutex_clocklock(mutex: *mut c_void, clock: c_int)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_rwlock_timedrdlock(lock: *mut c_void)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_rwlock_timedwrlock(lock: *mut c_void)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_rwlock_clockrdlock(lock: *mut c_void, clock: c_int)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_rwlock_clockwrlock(lock: *mut c_void, clock: c_int)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_timedjoin_np(thread: usize, result: *mut *mut c_void)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    pthread_clockjoin_np(thread: usize, result: *mut *mut c_void, clock: c_int)
        over Over::Returns(ETIMEDOUT), Again, else ENOSYS;
    cnd_timedwait(condition: *mut c_void, mutex: *mut c_void)
        over Over::Returns(THRD_TIMEDOUT), Spurious, else THRD_ERROR;
    mtx_timedlock(mutex: *mut c_void)
        over Over::Returns(THRD_TIMEDOUT), Again, else THRD_ERROR;
    sem_timedwait(semaphore: *mut c_void)
        over Over::Errno, Again, else absent();
    sem_clockwait(semaphore: *mut c_void, clock: c_int)
        over Over::Errno, Again, else absent();
    mq_timedsend(queue: c_int, bytes: *const c_char, length: usize, priority: c_uint)
        over Over::Errno, Again, else absent();
    mq_timedreceive(queue: c_int, bytes: *mut c_char, length: usize, priority: *mut c_uint)
        over Over::Errno, Again, else absent();
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
        self.first = self.first.unshifted(shift());
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

pub fn look_up() {
    TIMER_SETTIME.look_up();
    TIMERFD_SETTIME.look_up();
    look_up_waits();
}
