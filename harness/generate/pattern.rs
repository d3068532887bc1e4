//! Strings that match a `pattern`, with a mark in them where the pattern leaves room.

use super::{budget, schema, token, translate::translate};
use jsonschema::Validator;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use serde_json::Value;

/// Characters of a pattern past which it is only checked, not sampled.
const LONGEST: usize = 4_096;

pub(super) struct Pattern {
    /// `None` when the pattern has what `regex-syntax` cannot say.
    shape: Option<Hir>,
    check: Validator,
}

impl Pattern {
    /// `None` for a pattern that the validator's engine does not take either.
    pub(super) fn new(source: &str) -> Option<Self> {
        let shape = (source.len() <= LONGEST)
            .then(|| translate(source))
            .flatten()
            .and_then(|rust| {
                let mut parser = regex_syntax::ParserBuilder::new().nest_limit(64).build();
                parser.parse(&rust).ok()
            });
        // Before it is compiled: counts within counts cost the engine as much as they cost here.
        if shape
            .as_ref()
            .is_some_and(|hir| states(hir) > budget::STATES)
        {
            return None;
        }
        let check = schema::checker("pattern", source)?;
        Some(Self { shape, check })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.check.is_valid(&Value::from(text))
    }

    /// A string of about `length` characters that may match, not yet checked.
    pub(super) fn sample(
        &self,
        mark: &str,
        length: usize,
        draw: &mut dyn FnMut(u64) -> u64,
    ) -> Option<String> {
        let mut sample = Sample {
            out: String::new(),
            mark: Some(mark),
            length: length.min(budget::STRING),
            steps: 10_000,
            draw,
        };
        sample.write(self.shape.as_ref()?)?;
        Some(sample.out)
    }
}

struct Sample<'a> {
    out: String,
    /// Until it is used.
    mark: Option<&'a str>,
    length: usize,
    steps: usize,
    draw: &'a mut dyn FnMut(u64) -> u64,
}

impl Sample<'_> {
    fn write(&mut self, hir: &Hir) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        if self.out.len() > budget::STRING {
            return None;
        }
        match hir.kind() {
            // Positions are left to the check: an anchor inside a string is rare.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => {
                let c = self.one_of(class)?;
                self.out.push(c);
            }
            HirKind::Repetition(repetition) => self.repeat(repetition)?,
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            HirKind::Alternation(branches) => {
                let branch = (self.draw)(branches.len() as u64) as usize;
                self.write(branches.get(branch)?)?;
            }
        }
        Some(())
    }

    fn repeat(&mut self, repetition: &Repetition) -> Option<()> {
        let min = repetition.min as usize;
        let max = repetition.max.map_or(usize::MAX, |max| max as usize);
        let mut sub = &*repetition.sub;
        while let HirKind::Capture(capture) = sub.kind() {
            sub = &capture.sub;
        }
        if let HirKind::Class(class) = sub.kind()
            && let Some(mark) = self.mark
            && max >= token::LEAST
            && let Some(mark) = fitted(mark, class)
        {
            self.mark = None;
            let room = self.length.saturating_sub(self.out.chars().count());
            let wish = room.clamp(token::FULL.clamp(min, max), max.max(min));
            self.out.extend(mark.chars().take(wish));
            for _ in mark.chars().count()..wish.min(budget::STRING) {
                let c = self.one_of(class)?;
                self.out.push(c);
            }
            return Some(());
        }
        let spare = (max - min.min(max)).min(if min == 0 { 2 } else { 6 });
        let mut times = min + (self.draw)(spare as u64 + 1) as usize;
        if matches!(sub.kind(), HirKind::Class(_) | HirKind::Literal(_)) {
            let room = self.length.saturating_sub(self.out.chars().count());
            times = times.max(room.min(max));
        }
        (0..times).try_for_each(|_| self.write(sub))
    }

    /// A character of the class, an ordinary one where there is one.
    fn one_of(&mut self, class: &Class) -> Option<char> {
        let ranges = ranges(class);
        for ordinary in [('a', 'z'), ('A', 'Z'), ('0', '9'), ('!', '~'), (' ', ' ')] {
            let common: Vec<(u32, u32)> = ranges
                .iter()
                .map(|(low, high)| {
                    (
                        (*low).max(u32::from(ordinary.0)),
                        (*high).min(u32::from(ordinary.1)),
                    )
                })
                .filter(|(low, high)| low <= high)
                .collect();
            // Hexadecimal and the like: digits and letters both, or the value looks made up.
            let mixed = ordinary == ('a', 'z') && contains(&ranges, '0') && (self.draw)(2) == 1;
            if !common.is_empty() && !mixed {
                return self.in_ranges(&common);
            }
        }
        self.in_ranges(&ranges)
    }

    fn in_ranges(&mut self, ranges: &[(u32, u32)]) -> Option<char> {
        let size = |(low, high): &(u32, u32)| u64::from(high - low) + 1;
        let mut index = (self.draw)(ranges.iter().map(size).sum());
        for range in ranges {
            if index < size(range) {
                return char::from_u32(range.0 + index as u32);
            }
            index -= size(range);
        }
        None
    }
}

/// About as many states as the pattern compiles to.
fn states(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) => 2,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(1));
            states(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(1, u64::saturating_add)
        }
    }
}

/// The mark in letters that the class takes.
fn fitted(mark: &str, class: &Class) -> Option<String> {
    let ranges = ranges(class);
    let takes = |text: &str| text.chars().all(|c| contains(&ranges, c));
    let upper = mark.to_ascii_uppercase();
    [mark.to_owned(), upper]
        .into_iter()
        .find(|text| takes(text))
}

fn ranges(class: &Class) -> Vec<(u32, u32)> {
    match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (u32::from(range.start()), u32::from(range.end())))
            .collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|range| (u32::from(range.start()), u32::from(range.end().min(0x7f))))
            .filter(|(low, high)| low <= high)
            .collect(),
    }
}

fn contains(ranges: &[(u32, u32)], c: char) -> bool {
    ranges
        .iter()
        .any(|(low, high)| (*low..=*high).contains(&u32::from(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Seed;

    #[test]
    fn patterns_of_real_schemas_are_met() {
        for source in [
            r"^[a-z0-9-]{3,40}$",
            r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$",
            r"^[CGD][A-Z0-9]{8,}$",
            r"^\+[1-9]\d{6,14}$",
            r"^(?:[0-9a-zA-Z+/]{4})*(?:(?:[0-9a-zA-Z+/]{2}==)|(?:[0-9a-zA-Z+/]{3}=))?$",
            r"^[\p{L}\p{N} ]+$",
            r"^v?\d+\.\d+\.\d+(-[\w.]+)?$",
            r"^[[\]&~{}]+$",
            "(a+)+$",
        ] {
            let pattern = Pattern::new(source).unwrap();
            let mut rng = Seed(1).stream(source);
            let hits = (0..50)
                .filter_map(|_| pattern.sample("k7w3xq9zbc", 0, &mut |n| rng.below(n)))
                .filter(|text| pattern.matches(text))
                .count();
            assert!(hits >= 10, "{source}: {hits} of 50");
        }
    }
}
