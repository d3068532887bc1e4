//! Undoes what can be undone, and looks at every stage: the stream as it is, what its stretches
//! decode to, what that decodes to. First come the shortest ways.

use super::confided::{Confided, Form, Said};
use super::shifted::{self, SHIFT, XOR};
use super::table::WINDOW;
use super::{invisible, packed, runs, text};
use crate::provenance::{Coding, Expr, Part};
use std::collections::VecDeque;
use std::ops::Range;

/// Codings inside codings.
const DEPTH: usize = 4;

/// Longest stream of which every stretch is tried in every coding; of a longer one, those at its
/// ends, half of this each.
const WHOLE: usize = 256 << 10;
/// The same for values as they stand, or under a key.
const LONGEST: usize = 1 << 20;

/// What a search may still cost, in bytes looked at; and what it works with.
#[derive(Debug)]
pub struct Work {
    left: usize,
    /// Kept from one stage to the next: making it costs more than most of its uses.
    inflate: Option<Box<flate2::Decompress>>,
}

impl Work {
    /// For one stream of so many bytes: linear in them, whatever they are, up to a bound.
    pub fn of(bytes: usize) -> Self {
        Self {
            left: (1 << 19) + 16 * bytes.min(WHOLE),
            inflate: None,
        }
    }

    /// The same, where no more than `most` may be spent.
    pub fn of_at_most(bytes: usize, most: usize) -> Self {
        let all = Self::of(bytes);
        Self {
            left: all.left.min(most),
            ..all
        }
    }

    /// Takes what looking at so many bytes costs; false where nothing is left.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes + 64) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }

    /// What is left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Reads deflate without a header, from its beginning.
    pub(super) fn inflate(&mut self) -> &mut flate2::Decompress {
        let inflate = self
            .inflate
            .get_or_insert_with(|| Box::new(flate2::Decompress::new(false)));
        inflate.reset(false);
        inflate
    }
}

/// A value, or a piece of one, in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// Index of the value, as it was given.
    pub value: usize,
    /// How it is written, the outermost coding first.
    pub codings: Vec<Coding>,
    /// What of the value is there; nothing for all of it.
    pub part: Option<Range<usize>>,
    /// The stretch of the stream that holds it. Empty where it is spread over the stream.
    pub place: Range<usize>,
}

impl Find {
    /// The find as an explanation of its stretch.
    pub fn part(&self, of: &Confided) -> Part {
        let part = self.part.as_ref().map(|_| Coding::Part);
        let codings = self.codings.iter().copied().chain(part);
        let inner = Part::From(of.values[self.value].source.clone());
        codings.rev().fold(inner, |inner, coding| {
            Part::Coded(coding, Expr(vec![inner]))
        })
    }
}

/// Bytes to look at.
pub(super) struct Stage {
    pub bytes: Vec<u8>,
    /// What was undone to get here, the outermost first.
    pub codings: Vec<Coding>,
    pub from: Origin,
    /// Turned as a whole, which hides no value from the tables: only what it decodes to is new.
    pub turned: bool,
}

/// Where in the stream a stage comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the stream, byte for byte.
    Same,
    /// It is the stream from its end.
    Backwards,
    /// It was made of a stretch.
    Stretch(Range<usize>),
}

impl Confided {
    /// Everything confided that `stream` holds: each value once where it is whole, else its
    /// pieces, in the order of their places.
    pub fn find(&self, stream: &[u8], work: &mut Work) -> Vec<Find> {
        if self.is_empty() || stream.len() < WINDOW {
            return Vec::new();
        }
        if stream.len() <= WHOLE {
            return self.everywhere(stream, work);
        }
        let mut found = Vec::new();
        let mut add = |begin: usize, finds: Vec<Find>| {
            for mut find in finds {
                find.place = find.place.start + begin..find.place.end + begin;
                note(&mut found, find);
            }
        };
        for (begin, stretch) in ends(stream, LONGEST) {
            let mut finds = Vec::new();
            let as_it_stands = Stage {
                bytes: stretch.to_vec(),
                codings: Vec::new(),
                from: Origin::Same,
                turned: false,
            };
            self.look(&as_it_stands, stretch.len(), &mut finds);
            add(begin, finds);
        }
        for (begin, stretch) in ends(stream, WHOLE) {
            add(begin, self.everywhere(stretch, work));
        }
        found.sort_by_key(|find| (find.place.start, find.place.end));
        found
    }

