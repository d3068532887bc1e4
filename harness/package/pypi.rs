//! Packages of a Python index, and wheels, installed by pip into an environment of their own.

use super::archive;
use super::cache::Cache;
use super::error::FetchError;
use super::fetch::Call;
use super::host;
use super::local;
use super::model::{Options, Package, Tree};
use super::pip::Pip;
use super::python::{self, Python};
use super::requirements;
use super::sdist::{self, Sdist};
use super::sources;
use super::target::{Target, normalised};
use super::timestamp::Timestamp;
use super::venv::{self, Venv};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A published version, as the index describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Release {
    pub version: String,
    pub published: Option<Timestamp>,
    pub requires_python: Option<String>,
    /// File names and SHA-256 in hexadecimal.
    wheels: BTreeMap<String, Option<String>>,
    sdist: Option<Sdist>,
    yanked: bool,
    prerelease: bool,
}

#[derive(Deserialize)]
struct Answer {
    found: bool,
    failures: Vec<String>,
    releases: Vec<Release>,
}

/// Installs a release of the index.
pub(super) fn fetch(
    name: &str,
    release: &Release,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let version = &release.version;
    let subject = format!("pypi:{name}@{version}");
    let resolved = Target::Pypi {
        name: name.to_owned(),
        version: Some(version.clone()),
    };
    let from_source = |sdist: &Sdist| {
        let python = python::find(&subject, release.requires_python.as_deref(), options)?;
        let mut package = sdist::release(sdist, &subject, &python, call, options)?;
        let address = resolved.package_url();
        package.resolved = address.unwrap_or_else(|| subject.clone());
        package.published = release.published.map(|date| date.to_string());
        Ok(package)
    };
    match &release.sdist {
        Some(sdist) if release.wheels.is_empty() => return from_source(sdist),
        None if release.wheels.is_empty() => {
            return Err(FetchError::NoDistribution {
                subject,
                reason: "the index has no file of it that could be installed".to_owned(),
            });
        }
        _ => {}
    }
    let plan = Plan {
        resolved: resolved.package_url().unwrap_or_else(|| subject.clone()),
        label: format!("{name}@{version}"),
        key: format!("{name}=={version}"),
        requirements: vec![format!("{name}=={version}")],
        requires_python: release.requires_python.clone(),
        name,
        version,
        subject: subject.clone(),
    };
    let Some((mut package, root)) = install(plan, call, options)? else {
        return match &release.sdist {
            Some(sdist) => from_source(sdist),
            None => Err(no_wheel(subject)),
        };
    };
    package.integrity = integrity(release, &root, name);
    package.published = release.published.map(|date| date.to_string());
    Ok(package)
}

/// Installs a wheel of the user's.
pub(super) fn wheel(file: &Path, call: &Call, options: &Options) -> Result<Package, FetchError> {
    let metadata = Metadata::of_wheel(file)?;
    let hash = local::file_hash(file)?;
    let path = fs::canonicalize(file).map_err(FetchError::io("read", file))?;
    let subject = local::label(file);
    for requirement in &metadata.requires {
        requirements::check(&subject, requirement)?;
    }
    let plan = Plan {
        resolved: subject.clone(),
        label: subject.clone(),
        key: hash.clone(),
        requirements: vec![path.display().to_string()],
        requires_python: metadata.requires_python.clone(),
        name: &metadata.name,
        version: &metadata.version,
        subject: subject.clone(),
    };
    let Some((mut package, _)) = install(plan, call, options)? else {
        return Err(no_wheel(subject));
    };
    package.integrity = Some(format!("sha256-{hash}"));
    Ok(package)
}

fn no_wheel(subject: String) -> FetchError {
    FetchError::NoDistribution {
        subject,
        reason: "no wheel of it fits this machine".to_owned(),
    }
}

struct Plan<'a> {
    subject: String,
    resolved: String,
    label: String,
    /// What the environment depends on, beside the interpreter and the date.
    key: String,
    requirements: Vec<String>,
    requires_python: Option<String>,
    name: &'a str,
    version: &'a str,
}

