//! Watches what leaves for what was confided, over a whole run: what was looked at before is not
//! looked at again, and pieces are put together that left one by one. Memory is bounded.

use super::hunt::{Confided, Find, Known, Work};
use super::inputs::{is_telling, words};
use super::{Coding, Expr, Part, Source};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Streams that are remembered with what was found in them, and bytes of all of them: servers say
/// most of what they say again and again.
const SEEN: usize = 4_096;
const MAX_SEEN: usize = 4 << 20;
/// Longest stream that is.
const LONGEST_SEEN: usize = 64 << 10;
/// Of an argument, the bytes that are looked for in codings.
const MAX_PASSING: usize = 512;
/// Shortest argument that is, and how many of one call.
const MIN_PASSING: usize = 12;
const PASSING: usize = 24;
/// Longest stretch without a space in ordinary text.
const WORD: usize = 14;

/// Work on codings in one call, in bytes: who says very much is not to hold up the run.
const BUDGET: usize = 4 << 20;

/// The watch over one run.
pub struct Watch {
    confided: Arc<Confided>,
    /// Arguments of the call in progress, and what they are looked for by once something asks.
    call: Vec<Known>,
    passing: OnceCell<Confided>,
    /// Work spent on codings since the call began.
    spent: Cell<usize>,
    memory: RefCell<Memory>,
}

#[derive(Default)]
struct Memory {
    seen: HashMap<Box<[u8]>, Seen>,
    /// Bytes of the streams in `seen`.
    seen_bytes: usize,
    /// What has left of each value, and whether that was all of it.
    pieces: HashMap<usize, (Vec<Range<usize>>, bool)>,
    /// Values of which the last piece has left, not told yet.
    whole: Vec<usize>,
}

/// What was found in a stream.
struct Seen {
    finds: Arc<[Find]>,
    /// Whether it left as it is, and was not only put together of what did.
    left: bool,
}

/// Something confided, or an argument in disguise.
pub struct Sighting {
    pub source: Source,
    pub part: Part,
    /// Where in the stream. Empty where it is spread over the stream.
    pub place: Range<usize>,
}

impl Watch {
    pub fn new(confided: Arc<Confided>) -> Self {
        Self {
            confided,
            call: Vec::new(),
            passing: OnceCell::new(),
            spent: Cell::new(0),
            memory: RefCell::default(),
        }
    }

    /// A call begins.
    pub fn call(&mut self, arguments: &[(String, String)]) {
        self.passing.take();
        self.spent.set(0);
        let long = arguments.iter().filter(|(_, v)| v.len() >= MIN_PASSING);
        self.call = long.take(PASSING).map(passing).collect();
    }

    /// What a stream holds beyond `known`: what was confided, and where the stream is new and
    /// `unexplained` text of it looks coded, arguments of the call in progress.
    pub fn look(&self, stream: &[u8], known: &[&Source], unexplained: &str) -> Vec<Sighting> {
        let (finds, fresh) = self.confided(stream);
        let mut sightings: Vec<Sighting> = finds
            .iter()
            .filter_map(|find| sighting(&self.confided, find))
            .filter(|sighting| !known.contains(&&sighting.source))
            .collect();
        if fresh && !self.call.is_empty() && looks_coded(unexplained) {
            let passing = self
                .passing
                .get_or_init(|| Confided::passing(self.call.clone()));
            let finds = passing.find(stream, &mut self.granted(stream.len()));
            // As it was given, it is found otherwise, and by its words.
            let coded = finds.iter().filter(|find| !find.codings.is_empty());
            let coded = coded.filter_map(|find| sighting(passing, find));
            sightings.extend(coded.filter(|sighting| !known.contains(&&sighting.source)));
        }
        sightings
    }

    /// What small pieces say that were sent one after the other, and nothing alone.
    pub fn together(&self, stream: &[u8]) -> Vec<Sighting> {
        let memory = &mut *self.memory.borrow_mut();
        let (finds, _) = memory.finds(&self.confided, stream, false, || Work::of(stream.len()));
        let split = |mut sighting: Sighting| {
            sighting.part = Part::Coded(Coding::Split, Expr(vec![sighting.part]));
            sighting
        };
        let finds = finds
            .iter()
            .filter_map(|find| sighting(&self.confided, find));
        finds.map(split).collect()
    }

