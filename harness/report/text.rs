//! Text from strangers, made fit to be shown: nothing that moves a cursor, reorders a line or
//! cannot be seen gets through. Every renderer passes what it prints through here.

use crate::provenance::is_invisible;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line: line breaks and tabs are spelled out as well.
pub fn line(text: &str) -> String {
    escaped(text, |c| is_unfit(c) || matches!(c, '\n' | '\t'))
}

/// Several lines: line breaks stay, tabs become four spaces.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    escaped(&text, |c| is_unfit(c) && c != '\n')
}

/// The first `most` characters, and how many more there were.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} more)", &text[..end])
        }
    }
}

/// For HTML text and quoted attributes: escaped as by [`lines`], and as HTML wants it.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lines(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `text` in lines of at most `width` columns, broken at spaces, inside a word only where the
/// word is longer than a line. Never empty.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let needs = columns(word);
        if used > 0 && used + 1 + needs > width {
            lines.push(String::new());
            used = 0;
        }
        let last = lines.len() - 1;
        if used > 0 {
            lines[last].push(' ');
            used += 1;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += wide;
        }
    }
    lines
}

/// Columns of a terminal that `text` takes up.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Controls (C0, DEL, C1), what is invisible or reorders, blanks that are no plain space, and
/// code points that XML forbids or that mean something only in private.
pub fn is_unfit(c: char) -> bool {
    let point = u32::from(c);
    c.is_control()
        || is_invisible(c)
        || (c.is_whitespace() && c != ' ')
        || point & 0xfffe == 0xfffe
        || matches!(point, 0xfdd0..=0xfdef | 0xe000..=0xf8ff | 0xf_0000..=0x10_ffff)
}

fn escaped(text: &str, unfit: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !unfit(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_hides_is_spelled_out() {
        assert_eq!(line("a\u{1b}[31mb"), r"a\u{1b}[31mb");
        assert_eq!(line("a\nb\tc"), r"a\nb\tc");
        assert_eq!(
            line("x\u{202e}y\u{200b}\u{9b}"),
            r"x\u{202e}y\u{200b}\u{9b}"
        );
        assert_eq!(line("\u{e0041}\u{a0}"), r"\u{e0041}\u{a0}");
        assert_eq!(lines("a\r\nb\rc"), "a\nb\\rc");
        assert_eq!(html("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }

    #[test]
    fn a_long_text_says_how_much_is_missing() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 3), "äöü… (1 more)");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), [""]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn wrapping_keeps_to_the_width_and_loses_no_letter(text in "\\PC{0,80}", width in 8usize..40) {
            let text = line(&text);
            let wrapped = wrap(&text, width);
            for line in &wrapped {
                prop_assert!(line.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= width);
            }
            let letters = |t: &str| t.replace(' ', "");
            prop_assert_eq!(letters(&wrapped.concat()), letters(&text));
        }

        #[test]
        fn nothing_unfit_is_left(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(is_unfit));
            prop_assert!(!lines(&text).replace('\n', "").chars().any(is_unfit));
        }
    }
}
