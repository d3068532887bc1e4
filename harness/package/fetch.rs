//! Sends each kind of target to the one who knows it, and brings two versions to one date and
//! one runtime, so that what differs between them comes from the package.

use super::error::FetchError;
use super::manifest::Manifest;
use super::model::{Options, Package, Remote};
use super::target::Target;
use super::timestamp::Timestamp;
use super::{bundle, command, config, local, npm, pypi};
use url::Url;

/// How a target was named and is to be called.
pub(super) struct Call<'a> {
    /// What reports show: a configuration's entry, where that led to a package.
    pub target: &'a Target,
    /// Another program of the package than the one it is known for.
    pub program: Option<&'a str>,
    pub args: &'a [String],
}

/// Makes a target ready to be started. Blocks while clients install.
pub fn fetch(target: &Target, options: &Options) -> Result<Package, FetchError> {
    let call = Call {
        target,
        program: None,
        args: &[],
    };
    fetch_as(target, &call, options)
}

/// Fetches `what`, to be reported and called as `call` says.
pub(super) fn fetch_as(
    what: &Target,
    call: &Call,
    options: &Options,
) -> Result<Package, FetchError> {
    let refused = |reason, hint| FetchError::NotRunnable {
        target: what.to_string(),
        reason,
        hint,
    };
    match what {
        Target::Npm { name, version } => {
            let release = npm::release(name, version.as_deref(), options)?;
            npm::fetch(&release, call, options)
        }
        Target::Pypi { name, version } => {
            let release = pypi::release(name, version.as_deref(), options)?;
            pypi::fetch(name, &release, call, options)
        }
        Target::Folder(folder) => local::folder(folder, call, options),
        Target::Tarball(file) => local::tarball(file, call, options),
        Target::Wheel(file) => pypi::wheel(file, call, options),
        Target::Bundle(file) => bundle::fetch(file, call, options),
        Target::Config { file, server } => config::fetch(file, server, call, options),
        Target::Command(argv) => command::fetch(argv, call, options),
        Target::Remote(url) => Ok(remote(call.target, url, Vec::new())),
        Target::Scenario(_) => Err(refused(
            "a scenario names its server, it is none",
            "set `server.target` in it",
        )),
    }
}

/// A server somewhere else: nothing is fetched, and nothing of it can be run here.
pub(super) fn remote(target: &Target, url: &Url, headers: Vec<(String, String)>) -> Package {
    Package {
        target: target.to_string(),
        resolved: url.to_string(),
        remote: Some(Remote {
            url: url.clone(),
            headers,
        }),
        ..Package::default()
    }
}

/// When this version was published; none for what is not in a registry, or where it tells none.
pub fn published_at(target: &Target, options: &Options) -> Result<Option<Timestamp>, FetchError> {
    match target {
        Target::Npm { name, version } => {
            Ok(npm::release(name, version.as_deref(), options)?.published)
        }
        Target::Pypi { name, version } => {
            Ok(pypi::release(name, version.as_deref(), options)?.published)
        }
        Target::Config { file, server } => match config::target(file, server)? {
            Some(inner) => published_at(&inner, options),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Which moment dependencies are resolved as of when two versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// Both trees as of the newer version's publication: the calendar is no difference. An old
    /// release that pins nothing may not start with them any more; then `AsPublished` is left.
    Same,
    /// Each as of its own version's publication, as its first users had it.
    AsPublished,
}

/// Fetches the two versions to compare, in one runtime if any fits both.
///
/// Where a date cannot be held for one of them it is held for neither, and both say so.
pub fn fetch_both(
    old: &Target,
    new: &Target,
    dependencies: Dependencies,
    options: &Options,
) -> Result<(Package, Package), FetchError> {
    let published = (published_at(old, options)?, published_at(new, options)?);
    let dates = match (dependencies, published) {
        _ if options.as_of.is_some() => (options.as_of, options.as_of),
        (Dependencies::AsPublished, dates) => dates,
        (Dependencies::Same, (Some(old), Some(new))) => (Some(old.max(new)), Some(old.max(new))),
        // What is not published yet is compared as it would be today.
        (Dependencies::Same, _) => (None, None),
    };
    let wants = (runtime_range(old, options)?, runtime_range(new, options)?);
    let (first, second) = (
        in_one_runtime(old, dates.0, wants.1, options)?,
        in_one_runtime(new, dates.1, wants.0, options)?,
    );
    let lost = |date: Option<Timestamp>, package: &Package| {
        date.is_some() && package.as_of.is_none() && !package.dependencies.is_empty()
    };
    match (lost(dates.0, &first), lost(dates.1, &second)) {
        (true, false) => {
            let mut second = fetch(new, &with(options, None, None))?;
            second.notes.extend(first.notes.iter().cloned());
            Ok((first, second))
        }
        (false, true) => {
            let mut first = fetch(old, &with(options, None, None))?;
            first.notes.extend(second.notes.iter().cloned());
            Ok((first, second))
        }
        _ => Ok((first, second)),
    }
}

/// Two interpreters would be a difference of their own; but two that run beat one that does not.
fn in_one_runtime(
    target: &Target,
    as_of: Option<Timestamp>,
    others: Option<String>,
    options: &Options,
) -> Result<Package, FetchError> {
    match fetch(target, &with(options, as_of, others.clone())) {
        Err(FetchError::Runtime { .. }) if others.is_some() => {
            fetch(target, &with(options, as_of, None))
        }
        result => result,
    }
}

fn with<'a>(
    options: &Options<'a>,
    as_of: Option<Timestamp>,
    others: Option<String>,
) -> Options<'a> {
    Options {
        cache: options.cache.clone(),
        as_of,
        offline: options.offline,
        runtime: others.or_else(|| options.runtime.clone()),
        settings: options.settings.clone(),
        progress: options.progress,
    }
}

/// The versions of its runtime that a target asks for.
fn runtime_range(target: &Target, options: &Options) -> Result<Option<String>, FetchError> {
    match target {
        Target::Npm { name, version } => {
            Ok(npm::release(name, version.as_deref(), options)?.engines)
        }
        Target::Pypi { name, version } => {
            Ok(pypi::release(name, version.as_deref(), options)?.requires_python)
        }
        Target::Folder(folder) if folder.join("package.json").is_file() => {
            Ok(Manifest::read(folder)?.engines)
        }
        _ => Ok(None),
    }
}