    /// Values all of which has left by now, in pieces; each is told once.
    pub fn completed(&self) -> Vec<Part> {
        let whole = std::mem::take(&mut self.memory.borrow_mut().whole);
        let split = |value: usize| {
            let find = Find {
                value,
                codings: vec![Coding::Split],
                part: None,
                place: 0..0,
            };
            find.part(&self.confided)
        };
        whole.into_iter().map(split).collect()
    }

    /// Work for one stream, of what is left in this call. What of it is not needed counts all the
    /// same: looking at a stream as it stands takes time, too.
    fn granted(&self, bytes: usize) -> Work {
        let left = BUDGET.saturating_sub(self.spent.get());
        let work = Work::of_at_most(bytes, left);
        self.spent
            .set(self.spent.get() + work.left().min(bytes * 4 + 1024));
        work
    }

    /// What was confided in a stream, and whether the stream is a new one.
    fn confided(&self, stream: &[u8]) -> (Arc<[Find]>, bool) {
        let memory = &mut *self.memory.borrow_mut();
        let work = || self.granted(stream.len());
        let (finds, fresh) = memory.finds(&self.confided, stream, true, work);
        if fresh {
            memory.put_together(&self.confided, &finds);
        }
        (finds, fresh)
    }
}

impl Memory {
    /// What a stream holds, and whether this is the first time that it `left`.
    fn finds(
        &mut self,
        confided: &Confided,
        stream: &[u8],
        left: bool,
        work: impl FnOnce() -> Work,
    ) -> (Arc<[Find]>, bool) {
        if let Some(seen) = self.seen.get_mut(stream) {
            let fresh = left && !seen.left;
            seen.left |= left;
            return (Arc::clone(&seen.finds), fresh);
        }
        let mut work = work();
        let all = work.left() >= Work::of(stream.len()).left();
        let finds: Arc<[Find]> = confided.find(stream, &mut work).into();
        // What was cut short because the call had used up its share is worth another look.
        if stream.len() <= LONGEST_SEEN && (all || work.left() > 0) {
            if self.seen.len() >= SEEN || self.seen_bytes + stream.len() > MAX_SEEN {
                self.seen.clear();
                self.seen_bytes = 0;
            }
            self.seen_bytes += stream.len();
            let finds = Arc::clone(&finds);
            self.seen.insert(stream.into(), Seen { finds, left });
        }
        (finds, true)
    }

    /// Notes the pieces among the finds, and the values that are whole with them.
    fn put_together(&mut self, confided: &Confided, finds: &[Find]) {
        for find in finds {
            let Some(part) = &find.part else { continue };
            let unknown = confided.unknown(find.value);
            let (pieces, whole) = self.pieces.entry(find.value).or_default();
            if !*whole && pieces.len() < 64 {
                pieces.push(part.clone());
                *whole = covers(pieces, &unknown);
                if *whole {
                    self.whole.push(find.value);
                }
            }
        }
    }
}

fn sighting(of: &Confided, find: &Find) -> Option<Sighting> {
    Some(Sighting {
        source: of.source(find.value)?.clone(),
        part: find.part(of),
        place: find.place.clone(),
    })
}

/// Whether pieces make up a stretch. What two pieces share the letter of, neither has.
fn covers(pieces: &mut [Range<usize>], all: &Range<usize>) -> bool {
    const SEAM: usize = 1;
    pieces.sort_by_key(|piece| piece.start);
    let mut at = all.start;
    for piece in pieces.iter() {
        if piece.start > at + SEAM {
            return false;
        }
        at = at.max(piece.end);
    }
    at + SEAM >= all.end
}

/// An argument, to be recognised by the word in it that no other text has.
fn passing((path, value): &(String, String)) -> Known {
    let head = value.len().min(MAX_PASSING);
    let mark = words(value)
        .filter(|(at, word)| at + word.len() <= head && word.len() >= 8 && is_telling(word))
        .find(|(_, word)| word.bytes().any(|b| b.is_ascii_digit()));
    Known {
        source: Source::Argument(path.clone()),
        value: value.as_bytes()[..head].to_vec(),
        unknown: mark.map_or(0..0, |(at, word)| at..at + word.len()),
        hash_only: false,
    }
}

