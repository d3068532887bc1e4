//! What holds of texts that should be snapshots: asked by fuzzers, and by the tests with the seeds
//! that fuzzers start from.

use super::{Snapshot, read, write};

/// What reads, reads the same when it is written.
pub fn text(data: &[u8]) {
    let Ok(accepted) = read(&String::from_utf8_lossy(data)) else {
        return;
    };
    let text = write(&accepted);
    assert_eq!(read(&text).as_ref(), Ok(&accepted), "{text}");
}

/// The same of the file around it.
pub fn file(data: &[u8]) {
    let Ok(snapshot) = Snapshot::parse(&String::from_utf8_lossy(data)) else {
        return;
    };
    let text = snapshot.to_text();
    assert_eq!(Snapshot::parse(&text), Ok(snapshot), "{text}");
}
