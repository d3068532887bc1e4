//! The names of reads. A path that a call or a setting names is told by who named it; there are
//! often many, and they must crowd out neither other operations nor the few that matter.

use super::Collector;
use crate::effect::{Effect, FileRead, Kind, Phase, Reading, reading, reading_at_home};
use crate::provenance::{Expr, MANY, Source};
use crate::snapshot::Scoped;

/// Reads of one scope that are told by path (`many-reads`). What must not be lost: those that
/// are none of a server's business are counted apart, and past as many keep their folder.
const MAX_READS: usize = 150;
/// What begins the name of every read.
const VERB: &str = "read ";

impl Collector {
    /// A path as it was given: `{argument(path)}`, what lies below a folder that was, or what a
    /// relative path that was given leads to.
    pub(super) fn read_path(&self, path: &str) -> String {
        let whose = reading(path);
        let is_theirs = is_guarded(whose);
        // Who is told to look through a home is not told to look into its every corner.
        let may = |named: Reading| !is_theirs || is_guarded(named);
        let given = |name: &str, may: bool| {
            self.explainer
                .candidates(name)
                .into_iter()
                .find(|source| match source {
                    Source::Argument(_) | Source::Earlier(..) => may,
                    Source::Setting(_) => may && whose != Reading::Own,
                    _ => false,
                })
        };
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]).rev() {
            if end > 0
                && let Some(source) = given(&path[..end], may(reading(&path[..end])))
            {
                return format!("{}{}", Expr::from(source), plain(&path[end..]));
            }
        }
        for (at, _) in path.match_indices('/') {
            // The corner must be named as well, and not only a file that happens to be in it.
            let named = may(reading_at_home(&path[at + 1..]));
            if let Some(source) = given(&path[at + 1..], named) {
                return format!("{}{}", plain(&path[..=at]), Expr::from(source));
            }
        }
        if is_theirs {
            return plain(path);
        }
        let parts = path.split('/').map(|part| self.name_piece(&plain(part)));
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Whether this is how Rust's standard library counts processors on kernels with the first kind
/// of control groups (`processors-counted`): its modules do so where they are loaded, and that
/// depends on the host. What must not be lost: the same read in a call, by a server that asks.
pub(super) fn is_of_start(effect: &Effect) -> bool {
    let counts = |read: &FileRead| read.path == "/proc/self/mountinfo";
    effect.phase == Phase::Start && matches!(&effect.kind, Kind::Read(read) if counts(read))
}

/// The name under which one more operation is counted where there are too many; none where there
/// is room.
pub(super) fn crowded(scoped: &Scoped, full: &str, most: usize) -> Option<String> {
    if scoped.operations.contains_key(full) || scoped.operations.len() < MAX_READS {
        return None;
    }
    let reads = || {
        scoped
            .operations
            .keys()
            .filter(|name| name.starts_with(VERB))
    };
    let Some(path) = full.strip_prefix(VERB) else {
        let others = scoped.operations.len() >= most;
        return (others && scoped.operations.len() - reads().count() >= most).then(String::new);
    };
    let is_theirs = is_guarded(reading(path));
    let alike = |name: &&String| is_guarded(reading(&name[VERB.len()..])) == is_theirs;
    if reads().filter(alike).count() < MAX_READS {
        return None;
    }
    let folder = path
        .trim_end_matches('/')
        .rsplit_once('/')
        .filter(|_| is_theirs);
    Some(folder.map_or(MANY.to_owned(), |(folder, _)| format!("{folder}/{MANY}")))
}

fn is_guarded(whose: Reading) -> bool {
    matches!(whose, Reading::Guarded(_) | Reading::Probe)
}

/// A name that is not to be taken for one of ours.
fn plain(text: &str) -> String {
    text.chars()
        .take(1024)
        .map(|c| {
            if c == '{' && !text.starts_with("/proc/{pid}") {
                '('
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
