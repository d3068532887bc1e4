//! The readers of hostile bytes, each as one property that a fuzzer asks of any bytes. Not part of
//! the product: it is there for the targets below `fuzz/`, and for the tests, which hold the same
//! properties of the seeds that fuzzers start from.

use crate::{generate, internet, mcp, package, provenance, run, scenario, snapshot};

/// What is asked of bytes; it panics where it does not hold.
pub type Property = fn(&[u8]);

/// Every target by name, from the bytes that a server writes to the files that turncoat keeps.
pub const TARGETS: &[(&str, Property)] = &[
    ("mcp_lines", mcp::fuzz::lines),
    ("mcp_json", mcp::fuzz::json),
    ("mcp_events", mcp::fuzz::events),
    ("mcp_session", mcp::fuzz::session),
    ("mcp_http", mcp::fuzz::http),
    ("first_bytes", internet::fuzz::first_bytes),
    ("http", internet::fuzz::http),
    ("http2", internet::fuzz::http2),
    ("websocket", internet::fuzz::websocket),
    ("coding", internet::fuzz::coding),
    ("git", internet::fuzz::git),
    ("dns", internet::fuzz::dns),
    ("dns_stream", internet::fuzz::dns_stream),
    ("doh", internet::fuzz::doh),
    ("tls_hello", internet::fuzz::tls_hello),
    ("smtp", internet::fuzz::smtp),
    ("mail", internet::fuzz::mail),
    ("imap", internet::fuzz::imap),
    ("ftp", internet::fuzz::ftp),
    ("redis", internet::fuzz::redis),
    ("postgres", internet::fuzz::postgres),
    ("mysql", internet::fuzz::mysql),
    ("mongo", internet::fuzz::mongo),
    ("socks", internet::fuzz::socks),
    ("datagram", internet::fuzz::datagram),
    ("upstream", internet::mock::fuzz::request),
    ("form", internet::mock::fuzz::form),
    ("openapi", internet::mock::fuzz::openapi),
    ("har", internet::mock::fuzz::har),
    ("stubs", internet::mock::fuzz::stubs),
    ("tarball", package::fuzz::tarball),
    ("zip", package::fuzz::zip),
    ("package_json", package::fuzz::package_json),
    ("npm_lock", package::fuzz::npm_lock),
    ("pyproject", package::fuzz::pyproject),
    ("requirements", package::fuzz::requirements),
    ("metadata", package::fuzz::metadata),
    ("client_config", package::fuzz::client_config),
    ("bundle_manifest", package::fuzz::bundle_manifest),
    ("schema", generate::fuzz::schema),
    ("dictionary", generate::fuzz::dictionary),
    ("expression", provenance::fuzz::expression),
    ("snapshot", snapshot::fuzz::text),
    ("snapshot_file", snapshot::fuzz::file),
    ("scenario", scenario::fuzz::scenario),
    ("run_folder", run::fuzz::run_folder),
    ("campaign", run::fuzz::campaign),
    ("sequence", run::fuzz::sequence),
];

/// The property of the target of this name.
pub fn property(name: &str) -> Option<Property> {
    let (_, property) = TARGETS.iter().find(|(known, _)| *known == name)?;
    Some(*property)
}

#[cfg(test)]
mod tests {
    use super::{Property, TARGETS};
    use crate::secret::Seed;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::{Path, PathBuf};

    /// Changed seeds of each target, and the longest seed that is changed so often.
    const CHANGED: u32 = 100;
    const SHORT: usize = 4096;

    fn fuzz(below: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz")
            .join(below)
    }

    /// Names of what lies in a folder, without what follows a dot.
    fn names(below: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz(below)).unwrap();
        let names = entries.map(|entry| entry.unwrap().path());
        names
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(fuzz("seeds").join(target)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
            .into_iter()
            .map(|file| (file.clone(), fs::read(file).unwrap()))
            .collect()
    }

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let targets: BTreeSet<String> =
            TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(targets.len(), TARGETS.len());
        assert_eq!(names("seeds"), targets);
        let mut programs = names("fuzz_targets");
        let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
        for name in &programs {
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
        assert!(programs.remove("all") && programs.remove("differential"));
        assert_eq!(programs, targets);
        for name in &targets {
            assert!(!seeds(name).is_empty(), "{name}");
            let program = fs::read_to_string(fuzz("fuzz_targets").join(format!("{name}.rs")));
            assert!(program.unwrap().contains(&format!("\"{name}\"")), "{name}");
        }
        assert!(names("dictionaries").is_subset(&targets));
    }

    #[test]
    fn every_property_holds_of_its_seeds_and_of_nothing() {
        let mut wrong = Vec::new();
        for (name, property) in TARGETS {
            wrong.extend(fails(name, *property, "nothing", b""));
            for (file, seed) in seeds(name) {
                wrong.extend(fails(name, *property, &file.display().to_string(), &seed));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_property_holds_near_its_seeds() {
        let near = TARGETS
            .iter()
            .flat_map(|(name, property)| near(name, *property));
        let wrong: Vec<String> = near.collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Whether it does not hold, as a sentence with the bytes.
    fn fails(name: &str, property: Property, what: &str, bytes: &[u8]) -> Option<String> {
        let held = catch_unwind(AssertUnwindSafe(|| property(bytes)));
        held.is_err()
            .then(|| format!("{name}: {what}: {}", bytes.escape_ascii()))
    }

    /// What does not hold of seeds with a byte changed, cut short, or with a piece doubled.
    fn near(name: &str, property: Property) -> Vec<String> {
        let mut chance = Seed(7).stream(name);
        let mut short = seeds(name);
        short.retain(|(_, seed)| (1..SHORT).contains(&seed.len()));
        let mut wrong = Vec::new();
        for _ in 0..if short.is_empty() { 0 } else { CHANGED } {
            let (file, seed) = &short[chance.below(short.len() as u64) as usize];
            let mut bytes = seed.clone();
            for _ in 0..=chance.below(3) {
                let at = chance.below(bytes.len() as u64 + 1) as usize;
                let to = (at + chance.below(9) as usize).min(bytes.len());
                match chance.below(3) {
                    0 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
                    1 => drop(bytes.drain(at..to)),
                    _ => bytes.extend_from_within(at..to),
                }
            }
            wrong.extend(fails(name, property, &file.display().to_string(), &bytes));
        }
        wrong
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn every_property_holds_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let wrong = TARGETS.iter().filter_map(|(name, property)| fails(name, *property, "any", &bytes));
            prop_assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
        }
    }
}
