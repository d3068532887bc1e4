//! The names of reads. A path that a call or a setting names is told by who named it; there are
//! often many, and they must crowd out neither other operations nor the few that matter.

use super::Collector;
use crate::effect::{Effect, FileRead, Kind, Phase, Reading, reading};
use crate::provenance::{Expr, MANY, Source};
use crate::secret::Persona;
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
        let given = |name: &str, whole: &str| {
            let may = !is_theirs || is_guarded(reading(whole));
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
                && let Some(source) = given(&path[..end], &path[..end])
            {
                return format!("{}{}", Expr::from(source), plain(&path[end..]));
            }
        }
        for (at, _) in path.match_indices('/') {
            // The corner must be named as well, and not only a file that happens to be in it.
            let named = format!("{}{}", Persona::DEFAULT.home, &path[at..]);
            if let Some(source) = given(&path[at + 1..], &named) {
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
mod tests {
    use super::*;
    use crate::provenance::Explainer;
    use crate::secret::{self, Planted};
    use crate::snapshot::{Behaviour, Collector, Scope};
    use serde_json::json;

    fn read(path: &str, phase: Phase, call: Option<u32>) -> Effect {
        Effect {
            seq: 0,
            at_us: 0,
            phase,
            call,
            kind: Kind::Read(FileRead {
                path: path.to_owned(),
                asked: None,
                missing: false,
                listed: false,
                pid: 2,
            }),
        }
    }

    /// What one call with these arguments and reads is remembered as.
    fn names(arguments: serde_json::Value, paths: &[String]) -> Vec<String> {
        let setting = Planted {
            name: "NOTES".into(),
            value: "/home/alex/Documents/notes".into(),
            kind: secret::Kind::Setting,
        };
        let mut collector = Collector::new(Explainer::new(&[setting], 1_800_000_000));
        collector.call("tool", &arguments);
        for path in paths {
            collector.effect(&read(path, Phase::Call, Some(0)));
        }
        let behaviour: Behaviour = collector.finish();
        let scoped = behaviour.scopes.get(&Scope::tool("tool"));
        scoped.map_or_else(Vec::new, |scoped| {
            scoped.operations.keys().cloned().collect()
        })
    }

    fn name(arguments: serde_json::Value, path: &str) -> String {
        names(arguments, &[path.to_owned()]).concat()
    }

    #[test]
    fn a_path_that_was_given_is_told_by_who_gave_it() {
        let whole = json!({"path": "/home/alex/work/plan-k7w3xq9z.md"});
        let file = "/home/alex/work/plan-k7w3xq9z.md";
        assert_eq!(name(whole, file), "read {argument(path)}");
        let relative = json!({"path": "docs/plan-k7w3xq9z.md"});
        let file = "/home/alex/work/docs/plan-k7w3xq9z.md";
        assert_eq!(
            name(relative, file),
            "read /home/alex/work/{argument(path)}"
        );
        let folder = json!({"root": "/srv/k7w3xq9z"});
        assert_eq!(name(folder, "/srv/k7w3xq9z/a"), "read {argument(root)}/a");
        let key = json!({"key": "/home/alex/.ssh/id_ed25519"});
        assert_eq!(
            name(key, "/home/alex/.ssh/id_ed25519"),
            "read {argument(key)}"
        );
        let notes = "/home/alex/Documents/notes/a.md";
        assert_eq!(name(json!({}), notes), "read {setting(NOTES)}/a.md");
    }

    #[test]
    fn who_may_look_through_a_home_may_not_look_into_every_corner() {
        let home = json!({"root": "/home/alex", "name": "id_ed25519"});
        assert_eq!(
            name(home.clone(), "/home/alex/x"),
            "read {argument(root)}/x"
        );
        let key = "/home/alex/.ssh/id_ed25519";
        assert_eq!(name(home, key), format!("read {key}"));
        let told = json!({"path": ".ssh/id_ed25519"});
        assert_eq!(name(told, key), "read /home/alex/{argument(path)}");
        // A name of one's own choice is no word of another's.
        let path = "/home/alex/{argument(x)}/a";
        assert_eq!(name(json!({}), path), "read /home/alex/(argument(x)}/a");
    }

    #[test]
    fn many_reads_crowd_out_neither_what_matters_nor_other_operations() {
        let mut paths: Vec<String> = (0..MAX_READS + 9)
            .map(|i| format!("/data/{i:04}x"))
            .collect();
        paths.push("/home/alex/.netrc".to_owned());
        paths.extend((0..MAX_READS + 9).map(|i| format!("/home/alex/.ssh/{i:04}x")));
        let names = names(json!({}), &paths);
        assert_eq!(names.len(), 2 * MAX_READS + 2, "{names:#?}");
        for one in [
            "read (many)",
            "read /home/alex/.netrc",
            "read /home/alex/.ssh/(many)",
        ] {
            assert!(names.iter().any(|name| name == one), "{one}");
        }
    }

    #[test]
    fn what_counts_processors_is_left_out_at_the_start_alone() {
        let mounts = "/proc/self/mountinfo";
        assert!(is_of_start(&read(mounts, Phase::Start, None)));
        assert!(!is_of_start(&read(mounts, Phase::Call, Some(0))));
        assert!(!is_of_start(&read("/proc/self/maps", Phase::Start, None)));
    }
}
