//! The JSON Schema test suite as it was published: it is no package of its own, but the source of
//! a Python validator brings it. Fetched once into `cache`, checked by its hash, never executed.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

const PACKAGE: &str = "jsonschema";
const VERSION: &str = "4.26.0";
const SHA256: &str = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326";

/// The suite's `tests` folder.
pub fn suite(cache: &Path) -> PathBuf {
    let folder = cache.join(format!("suite-{VERSION}"));
    if !folder.exists() {
        fs::create_dir_all(cache).unwrap();
        // Moved there whole: a run that was stopped leaves nothing half done.
        let made = tempfile::tempdir_in(cache).unwrap();
        unpack(&fetched(made.path()), &made.path().join("suite"));
        if let Err(error) = fs::rename(made.path().join("suite"), &folder) {
            assert!(folder.exists(), "{error}");
        }
    }
    folder
}

/// The package's source, by the program's own ways to an index, which build nothing.
fn fetched(folder: &Path) -> PathBuf {
    let script = |name: &str, arguments: &[&str]| {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/package");
        let text = fs::read_to_string(scripts.join(name)).unwrap();
        let mut python = Command::new("python3");
        let ran = python.args(["-c", &text]).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{name}: {error}");
        ran.stdout
    };
    let index = script("index.py", &[PACKAGE]);
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let mut releases = index["releases"].as_array().unwrap().iter();
    let release = releases.find(|release| release["version"] == VERSION);
    let url = release.unwrap()["sdist"]["url"].as_str().unwrap();
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
    let file = io::BufReader::new(fs::File::open(file).unwrap());
    let source = flate2::read::GzDecoder::new(file);
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
