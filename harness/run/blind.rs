//! What no run of this version of turncoat can see. Named in every report.

/// Blind spots that every run has, by what would be needed to see.
const ALWAYS: &[&str] = &[
    "files are seen when they are opened: asking whether one is there (stat, access), or where a link leads, leaves no trace",
    "a path is read from the server's memory before the kernel reads it: threads that change it meanwhile can open another file than is told, though what of it leaves the process is seen",
    "what is read of the runtime, the package, temporary files and caches is counted and not compared",
    "signals between a server's own processes are not seen, and of programs not how long they ran",
    "install scripts are not run",
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
