//! What the new version's files mention and the old one's do not: a line that waits for a certain
//! word has to name it. Only looked for in files of code, within a bound on what is read.

use super::model::Package;
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Files of one package that are looked at, and bytes of all and of one of them.
const FILES: usize = 50_000;
const BYTES: u64 = 64 << 20;
const FILE: u64 = 4 << 20;
/// Longest text between quotes that is a name.
const NAME: usize = 40;
/// Interpreters are the same for both.
const NOT_ITS_OWN: [&str; 2] = ["/opt", "/usr"];
const CODE: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "py", "json"];

/// Texts between quotes (or slashes) in the code of `new` that hold one of `words`, letter case
/// aside, and stand there more often than in `old`. In the order of the words, then by text.
pub fn newly_named(old: &Package, new: &Package, words: &[&str]) -> Vec<String> {
    let search = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words);
    let Ok(search) = search else {
        return Vec::new();
    };
    // Packages of the same version hold the same.
    let same = |name: &str| {
        let version = new.dependencies.get(name);
        version.is_some() && version == old.dependencies.get(name)
    };
    let mut named = named(new, &search, &same);
    if !named.is_empty() {
        let before = self::named(old, &search, &same);
        named.retain(|name, times| before.get(name).is_none_or(|before| before < times));
    }
    named.into_keys().map(|(_, name)| name).collect()
}

/// How often each text stands in the code of a package, by the word in it.
fn named(
    package: &Package,
    search: &AhoCorasick,
    skip: &dyn Fn(&str) -> bool,
) -> BTreeMap<(usize, String), usize> {
    let mut found = BTreeMap::new();
    let (mut files, mut bytes) = (0, 0);
    let own = |target: &str| !NOT_ITS_OWN.iter().any(|other| target.starts_with(other));
    for mount in package.launch.mounts.iter().filter(|m| own(&m.target)) {
        let walk = WalkDir::new(&mount.source).sort_by_file_name().into_iter();
        let walk = walk.filter_entry(|entry| {
            let path = entry.path();
            !(entry.file_type().is_dir() && is_package(path).is_some_and(|name| skip(&name)))
        });
        for entry in walk.flatten() {
            let extension = entry.path().extension().and_then(|e| e.to_str());
            let is_code = extension.is_some_and(|e| CODE.contains(&e));
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            if !entry.file_type().is_file() || !is_code || size > FILE {
                continue;
            }
            (files, bytes) = (files + 1, bytes + size);
            if files > FILES || bytes > BYTES {
                return found;
            }
            if let Ok(text) = fs::read(entry.path()) {
                for hit in search.find_iter(&text) {
                    if let Some(name) = quoted(&text, hit.start(), hit.end()) {
                        *found.entry((hit.pattern().as_usize(), name)).or_default() += 1;
                    }
                }
            }
        }
    }
    found
}

/// The name of the dependency whose folder this is: `node_modules/@scope/name`.
fn is_package(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    match parent.file_name()?.to_str()? {
        "node_modules" => Some(name.to_owned()),
        scope if scope.starts_with('@') && parent.parent()?.ends_with("node_modules") => {
            Some(format!("{scope}/{name}"))
        }
        _ => None,
    }
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
    use crate::package::{Launch, Mount};

    fn package(folder: &Path, dependencies: &[(&str, &str)]) -> Package {
        let mount = Mount {
            source: folder.to_owned(),
            target: "/home/alex/mcp/server".to_owned(),
            overlay: true,
        };
        let dependencies = dependencies.iter();
        Package {
            launch: Launch {
                mounts: vec![mount],
                ..Launch::default()
            },
            dependencies: dependencies
                .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
                .collect(),
            ..Package::default()
        }
    }

    #[test]
    fn what_the_new_code_names_is_found_with_its_whole_name() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let write = |of: &tempfile::TempDir, path: &str, text: &str| {
            let path = of.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
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
        let named = newly_named(
            &package(old.path(), &dependencies[..1]),
            &package(new.path(), &dependencies),
            &words,
        );
        assert_eq!(named, ["windsurf 2", "Cursor-vscode", "cline"]);
        let same = package(new.path(), &dependencies);
        assert_eq!(newly_named(&same, &same, &words), [""; 0]);
    }
}
