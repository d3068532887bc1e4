//! How an operation that came or went weighs, read from what it does.

use super::change::{Rule, Weight};
use crate::effect::{Reading, is_installed, is_own, reading};
use crate::provenance::{END, Expr, GOES_ON, LEFT_BEHIND, Source};
use crate::snapshot::{OWN_FOLDER, Operation};
use std::collections::BTreeSet;

/// A vanished read is a change; a vanished deed that is still reported as done is grave.
pub fn vanished(name: &str) -> Weight {
    let reads = ["http GET", "http HEAD", "http OPTIONS"]
        .iter()
        .any(|verb| name.starts_with(verb));
    let deeds = matches!(Operation::verb(name), "http" | "mail" | "file");
    // A folder is made for what is put into it, and an attempt did nothing.
    let idle = ["file make folder", "file attempt"]
        .iter()
        .any(|deed| name.starts_with(deed));
    if deeds && !reads && !idle {
        Weight::Grave
    } else {
        Weight::Ordinary
    }
}

/// A file in a folder of its own, or where an argument or setting told it to write, is ordinary;
/// a copy of what it was given in a place that others read, or under a hidden name, is not.
pub fn file(name: &str, carries: &BTreeSet<&Source>) -> Weight {
    let path = name.find(" /").map_or("", |at| &name[at + 1..]);
    let base = path.rsplit('/').next().unwrap_or(path);
    let shared = ["/tmp/", "/var/tmp/", "/dev/shm/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    let given = carries
        .iter()
        .any(|s| matches!(s, Source::Argument(_) | Source::Earlier(..)) || s.is_confidential());
    let told = base.contains("{argument(") || path.contains("{setting(");
    match (
        is_own(path),
        given && (shared || base.starts_with('.')),
        told,
    ) {
        (_, true, _) => Weight::Grave,
        (true, ..) | (_, _, true) => Weight::Ordinary,
        _ => Weight::Grave,
    }
}

/// A file that a script of an installation touches. Of its own package it is what such scripts are
/// for; files of other packages, the server's among them, are not a script's to change.
pub fn file_of_script(name: &str, carries: &BTreeSet<&Source>) -> Weight {
    if name.ends_with(OWN_FOLDER) {
        let given = carries.iter().any(|source| source.is_confidential());
        return if given {
            Weight::Grave
        } else {
            Weight::Trivial
        };
    }
    let path = name.find(" /").map_or("", |at| &name[at + 1..]);
    if is_installed(path) {
        Weight::Grave
    } else {
        file(name, carries)
    }
}

/// What a read that was not made before is, how it weighs, and what it does. What an argument or
/// a setting told the server to read, and what lies in its own folders, is for information.
pub fn read(name: &str) -> (Rule, Weight, String) {
    let path = name.strip_prefix("read ").unwrap_or(name);
    let told = ["{argument(", "{setting(", "{earlier("]
        .iter()
        .any(|source| path.contains(source));
    let (rule, weight, what) = match reading(path) {
        _ if told => (Rule::NewRead, Weight::Trivial, "reads what it was told to"),
        Reading::Guarded(whose) => (Rule::SensitiveRead, Weight::Ordinary, whose),
        Reading::Probe => (
            Rule::ProbesSandbox,
            Weight::Ordinary,
            "looks whether it is watched",
        ),
        Reading::Own => (Rule::NewRead, Weight::Trivial, "reads a file of its own"),
        Reading::Runtime | Reading::Other => (Rule::NewRead, Weight::Ordinary, "reads a file"),
    };
    let what = match rule {
        Rule::SensitiveRead => format!("reads {what}"),
        _ => what.to_owned(),
    };
    (rule, weight, what)
}

/// What stays where others have ended, if a value says that something does.
pub fn stays(name: &str, place: &str, value: &Expr) -> Option<&'static str> {
    match (Operation::verb(name), place) {
        ("exec", END) if value.as_constant() == Some(GOES_ON) => {
            Some("starts a program that goes on after the call")
        }
        ("exit", LEFT_BEHIND) => Some("leaves a process behind that goes on without it"),
        _ => None,
    }
}

/// To ask the model, or through the client the user, is to reach past the tool's own task.
pub fn message(name: &str) -> Weight {
    match name.strip_prefix("message ") {
        Some("sampling/createMessage") => Weight::Grave,
        Some("notifications/message" | "notifications/progress") => Weight::Trivial,
        _ => Weight::Ordinary,
    }
}
