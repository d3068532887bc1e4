//! Reads the events of a recorded run back from its `events.jsonl`, one bounded line at a time.

use crate::event::Event;
use std::io::{self, BufRead, Read};

/// Longest line read, in bytes; a longer one ends the reading with an error.
const MOST: u64 = 64 << 20;

/// The events in order. A last line that was cut short (the run was killed) ends the events
/// without an error; any other line that is no event is an error that names it.
pub fn read(mut from: impl BufRead) -> impl Iterator<Item = io::Result<Event>> {
    let mut number = 0_u64;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        number += 1;
        let next = next(&mut from, number).transpose();
        ended = !matches!(next, Some(Ok(_)));
        next
    })
}

fn next(from: &mut impl BufRead, number: u64) -> io::Result<Option<Event>> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut line = Vec::new();
    from.by_ref().take(MOST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let whole = line.last() == Some(&b'\n');
    if !whole && line.len() as u64 == MOST {
        return Err(bad(format!(
            "line {number} is longer than {} MiB",
            MOST >> 20
        )));
    }
    match serde_json::from_slice(&line) {
        Ok(event) => Ok(Some(event)),
        Err(_) if !whole => Ok(None),
        Err(error) => Err(bad(format!("line {number} is no event: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISHED: &str =
        r#"{"event":"finished","calls":1,"calls_ok":1,"isolation":"L0","blind_spots":[]}"#;

    #[test]
    fn a_killed_run_reads_up_to_where_it_was_cut() {
        let text = format!("{FINISHED}\n{FINISHED}\n{}", &FINISHED[..20]);
        let events: Vec<_> = read(text.as_bytes()).collect();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(Result::is_ok));
    }

    #[test]
    fn a_broken_line_is_named_and_ends_the_reading() {
        let text = format!("{FINISHED}\nnonsense\n{FINISHED}\n");
        let mut events = read(text.as_bytes());
        assert!(events.next().unwrap().is_ok());
        let error = events.next().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("line 2 is no event"));
        assert!(events.next().is_none());
    }
}
