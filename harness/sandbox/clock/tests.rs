//! What can be told of the clock without a sandbox.

use super::place::{LIBRARY, MARK};
use super::shift::{Shift, Timespec};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;
/// The first second of 2004 that counts as a date.
const DATES: i64 = 1 << 30;

fn at(seconds: i64, nanoseconds: i64) -> Timespec {
    Timespec {
        seconds,
        nanoseconds,
    }
}

fn dates(date_ns: i64) -> Shift {
    Shift {
        date_ns,
        uptime_ns: 0,
    }
}

fn total(time: Timespec) -> i128 {
    i128::from(time.seconds) * i128::from(SECOND) + i128::from(time.nanoseconds)
}

#[test]
fn the_shift_stands_in_one_place() {
    let found: Vec<usize> = memchr::memmem::find_iter(LIBRARY, MARK).collect();
    assert_eq!(found.len(), usize::from(!LIBRARY.is_empty()));
    for at in found {
        let at = at + MARK.len();
        assert_eq!(at % 8, 0);
        assert_eq!(LIBRARY[at..at + 24], [0; 24]);
    }
}

#[test]
fn deadlines_of_other_clocks_stay() {
    for given in [
        // Two weeks of uptime, the past, an invalid one, and "do not wait".
        at(14 * 86_400, 5),
        at(-1, 0),
        at(1_800_000_000, SECOND),
        at(1_800_000_000, -1),
        at(0, 0),
    ] {
        assert_eq!(given.unshifted(dates(-60 * SECOND)), given);
    }
    let forever = at(i64::MAX, SECOND - 1);
    assert_eq!(forever.unshifted(dates(-60 * SECOND)).seconds, i64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shift_adds(seconds in 0..1i64 << 40, nanoseconds in 0..SECOND, shift in any::<i64>()) {
        let time = at(seconds, nanoseconds);
        let shifted = time.shifted(shift);
        prop_assert!((0..SECOND).contains(&shifted.nanoseconds));
        prop_assert_eq!(total(shifted), total(time) + i128::from(shift));
    }

    /// So a wait until then takes its real time.
    #[test]
    fn a_deadline_goes_back_to_where_it_came_from(
        seconds in DATES * 2..1i64 << 40,
        nanoseconds in 0..SECOND,
        shift in -DATES * SECOND + 1..DATES * SECOND,
    ) {
        let real = at(seconds, nanoseconds);
        prop_assert_eq!(real.shifted(shift).unshifted(dates(shift)), real);
    }

    /// What has passed in jumps brings a deadline of the monotonic clock nearer, to now at most.
    #[test]
    fn what_has_passed_need_not_be_waited_for(
        seconds in 0..DATES,
        nanoseconds in 0..SECOND,
        passed in 0..DATES * SECOND,
    ) {
        let deadline = at(seconds, nanoseconds);
        let real = deadline.unshifted(Shift { date_ns: 0, uptime_ns: passed });
        let left = total(deadline) - i128::from(passed);
        prop_assert_eq!(total(real), if left < 0 { 0 } else { left });
        prop_assert_eq!(i128::from(deadline.since(real)), total(deadline) - total(real));
    }

    #[test]
    fn nothing_overflows(seconds: i64, nanoseconds: i64, shift: i64) {
        let time = at(seconds, nanoseconds);
        time.shifted(shift);
        time.unshifted(dates(shift));
        time.since(at(shift, 0));
    }
}
