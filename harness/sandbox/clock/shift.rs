//! The arithmetic of a shifted clock: dates forth, deadlines back. Shared by the library that
//! runs in the server's processes and by the tests of this crate, so it has no dependencies.

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// The first second taken for a date (10 January 2004). A deadline before it is one of the
/// monotonic clock, which counts from the machine's start, or has passed in any case.
const DATES: i64 = 1 << 30;

/// What clocks show beyond the real time, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Those that tell the date.
    pub date_ns: i64,
    /// Those that tell how long the machine has run.
    pub uptime_ns: i64,
}

/// `struct timespec` with a 64-bit `time_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Timespec {
    pub seconds: i64,
    pub nanoseconds: i64,
}

impl Timespec {
    pub const ZERO: Self = Self {
        seconds: 0,
        nanoseconds: 0,
    };

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

    /// The real time of a deadline that the server made up from what it was shown.
    ///
    /// Which clock a deadline belongs to is often said elsewhere (`pthread_condattr_setclock`,
    /// `timerfd_create`); its size says it as well. An invalid one stays, and so does one that
    /// would be before all time: it has passed.
    pub fn unshifted(self, shift: Shift) -> Self {
        if !(0..SECOND).contains(&self.nanoseconds) || self.seconds < 0 {
            return self;
        }
        let shift_ns = if self.is_date() {
            shift.date_ns
        } else {
            shift.uptime_ns
        };
        if shift_ns == 0 {
            return self;
        }
        let real = self.shifted(shift_ns.saturating_neg());
        if real.seconds < 0 { Self::ZERO } else { real }
    }

    /// Whether it is large enough for a date.
    pub fn is_date(self) -> bool {
        self.seconds >= DATES
    }

    /// Nanoseconds from `earlier` to this; the ends of the range hold.
    pub fn since(self, earlier: Self) -> i64 {
        self.seconds
            .saturating_sub(earlier.seconds)
            .saturating_mul(SECOND)
            .saturating_add(self.nanoseconds.wrapping_sub(earlier.nanoseconds))
    }
}
