//! Python requirements of a folder or wheel: only names with versions are let through to pip.
//! Everything that would make it build something on this machine, or look elsewhere than the
//! user's own indexes, is refused or left out.

use super::error::FetchError;
use super::manifest::read_bounded;
use std::path::{Component, Path};

/// Requirements read from files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    pub list: Vec<String>,
    /// Options that were not followed, each a sentence.
    pub notes: Vec<String>,
}

/// Reads `requirements.txt`, and the files of the same folder that it includes.
pub(super) fn read(folder: &Path, file: &str) -> Result<Requirements, FetchError> {
    let mut requirements = Requirements::default();
    read_into(folder, file, &mut requirements, 0)?;
    Ok(requirements)
}

fn read_into(
    folder: &Path,
    file: &str,
    into: &mut Requirements,
    depth: u32,
) -> Result<(), FetchError> {
    let path = folder.join(file);
    let bad = |reason: &str| FetchError::Config {
        file: path.clone(),
        reason: reason.to_owned(),
    };
    let below = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if depth > 5 || !below {
        return Err(bad(
            "requirement files may include each other five deep, in one folder",
        ));
    }
    let text = read_bounded(&path)?.ok_or_else(|| bad("it does not exist"))?;
    let text = String::from_utf8_lossy(&text)
        .replace("\\\n", " ")
        .replace("\\\r\n", " ");
    for line in text.lines() {
        // A `#` inside a URL is a fragment; comments follow white space.
        let line = line.split(" #").next().unwrap_or_default().trim();
        let line = line.trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let included = ["-r ", "--requirement ", "--requirement="];
        if let Some(other) = included.iter().find_map(|option| line.strip_prefix(option)) {
            read_into(folder, other.trim(), into, depth + 1)?;
        } else if line.starts_with("-e") || line.starts_with("--editable") {
            return Err(refused(file, line));
        } else if line.starts_with('-') {
            into.notes
                .push(format!("`{line}` of `{file}` was not followed"));
        } else {
            // Hashes pin files; what is resolved by us is pinned by the index's own.
            let line = line.split(" --").next().unwrap_or_default().trim();
            check(file, line)?;
            into.list.push(line.to_owned());
        }
    }
    Ok(())
}

/// Lets a requirement (PEP 508) pass if it is a name with versions, extras and markers.
pub(super) fn check(place: &str, requirement: &str) -> Result<(), FetchError> {
    let specification = requirement.split(';').next().unwrap_or_default().trim();
    let bare = specification.split('[').next().unwrap_or_default();
    let good = bare.starts_with(|c: char| c.is_ascii_alphanumeric())
        && specification
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._[], <>=!~*+()".contains(c))
        // Otherwise pip takes the name of an existing file for that file.
        && ![".whl", ".zip", ".gz", ".bz2", ".xz", ".tar"].iter().any(|end| specification.ends_with(end));
    if good {
        Ok(())
    } else {
        Err(refused(place, requirement))
    }
}

fn refused(place: &str, requirement: &str) -> FetchError {
    FetchError::BuildRefused {
        place: place.to_owned(),
        requirement: requirement.chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_pass_and_builds_do_not() {
        for good in [
            "httpx",
            "mcp[cli]>=1.2,<2",
            "x (>=1.0)",
            "y~=1.4; python_version < '3.12' and platform_system == 'Linux'",
        ] {
            assert!(check("p", good).is_ok(), "{good}");
        }
        for bad in [
            "x @ git+https://h.example/x.git",
            "x@https://h.example/x.tar.gz",
            "./local",
            "../x-1.0.tar.gz",
            "x-1.0.tar.gz",
            "https://h.example/x.whl",
            "--index-url=https://h.example",
            "",
        ] {
            assert!(check("p", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_include_each_other_and_options_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "requirements.txt",
            "# all\n-r base.txt\n--index-url https://h.example\nhttpx==0.27.0 \\\n    --hash=sha256:00\n",
        );
        write("base.txt", "mcp>=1 # the SDK\n");
        let read_one = |name| read(folder.path(), name);
        let requirements = read_one("requirements.txt").unwrap();
        assert_eq!(requirements.list, ["mcp>=1", "httpx==0.27.0"]);
        assert_eq!(requirements.notes.len(), 1);
        write("loop.txt", "-r loop.txt\n");
        write("out.txt", "-r ../../etc/passwd\n");
        write("edit.txt", "-e .\n");
        for bad in ["loop.txt", "out.txt", "edit.txt", "missing.txt"] {
            assert!(read_one(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn nothing_that_passes_is_an_option_a_path_or_an_address(text in "\\PC{0,40}") {
            if check("p", &text).is_ok() {
                let specification = text.split(';').next().unwrap();
                proptest::prop_assert!(!specification.trim().starts_with('-'));
                proptest::prop_assert!(!specification.contains(['/', '@', ':']));
            }
        }
    }
}
