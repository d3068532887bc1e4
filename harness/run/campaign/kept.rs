//! What is kept of campaigns in a folder: how far they came, what was seen and found, and the
//! arguments worth keeping. Written whole after each round and renamed into its place, so that a
//! campaign that is cut off goes on with the next one.

use crate::run::given::Step;
use crate::secret::Seed;
use crate::snapshot::{Behaviour, Scope};
use crate::verdict::Finding;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FORMAT: &str = "turncoat.campaign/1";
const STATE: &str = "campaign.json";
const INPUTS: &str = "inputs.json";
const FINDINGS: &str = "findings";
/// Behaviours told apart, and inputs kept of one tool and of one round, each no longer than this.
const BEHAVIOURS: usize = 200_000;
const INPUTS_EACH: usize = 64;
const INPUTS_NEW: usize = 4;
const LONGEST: usize = 64 * 1024;
/// A file of a campaign that is larger is none of ours.
const LARGEST: u64 = 256 << 20;

/// How far the campaigns on one pair of targets came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    format: String,
    /// Which targets.
    of: Vec<String>,
    seed: u64,
    pub rounds: u64,
    /// Made of each version.
    pub calls: u64,
    /// Hashes of what was seen.
    pub behaviours: BTreeSet<u64>,
    pub findings: Vec<Finding>,
}

/// A folder with them.
pub struct Kept {
    folder: PathBuf,
    pub memory: Memory,
    /// By tool, oldest first. Other versions of a server make use of them as well.
    pub inputs: BTreeMap<String, Vec<Value>>,
}

impl Kept {
    /// What is kept there of campaigns with this seed `of` these targets; inputs whatever they
    /// were of.
    ///
    /// # Errors
    /// Where nothing can be written there, or what is there is another thing.
    pub fn open(folder: &Path, seed: Seed, of: Vec<String>) -> io::Result<Self> {
        fs::create_dir_all(folder.join(FINDINGS))?;
        let memory: Option<Memory> = read(&folder.join(STATE))?;
        let fresh = Memory {
            format: FORMAT.to_owned(),
            of: of.clone(),
            seed: seed.0,
            rounds: 0,
            calls: 0,
            behaviours: BTreeSet::new(),
            findings: Vec::new(),
        };
        let same =
            |memory: &Memory| memory.format == FORMAT && memory.of == of && memory.seed == seed.0;
        Ok(Self {
            memory: memory.filter(same).unwrap_or(fresh),
            inputs: read(&folder.join(INPUTS))?.unwrap_or_default(),
            folder: folder.to_owned(),
        })
    }

    /// Writes all of it.
    pub fn save(&self) -> io::Result<()> {
        write(&self.folder.join(INPUTS), &self.inputs)?;
        write(&self.folder.join(STATE), &self.memory)
    }

    /// How many inputs there are.
    pub fn many(&self) -> usize {
        self.inputs.values().map(Vec::len).sum()
    }

    /// Keeps a finding with the calls that show it.
    pub fn keep(&self, finding: &Finding, sequence: &[Step]) -> io::Result<PathBuf> {
        let file = self
            .folder
            .join(FINDINGS)
            .join(format!("{}.json", finding.id));
        write(&file, &json!({"finding": finding, "sequence": sequence}))?;
        Ok(file)
    }

    /// Takes note of what was seen, and keeps the arguments of calls in which something was seen
    /// for the first time.
    pub fn notice(&mut self, behaviour: &Behaviour, arguments: &BTreeMap<String, Vec<Value>>) {
        let mut added: BTreeMap<&str, usize> = BTreeMap::new();
        for (scope, name, operation) in behaviour.operations() {
            let deed = [(String::new(), &operation.calls)];
            let values = operation.places.iter().flat_map(|(at, place)| {
                let values = place.values.iter();
                values.map(move |(expr, seen)| (format!("{at} {expr}"), &seen.calls))
            });
            for (what, calls) in deed.into_iter().chain(values) {
                if !self.is_new(scope, name, &what) {
                    continue;
                }
                let Some(tool) = scope.tool.as_deref() else {
                    continue;
                };
                let first = calls.iter().next().and_then(|call| {
                    let of_tool = arguments.get(tool)?;
                    of_tool.get(call as usize)
                });
                let count = added.entry(tool).or_default();
                if let Some(input) = first
                    && *count < INPUTS_NEW
                    && self.add(tool, input)
                {
                    *count += 1;
                }
            }
        }
    }

