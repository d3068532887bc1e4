//! Dependencies of a Python package that an index has as source alone. Which they are pip says,
//! held back from executing anything; their sources are fetched and unpacked, which executes
//! nothing; their builds are left to the sandbox, each after those of what it needs.

use super::build::{Build, Place};
use super::error::FetchError;
use super::model::{Mount, Options, Script};
use super::python::{Python, Shown};
use super::sdist::{self, Sdist};
use super::target::{Target, normalised};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Builds of one tree; more than any published server was seen to need.
const MOST: usize = 16;

/// A package that has to be built.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Unbuilt {
    /// Normalised (PEP 503).
    pub name: String,
    pub version: String,
    sdist: Sdist,
}

/// What requirements come to, where some of it has no wheel.
#[derive(Debug)]
pub(super) struct Resolution {
    /// To be installed and nothing else with them.
    pub wheels: Vec<String>,
    /// What another one needs comes before it.
    pub unbuilt: Vec<Unbuilt>,
}

/// Pip's installation report, version 1, as far as it concerns us.
#[derive(Deserialize)]
struct Report {
    install: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    download_info: Download,
    is_direct: bool,
    requested: bool,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    #[serde(default)]
    archive_info: Archive,
}

#[derive(Default, Deserialize)]
struct Archive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    #[serde(default)]
    requires_dist: Vec<String>,
}

impl Resolution {
    /// Reads the report on `requirements`, which the package `subject` has.
    pub fn read(report: &str, subject: &str, requirements: &[String]) -> Result<Self, FetchError> {
        let unreadable = |detail: String| FetchError::Client {
            client: "pip".to_owned(),
            subject: subject.to_owned(),
            detail,
        };
        let report: Report = serde_json::from_str(report)
            .map_err(|error| unreadable(format!("unreadable report: {error}")))?;
        // The only ones that are let through to pip and are paths: wheels of the user's.
        let own = requirements.iter().filter(|one| one.starts_with('/'));
        let mut wheels: Vec<String> = own.cloned().collect();
        let (mut sources, mut needs) = (BTreeMap::new(), BTreeMap::new());
        for item in report.install {
            let (name, version) = plain(&item.metadata).ok_or_else(|| {
                let name: String = item.metadata.name.chars().take(80).collect();
                unreadable(format!("`{name}` is no name of a package with its version"))
            })?;
            let names = item.metadata.requires_dist.iter().map(|text| named(text));
            needs.insert(name.clone(), names.collect::<BTreeSet<_>>());
            if item.is_direct && !item.requested {
                // An address of its own choice, which may also be one that is to be built.
                return Err(FetchError::BuildRefused {
                    place: subject.to_owned(),
                    requirement: format!("{name} @ {}", item.download_info.url),
                });
            }
            let sha256 = item.download_info.archive_info.hashes.get("sha256");
            let sdist = Sdist::at(&item.download_info.url, sha256.cloned());
            match (sdist.is_wheel(), item.is_direct) {
                (true, true) => {}
                (true, false) => wheels.push(format!("{name}=={version}")),
                (false, _) => {
                    let unbuilt = Unbuilt {
                        name: name.clone(),
                        version,
                        sdist,
                    };
                    sources.insert(name, unbuilt);
                }
            }
        }
        if sources.len() > MOST {
            return Err(FetchError::NoDistribution {
                subject: subject.to_owned(),
                reason: format!(
                    "{} of the packages it needs have no wheel, more than the {MOST} that are built",
                    sources.len()
                ),
            });
        }
        let order = order(sources.keys(), &needs);
        let unbuilt = order.iter().filter_map(|name| sources.remove(name));
        Ok(Self {
            wheels,
            unbuilt: unbuilt.collect(),
        })
    }
}

/// Name and version as they may stand in a path.
fn plain(metadata: &Metadata) -> Option<(String, String)> {
    let text = format!("pypi:{}@{}", metadata.name, metadata.version);
    match Target::parse(&text).ok()? {
        Target::Pypi { name, version } => Some((normalised(&name), version?)),
        _ => None,
    }
}

/// The name at the start of a requirement (PEP 508), normalised.
fn named(requirement: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let text = requirement.trim_start();
    let end = text.find(|c| !plain(c)).unwrap_or(text.len());
    normalised(&text[..end])
}

/// `wanted` and everything that it needs, what is needed first. Those that need each other come in
/// the order of their names.
fn order<'a>(
    wanted: impl Iterator<Item = &'a String>,
    needs: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    // Each with whether what it needs was looked at; a stack of our own, as chains may be long.
    let mut open: Vec<(&str, bool)> = wanted.map(|name| (name.as_str(), false)).collect();
    open.reverse();
    while let Some((name, looked_at)) = open.pop() {
        if looked_at {
            order.push(name.to_owned());
        } else if let (true, Some(needed)) = (seen.insert(name), needs.get(name)) {
            open.push((name, true));
            open.extend(needed.iter().rev().map(|name| (name.as_str(), false)));
        }
    }
    order
}