/// Whether a text is more than words with spaces between them.
fn looks_coded(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte == b' ' { 0 } else { run + 1 };
        run >= WORD || !byte.is_ascii() || byte.is_ascii_control()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_k7w3Xq9zHd5mP4n8V2c6B1x5";

    fn watch() -> Watch {
        let known = Known {
            source: Source::Canary("~/.git".into()),
            value: TOKEN.into(),
            unknown: 4..TOKEN.len(),
            hash_only: false,
        };
        Watch::new(Arc::new(Confided::new(vec![known])))
    }

    fn seen(watch: &Watch, text: &str) -> Vec<String> {
        let sightings = watch.look(text.as_bytes(), &[], text).into_iter();
        sightings.map(|s| Expr(vec![s.part]).to_string()).collect()
    }

    fn completed(watch: &Watch) -> Vec<String> {
        let parts = watch.completed().into_iter();
        parts.map(|part| Expr(vec![part]).to_string()).collect()
    }

    #[test]
    fn pieces_are_told_and_so_is_the_last() {
        let watch = watch();
        assert_eq!(seen(&watch, &TOKEN[..14]), ["{part:{canary(~/.git)}}"]);
        assert_eq!(completed(&watch), [""; 0]);
        assert_eq!(seen(&watch, &TOKEN[14..]), ["{part:{canary(~/.git)}}"]);
        assert_eq!(completed(&watch), ["{split:{canary(~/.git)}}"]);
        // Once.
        seen(&watch, &format!("{}!", &TOKEN[14..]));
        assert_eq!(completed(&watch), [""; 0]);
    }

    #[test]
    fn pieces_that_say_nothing_alone_are_read_together() {
        let watch = watch();
        let hex = data_encoding::HEXLOWER.encode(TOKEN.as_bytes());
        for crumb in hex.as_bytes().chunks(5) {
            assert_eq!(seen(&watch, std::str::from_utf8(crumb).unwrap()), [""; 0]);
        }
        let sightings = watch.together(hex.as_bytes()).into_iter();
        let told: Vec<String> = sightings.map(|s| Expr(vec![s.part]).to_string()).collect();
        assert_eq!(told, ["{split:{hex:{canary(~/.git)}}}"]);
    }

    #[test]
    fn arguments_are_looked_for_where_text_looks_coded() {
        let mut watch = watch();
        let text = "The figures of x9tq2mfa are with finance".to_owned();
        watch.call(&[("text".to_owned(), text.clone())]);
        let backwards: String = text.chars().rev().collect();
        let coded = data_encoding::BASE64.encode(backwards.as_bytes());
        let expected = "{base64:{reversed:{argument(text)}}}";
        assert_eq!(seen(&watch, &format!("v={coded}")), [expected]);
        // What nobody else could have written is missing: the rest is as others write.
        let coded = data_encoding::BASE64.encode(b"and: The figures of another day");
        assert_eq!(seen(&watch, &coded), [""; 0]);
        // In the next call it is the argument of an earlier one.
        watch.call(&[]);
        assert_eq!(
            seen(
                &watch,
                &format!("w={}", data_encoding::BASE64.encode(backwards.as_bytes()))
            ),
            [""; 0]
        );
    }

    #[test]
    fn codings_are_undone_within_what_a_call_may_cost() {
        let mut watch = watch();
        let told = |watch: &Watch, filler: usize| {
            let hex = data_encoding::HEXLOWER.encode(TOKEN.as_bytes());
            let plain = seen(watch, &format!("{filler}{TOKEN}"));
            let coded = seen(watch, &format!("{filler} {hex}"));
            (plain, coded)
        };
        let both = (
            vec!["{canary(~/.git)}".to_owned()],
            vec!["{hex:{canary(~/.git)}}".to_owned()],
        );
        assert_eq!(told(&watch, 0), both);
        let noise = "x7 ".repeat(1 << 18);
        for i in 0..4 {
            seen(&watch, &format!("{i}{noise}"));
        }
        let (plain, coded) = told(&watch, 1);
        assert_eq!(plain, both.0, "as it stands, it is seen whatever was spent");
        assert_eq!(coded, [""; 0]);
        watch.call(&[]);
        assert_eq!(
            told(&watch, 1),
            both,
            "what was cut short is looked at again"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut watch = watch();
        for i in 0..2 * SEEN {
            seen(&watch, &format!("value {i}"));
        }
        assert!(watch.memory.borrow().seen.len() <= SEEN);
        let held = |watch: &Watch| {
            let memory = watch.memory.borrow();
            let held = memory.seen.keys().map(|stream| stream.len()).sum::<usize>();
            assert_eq!(held, memory.seen_bytes);
            held
        };
        for i in 0..2 * MAX_SEEN / LONGEST_SEEN {
            seen(&watch, &format!("{i} {}", "-".repeat(LONGEST_SEEN - 8)));
            watch.call(&[]);
            assert!(held(&watch) <= MAX_SEEN);
        }
        assert!(held(&watch) > 0);
    }
}
