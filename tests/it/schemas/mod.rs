//! The generator held to the JSON Schema test suite: for every schema of it that something
//! satisfies, valid values; for what refers to other documents, a refusal.

pub mod suite;

use crate::context::{cache, root};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};
use suite::Suite;
use turncoat::generate::{Generator, Hints};
use turncoat::secret::Seed;

/// The suite is no package; the source of a Python validator brings it, as it was published.
const PACKAGE: &str = "jsonschema";
const VERSION: &str = "4.26.0";
const SHA256: &str = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326";

/// Calls made for each schema.
const CASES: u32 = 32;

/// The suite's `tests` folder, fetched once for all runs of the tests.
fn suite() -> Suite {
    let folder = cache().join(format!("suite-{VERSION}"));
    if !folder.exists() {
        fs::create_dir_all(cache()).unwrap();
        // Moved there whole: a run that was stopped leaves nothing half done.
        let made = tempfile::tempdir_in(cache()).unwrap();
        unpack(&fetched(made.path()), &made.path().join("suite"));
        if let Err(error) = fs::rename(made.path().join("suite"), &folder) {
            assert!(folder.exists(), "{error}");
        }
    }
    suite::read(&folder)
}

/// The package's source, by the program's own ways to an index, which build nothing.
fn fetched(folder: &Path) -> PathBuf {
    let script = |name: &str, arguments: &[&str]| {
        let text = fs::read_to_string(root().join("harness/package").join(name)).unwrap();
        let ran = Command::new("python3")
            .args(["-c", &text])
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{name}: {error}");
        ran.stdout
    };
    let index: serde_json::Value = serde_json::from_slice(&script("index.py", &[PACKAGE])).unwrap();
    let releases = index["releases"].as_array().unwrap();
    let release = releases
        .iter()
        .find(|release| release["version"] == VERSION)
        .unwrap();
    let url = release["sdist"]["url"].as_str().unwrap();
    let file = folder.join("source.tar.gz");
    script("download.py", &[url, file.to_str().unwrap()]);
    let hash = Sha256::digest(fs::read(&file).unwrap());
    let hash = hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    assert_eq!(hash, SHA256, "{PACKAGE} {VERSION} is another one");
    file
}

/// Takes the suite's files out of the package.
fn unpack(file: &Path, to: &Path) {
    let inside = format!("{PACKAGE}-{VERSION}/json/tests");
    let source = flate2::read::GzDecoder::new(io::BufReader::new(fs::File::open(file).unwrap()));
    for entry in tar::Archive::new(source).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        if let Ok(below) = path.strip_prefix(&inside)
            && entry.header().entry_type().is_file()
        {
            let path = to.join(below);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            entry.unpack(path).unwrap();
        }
    }
}

#[test]
fn nearly_every_value_for_the_test_suites_schemas_is_valid() {
    let suite = suite();
    let (mut all, mut good, mut wrong) = (0, 0, Vec::new());
    for shown in &suite.shown {
        all += CASES;
        let made = Generator::new("tool", &shown.schema, &Hints::default(), Seed(7));
        let generator = match made {
            Ok(generator) => generator,
            Err(problem) => {
                wrong.push(format!("{}: {problem}", shown.label));
                continue;
            }
        };
        let mut fine = 0;
        for nth in 0..CASES {
            let case = generator.case(nth);
            let judged = shown.judges(&case.arguments);
            // What it says of itself is what another says of it.
            assert_eq!(case.valid, judged, "{} {}", shown.label, case.arguments);
            assert_eq!(
                generator.replay(&case.choices),
                case.arguments,
                "{}",
                shown.label
            );
            fine += u32::from(judged);
        }
        good += fine;
        if fine < CASES {
            wrong.push(format!("{}: {fine} of {CASES}", shown.label));
        }
    }
    assert!(suite.shown.len() > 3_000, "{} schemas", suite.shown.len());
    let share = f64::from(good) / f64::from(all);
    assert!(share >= 0.999, "{share:.4} are valid\n{}", wrong.join("\n"));
}

#[test]
fn what_refers_to_other_documents_is_refused() {
    let remote = suite().remote;
    assert!(remote.len() > 40, "{} schemas", remote.len());
    for (label, schema) in remote {
        let made = Generator::new("tool", &schema, &Hints::default(), Seed(7));
        assert!(made.is_err(), "{label}");
    }
}