/// Fetches the sources. Gives what has to be said of them.
pub(super) fn fetch(
    unbuilt: &[Unbuilt],
    python: &Python,
    options: &Options,
) -> Result<Vec<String>, FetchError> {
    let mut notes = Vec::new();
    for package in unbuilt {
        let folder = package.folder(python, options)?;
        if !sdist::says_what_it_needs(&folder)? {
            let Unbuilt { name, version, .. } = package;
            notes.push(format!(
                "`{name}` {version} is there as source alone and does not say what it needs: it was taken to need nothing"
            ));
        }
    }
    Ok(notes)
}

/// What has to be seen inside to build packages, and what to execute there.
#[derive(Debug, Default)]
pub(super) struct Builds {
    pub mounts: Vec<Mount>,
    pub scripts: Vec<Script>,
}

/// Prepares the builds of `unbuilt`, in that order.
pub(super) fn builds(
    unbuilt: &[Unbuilt],
    python: &Python,
    shown: &Shown,
    options: &Options,
) -> Result<Builds, FetchError> {
    let mut builds = Builds::default();
    for package in unbuilt {
        let folder = package.folder(python, options)?;
        let place = Place::dependency(&package.name, &package.version);
        let build = Build::of(&folder, true)?;
        let Some(build) = build else { continue };
        let (tools, script) = build.prepare(&place, python, shown, options)?;
        builds.mounts.push(Mount {
            source: folder,
            target: place.folder,
            overlay: true,
        });
        builds.mounts.push(tools);
        builds.scripts.push(script);
    }
    Ok(builds)
}

impl Unbuilt {
    fn folder(&self, python: &Python, options: &Options) -> Result<PathBuf, FetchError> {
        let subject = format!("pypi:{}@{}", self.name, self.version);
        sdist::fetch(&self.sdist, &subject, python, options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn item(name: &str, file: &str, needs: &[&str]) -> Value {
        json!({
            "download_info": {
                "url": format!("https://h.example/{file}"),
                "archive_info": { "hashes": { "sha256": "00" }, "hash": "sha256=00" },
            },
            "is_direct": false, "is_yanked": false, "requested": false,
            "metadata": { "name": name, "version": "1.0", "requires_dist": needs },
        })
    }

    fn read(items: &[Value], requirements: &[&str]) -> Result<(String, String), FetchError> {
        let report = json!({ "version": "1", "install": items, "environment": {} }).to_string();
        let requirements: Vec<_> = requirements.iter().map(|one| (*one).to_owned()).collect();
        let found = Resolution::read(&report, "server", &requirements)?;
        let names = found.unbuilt.iter().map(|one| one.name.as_str());
        Ok((found.wheels.join(" "), names.collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn what_has_to_be_built_is_told_apart_and_ordered() {
        let mut own = item("server", "server-1.0-py3-none-any.whl", &["Top_Level>=1"]);
        own["is_direct"] = true.into();
        own["requested"] = true.into();
        let items = [
            own,
            item(
                "top.level",
                "top_level-1.0.tar.gz#sha256=00",
                &["middle[x]>=2; extra == 'y'"],
            ),
            item("middle", "middle-1.0-py3-none-any.whl?x=1", &["a-leaf"]),
            item("a-leaf", "a_leaf-1.0.zip", &["top-level"]),
            item("b-leaf", "b_leaf-1.0.tar.gz", &[]),
        ];
        let (wheels, unbuilt) = read(&items, &["/home/u/server-1.0-py3-none-any.whl"]).unwrap();
        assert_eq!(wheels, "/home/u/server-1.0-py3-none-any.whl middle==1.0");
        // Two of them need each other.
        assert_eq!(unbuilt, "top-level a-leaf b-leaf");
        let straight = &items[1..3];
        let leaf = item("a-leaf", "a_leaf-1.0.zip", &[]);
        let (_, unbuilt) = read(&[straight, &[leaf]].concat(), &[]).unwrap();
        assert_eq!(unbuilt, "a-leaf top-level");
    }

    #[test]
    fn addresses_paths_and_endless_lists_are_refused() {
        let mut elsewhere = item("x", "x-1.0.tar.gz", &[]);
        elsewhere["is_direct"] = true.into();
        let refused = read(&[elsewhere], &[]);
        assert!(matches!(refused, Err(FetchError::BuildRefused { .. })));
        let path = read(&[item("../../x", "x-1.0.tar.gz", &[])], &[]);
        assert!(matches!(path, Err(FetchError::Client { .. })));
        let many = |count: usize| {
            let one = |n| item(&format!("x{n}"), "x-1.0.tar.gz", &[]);
            read(&(0..count).map(one).collect::<Vec<_>>(), &[])
        };
        assert!(many(MOST).is_ok());
        assert!(matches!(
            many(MOST + 1),
            Err(FetchError::NoDistribution { .. })
        ));
    }

    #[test]
    fn chains_of_needs_may_be_long() {
        let name = |n: usize| format!("p{n:06}");
        let needs: BTreeMap<_, BTreeSet<_>> = (0..100_000)
            .map(|n| (name(n), [name(n + 1)].into()))
            .collect();
        let order = order([name(0)].iter(), &needs);
        assert_eq!((order.len(), order[0].as_str()), (100_000, "p099999"));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_requirement_has_a_name_that_is_plain(text in "\\PC{0,40}") {
            proptest::prop_assert!(!named(&text).contains(['/', ' ', '[']));
        }
    }
}