/// None where the package has wheels, and none that fits this machine.
fn install(
    plan: Plan,
    call: &Call,
    options: &Options,
) -> Result<Option<(Package, PathBuf)>, FetchError> {
    let python = python::find(&plan.subject, plan.requires_python.as_deref(), options)?;
    let shown = python.show(options)?;
    let date = options
        .as_of
        .map(|date| date.to_string())
        .unwrap_or_default();
    let version = python.version.to_string();
    let key = [plan.key.as_str(), &date, &version, &shown.program];
    let cache = Cache::new(&options.cache);
    let entry = cache.entry::<Tree, _>("pypi", &plan.label, &key, options.progress, |root| {
        (options.progress)(&format!("installing {}", plan.subject));
        let venv = Venv::create(root, &python)?;
        let mut tree = venv.install(&plan.subject, &plan.requirements, options.as_of, options)?;
        venv.seal(&shown, &mut tree)?;
        tree.dependencies.remove(&normalised(plan.name));
        Ok(tree)
    })?;
    let tree = entry.record;
    let own = normalised(plan.name);
    if tree.unbuilt.iter().any(|package| package.name == own) {
        return Ok(None);
    }
    let mut builds = sources::builds(&tree.unbuilt, &python, &shown, options)?;
    let argv = venv::start(&entry.root, plan.name, call.program)?;
    let mut launch = venv::launch(&entry.root, argv, call.args, shown, &tree);
    launch.mounts.append(&mut builds.mounts);
    let package = Package {
        target: call.target.to_string(),
        resolved: plan.resolved,
        name: Some(plan.name.to_owned()),
        version: Some(plan.version.to_owned()),
        integrity: None,
        published: None,
        as_of: tree.as_of,
        launch,
        remote: None,
        dependencies: tree.dependencies,
        scripts: builds.scripts,
        runtime: python.label(),
        settings: Vec::new(),
        notes: tree.notes,
    };
    Ok(Some((package, entry.root)))
}

/// Asks the index about one version; none means the newest that is neither yanked nor a
/// pre-release.
pub(super) fn release(
    name: &str,
    version: Option<&str>,
    options: &Options,
) -> Result<Release, FetchError> {
    let cache = Cache::new(&options.cache);
    if let Some(version) = version
        && let Some(known) = cache.fact("pypi", &[name, version])
    {
        return Ok(known);
    }
    let mut releases = releases(name, options)?;
    let newest: Vec<_> = releases.iter().take(5).map(|r| r.version.clone()).collect();
    let chosen = match version {
        Some(version) => releases
            .iter()
            .position(|r| same_version(&r.version, version)),
        None => {
            let stable = releases.iter().position(|r| !r.yanked && !r.prerelease);
            stable.or_else(|| releases.iter().position(|r| !r.yanked))
        }
    };
    let Some(chosen) = chosen else {
        return Err(FetchError::UnknownVersion {
            registry: "PyPI",
            name: name.to_owned(),
            version: version.unwrap_or("newest").to_owned(),
            newest,
        });
    };
    let release = releases.swap_remove(chosen);
    let written = version.unwrap_or(&release.version);
    cache.remember("pypi", &[name, written], &release);
    Ok(release)
}

/// `1.0` and `1.0.0` are one version, as are `1.0-rc1` and `1.0rc1` (PEP 440).
fn same_version(known: &str, typed: &str) -> bool {
    let plain = |text: &str| {
        let text = text.to_ascii_lowercase().replace(['-', '_'], "");
        let (release, rest) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
            Some(at) => (text[..at].to_owned(), text[at..].to_owned()),
            None => (text, String::new()),
        };
        let mut release = release.trim_end_matches('.').to_owned();
        while let Some(shorter) = release.strip_suffix(".0") {
            release = shorter.to_owned();
        }
        (release, rest.trim_start_matches('.').to_owned())
    };
    known == typed || plain(known) == plain(typed)
}

fn releases(name: &str, options: &Options) -> Result<Vec<Release>, FetchError> {
    let subject = format!("pypi:{name}");
    if options.offline {
        return Err(FetchError::Offline { subject });
    }
    (options.progress)(&format!("looking up {subject}"));
    let python = any_python(options)?;
    let pip = Pip::find(&python, options)?;
    let mut command = pip.python();
    command.args(["-c", include_str!("index.py"), name]);
    let said = host::run(&mut command)?;
    if !said.ok {
        return Err(host::failure("pip", &subject, &said.stderr, &options.cache));
    }
    let answer: Answer = serde_json::from_str(&said.stdout).map_err(|error| {
        let words = format!("unreadable answer: {error}");
        host::failure("pip", &subject, &words, &options.cache)
    })?;
    match answer.failures.first() {
        _ if answer.found && !answer.releases.is_empty() => Ok(answer.releases),
        Some(failure) => Err(FetchError::Network {
            subject,
            detail: host::last_words(failure),
        }),
        None => Err(FetchError::UnknownPackage {
            registry: "PyPI",
            name: name.to_owned(),
        }),
    }
}

