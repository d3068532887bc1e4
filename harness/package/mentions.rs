//! What the new version's code mentions and the old one's does not: a line that waits for a certain
//! word has to name it.

use super::code::{Code, Difference};
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;

/// Longest text between quotes that is a name.
const NAME: usize = 40;

/// Texts between quotes (or slashes) in the new version's code that hold one of `words`, letter
/// case aside, and stand there more often than in the old one's. In the order of the words, then
/// by text.
pub fn newly_named(difference: &Difference, words: &[&str]) -> Vec<String> {
    let search = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words);
    let Ok(search) = search else {
        return Vec::new();
    };
    let mut named = named(&difference.new, &search);
    if !named.is_empty() {
        let before = self::named(&difference.old, &search);
        named.retain(|name, times| before.get(name).is_none_or(|before| before < times));
    }
    named.into_keys().map(|(_, name)| name).collect()
}

/// How often each text stands in code, by the word in it.
fn named(code: &[Code], search: &AhoCorasick) -> BTreeMap<(usize, String), usize> {
    let mut found = BTreeMap::new();
    for text in code.iter().map(Code::text) {
        for hit in search.find_iter(&text) {
            if let Some(name) = quoted(&text, hit.start(), hit.end()) {
                *found.entry((hit.pattern().as_usize(), name)).or_default() += 1;
            }
        }
    }
    found
}

/// The text between quotes around a hit: letters, digits and what joins them in names.
fn quoted(text: &[u8], start: usize, end: usize) -> Option<String> {
    const QUOTES: &[u8] = b"\"'`/";
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b" ._-^$".contains(byte);
    let before = text[..start].iter().rev().take_while(in_name).count();
    let after = text[end..].iter().take_while(in_name).count();
    let (from, to) = (start - before, end + after);
    let (open, close) = (text.get(from.checked_sub(1)?)?, text.get(to)?);
    if !QUOTES.contains(open) || open != close || to - from > NAME {
        return None;
    }
    let name = std::str::from_utf8(&text[from..to]).ok()?;
    let name = name.trim_matches(['^', '$']).trim();
    // Where letters go on, it is another word.
    let whole = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
    let alone = whole(text.get(start.wrapping_sub(1))) && whole(text.get(end));
    (alone && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::code::tests::{package, write};

    #[test]
    fn what_the_new_code_names_is_found_with_its_whole_name() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for of in [&old, &new] {
            write(
                of,
                "index.js",
                r#"const a = "zed"; const cursor = page.cursor;"#,
            );
            write(of, "node_modules/same/index.js", r#"name === "Windsurf""#);
        }
        write(
            &new,
            "lib/more.mjs",
            r#"if (name === "Cursor-vscode" || /^cline$/i.test(name)) { "normalized"; '/a/ziped' }"#,
        );
        write(&new, "README.md", "works in \"goose\"");
        write(&new, "node_modules/@x/other/a.cjs", "x == 'windsurf 2'");
        let dependencies = [("same", "1"), ("@x/other", "2")];
        let words = ["goose", "windsurf", "zed", "cursor", "cline"];
        let difference = Difference::between(
            &package(old.path(), &dependencies[..1]),
            &package(new.path(), &dependencies),
        );
        let named = newly_named(&difference, &words);
        assert_eq!(named, ["windsurf 2", "Cursor-vscode", "cline"]);
        let same = package(new.path(), &dependencies);
        let none = Difference::between(&same, &same);
        assert_eq!(newly_named(&none, &words), [""; 0]);
    }
}
