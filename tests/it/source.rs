//! The harness's own source, as the tests of its order read it: Rust without the parts that say
//! nothing to the compiler. A reader of tokens' edges, not of Rust's grammar.

use std::fs;
use std::path::Path;

/// One file of `harness/`.
pub struct File {
    /// From `harness/`, with `/`: `internet/dns/mod.rs`.
    pub path: String,
    pub text: String,
}

/// Every Rust file of the harness, in order of its path.
pub fn harness() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness");
    let mut files: Vec<File> = walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "rs"))
        .map(|entry| File {
            path: entry
                .path()
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
            text: fs::read_to_string(entry.path()).unwrap(),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "nothing below {}", root.display());
    files
}

impl File {
    /// The module the file belongs to: its first folder, or its name.
    pub fn module(&self) -> &str {
        let top = self.path.split('/').next().unwrap_or(&self.path);
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// Whether the file holds tests and nothing else.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("tests.rs")
    }

    /// How far below the crate's root the file's module is: 1 for `mcp/mod.rs`, 2 for `mcp/rpc.rs`.
    pub fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        match self.path.rsplit('/').next() {
            Some("mod.rs" | "lib.rs" | "main.rs") => folders,
            _ => folders + 1,
        }
    }

    /// The text without comments (documentation among them) and without what stands in literals.
    /// Line breaks stay.
    pub fn code(&self) -> String {
        code(&self.text)
    }
}

/// As [`File::code`].
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest, out.chars().next_back()));
        if let Some(length) = skipped {
            out.push(' ');
            out.extend(rest[..length].chars().filter(|c| *c == '\n'));
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The length of a comment that stands at the beginning. Block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// The length of a string, byte string, raw string or character that stands at the beginning.
fn literal(text: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word {
        let prefix = text.len() - text.trim_start_matches(['b', 'c']).len();
        let raw = &text[prefix.min(1)..];
        if let Some(fence) = raw.strip_prefix('r') {
            let hashes = fence.len() - fence.trim_start_matches('#').len();
            if fence[hashes..].starts_with('"') {
                let end = format!("\"{}", "#".repeat(hashes));
                let from = text.len() - fence.len() + hashes + 1;
                let length = text[from..].find(&end).map_or(text.len(), |at| from + at);
                return Some((length + end.len()).min(text.len()));
            }
        }
    }
    if text.starts_with('"') {
        return Some(closing(text, '"'));
    }
    // A lifetime has no second quote behind its first character.
    let mut chars = text.chars();
    let is_char = chars.next() == Some('\'')
        && match chars.next() {
            Some('\\') => true,
            Some(_) => chars.next() == Some('\''),
            None => false,
        };
    is_char.then(|| closing(text, '\''))
}

/// The length up to and with the closing quote, `\` hiding what follows it.
fn closing(text: &str, quote: char) -> usize {
    let mut hidden = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[test]
fn only_code_is_left_of_source() {
    let source = r##"
/// use crate::a;
let b = "crate::b \" crate::b"; /* crate::c /* nested */ crate::c */
let d: &'static str = r#"crate::d" crate::d"#;
let e = ('"', '\'', b'"', b"crate::e", '\u{22}'); // crate::f
for_lifetimes::<'a, 'b>(crate::g);
"##;
    let code = code(source);
    assert_eq!(code.matches("crate::").collect::<Vec<_>>(), ["crate::"]);
    assert!(code.contains("for_lifetimes::<'a, 'b>(crate::g)"));
    assert_eq!(code.lines().count(), source.lines().count());
}
