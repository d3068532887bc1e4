//! What no run of this version of turncoat can see. Named in every report.

/// Blind spots that every run has, by what would be needed to see.
const ALWAYS: &[&str] = &[
    "files are only seen when they were changed: reading one leaves no trace unless its content leaves the process",
    "install scripts get what the fake internet answers: one that downloads a part of its package does not get it",
    "what waits for circumstances other than those that were tried, or for arguments that were never generated, is not reached",
    "the clock is the run's own for programs that ask libc: statically linked ones and times of files show the real date, and timers of the kernel (timerfd, alarm) are not hurried",
    "statically linked programs that bring their own certificate list refuse the fake internet: seen as refused TLS, not as requests",
    "data enciphered with a key of more than one byte is not recognised as what it was: that it is sent shows",
];

/// The constant blind spots and what was noted in these runs.
pub fn spots(notes: Vec<String>) -> Vec<String> {
    let mut spots: Vec<String> = ALWAYS.iter().map(|spot| (*spot).to_owned()).collect();
    spots.extend(notes);
    spots
}
