//! Which files there are, and whether they may have changed since: names and metadata only, no content.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::identity::shown;

/// What was found under a root.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What the paths below are relative to: the root, or the directory of a root that is a file.
    pub(crate) base: PathBuf,
    /// The files.
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Places that could not be looked at: what was known to be there may still be there.
    pub(crate) hidden: BTreeSet<PathBuf>,
    /// Why.
    pub(crate) troubles: Vec<String>,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// The inode and its change time, where there is such a thing: they tell a replaced file whose times were kept.
    inode: (u64, i64, i64),
    /// Whether the file was written so long ago that another write since would show. File systems count time in
    /// steps, so two writes in one step may look like one.
    settled: bool,
}

/// More than the coarsest file system's step.
const SETTLES_AFTER: Duration = Duration::from_secs(3);

impl Stamp {
    fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| now.duration_since(modified).ok());
        Self {
            bytes: metadata.len(),
            modified,
            inode: inode(metadata),
            // A time in the future tells nothing; the inode's own change time still does.
            settled: age.is_none_or(|age| age > SETTLES_AFTER),
        }
    }

    /// Whether a file with this stamp surely still has the content it had when it was read with `before`.
    pub(crate) fn proves_same_as(&self, before: &Stamp) -> bool {
        before.settled && Self { settled: true, ..*self } == *before
    }

    /// The length of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

/// Deeper than any sensible tree, and an end to symbolic links that lead in circles.
const MAX_DEPTH: usize = 40;

/// Looks at a directory and everything below, or at one file.
///
/// # Errors
///
/// When the root itself is not there or cannot be looked at. For what is below, see [`Found::hidden`].
pub(crate) fn walk(root: &Path) -> Result<Found, String> {
    let explain = |error: io::Error| format!("{}: {error}", root.display());
    let now = SystemTime::now();
    let metadata = fs::metadata(root).map_err(explain)?;
    let mut found = Found { base: root.to_path_buf(), ..Found::default() };
    if metadata.is_dir() {
        let entries = fs::read_dir(root).map_err(explain)?;
        Walker { root, now, found: &mut found }.entries(entries, Path::new(""), &mut Vec::new());
    } else {
        let name = root.file_name().map_or_else(|| root.to_path_buf(), PathBuf::from);
        found.base = root.parent().unwrap_or(root).to_path_buf();
        found.files.insert(name, Stamp::of(&metadata, now));
    }
    Ok(found)
}

struct Walker<'a> {
    root: &'a Path,
    now: SystemTime,
    found: &'a mut Found,
}

impl Walker<'_> {
    /// `links` are the real paths of the directories we came through, if symbolic links are among them.
    fn entries(&mut self, entries: fs::ReadDir, directory: &Path, links: &mut Vec<PathBuf>) {
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let name = entry.file_name();
                    if name.as_encoded_bytes().starts_with(b".") {
                        continue;
                    }
                    let path = directory.join(name);
                    // A file's type comes with its name on most systems: no look at files that are none of ours, and
                    // for the others one that need not follow their path anew.
                    if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                        self.entry(&path, fs::metadata(self.root.join(&path)), links);
                    } else if holds_manifests(&path) {
                        self.entry(&path, entry.metadata(), links);
                    }
                }
                Err(error) => self.hide(directory, &error),
            }
        }
    }

    fn entry(&mut self, path: &Path, metadata: io::Result<Metadata>, links: &mut Vec<PathBuf>) {
        match metadata {
            Ok(metadata) if metadata.is_dir() => self.directory(path, &self.root.join(path), links),
            // Reading anything else, such as a pipe, could take for ever.
            Ok(metadata) if metadata.is_file() && holds_manifests(path) => {
                self.found.files.insert(path.to_path_buf(), Stamp::of(&metadata, self.now));
            }
            Ok(_) => {}
            // Gone between the list and the look, or a link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.hide(path, &error),
        }
    }

    fn directory(&mut self, path: &Path, full: &Path, links: &mut Vec<PathBuf>) {
        let through_link = fs::symlink_metadata(full).is_ok_and(|metadata| metadata.is_symlink());
        if through_link {
            let Ok(real) = full.canonicalize() else { return };
            let above = full.parent().and_then(|parent| parent.canonicalize().ok());
            if links.contains(&real) || above.is_some_and(|above| above.starts_with(&real)) {
                return;
            }
            links.push(real);
        }
        if path.iter().count() < MAX_DEPTH {
            match fs::read_dir(full) {
                Ok(entries) => self.entries(entries, path, links),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.hide(path, &error),
            }
        }
        if through_link {
            links.pop();
        }
    }

    fn hide(&mut self, path: &Path, error: &io::Error) {
        self.found.troubles.push(format!("{}: {error}", shown(path)));
        self.found.hidden.insert(path.to_path_buf());
    }
}

fn holds_manifests(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}