    /// The same of a stream that is not too long for it.
    fn everywhere(&self, stream: &[u8], work: &mut Work) -> Vec<Find> {
        let mut found: Vec<Find> = Vec::new();
        let mut stages = VecDeque::from([Stage {
            bytes: stream.to_vec(),
            codings: Vec::new(),
            from: Origin::Same,
            turned: false,
        }]);
        while let Some(stage) = stages.pop_front() {
            if !stage.turned {
                self.look(&stage, stream.len(), &mut found);
            }
            if stage.codings.len() < DEPTH && work.left() > 0 {
                for next in undone(&stage, work) {
                    // Paid for before it waits: what waits is bounded as well.
                    if next.bytes.len() >= WINDOW && work.take(next.bytes.len()) {
                        stages.push_back(next);
                    }
                }
            }
        }
        found.sort_by_key(|find| (find.place.start, find.place.end));
        found
    }

    /// Adds what one stage shows. What was found in a shorter way is known.
    fn look(&self, stage: &Stage, len: usize, found: &mut Vec<Find>) {
        let mut add = |said: Said, more: Option<Coding>, place: Range<usize>| {
            let mut codings = stage.codings.clone();
            codings.extend(more);
            codings.extend(said.codings);
            let find = Find {
                value: said.value,
                codings,
                part: said.part,
                place: stage.from.place(place, len),
            };
            note(found, find);
        };
        let value_len = |value: usize| self.values[value].value.len();
        for hit in self.plain.find(&stage.bytes) {
            let written = self.plain.written(&hit);
            if let Some(said) = written.says(&hit.part, value_len(written.value)) {
                let mut end = hit.at + hit.part.len();
                if said.part.is_none() && matches!(written.form, Form::Base64(_)) {
                    end += runs::tail(&stage.bytes[end..]);
                }
                add(said, None, hit.at..end);
            }
        }
        for (lens, cipher) in [(&self.xored, &XOR), (&self.added, &SHIFT)] {
            for hit in lens.find(&stage.bytes) {
                let written = lens.written(&hit);
                // A stretch of differences is one byte longer in the text.
                let part = hit.part.start..hit.part.end + 1;
                // Under the key that alters nothing it is what the plain view sees.
                if (cipher.key)(written.text[part.start], stage.bytes[hit.at]) == 0 {
                    continue;
                }
                if let Some(said) = written.says(&part, value_len(written.value)) {
                    add(said, Some(cipher.coding), hit.at..hit.at + part.len());
                }
            }
        }
    }
}

impl Origin {
    /// Where a stretch of the stage stands in the stream of `len` bytes.
    fn place(&self, stretch: Range<usize>, len: usize) -> Range<usize> {
        match self {
            Self::Same => stretch,
            Self::Backwards => len - stretch.end..len - stretch.start,
            Self::Stretch(place) => place.clone(),
        }
    }
}

/// A stream of at most so many bytes, or both ends of a longer one: where each begins, and itself.
fn ends(stream: &[u8], most: usize) -> Vec<(usize, &[u8])> {
    if stream.len() <= most {
        return vec![(0, stream)];
    }
    let (half, last) = (most / 2, stream.len() - most / 2);
    vec![(0, &stream[..half]), (last, &stream[last..])]
}

/// Keeps a find unless it is known: all of a value is worth more than pieces of it, and a piece
/// that lies mostly in another one nothing.
fn note(found: &mut Vec<Find>, find: Find) {
    let same = |known: &&Find| known.value == find.value;
    let within = |known: &Find| match (&known.part, &find.part) {
        (None, _) => true,
        // A longer way to most of the same stretch is another reading of it.
        (Some(known), Some(part)) => {
            let both = part
                .end
                .min(known.end)
                .saturating_sub(part.start.max(known.start));
            2 * both > part.len()
        }
        (Some(_), None) => false,
    };
    let longer = |known: &Find| {
        known.part.is_none() && find.part.is_none() && known.codings.len() > find.codings.len()
    };
    if found
        .iter()
        .filter(same)
        .any(|known| within(known) && !longer(known))
    {
        return;
    }
    if find.part.is_none() {
        found.retain(|known| known.value != find.value);
    }
    found.push(find);
}

