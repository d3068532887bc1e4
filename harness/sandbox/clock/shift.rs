//! The arithmetic of a shifted clock: dates forth, deadlines back. Shared by the library that
//! runs in the server's processes and by the tests of this crate, so it has no dependencies.

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// The first second taken for a date (10 January 2004). A deadline before it is one of the
/// monotonic clock, which counts from the machine's start, or has passed in any case.
const DATES: i64 = 1 << 30;

/// `struct timespec` with a 64-bit `time_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Timespec {
    pub seconds: i64,
    pub nanoseconds: i64,
}

impl Timespec {
    /// The date that the server is shown at this real one. Ends of the range hold.
    pub fn shifted(self, shift_ns: i64) -> Self {
        let (seconds, nanoseconds) = (shift_ns.div_euclid(SECOND), shift_ns.rem_euclid(SECOND));
        let sum = self.nanoseconds.wrapping_add(nanoseconds);
        let carry = i64::from(sum >= SECOND);
        Self {
            seconds: self.seconds.saturating_add(seconds).saturating_add(carry),
            nanoseconds: sum.wrapping_sub(carry * SECOND),
        }
    }

    /// The real date of a deadline that the server made up from a date it was shown. What is no
    /// date stays: a deadline of another clock, an invalid one.
    ///
    /// Which clock a deadline belongs to is often said elsewhere (`pthread_condattr_setclock`,
    /// `timerfd_create`); its size says it as well.
    pub fn unshifted(self, shift_ns: i64) -> Self {
        if self.seconds < DATES || !(0..SECOND).contains(&self.nanoseconds) {
            return self;
        }
        self.shifted(shift_ns.saturating_neg())
    }
}