    fn is_new(&mut self, scope: &Scope, name: &str, what: &str) -> bool {
        let tool = scope.tool.as_deref().unwrap_or_default();
        let text = format!("{:?}\0{tool}\0{name}\0{what}", scope.phase);
        let digest = Sha256::digest(text.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        let there = self.memory.behaviours.len() >= BEHAVIOURS;
        !there && self.memory.behaviours.insert(u64::from_be_bytes(first))
    }

    fn add(&mut self, tool: &str, input: &Value) -> bool {
        let is_some = input.as_object().is_some_and(|map| !map.is_empty());
        if !is_some || input.to_string().len() > LONGEST {
            return false;
        }
        let of_tool = self.inputs.entry(tool.to_owned()).or_default();
        if of_tool.contains(input) {
            return false;
        }
        if of_tool.len() >= INPUTS_EACH {
            of_tool.remove(0);
        }
        of_tool.push(input.clone());
        true
    }
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> io::Result<Option<T>> {
    match fs::metadata(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
        Ok(about) if about.len() > LARGEST => return Err(other(file, "it is too large")),
        Ok(_) => {}
    }
    let parsed = serde_json::from_slice(&fs::read(file)?);
    parsed.map(Some).map_err(|e| other(file, &e.to_string()))
}

fn other(file: &Path, why: &str) -> io::Error {
    let name = file.display();
    io::Error::other(format!("`{name}` is not what a campaign keeps: {why}"))
}

fn write(file: &Path, content: &impl Serialize) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut temporary, content)?;
    temporary.write_all(b"\n")?;
    temporary.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Calls, Operation, Scoped};

    fn behaviour(operation: &str, call: u32) -> Behaviour {
        let operation = (
            operation.to_owned(),
            Operation {
                calls: [call].into_iter().collect::<Calls>(),
                most: 1,
                host: None,
                places: BTreeMap::new(),
                steady: true,
                first: 0,
            },
        );
        let scoped = Scoped {
            calls: 9,
            operations: BTreeMap::from([operation]),
        };
        Behaviour {
            scopes: BTreeMap::from([(Scope::tool("send"), scoped)]),
            ..Behaviour::default()
        }
    }

    fn arguments() -> BTreeMap<String, Vec<Value>> {
        let all = (0..9).map(|n| json!({"text": n})).collect();
        BTreeMap::from([("send".to_owned(), all)])
    }

    #[test]
    fn what_shows_something_new_is_kept_and_what_shows_it_again_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |seed, of: &str| Kept::open(folder.path(), Seed(seed), vec![of.to_owned()]).unwrap();
        let mut kept = open(1, "a");
        kept.notice(&behaviour("http GET https://a.example/", 3), &arguments());
        kept.notice(&behaviour("http GET https://a.example/", 5), &arguments());
        assert_eq!(kept.inputs["send"], [json!({"text": 3})]);
        kept.notice(&behaviour("http GET https://b.example/", 5), &arguments());
        // A call whose arguments are not known any more.
        kept.notice(&behaviour("http GET https://c.example/", 99), &arguments());
        kept.memory.rounds = 4;
        kept.save().unwrap();
        let again = open(1, "a");
        assert_eq!((again.memory.rounds, again.memory.behaviours.len()), (4, 3));
        assert_eq!(again.many(), 2);
        // Another pair, or another seed, begins anew with the same inputs.
        for other in [open(1, "b"), open(2, "a")] {
            assert_eq!((other.memory.rounds, other.many()), (0, 2));
        }
    }

    #[test]
    fn what_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(STATE), "{\"format\": 1}").unwrap();
        let opened = Kept::open(folder.path(), Seed(1), Vec::new());
        assert!(opened.is_err_and(|e| e.to_string().contains(STATE)));
        let left = fs::read(folder.path().join(STATE)).unwrap();
        assert_eq!(left, b"{\"format\": 1}");
    }
}
