//! What holds of everything that reads a package, whatever it holds: asked by fuzzers, and by the
//! tests with the seeds that fuzzers start from.

use super::archive::{self, Bounds};
use super::manifest::Manifest;
use super::pypi::Metadata;
use super::{bundle, config, npm, project, requirements, sdist};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};
use tempfile::TempDir;
use walkdir::WalkDir;

const BOUNDS: Bounds = Bounds {
    bytes: 1 << 16,
    files: 50,
};

/// A tar file, packed and as it is: what is unpacked lies in the folder, is no link, and is
/// within the bounds.
pub fn tarball(data: &[u8]) {
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = coder
        .write_all(data)
        .and_then(|()| coder.finish())
        .unwrap_or_default();
    for bytes in [&packed[..], data] {
        unpacked(bytes, |file, into| {
            archive::tarball(file, into, BOUNDS).is_ok()
        });
    }
}

/// A zip file: as [`tarball`].
pub fn zip(data: &[u8]) {
    unpacked(data, |file, into| archive::zip(file, into, BOUNDS).is_ok());
    unpacked(data, |file, into| {
        archive::zip_source(file, into, BOUNDS).is_ok()
    });
    in_folder(&[("a.whl", data)], |folder| {
        let member = archive::zip_member(&folder.join("a.whl"), 99, |_| true);
        assert!(!matches!(member, Ok(Some(content)) if content.len() > 99));
    });
}

fn unpacked(bytes: &[u8], unpack: impl Fn(&Path, &Path) -> bool) {
    in_folder(&[("archive", bytes)], |folder| {
        let into = folder.join("out");
        fs::create_dir(&into).expect("there is room for a folder");
        let read = unpack(&folder.join("archive"), &into);
        let beside = fs::read_dir(folder)
            .map(Iterator::count)
            .unwrap_or_default();
        assert_eq!(beside, 2, "something was written beside the folder");
        let (mut bytes, mut files) = (0, 0);
        for entry in WalkDir::new(&into).min_depth(1) {
            let about = entry.and_then(|entry| entry.metadata());
            let about = about.expect("what was unpacked can be looked at");
            assert!(about.is_dir() || about.is_file());
            assert_eq!(about.permissions().mode() & 0o7000, 0, "more than it was");
            if about.is_file() {
                (bytes, files) = (bytes + about.len(), files + 1);
            }
        }
        // One byte more tells that an archive is refused.
        assert!(bytes <= BOUNDS.bytes + u64::from(!read), "{bytes} bytes");
        assert!(files <= BOUNDS.files, "{files} files");
    });
}

/// `package.json`: what starts is a file of the package.
pub fn package_json(data: &[u8]) {
    let files = [
        ("package.json", data),
        ("a.js", b"#!/usr/bin/env node\n"),
        ("lib/b.js", b""),
    ];
    in_folder(&files, |folder| {
        let Ok(manifest) = Manifest::read(folder) else {
            return;
        };
        if let Ok(argv) = manifest.start(folder, "/p", "/usr/bin/node") {
            assert!(
                argv.iter().any(|word| is_of_the_package(folder, word)),
                "{argv:?}"
            );
        }
        assert!(manifest.with_program("no such program").is_err());
    });
}

fn is_of_the_package(folder: &Path, word: &str) -> bool {
    let below = word.strip_prefix("/p/").map(Path::new);
    below.is_some_and(|below| {
        let mut parts = below.components();
        parts.all(|part| matches!(part, Component::Normal(_))) && folder.join(below).is_file()
    })
}

/// What npm says that it installed: every dependency has a name and a version.
pub fn npm_lock(data: &[u8]) {
    in_folder(&[("node_modules/.package-lock.json", data)], |folder| {
        if let Ok(tree) = npm::read_tree(folder) {
            assert!(
                tree.dependencies
                    .values()
                    .all(|version| version.len() <= data.len() + 12)
            );
        }
    });
}

/// `pyproject.toml`: what pip is given is no option, path or address.
pub fn pyproject(data: &[u8]) {
    in_folder(&[("pyproject.toml", data)], |folder| {
        if let Ok(project) = project::read(folder)
            && let Ok(needs) = project::needs(folder, project.as_ref())
        {
            needs.list.iter().for_each(|one| is_for_pip(one));
        }
    });
}

/// `requirements.txt`, and a file that it may include: as [`pyproject`].
pub fn requirements(data: &[u8]) {
    let (first, second) = data.split_at(memchr::memchr(0, data).unwrap_or(data.len()));
    let second = second.get(1..).unwrap_or_default();
    in_folder(
        &[("requirements.txt", first), ("more.txt", second)],
        |folder| {
            if let Ok(needs) = requirements::read(folder, "requirements.txt") {
                needs.list.iter().for_each(|one| is_for_pip(one));
            }
        },
    );
}

/// A distribution's metadata: a plain name, and as [`pyproject`].
pub fn metadata(data: &[u8]) {
    let (info, rest) = data.split_at(memchr::memchr(0, data).unwrap_or(data.len()));
    if let Some(metadata) = Metadata::parse(&String::from_utf8_lossy(info)) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._+!".contains(c);
        assert!(metadata.name.chars().all(plain) && metadata.version.chars().all(plain));
    }
    let mut rest = rest.splitn(3, |b| *b == 0).skip(1);
    let (requires, scripts) = (
        rest.next().unwrap_or_default(),
        rest.next().unwrap_or_default(),
    );
    let files = [
        ("PKG-INFO", info),
        ("a.egg-info/requires.txt", requires),
        ("a.egg-info/entry_points.txt", scripts),
    ];
    in_folder(&files, |folder| {
        if let Ok(Some(declared)) = sdist::declared(folder) {
            declared.requires.iter().for_each(|one| is_for_pip(one));
        }
        let _ = sdist::says_what_it_needs(folder);
    });
}

fn is_for_pip(requirement: &str) {
    let specification = requirement.split(';').next().unwrap_or_default();
    assert!(!specification.trim().starts_with('-'), "{requirement:?}");
    assert!(
        !specification.contains(['/', '@', ':', '\n']),
        "{requirement:?}"
    );
}

/// An MCP client's configuration, in JSON with comments or in TOML; JSON without comments keeps
/// its meaning.
pub fn client_config(data: &[u8]) {
    for name in ["config.json", "config.toml"] {
        in_folder(&[(name, data)], |folder| {
            for server in ["mail", "", "x"] {
                if let Err(e) = config::target(&folder.join(name), server) {
                    assert!(!e.to_string().is_empty());
                }
            }
        });
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(plain) = serde_json::from_str::<Value>(text) {
        let read = serde_json::from_str::<Value>(&config::without_comments(text));
        assert_eq!(read.ok(), Some(plain), "{text}");
    }
}

/// The manifest of a bundle.
pub fn bundle_manifest(data: &[u8]) {
    in_folder(&[("manifest.json", data)], |folder| {
        if let Err(e) = bundle::read(folder, &folder.join("a.mcpb")) {
            assert!(!e.to_string().is_empty());
        }
    });
}

/// A folder with these files.
fn in_folder(files: &[(&str, &[u8])], act: impl FnOnce(&Path)) {
    let folder = TempDir::new().expect("there is room for a folder");
    let files: BTreeMap<_, _> = files.iter().copied().collect();
    for (name, content) in files {
        let file = folder.path().join(name);
        let written = fs::create_dir_all(file.parent().unwrap_or(folder.path()))
            .and_then(|()| fs::write(&file, content));
        written.expect("there is room for a file");
    }
    act(folder.path());
}