/// Looking up needs some interpreter, whatever the package itself will run in.
fn any_python(options: &Options) -> Result<Python, FetchError> {
    let unbound = Options {
        cache: options.cache.clone(),
        runtime: None,
        settings: Default::default(),
        ..*options
    };
    python::find("a Python package", Some(">=3.10"), &unbound)
}

/// The hash of the wheel that was installed, told by the tags it recorded.
fn integrity(release: &Release, root: &Path, name: &str) -> Option<String> {
    let packages = venv::site_packages(root);
    let dists = venv::distributions(&packages).ok()?;
    let dist = dists
        .iter()
        .find(|d| normalised(&d.name) == normalised(name))?;
    let text = fs::read_to_string(dist.info.join("WHEEL")).ok()?;
    let tags: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Tag: "))
        .collect();
    let fits = |file: &str| {
        let stem = file.trim_end_matches(".whl");
        let mut parts = stem.rsplitn(4, '-');
        let (Some(platform), Some(abi), Some(python)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        tags.iter().any(|tag| {
            let mut tag = tag.trim().splitn(3, '-');
            let mut among = |set: &str| tag.next().is_some_and(|t| set.split('.').any(|s| s == t));
            among(python) && among(abi) && among(platform)
        })
    };
    let mut wheels = release.wheels.iter().filter(|(file, _)| fits(file));
    let (_, hash) = wheels.next()?;
    let bytes = HEXLOWER_PERMISSIVE.decode(hash.as_ref()?.as_bytes()).ok()?;
    Some(format!("sha256-{}", BASE64.encode(&bytes)))
}

/// What of a distribution's core metadata (PEP 566) concerns us.
pub(super) struct Metadata {
    pub name: String,
    pub version: String,
    pub requires_python: Option<String>,
    pub requires: Vec<String>,
}

impl Metadata {
    fn of_wheel(file: &Path) -> Result<Self, FetchError> {
        let is_metadata = |name: &str| {
            let (folder, file) = name.split_once('/').unwrap_or_default();
            folder.ends_with(".dist-info") && file == "METADATA"
        };
        let text = archive::zip_member(file, 4 << 20, is_metadata);
        let text = text.map_err(local::archive_error(file))?;
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        let metadata = text.as_deref().and_then(Self::parse);
        metadata.ok_or_else(|| FetchError::Config {
            file: file.to_owned(),
            reason: "it is no wheel: its metadata names no package".to_owned(),
        })
    }

    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<_> = text
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(": "))
            .collect();
        let all = |key: &str| {
            let named = fields
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(key));
            named
                .map(|(_, value)| value.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let Target::Pypi { name, version } = Target::parse(&format!(
            "pypi:{}@{}",
            all("Name").pop()?,
            all("Version").pop()?
        ))
        .ok()?
        else {
            return None;
        };
        Some(Self {
            name,
            version: version?,
            requires_python: all("Requires-Python").pop(),
            requires: all("Requires-Dist"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_python_does() {
        assert!(same_version("1.0", "1.0.0"));
        assert!(same_version("1.0rc1", "1.0-rc1"));
        assert!(!same_version("1.0", "1.0.1"));
        assert!(!same_version("10", "1"));
    }

    #[test]
    fn metadata_is_read_up_to_the_description() {
        let text = "Metadata-Version: 2.1\nName: Mail_Server\nVersion: 1.2\nRequires-Python: >=3.10\n\
                    Requires-Dist: httpx>=0.27\nRequires-Dist: x @ git+https://h.example/x\n\nName: other\n";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!(metadata.name, "mail-server");
        assert_eq!(metadata.requires.len(), 2);
        assert!(Metadata::parse("Name: ../x\nVersion: 1\n\n").is_none());
    }
}
