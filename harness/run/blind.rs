//! What no run of this version of turncoat can see. Named in every report.

/// Blind spots that every run has, by what would be needed to see.
const ALWAYS: &[&str] = &[
    "files are only seen when they were changed: reading one leaves no trace unless its content leaves the process",
    "install scripts get what the fake internet answers: one that downloads a part of its package does not get it",
    "what happens later than the idle time after the last call, or only at another date, is not reached",
    "the wall clock starts at the same instant in every run for programs that ask libc: statically linked ones see the real date, and so do times of files",
    "statically linked programs that bring their own certificate list refuse the fake internet: seen as refused TLS, not as requests",
];

/// The constant blind spots and what was noted in these runs.
pub fn spots(notes: Vec<String>) -> Vec<String> {
    let mut spots: Vec<String> = ALWAYS.iter().map(|spot| (*spot).to_owned()).collect();
    spots.extend(notes);
    spots
}
