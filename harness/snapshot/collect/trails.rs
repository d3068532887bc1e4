//! Small pieces that say nothing alone, sent to one place one after the other. They are read
//! together: each time enough of them has come, and what is left at the end. Memory is bounded.

use super::Scope;
use std::collections::HashMap;

/// Places that small pieces may be sent to one after the other.
const TRAILS: usize = 256;
/// Bytes kept of what was sent to one place.
const TRAIL: usize = 768;
/// New bytes after which a trail is read again: reading takes time, and all that stands within
/// `TRAIL - STEP` bytes is read in one.
const STEP: usize = 512;
/// Longest piece that says nothing alone.
const CRUMB: usize = 32;

/// What was sent where, and not yet read.
#[derive(Default)]
pub struct Trails(HashMap<String, Trail>);

struct Trail {
    sent: Vec<u8>,
    fresh: usize,
    last: Spot,
}

/// The operation that sent a piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    pub scope: Scope,
    pub name: String,
    pub call: u32,
    pub seq: u64,
}

/// What has to be read, and who sent its last piece.
pub type Due = (Spot, Vec<u8>);

impl Trails {
    /// A piece was sent to the place of that name.
    pub fn add(&mut self, trail: &str, piece: &str, by: &Spot) -> Vec<Due> {
        if piece.is_empty() || piece.len() > CRUMB {
            return Vec::new();
        }
        let mut due = Vec::new();
        if self.0.len() >= TRAILS && !self.0.contains_key(trail) {
            due = self.rest();
            self.0.clear();
        }
        let trail = self.0.entry(trail.to_owned()).or_insert_with(|| Trail {
            sent: Vec::new(),
            fresh: 0,
            last: by.clone(),
        });
        // What is sent again and again is no message.
        if !trail.sent.ends_with(piece.as_bytes()) {
            trail.sent.extend(piece.bytes());
            let over = trail.sent.len().saturating_sub(TRAIL);
            trail.sent.drain(..over);
            trail.fresh += piece.len();
            trail.last.clone_from(by);
        }
        if trail.fresh >= STEP {
            due.push(trail.read());
        }
        due
    }

    /// What has not been read since it was sent.
    pub fn rest(&mut self) -> Vec<Due> {
        let fresh = self.0.values_mut().filter(|trail| trail.fresh > 0);
        let mut due: Vec<Due> = fresh.map(Trail::read).collect();
        due.sort_by_key(|(last, _)| last.seq);
        due
    }
}

impl Trail {
    fn read(&mut self) -> Due {
        self.fresh = 0;
        (self.last.clone(), self.sent.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(seq: u64) -> Spot {
        Spot {
            scope: Scope::tool("send"),
            name: "http POST https://spy.example/".to_owned(),
            call: 0,
            seq,
        }
    }

    #[test]
    fn a_trail_is_read_step_by_step_and_every_stretch_of_it_in_one_go() {
        let mut trails = Trails::default();
        let sent: String = (1000..2000).map(|n| format!("{n}.")).collect();
        let mut read = Vec::new();
        for (seq, piece) in (0..).zip(sent.as_bytes().chunks(5)) {
            let piece = std::str::from_utf8(piece).unwrap();
            read.extend(trails.add("spy.example", piece, &by(seq)));
            assert_eq!(trails.add("other.example", "1234", &by(seq)), []);
        }
        read.extend(trails.rest());
        // Once for the other place as well.
        assert_eq!(
            read.len(),
            sent.len().div_ceil(STEP.next_multiple_of(5)) + 1
        );
        for at in 0..sent.len() - (TRAIL - STEP) {
            let stretch = &sent.as_bytes()[at..at + TRAIL - STEP - 5];
            let holds = |(_, stream): &Due| memchr::memmem::find(stream, stretch).is_some();
            assert!(read.iter().any(holds), "at {at}");
        }
        assert_eq!(trails.rest(), []);
    }

    #[test]
    fn a_piece_belongs_to_who_sent_it_and_the_last_one_to_the_end() {
        let mut trails = Trails::default();
        assert_eq!(trails.add("a", "piece 1", &by(1)), []);
        assert_eq!(trails.add("b", "piece 2", &by(2)), []);
        assert_eq!(trails.add("a", "piece 3", &by(3)), []);
        let rest = trails.rest();
        assert_eq!(
            rest,
            [
                (by(2), b"piece 2".to_vec()),
                (by(3), b"piece 1piece 3".to_vec())
            ]
        );
    }

    #[test]
    fn who_opens_trail_after_trail_has_them_read() {
        let mut trails = Trails::default();
        let mut read = 0;
        for n in 0..4 * TRAILS as u64 {
            read += trails.add(&format!("host {n}"), "abc", &by(n)).len();
            assert!(trails.0.len() <= TRAILS);
        }
        assert_eq!(read + trails.rest().len(), 4 * TRAILS);
    }
}
