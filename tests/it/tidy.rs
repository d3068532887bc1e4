//! What the compiler and clippy do not check about the source.

use crate::source::{File, harness};

/// Past this, two subjects share a file.
const LINES: usize = 600;

/// Words of code that stand nowhere, or in the named files alone.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "unsafe",
        // `notify.rs` holds the system calls of one listener, which would make `sys.rs` too long.
        &[
            "sandbox/sys.rs",
            "sandbox/notify.rs",
            "internet/sys.rs",
            "sandbox/clock/shim.rs",
            "sandbox/clock/shim/calls.rs",
            "sandbox/clock/shim/deadlines.rs",
            "sandbox/clock/shim/raw.rs",
            "sandbox/clock/shim/spans.rs",
        ],
    ),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    ("dbg!", &[]),
    // A test or a run that sleeps is slow when it works and wrong when it does not.
    ("thread::sleep", &[]),
    // The helper knows itself by the name it was started under.
    ("env::args", &["main.rs"]),
    ("env::args_os", &["main.rs", "sandbox/helper.rs"]),
    ("process::exit", &[]),
];

/// Packages come through the user's own clients: which registry those use is their settings'
/// affair. A planted `.npmrc` and a mock asked as a client asks it name one.
const REGISTRIES: &[&str] = &["npmjs.", "pypi.org", "pythonhosted.", "crates.io"];
const NAMING: &[&str] = &["secret/home/code.rs", "internet/mock/json/tests.rs"];

#[test]
fn the_source_is_tidy() {
    let wrong: Vec<String> = harness().iter().flat_map(untidy).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a file, each as a sentence.
fn untidy(file: &File) -> Vec<String> {
    let path = file.path.as_str();
    let mut wrong = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINES {
        wrong.push(format!("harness/{path}: {lines} lines, more than {LINES}"));
    }
    if path != "main.rs" && !file.text.starts_with("//!") {
        wrong.push(format!("harness/{path}: does not open with `//!`"));
    }
    let code = file.code();
    for (word, homes) in CONFINED {
        if holds(&code, word) && !homes.contains(&path) {
            wrong.push(format!("harness/{path}: `{word}`"));
        }
    }
    for registry in REGISTRIES {
        if file.text.contains(registry) && !NAMING.contains(&path) {
            wrong.push(format!("harness/{path}: names a registry, `{registry}`"));
        }
    }
    wrong
}

/// Whether a word stands in the code, not as a part of another.
fn holds(code: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let whole_end = word.ends_with('!') || !code[at + word.len()..].starts_with(is_word);
        whole_end && !code[..at].ends_with(is_word)
    })
}

#[test]
fn untidiness_is_noticed() {
    let told = |path: &str, text: &str| {
        untidy(&File {
            path: path.to_owned(),
            text: text.to_owned(),
        })
        .len()
    };
    assert_eq!(told("mcp/rpc.rs", "//! Fine.\nfn f() {}\n"), 0);
    assert_eq!(told("mcp/rpc.rs", "fn f() {}\n"), 1);
    assert_eq!(told("mcp/rpc.rs", "//! U.\nfn f() { unsafe { g() } }\n"), 1);
    assert_eq!(told("mcp/rpc.rs", "//! U.\n// unsafe\nlet unsafely;\n"), 0);
    assert_eq!(told("sandbox/sys.rs", "//! U.\nunsafe fn f() {}\n"), 0);
    assert_eq!(told("mcp/rpc.rs", "//! T.\nfn f() { todo!() }\n"), 1);
    assert_eq!(told("mcp/rpc.rs", "//! S.\nuse std::thread::sleep;\n"), 1);
    assert_eq!(told("mcp/rpc.rs", "//! See https://pypi.org.\n"), 1);
    assert_eq!(
        told("mcp/rpc.rs", &format!("//! L.{}", "\n".repeat(601))),
        1
    );
}