/// Everything that a stage may be another way of writing of.
fn undone(stage: &Stage, work: &mut Work) -> Vec<Stage> {
    let mut next = Vec::new();
    let last = stage.codings.last().copied();
    let mut add = |coding: Option<Coding>, bytes: Vec<u8>, stretch: Option<Range<usize>>| {
        let from = match (&stage.from, stretch) {
            (Origin::Stretch(place), _) => Origin::Stretch(place.clone()),
            (Origin::Same, Some(stretch)) => Origin::Stretch(stretch),
            (Origin::Same, None) => Origin::Stretch(0..stage.bytes.len()),
            (Origin::Backwards, Some(stretch)) => {
                let len = stage.bytes.len();
                Origin::Stretch(len - stretch.end..len - stretch.start)
            }
            (Origin::Backwards, None) => Origin::Stretch(0..stage.bytes.len()),
        };
        let mut codings = stage.codings.clone();
        codings.extend(coding);
        next.push(Stage {
            bytes,
            codings,
            from,
            turned: false,
        });
    };
    let coded = runs::each(&stage.bytes, &mut |coding, bytes, stretch| {
        add(Some(coding), bytes, Some(stretch));
    });
    for (coding, bytes) in text::unescaped(&stage.bytes) {
        // What is escaped twice is escaped once more, and no stage beyond that.
        let again = stage.codings.iter().filter(|c| **c == coding).count();
        if again < 2 {
            add(Some(coding), bytes, None);
        }
    }
    for (coding, bytes, stretch) in text::lists(&stage.bytes) {
        add(Some(coding), bytes, Some(stretch));
    }
    for (bytes, stretch) in text::spaced(&stage.bytes) {
        add(Some(Coding::Spaced), bytes, Some(stretch));
    }
    if let Some(bytes) = text::narrow(&stage.bytes) {
        add(None, bytes, None);
    }
    for (coding, bytes) in invisible::hidden(&stage.bytes) {
        // Spread over the stream, it belongs to no stretch of it.
        let end = stage.bytes.len();
        add(Some(coding), bytes, Some(end..end));
    }
    for (coding, bytes, stretch) in packed::unpacked(&stage.bytes, work) {
        add(Some(coding), bytes, Some(stretch));
    }
    // Which way round it is written is nothing to a key: what was reversed is read before.
    if last != Some(Coding::Reversed) {
        for (coding, bytes) in shifted::guessed(&stage.bytes, last) {
            add(Some(coding), bytes, None);
        }
    }
    // What is written backwards or turned, and is no value itself, must be coded text.
    let digits = stage.bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let coded = coded || digits >= text::MEMBERS;
    let text = stage.codings.is_empty() || stage.bytes.iter().all(u8::is_ascii);
    let packed = memchr::memmem::find(&stage.bytes, b"\x08\x8b\x1f").is_some();
    if (coded && text || packed) && !stage.turned {
        let turn = |byte: &u8| super::confided::turned(*byte);
        let turned = stage.bytes.iter().map(turn).collect();
        let backwards: Vec<u8> = stage.bytes.iter().rev().copied().collect();
        for (coding, bytes, from) in [
            (Coding::Reversed, backwards, Origin::Backwards),
            (Coding::Rot13, turned, Origin::Same),
        ] {
            let mut codings = stage.codings.clone();
            codings.push(coding);
            let from = match &stage.from {
                Origin::Same => from,
                Origin::Backwards => Origin::Stretch(0..stage.bytes.len()),
                stretch => stretch.clone(),
            };
            next.push(Stage {
                bytes,
                codings,
                from,
                turned: true,
            });
        }
    }
    next
}
