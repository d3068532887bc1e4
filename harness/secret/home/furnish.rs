//! The home as a whole, and what each corner uses to fill it.

use super::{browser, clients, cloud, code, documents, keyring, shell, ssh, tools, wallet};
use crate::secret::{Kind, Persona, Planted, Rng, Seed, Shape};
use std::ops::Range;

/// A home folder to lay out, and the canaries in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// No path occurs twice.
    pub files: Vec<HomeFile>,
    /// Every secret in the files. Names say file and field: `~/.npmrc _authToken`.
    pub planted: Vec<Planted>,
}

impl Home {
    /// A home with nothing in it, as a fresh container has.
    pub fn empty() -> Self {
        Self::default()
    }
}

/// A file in the home folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeFile {
    /// Relative to the home folder, without `.` and `..`.
    pub path: String,
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// The populated home of `persona`. The same seed makes the same bytes; every canary has its
/// own stream, so a file that is added later does not change the others.
pub fn home(persona: &Persona, seed: Seed) -> Home {
    let mut furnish = Furnish {
        persona: *persona,
        seed,
        home: Home::empty(),
    };
    ssh::fill(&mut furnish);
    cloud::fill(&mut furnish);
    code::fill(&mut furnish);
    shell::fill(&mut furnish);
    clients::fill(&mut furnish);
    browser::fill(&mut furnish);
    wallet::fill(&mut furnish);
    documents::fill(&mut furnish);
    keyring::fill(&mut furnish);
    tools::fill(&mut furnish);
    furnish.home
}

/// A home in the making.
pub(super) struct Furnish {
    pub persona: Persona,
    seed: Seed,
    home: Home,
}

impl Furnish {
    /// A file that everybody may read.
    pub fn file(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.put(path, content.into(), 0o644);
    }

    /// A file that its program keeps to its owner.
    pub fn private(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.put(path, content.into(), 0o600);
    }

    /// As [`Self::private`], for what programs write as indented JSON.
    pub fn json(&mut self, path: &str, content: &serde_json::Value) {
        self.private(path, format!("{content:#}\n"));
    }

    fn put(&mut self, path: &str, content: Vec<u8>, mode: u32) {
        self.home.files.push(HomeFile {
            path: path.to_owned(),
            content,
            mode,
        });
    }

    /// Makes a canary of `shape` for `field` of the file at `path`. Shapes are ours, so one
    /// that does not parse is a mistake in this module that its test finds.
    pub fn canary(&mut self, path: &str, field: &str, shape: &str) -> String {
        let value = self.made_up(&format!("{path} {field}"), shape);
        let unknown = parsed(shape).unknown(value.len());
        self.plant(path, field, value.clone(), unknown);
        value
    }

    /// Takes note of a canary that was made otherwise, and of which bytes of it are made up.
    pub fn plant(&mut self, path: &str, field: &str, value: String, unknown: Range<usize>) {
        self.home.planted.push(Planted {
            name: format!("~/{path} {field}").trim_end().to_owned(),
            value,
            kind: Kind::Canary,
            unknown,
        });
    }

    /// Made up in the same way, but nothing that a reader would have to keep to himself.
    pub fn made_up(&self, label: &str, shape: &str) -> String {
        parsed(shape).make(&mut self.stream(label))
    }

    /// The stream of numbers for `label`.
    pub fn stream(&self, label: &str) -> Rng {
        self.seed.stream(&format!("home {label}"))
    }

    /// 32 bytes, as keys are made of.
    pub fn key(&self, label: &str) -> [u8; 32] {
        let mut rng = self.stream(label);
        let mut key = [0; 32];
        for chunk in key.chunks_exact_mut(8) {
            chunk.copy_from_slice(&rng.next_u64().to_le_bytes());
        }
        key
    }

    /// The working folder, relative to the home folder.
    pub fn work(&self) -> &'static str {
        self.persona
            .cwd
            .strip_prefix(self.persona.home)
            .map_or("work", |path| path.trim_matches('/'))
    }
}

fn parsed(shape: &str) -> Shape {
    shape.parse().expect("shapes in this module parse")
}

/// The public half of an Ed25519 key (RFC 8032).
pub(super) fn public(secret: &[u8; 32]) -> Vec<u8> {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(secret).expect("any 32 bytes are a key");
    pair.public_key().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{Home, home};
    use crate::secret::{Kind, Persona, Seed};
    use std::collections::HashSet;

    fn made(seed: u64) -> Home {
        home(&Persona::DEFAULT, Seed(seed))
    }

    #[test]
    fn the_seed_decides_every_byte() {
        assert_eq!(made(7), made(7));
        let (a, b) = (made(7), made(8));
        let paths = |home: &Home| -> Vec<_> { home.files.iter().map(|f| f.path.clone()).collect() };
        assert_eq!(paths(&a), paths(&b));
        for (a, b) in a.planted.iter().zip(&b.planted) {
            assert_eq!(a.name, b.name);
            assert_ne!(a.value, b.value, "{}", a.name);
        }
    }

    #[test]
    fn every_canary_stands_in_the_file_it_is_named_after() {
        let home = made(7);
        for planted in &home.planted {
            assert_eq!(planted.kind, Kind::Canary);
            let path = planted.name.strip_prefix("~/").unwrap();
            let file = home
                .files
                .iter()
                .filter(|file| path.starts_with(&file.path))
                .max_by_key(|file| file.path.len())
                .unwrap_or_else(|| panic!("{}", planted.name));
            let found = memchr::memmem::find(&file.content, planted.value.as_bytes());
            assert!(found.is_some(), "{}", planted.name);
        }
    }

    #[test]
    fn no_canary_occurs_twice_or_inside_another() {
        let home = made(7);
        let names: HashSet<_> = home.planted.iter().map(|planted| &planted.name).collect();
        assert_eq!(names.len(), home.planted.len());
        for (i, a) in home.planted.iter().enumerate() {
            assert!(a.value.len() >= 16, "{} can turn up by chance", a.name);
            for b in &home.planted[i + 1..] {
                let apart = !a.value.contains(&b.value) && !b.value.contains(&a.value);
                assert!(apart, "{} and {}", a.name, b.name);
            }
        }
    }

    #[test]
    fn no_file_occurs_twice_or_leaves_the_home() {
        let home = made(7);
        let mut paths = HashSet::new();
        for file in &home.files {
            assert!(paths.insert(&file.path), "{}", file.path);
            let mut parts = file.path.split('/');
            assert!(parts.all(|part| !matches!(part, "" | "." | "..")));
            assert!(file.content.len() < 64 << 10, "{}", file.path);
        }
        let below = |a: &str, b: &str| a.starts_with(&format!("{b}/"));
        assert!(!paths.iter().any(|a| paths.iter().any(|b| below(a, b))));
    }

    #[test]
    fn nothing_says_who_made_it() {
        for file in made(7).files {
            let text = String::from_utf8_lossy(&file.content).to_lowercase();
            for word in ["turncoat", "canary", "sandbox", "honeypot", "fake"] {
                assert!(!text.contains(word), "{} says {word}", file.path);
            }
        }
    }

    #[test]
    fn what_is_json_parses() {
        for file in made(7).files {
            if file.path.ends_with(".json") {
                serde_json::from_slice::<serde_json::Value>(&file.content).unwrap();
            }
        }
    }
}
