//! Who may import whom. The order is what keeps judging apart from observing, and the sandbox,
//! the internet and the client apart from each other.

use crate::source::{File, harness};
use std::collections::BTreeSet;

/// Each module with the modules it may import. A row names none but rows above it, so there are
/// no circles. A test file builds its input from the ground up, so it may also import what its row's
/// modules import; tests inside a file follow its row.
///
/// - `generate` and `package` are told secrets' shapes, never effects: they act before any.
/// - `sandbox`, `internet` and `mcp` each see one side of a server, and only `run` puts the sides
///   together.
/// - `report` shows what was found: it starts nothing and decides nothing.
const TABLE: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("effect", &["secret"]),
    ("scenario", &["secret"]),
    ("generate", &["secret"]),
    ("provenance", &["secret", "effect"]),
    ("snapshot", &["effect", "provenance"]),
    ("diff", &["effect", "provenance", "snapshot"]),
    ("verdict", &["effect", "diff"]),
    ("event", &["effect", "verdict"]),
    ("package", &["secret"]),
    ("sandbox", &["secret", "effect"]),
    ("internet", &["secret", "effect"]),
    ("mcp", &["secret", "effect"]),
    (
        "run",
        &[
            "secret",
            "effect",
            "scenario",
            "generate",
            "provenance",
            "snapshot",
            "diff",
            "verdict",
            "event",
            "package",
            "sandbox",
            "internet",
            "mcp",
        ],
    ),
    (
        "report",
        &["effect", "provenance", "diff", "verdict", "event"],
    ),
    (
        "cli",
        &[
            "secret",
            "effect",
            "scenario",
            "generate",
            "provenance",
            "snapshot",
            "diff",
            "verdict",
            "event",
            "package",
            "sandbox",
            "internet",
            "mcp",
            "run",
            "report",
        ],
    ),
    // What fuzzers ask of the readers: not part of the product.
    (
        "fuzzing",
        &[
            "secret",
            "scenario",
            "generate",
            "provenance",
            "snapshot",
            "package",
            "internet",
            "mcp",
            "run",
        ],
    ),
];

#[test]
fn every_module_keeps_to_its_row() {
    let wrong: Vec<String> = harness().iter().flat_map(strangers).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_in_order_and_whole() {
    for (row, (module, allowed)) in TABLE.iter().enumerate() {
        for other in *allowed {
            assert!(
                TABLE[..row].iter().any(|(above, _)| above == other),
                "`{module}` may import `{other}`, which does not stand above it"
            );
        }
    }
    let roots = ["lib", "main"];
    let files = harness();
    let there: BTreeSet<&str> = files
        .iter()
        .map(File::module)
        .filter(|module| !roots.contains(module))
        .collect();
    let listed: BTreeSet<&str> = TABLE.iter().map(|row| row.0).collect();
    assert_eq!(there, listed);
}

/// Imports of a file that its module's row does not have, each as a sentence.
fn strangers(file: &File) -> Vec<String> {
    let Some((module, allowed)) = TABLE.iter().find(|row| row.0 == file.module()) else {
        return Vec::new();
    };
    let ground = if file.is_test() {
        below(module)
    } else {
        allowed.iter().copied().collect()
    };
    imports(file)
        .into_iter()
        .filter(|import| import != module && !ground.contains(import.as_str()))
        .map(|import| format!("harness/{}: `{module}` imports `{import}`", file.path))
        .collect()
}

/// What a module imports, and what that imports.
fn below(module: &str) -> BTreeSet<&'static str> {
    let row = TABLE.iter().find(|row| row.0 == module);
    let direct = row.into_iter().flat_map(|row| row.1.iter().copied());
    direct
        .flat_map(|other| below(other).into_iter().chain([other]))
        .collect()
}

/// The top-level modules that a file names, by `crate::` or by climbing to the root with `super::`.
fn imports(file: &File) -> BTreeSet<String> {
    let code = file.code();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` in a macro is the same crate; `other_crate::` is another one.
        if !code[..at].ends_with(is_word) {
            found.extend(heads(&code[at + "crate::".len()..]));
        }
    }
    let climb = "super::".repeat(file.depth());
    for (at, _) in code.match_indices(&climb) {
        let below = &code[at + climb.len()..];
        // Inside an inline module one `super` more is needed: only names of modules count.
        let known = heads(below).into_iter().filter(|head| is_module(head));
        if !climb.is_empty() && !code[..at].ends_with(is_word) {
            found.extend(known);
        }
    }
    found
}

/// The first names of a path or of each path in braces: `a::B`, `{a::B, c, self}`.
fn heads(path: &str) -> Vec<String> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else {
        let head: String = path.chars().take_while(|c| is_word(*c)).collect();
        return vec![head];
    };
    let mut names = Vec::new();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let item = group[from..at].trim();
                names.extend(heads(item).into_iter().filter(|name| !name.is_empty()));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn is_module(name: &str) -> bool {
    TABLE.iter().any(|row| row.0 == name)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn a_stranger_is_noticed() {
    let told = |path: &str, text: &str| {
        strangers(&File {
            path: path.to_owned(),
            text: text.to_owned(),
        })
    };
    for text in [
        "use crate::sandbox::start;",
        "use crate::{\n    effect::{Body, Effect},\n    sandbox,\n};",
        "fn f() { crate::sandbox::start(); }",
        "use super::super::sandbox;",
        "fn f<'a>(quote: char) { g('\"'); crate::sandbox::h::<'a>() }",
        "#[cfg(test)]\nmod tests {\n    use crate::sandbox::Spec;\n}",
    ] {
        assert_eq!(
            told("internet/world.rs", text),
            ["harness/internet/world.rs: `internet` imports `sandbox`"],
            "{text}"
        );
    }
    for text in [
        "use crate::{effect::Body, internet::Limits};",
        "// use crate::sandbox::start;",
        "/// [`start`](crate::sandbox::start)\nfn f() {}",
        "const HELP: &str = \"crate::sandbox\";",
        "use other_crate::sandbox;",
        "use super::sandbox;",
    ] {
        assert_eq!(told("internet/world.rs", text), [""; 0], "{text}");
    }
    assert_eq!(told("internet/mod.rs", "use super::run::drive;").len(), 1);
    assert_eq!(told("secret/seed.rs", "use crate::effect::Kind;").len(), 1);
    assert_eq!(told("run/drive.rs", "use crate::sandbox::start;"), [""; 0]);
    assert_eq!(told("diff/merge.rs", "use crate::secret::Seed;").len(), 1);
    assert_eq!(told("diff/tests.rs", "use crate::secret::Seed;"), [""; 0]);
    assert_eq!(told("diff/tests.rs", "use crate::run::drive;").len(), 1);
}
