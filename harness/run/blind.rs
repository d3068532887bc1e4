//! What no run of this version of turncoat can see. Named in every report.

/// Blind spots that every run has, by what would be needed to see.
const ALWAYS: &[&str] = &[
    "files are seen when they are opened: asking whether one is there (stat, access), or where a link leads, leaves no trace",
    "a path is read from the server's memory before the kernel reads it: threads that change it meanwhile can open another file than is told, though what of it leaves the process is seen",
    "what is read of the runtime, the package, temporary files and caches is counted and not compared",
    "signals to threads (tgkill) are seen where they end or stop a process; of what is forked and executes no program of its own, it is seen only whether it outlives the server; of more than 64 programs at once, not how each ends",
    "what goes on after the server is watched until it has waited 1.5 s itself: what waits longer for its moment shows only where time is made to pass",
    "install scripts get what the fake internet answers: one that downloads a part of its package does not get it",
    "what waits for circumstances other than those that were tried, or for arguments that were never generated, is not reached",
    "the clock is the run's own for programs that ask libc: statically linked ones and times of files show the real date, and timers of the kernel (timerfd, alarm) are not hurried",
    "programs that trust a certificate of their own, or a list compiled in without the root whose place turncoat takes, refuse the fake internet: seen as refused TLS, not as requests",
    "a server that looks for the sandbox still finds it by some signs: no network card, few processes and devices, process 1 as its parent, addresses that are not those of the real hosts, root's files that are nobody's, the clock's library among what is loaded; what it reads for that is told, what it only asks for is not",
    "of what is longer than 256 KiB, codings are undone in the first and the last 128 KiB, and of what is longer than 1 MiB the middle is not searched for what was confided; what a server says beyond a megabyte in one call is only looked at as it stands",
    "processor time and memory of a process whose parent lets the kernel reap it (SIGCHLD ignored) count while it lives and not afterwards; what is used beyond the old version by less than the rules ask for, or under other circumstances while nothing is asked, is recorded and not told",
    "data enciphered with a key of more than one byte is not recognised as what it was: that it is sent shows",
];

/// The blind spot of a server that runs somewhere else. What is blind in a sandbox does not matter then.
pub const REMOTE: &str = "a remote server runs elsewhere: what it sends, opens, writes and starts is not seen, only what it lists and answers";
/// And one that it shares with the others.
const WAITS: &str = "what waits for other circumstances, or for arguments that were never generated, is not reached";

/// The constant blind spots and what was noted in these runs.
pub fn spots(mut notes: Vec<String>) -> Vec<String> {
    let is_remote = notes.iter().any(|note| note == REMOTE);
    let constant = match is_remote {
        true => &[REMOTE, WAITS],
        false => ALWAYS,
    };
    notes.retain(|note| note != REMOTE);
    let mut spots: Vec<String> = constant.iter().map(|spot| (*spot).to_owned()).collect();
    spots.extend(notes);
    spots
}
