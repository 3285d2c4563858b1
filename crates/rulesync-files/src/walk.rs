//! Lists files and detects possible changes by names and metadata only, without reading content. A walk always ends,
//! whatever links and however many files there are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::filter::FileFilter;
use crate::identity::display_path;

/// A larger file is certainly not a rule file; reading it could exhaust memory.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// The files found under a root.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The directory that the paths are relative to: the root, or the parent directory of a root that is a file.
    pub(crate) base: PathBuf,
    /// The selected files.
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Paths that could not be read: files known to be below them may still exist.
    pub(crate) unreadable: BTreeSet<PathBuf>,
    /// The reasons for `unreadable`.
    pub(crate) errors: Vec<String>,
    /// The number of files that were not selected, by extension.
    pub(crate) skipped: BTreeMap<String, usize>,
}

/// Metadata that changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// The inode and its change time, on systems that have them: they reveal a replaced file with preserved times.
    inode: (u64, i64, i64),
    /// Set if the last write was long enough ago that a later write would change the time. File systems store times
    /// with a limited resolution, so two writes within one step may look like one.
    settled: bool,
}

/// More than the coarsest time resolution of a file system.
const SETTLES_AFTER: Duration = Duration::from_secs(3);

impl Stamp {
    fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| now.duration_since(modified).ok());
        Self {
            bytes: metadata.len(),
            modified,
            inode: inode(metadata),
            // A time in the future proves nothing; the inode's change time still does.
            settled: age.is_none_or(|age| age > SETTLES_AFTER),
        }
    }

    /// Returns `true` if a file with this stamp certainly has the same content as when it was read with `before`.
    pub(crate) fn proves_unchanged_since(&self, before: &Stamp) -> bool {
        before.settled && Self { settled: true, ..*self } == *before
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

/// The identity of a directory, independent of the path; `None` if the file system does not provide one.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino())).filter(|(_, inode)| *inode != 0)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// The limits of one walk. Everything beyond them counts as unreadable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The depth of nested directories.
    pub(crate) depth: usize,
    /// The number of names in all directories.
    pub(crate) names: usize,
    /// The number of selected files.
    pub(crate) files: usize,
    /// The total size of the selected files, in bytes.
    pub(crate) bytes: u64,
}

/// Far more than any sensible tree.
pub(crate) const LIMITS: Limits = Limits { depth: 40, names: 1_000_000, files: 100_000, bytes: 1 << 30 };

/// The number of different extensions of skipped files that are reported.
const MAX_EXTENSIONS: usize = 10;

/// The number of errors that are reported in full; further ones are only counted.
const MAX_ERRORS: usize = 5;

/// Lists the files of a directory and everything below it, or a single file.
///
/// Each directory is visited once, however many paths lead to it. Directories are preferred to links, and of several
/// links the first by name is used, so that a file's path does not depend on the order in which a file system lists
/// names.
///
/// # Errors
///
/// If the root itself does not exist or cannot be read. For errors below the root, see [`Listing::unreadable`].
pub(crate) fn walk(root: &Path, limits: Limits, filter: &FileFilter) -> Result<Listing, String> {
    let explain = |error: io::Error| format!("{}: {error}", root.display());
    let now = SystemTime::now();
    let metadata = fs::metadata(root).map_err(explain)?;
    let mut listing = Listing { base: root.to_path_buf(), ..Listing::default() };
    if !metadata.is_dir() {
        let name = root.file_name().map_or_else(|| root.to_path_buf(), PathBuf::from);
        listing.base = root.parent().unwrap_or(root).to_path_buf();
        listing.files.insert(name, Stamp::of(&metadata, now));
        return Ok(listing);
    }
    let entries = fs::read_dir(root).map_err(explain)?;
    let mut walker = Walker {
        root,
        now,
        limits,
        filter,
        listing,
        visited: identity(&metadata).into_iter().collect(),
        links: BTreeSet::new(),
        via_link: false,
        names: 0,
        bytes: 0,
        omitted_errors: 0,
        stopped: false,
    };
    walker.entries(entries, Path::new(""));
    walker.via_link = true;
    // Links below a linked directory are followed in the next round.
    while !walker.links.is_empty() {
        for link in std::mem::take(&mut walker.links) {
            walker.follow_link(&link);
        }
    }
    Ok(walker.finish())
}

struct Walker<'a> {
    root: &'a Path,
    now: SystemTime,
    limits: Limits,
    filter: &'a FileFilter,
    listing: Listing,
    /// The identities of the visited directories.
    visited: HashSet<(u64, u64)>,
    /// Links to directories that have not been followed yet.
    links: BTreeSet<PathBuf>,
    /// Set if the current directory was reached through a link.
    via_link: bool,
    names: usize,
    bytes: u64,
    /// The number of errors beyond [`MAX_ERRORS`].
    omitted_errors: usize,
    /// Set if a limit was reached that ends the walk.
    stopped: bool,
}

