//! The source line a problem is in, made fit for a terminal.

use std::ops::Range;

/// Characters shown of a line.
const WIDTH: usize = 120;
/// Characters shown before the caret where a long line is cut.
const LEAD: usize = 40;

/// A line, or the part of a long one around the problem, and where the caret goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Without tabs and control characters, cut to a bounded length.
    pub line: String,
    /// Characters before the caret.
    before: usize,
    /// Characters the caret covers, at least one.
    covers: usize,
}

impl Excerpt {
    /// The excerpt for bytes `span` of `text`, with line and column, both from 1.
    pub fn new(text: &str, span: Range<usize>) -> ((usize, usize), Self) {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let head = &text[..start];
        let line_start = head.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let number = head.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = text[line_start..start].chars().count() + 1;
        let line = text[line_start..line_end].trim_end_matches('\r');
        let covers = text[start..end.min(line_end)].chars().count();

        let cut = if line.chars().count() > WIDTH {
            (column - 1).saturating_sub(LEAD)
        } else {
            0
        };
        let mut shown: String = line.chars().skip(cut).take(WIDTH).map(printable).collect();
        let mut before = column - 1 - cut;
        if cut > 0 {
            shown.insert(0, '…');
            before += 1;
        }
        if line.chars().count() > cut + WIDTH {
            shown.push('…');
        }
        let covers = covers
            .min(shown.chars().count().saturating_sub(before))
            .max(1);
        let excerpt = Self {
            line: shown,
            before,
            covers,
        };
        ((number, column), excerpt)
    }

    /// The line of carets below the source line.
    pub fn caret(&self) -> String {
        " ".repeat(self.before) + &"^".repeat(self.covers)
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// One column for one character, and nothing that a terminal would obey.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, WIDTH};
    use proptest::prelude::*;

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text = format!("{}bad{}", "a".repeat(500), "z".repeat(500));
        let (at, excerpt) = Excerpt::new(&text, 500..503);
        assert_eq!(at, (1, 501));
        assert!(excerpt.line.chars().count() <= WIDTH + 2);
        let caret = excerpt.caret().find('^').unwrap();
        let under: String = excerpt.line.chars().skip(caret).take(3).collect();
        assert_eq!((under.as_str(), excerpt.caret().trim()), ("bad", "^^^"));
    }

    #[test]
    fn control_characters_stay_out_of_the_terminal() {
        let (_, excerpt) = Excerpt::new("a\t\u{1b}[2Jb\r\n", 1..1);
        assert_eq!(excerpt.line, "a \u{fffd}[2Jb");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_span_of_any_text_has_an_excerpt(text in "(?s).{0,300}", from in 0usize..400, len in 0usize..50) {
            let ((line, column), excerpt) = Excerpt::new(&text, from..from + len);
            prop_assert!(line >= 1 && column >= 1);
            prop_assert!(excerpt.caret().ends_with('^'));
        }
    }
}
