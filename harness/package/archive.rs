//! Unpacks archives from strangers: npm tarballs, wheels and MCP bundles.
//! Refuses names that leave the folder, links, devices, and anything that grows past a bound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// How much an archive may unpack to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub bytes: u64,
    pub files: usize,
}

impl Default for Bounds {
    /// Several times the largest server packages published.
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            files: 200_000,
        }
    }
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the entry `{0}` would be written outside the folder")]
    Escape(String),
    #[error("the entry `{0}` is a link or a device")]
    Special(String),
    #[error("it unpacks to more than {0} bytes")]
    Bytes(u64),
    #[error("it holds more than {0} files")]
    Files(usize),
    #[error("two entries want the name `{0}`")]
    Clash(String),
    #[error("it is not a readable archive: {0}")]
    Malformed(String),
    #[error("writing `{path}` failed: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Unpacks a gzipped tar file, without the first folder of each name (`package/` as npm packs).
pub(super) fn tarball(file: &Path, into: &Path, bounds: Bounds) -> Result<(), ArchiveError> {
    let reader = File::open(file).map_err(malformed)?;
    // Tar headers count too: a long run of empty entries is as endless as a long file.
    let limit = bounds.bytes + bounds.files as u64 * 1536;
    let plain = flate2::read::MultiGzDecoder::new(reader).take(limit);
    let mut archive = tar::Archive::new(plain);
    let mut writer = Writer::new(into, bounds);
    for entry in archive.entries().map_err(malformed)? {
        let mut entry = entry.map_err(malformed)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let Some(path) = inside(&name, 1)? else {
            continue;
        };
        if kind.is_dir() {
            writer.folder(&path)?;
        } else if kind.is_file() || kind.is_contiguous() {
            writer.file(&path, executable, &mut entry)?;
        } else {
            return Err(ArchiveError::Special(name));
        }
    }
    Ok(())
}

/// Unpacks a zip file (a wheel or a bundle).
pub(super) fn zip(file: &Path, into: &Path, bounds: Bounds) -> Result<(), ArchiveError> {
    unzip(file, into, 0, bounds)
}

/// The same without the first folder of each name, as in a source distribution.
pub(super) fn zip_source(file: &Path, into: &Path, bounds: Bounds) -> Result<(), ArchiveError> {
    unzip(file, into, 1, bounds)
}

fn unzip(file: &Path, into: &Path, strip: usize, bounds: Bounds) -> Result<(), ArchiveError> {
    let mut archive = open_zip(file)?;
    if archive.len() > bounds.files {
        return Err(ArchiveError::Files(bounds.files));
    }
    let mut writer = Writer::new(into, bounds);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(unreadable)?;
        let name = entry.name().map_err(unreadable)?.into_owned();
        let mode = entry.unix_mode().unwrap_or(0o644);
        let Some(path) = inside(&name, strip)? else {
            continue;
        };
        match mode & 0o170_000 {
            _ if entry.is_dir() => writer.folder(&path)?,
            0 | 0o100_000 => writer.file(&path, mode & 0o111 != 0, &mut entry)?,
            _ => return Err(ArchiveError::Special(name)),
        }
    }
    Ok(())
}

/// One member of a zip file, at most `limit` bytes, by a test of its name.
pub(super) fn zip_member(
    file: &Path,
    limit: u64,
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut archive = open_zip(file)?;
    let named = |name: Result<_, _>| name.is_ok_and(|name: std::borrow::Cow<str>| wanted(&name));
    let Some(index) = archive.file_names().position(named) else {
        return Ok(None);
    };
    let member = archive.by_index(index).map_err(unreadable)?;
    let mut content = Vec::new();
    member
        .take(limit + 1)
        .read_to_end(&mut content)
        .map_err(malformed)?;
    if content.len() as u64 > limit {
        return Err(ArchiveError::Bytes(limit));
    }
    Ok(Some(content))
}

fn open_zip(file: &Path) -> Result<zip::ZipArchive<io::BufReader<File>>, ArchiveError> {
    let reader = io::BufReader::new(File::open(file).map_err(malformed)?);
    zip::ZipArchive::new(reader).map_err(unreadable)
}

fn unreadable(error: zip::result::ZipError) -> ArchiveError {
    ArchiveError::Malformed(error.to_string())
}

fn malformed(error: io::Error) -> ArchiveError {
    ArchiveError::Malformed(error.to_string())
}

/// The path an entry's name means below the folder, after `strip` leading parts; none for the
/// folder itself.
fn inside(name: &str, strip: usize) -> Result<Option<PathBuf>, ArchiveError> {
    let escape = || ArchiveError::Escape(name.chars().take(200).collect());
    // Backslashes separate on the systems some archives are made for.
    if name.contains(['\\', '\0']) || name.len() > 4096 {
        return Err(escape());
    }
    let mut path = PathBuf::new();
    let mut skipped = 0;
    for part in Path::new(name).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) if skipped < strip => skipped += 1,
            Component::Normal(part) => path.push(part),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(escape());
            }
        }
    }
    Ok((path != Path::new("")).then_some(path))
}

/// Writes below one folder and counts. No entry is ever a link, so a path that was checked
/// cannot be led elsewhere by an earlier entry.
struct Writer<'a> {
    into: &'a Path,
    bounds: Bounds,
    bytes: u64,
    files: usize,
}

impl<'a> Writer<'a> {
    fn new(into: &'a Path, bounds: Bounds) -> Self {
        Self {
            into,
            bounds,
            bytes: 0,
            files: 0,
        }
    }

    fn count(&mut self) -> Result<(), ArchiveError> {
        self.files += 1;
        if self.files > self.bounds.files {
            return Err(ArchiveError::Files(self.bounds.files));
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> Result<(), ArchiveError> {
        self.count()?;
        let path = self.into.join(path);
        fs::create_dir_all(&path).map_err(|source| ArchiveError::Write { path, source })
    }

    fn file(
        &mut self,
        path: &Path,
        executable: bool,
        content: &mut impl Read,
    ) -> Result<(), ArchiveError> {
        self.count()?;
        let target = self.into.join(path);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                ArchiveError::Clash(path.display().to_string())
            }
            _ => ArchiveError::Write {
                path: path.to_owned(),
                source,
            },
        };
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if executable { 0o755 } else { 0o644 })
            .open(&target)
            .map_err(failed)?;
        // One byte more than allowed tells a full archive from an endless one.
        let left = self.bounds.bytes - self.bytes;
        let mut content = content.take(left + 1);
        let written = io::copy(&mut content, &mut file).map_err(|source| match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => malformed(source),
            _ => failed(source),
        })?;
        if written > left {
            return Err(ArchiveError::Bytes(self.bounds.bytes));
        }
        self.bytes += written;
        Ok(())
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