impl Walker<'_> {
    fn entries(&mut self, entries: fs::ReadDir, directory: &Path) {
        let mut below = BTreeSet::new();
        for entry in entries {
            self.names += 1;
            if self.names > self.limits.names {
                self.stop(&format!("more than {} names", self.limits.names));
            }
            if self.stopped {
                return;
            }
            match entry {
                Ok(entry) => {
                    let name = entry.file_name();
                    if name.as_encoded_bytes().starts_with(b".") {
                        continue;
                    }
                    let path = directory.join(name);
                    // Most systems return a file's type with its name, which saves metadata calls for skipped files.
                    match entry.file_type() {
                        Ok(kind) if kind.is_dir() => drop(below.insert(path)),
                        Ok(kind) if !kind.is_symlink() && !self.filter.matches(&path) => self.skip(&path),
                        // Cheaper than `fs::metadata`, which resolves the path again.
                        Ok(kind) if !kind.is_symlink() => self.entry(path, entry.metadata()),
                        _ => self.entry(path.clone(), fs::metadata(self.root.join(path))),
                    }
                }
                Err(error) => self.mark_unreadable(directory, &error.to_string()),
            }
        }
        for path in below {
            if self.stopped {
                return;
            }
            match fs::symlink_metadata(self.root.join(&path)) {
                Ok(metadata) => self.directory(&path, &metadata),
                Err(error) => self.handle_error(&path, &error),
            }
        }
    }

    /// Adds an entry, or the target of a link.
    fn entry(&mut self, path: PathBuf, metadata: io::Result<Metadata>) {
        match metadata {
            Ok(metadata) if metadata.is_dir() => drop(self.links.insert(path)),
            // Includes pipes and devices: reading them reports the error.
            Ok(metadata) if self.filter.matches(&path) => self.file(path, &metadata),
            Ok(_) => self.skip(&path),
            Err(error) => self.handle_error(&path, &error),
        }
    }

    /// Counts a file that is not selected.
    fn skip(&mut self, path: &Path) {
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        let skipped = &mut self.listing.skipped;
        if let Some(extension) =
            extension.filter(|extension| skipped.len() < MAX_EXTENSIONS || skipped.contains_key(extension))
        {
            *skipped.entry(extension).or_default() += 1;
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) {
        if self.listing.files.len() >= self.limits.files {
            return self.stop(&format!("more than {} rule files", self.limits.files));
        }
        // A file that is too large is not read, and so does not count.
        if metadata.len() <= MAX_FILE_BYTES {
            self.bytes += metadata.len();
        }
        if self.bytes > self.limits.bytes {
            return self.stop(&format!("more than {} MiB of rule files", self.limits.bytes >> 20));
        }
        self.listing.files.insert(path, Stamp::of(metadata, self.now));
    }

    fn follow_link(&mut self, link: &Path) {
        if self.stopped {
            return;
        }
        let full = self.root.join(link);
        let metadata = match fs::metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) => return self.handle_error(link, &error),
        };
        let above = full.parent().and_then(|parent| parent.canonicalize().ok());
        // A link to a directory that contains it adds nothing except files outside of the root.
        let is_ancestor =
            full.canonicalize().is_ok_and(|real| above.is_some_and(|above| above.starts_with(real)));
        if !is_ancestor {
            self.directory(link, &metadata);
        }
    }

    fn directory(&mut self, path: &Path, metadata: &Metadata) {
        let known = identity(metadata).is_some_and(|identity| !self.visited.insert(identity));
        // Directories that are not reached through a link form a tree. Visiting them must not depend on inodes, which
        // are not unique on every file system.
        if known && self.via_link {
            return;
        }
        if path.iter().count() >= self.limits.depth {
            return self
                .mark_unreadable(path, &format!("is more than {} directories deep", self.limits.depth - 1));
        }
        match fs::read_dir(self.root.join(path)) {
            Ok(entries) => self.entries(entries, path),
            Err(error) => self.handle_error(path, &error),
        }
    }

    fn handle_error(&mut self, path: &Path, error: &io::Error) {
        // Deleted since it was listed, or a dangling link.
        if error.kind() != io::ErrorKind::NotFound {
            self.mark_unreadable(path, &error.to_string());
        }
    }

    fn mark_unreadable(&mut self, path: &Path, reason: &str) {
        self.report(format!("{}: {reason}", display_path(path)));
        self.listing.unreadable.insert(path.to_path_buf());
    }

    fn stop(&mut self, contents: &str) {
        if !self.stopped {
            self.stopped = true;
            self.report(format!("{}: holds {contents}, the others are not read", self.root.display()));
            self.listing.unreadable.insert(PathBuf::new());
        }
    }

    fn report(&mut self, reason: String) {
        if self.listing.errors.len() < MAX_ERRORS {
            self.listing.errors.push(reason);
        } else {
            self.omitted_errors += 1;
        }
    }

    fn finish(mut self) -> Listing {
        if self.omitted_errors > 0 {
            self.listing.errors.push(format!("and {} more", self.omitted_errors));
        }
        self.listing
    }
}

#[cfg(test)]
mod tests;
