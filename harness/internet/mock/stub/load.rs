//! Finding mapping files and reading each.

use super::read::{Mistake, Node};
use super::request::Pattern;
use super::response::Response;
use super::{DEFAULT_PRIORITY, Scenario, Stub, StubError, StubProblem};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

const MAX_FILE: u64 = 16 * 1024 * 1024;
const MAX_STUBS: usize = 10_000;
const FILES: &str = "__files";

/// All mappings in order: files by name, mappings as they stand.
pub(super) fn load(path: &Path) -> Result<Vec<Stub>, StubError> {
    let root = path.join("mappings");
    let root = if root.is_dir() { root } else { path.to_owned() };
    let mut stubs = Vec::new();
    let mut any = false;
    for file in json_files(&root)? {
        any = true;
        let fail = |mistake: Mistake| StubError {
            file: file.clone(),
            place: mistake.place,
            problem: mistake.problem,
        };
        let text = read(&file).map_err(|problem| whole(&file, problem))?;
        let value: Value =
            serde_json::from_slice(&text).map_err(|e| whole(&file, StubProblem::NotJson(e)))?;
        let files = Files(files_folder(path, &file));
        let base = file
            .strip_prefix(path)
            .ok()
            .filter(|p| !p.as_os_str().is_empty());
        let base = base.unwrap_or(Path::new(file.file_name().unwrap_or_default()));
        let base = base.with_extension("").display().to_string();
        stubs.extend(mappings(&Node::root(&value), &base, &files).map_err(fail)?);
        if stubs.len() > MAX_STUBS {
            return Err(whole(path, StubProblem::TooMany { limit: MAX_STUBS }));
        }
    }
    if !any {
        return Err(whole(path, StubProblem::Empty));
    }
    Ok(stubs)
}

/// The `__files` folder whose bodies a mapping may name.
pub(super) struct Files(Option<PathBuf>);

impl Files {
    /// Reads a body file. Its name has forward slashes and may not leave the folder, by `..`
    /// or by a link.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, StubProblem> {
        let missing = || StubProblem::NoBodyFile(name.to_owned());
        let relative = Path::new(name.trim_start_matches('/'));
        if !relative
            .components()
            .all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
        {
            return Err(StubProblem::OutsideFiles(name.to_owned()));
        }
        let folder = self.0.as_ref().ok_or_else(missing)?;
        let folder = folder.canonicalize().map_err(|_| missing())?;
        let file = folder
            .join(relative)
            .canonicalize()
            .map_err(|_| missing())?;
        if !file.starts_with(&folder) {
            return Err(StubProblem::OutsideFiles(name.to_owned()));
        }
        read(&file)
    }

    #[cfg(test)]
    pub fn none() -> Self {
        Self(None)
    }
}

/// The mappings of one file.
pub(super) fn mappings(root: &Node<'_>, name: &str, files: &Files) -> Result<Vec<Stub>, Mistake> {
    let Some(list) = root.get("mappings") else {
        return Ok(vec![mapping(root, name, files)?]);
    };
    root.only(&["mappings", "meta", "importOptions"], &[])?;
    let items = list.items()?;
    if items.len() > MAX_STUBS {
        return Err(list.fail(StubProblem::TooMany { limit: MAX_STUBS }));
    }
    let each = items.iter().zip(1..);
    each.map(|(item, i)| mapping(item, &format!("{name} {i}"), files))
        .collect()
}

fn mapping(node: &Node<'_>, name: &str, files: &Files) -> Result<Stub, Mistake> {
    const KNOWN: [&str; 13] = [
        "id",
        "uuid",
        "name",
        "request",
        "response",
        "priority",
        "scenarioName",
        "requiredScenarioState",
        "newScenarioState",
        "persistent",
        "metadata",
        "insertionIndex",
        "comment",
    ];
    node.only(&KNOWN, &["postServeActions", "serveEventListeners"])?;
    let text = |key: &str| {
        node.get(key)
            .map(|n| n.text().map(str::to_owned))
            .transpose()
    };
    let (required, next) = (text("requiredScenarioState")?, text("newScenarioState")?);
    let scenario = match text("scenarioName")? {
        Some(name) => Some(Scenario {
            name,
            required,
            next,
        }),
        None if required.is_some() || next.is_some() => {
            return Err(node.fail(StubProblem::Missing("scenarioName")));
        }
        None => None,
    };
    let priority = node.get("priority").map(|n| n.whole()).transpose()?;
    let request = node.get("request").map(|n| Pattern::read(&n)).transpose()?;
    Ok(Stub {
        name: text("name")?.unwrap_or_else(|| name.to_owned()),
        priority: priority.unwrap_or(DEFAULT_PRIORITY),
        request: request.unwrap_or_default(),
        response: Response::read(&node.need("response")?, files)?,
        scenario,
    })
}

/// The file itself, or all `.json` files below a folder; what lies in `__files` is no mapping.
fn json_files(root: &Path) -> Result<Vec<PathBuf>, StubError> {
    if root.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|e| e.file_name() != FILES) {
        let entry = entry.map_err(|e| whole(root, StubProblem::Unreadable(e.into())))?;
        let json = entry
            .path()
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json"));
        if json && !entry.file_type().is_dir() {
            files.push(entry.into_path());
        }
        if files.len() > MAX_STUBS {
            return Err(whole(root, StubProblem::TooMany { limit: MAX_STUBS }));
        }
    }
    Ok(files)
}

/// `__files` in the folder that was named, else beside the file or beside its `mappings`.
fn files_folder(root: &Path, file: &Path) -> Option<PathBuf> {
    let beside = file.parent();
    let candidates = [Some(root), beside, beside.and_then(Path::parent)];
    let mut folders = candidates
        .into_iter()
        .flatten()
        .map(|folder| folder.join(FILES));
    folders.find(|folder| folder.is_dir())
}

fn read(file: &Path) -> Result<Vec<u8>, StubProblem> {
    let open = std::fs::File::open(file).map_err(StubProblem::Unreadable)?;
    let mut bytes = Vec::new();
    let limited = open.take(MAX_FILE + 1).read_to_end(&mut bytes);
    limited.map_err(StubProblem::Unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(StubProblem::TooLarge { limit: MAX_FILE });
    }
    Ok(bytes)
}

fn whole(file: &Path, problem: StubProblem) -> StubError {
    StubError {
        file: file.to_owned(),
        place: String::new(),
        problem,
    }
}
