//! Which files there are, and whether they may have changed since: names and metadata only, no content. A look ends,
//! whatever links and however many files there are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::choice::FileChoice;
use crate::identity::shown;

/// A larger file is surely not one of rules; reading it could take all memory.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

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
    /// How many files of which endings were passed over, because they are not chosen.
    pub(crate) passed_over: BTreeMap<String, usize>,
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

/// What identifies a directory by whatever path it is reached; none where the file system does not say.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino())).filter(|(_, inode)| *inode != 0)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// How much one look takes in. Beyond, what is there counts as not looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Directories below each other.
    pub(crate) depth: usize,
    /// Names in all directories.
    pub(crate) names: usize,
    /// Files that are chosen.
    pub(crate) files: usize,
    /// The bytes of all such files.
    pub(crate) bytes: u64,
}

/// Far more than any sensible tree.
pub(crate) const LIMITS: Limits = Limits { depth: 40, names: 1_000_000, files: 100_000, bytes: 1 << 30 };

/// So many endings of files that are not chosen are told.
const ENDINGS_TOLD: usize = 10;

/// So many reasons are told, and the others counted.
const TROUBLES_TOLD: usize = 5;

/// Looks at a directory and everything below, or at one file.
///
/// Each directory is looked at once, whatever leads to it. Directories are preferred to links, and of several links
/// the first by name counts, so that a file's path does not depend on the order in which a file system lists names.
///
/// # Errors
///
/// When the root itself is not there or cannot be looked at. For what is below, see [`Found::hidden`].
pub(crate) fn walk(root: &Path, limits: Limits, choice: &FileChoice) -> Result<Found, String> {
    let explain = |error: io::Error| format!("{}: {error}", root.display());
    let now = SystemTime::now();
    let metadata = fs::metadata(root).map_err(explain)?;
    let mut found = Found { base: root.to_path_buf(), ..Found::default() };
    if !metadata.is_dir() {
        let name = root.file_name().map_or_else(|| root.to_path_buf(), PathBuf::from);
        found.base = root.parent().unwrap_or(root).to_path_buf();
        found.files.insert(name, Stamp::of(&metadata, now));
        return Ok(found);
    }
    let entries = fs::read_dir(root).map_err(explain)?;
    let mut walker = Walker {
        root,
        now,
        limits,
        choice,
        found,
        seen: identity(&metadata).into_iter().collect(),
        links: BTreeSet::new(),
        linked: false,
        names: 0,
        bytes: 0,
        untold: 0,
        full: false,
    };
    walker.entries(entries, Path::new(""));
    walker.linked = true;
    // Links below a linked directory wait for the next round.
    while !walker.links.is_empty() {
        for link in std::mem::take(&mut walker.links) {
            walker.follow(&link);
        }
    }
    Ok(walker.end())
}

struct Walker<'a> {
    root: &'a Path,
    now: SystemTime,
    limits: Limits,
    choice: &'a FileChoice,
    found: Found,
    /// The directories that were looked at.
    seen: HashSet<(u64, u64)>,
    /// Links to directories that are not followed yet.
    links: BTreeSet<PathBuf>,
    /// Whether what is looked at now was reached through a link.
    linked: bool,
    names: usize,
    bytes: u64,
    /// How many troubles are not told.
    untold: usize,
    /// Whether a limit was reached that ends the look.
    full: bool,
}

impl Walker<'_> {
    fn entries(&mut self, entries: fs::ReadDir, directory: &Path) {
        let mut below = BTreeSet::new();
        for entry in entries {
            self.names += 1;
            if self.names > self.limits.names {
                self.fill(&format!("more than {} names", self.limits.names));
            }
            if self.full {
                return;
            }
            match entry {
                Ok(entry) => {
                    let name = entry.file_name();
                    if name.as_encoded_bytes().starts_with(b".") {
                        continue;
                    }
                    let path = directory.join(name);
                    // A file's type comes with its name on most systems: no look at files that are none of ours.
                    match entry.file_type() {
                        Ok(kind) if kind.is_dir() => drop(below.insert(path)),
                        Ok(kind) if !kind.is_symlink() && !self.choice.takes(&path) => self.pass_over(&path),
                        // One that need not follow the path anew.
                        Ok(kind) if !kind.is_symlink() => self.entry(path, entry.metadata()),
                        _ => self.entry(path.clone(), fs::metadata(self.root.join(path))),
                    }
                }
                Err(error) => self.hide(directory, &error.to_string()),
            }
        }
        for path in below {
            if self.full {
                return;
            }
            match fs::symlink_metadata(self.root.join(&path)) {
                Ok(metadata) => self.directory(&path, &metadata),
                Err(error) => self.unseen(&path, &error),
            }
        }
    }

    /// Takes in what is there, or what a link there leads to.
    fn entry(&mut self, path: PathBuf, metadata: io::Result<Metadata>) {
        match metadata {
            Ok(metadata) if metadata.is_dir() => drop(self.links.insert(path)),
            // Pipes and the like too: whoever reads them says what they are.
            Ok(metadata) if self.choice.takes(&path) => self.file(path, &metadata),
            Ok(_) => self.pass_over(&path),
            Err(error) => self.unseen(&path, &error),
        }
    }

    /// A file that is not chosen.
    fn pass_over(&mut self, path: &Path) {
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        let passed_over = &mut self.found.passed_over;
        if let Some(ending) =
            ending.filter(|ending| passed_over.len() < ENDINGS_TOLD || passed_over.contains_key(ending))
        {
            *passed_over.entry(ending).or_default() += 1;
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) {
        if self.found.files.len() >= self.limits.files {
            return self.fill(&format!("more than {} rule files", self.limits.files));
        }
        // A single file that is too large is not read, and so does not count.
        if metadata.len() <= MAX_FILE_BYTES {
            self.bytes += metadata.len();
        }
        if self.bytes > self.limits.bytes {
            return self.fill(&format!("more than {} MiB of rule files", self.limits.bytes >> 20));
        }
        self.found.files.insert(path, Stamp::of(metadata, self.now));
    }

    fn follow(&mut self, link: &Path) {
        if self.full {
            return;
        }
        let full = self.root.join(link);
        let metadata = match fs::metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) => return self.unseen(link, &error),
        };
        let above = full.parent().and_then(|parent| parent.canonicalize().ok());
        // A link to a directory that it stands in shows nothing new, but for what is beside the root.
        let leads_up =
            full.canonicalize().is_ok_and(|real| above.is_some_and(|above| above.starts_with(real)));
        if !leads_up {
            self.directory(link, &metadata);
        }
    }

    fn directory(&mut self, path: &Path, metadata: &Metadata) {
        let known = identity(metadata).is_some_and(|identity| !self.seen.insert(identity));
        // Directories that no link leads to are a tree. That they are looked at must not depend on inodes, which not
        // every file system keeps apart.
        if known && self.linked {
            return;
        }
        if path.iter().count() >= self.limits.depth {
            return self.hide(path, &format!("is more than {} directories deep", self.limits.depth - 1));
        }
        match fs::read_dir(self.root.join(path)) {
            Ok(entries) => self.entries(entries, path),
            Err(error) => self.unseen(path, &error),
        }
    }

    fn unseen(&mut self, path: &Path, error: &io::Error) {
        // Gone between the list and the look, or a link that leads nowhere.
        if error.kind() != io::ErrorKind::NotFound {
            self.hide(path, &error.to_string());
        }
    }

    fn hide(&mut self, path: &Path, reason: &str) {
        self.trouble(format!("{}: {reason}", shown(path)));
        self.found.hidden.insert(path.to_path_buf());
    }

    fn fill(&mut self, what: &str) {
        if !self.full {
            self.full = true;
            self.trouble(format!("{}: holds {what}, the others are not read", self.root.display()));
            self.found.hidden.insert(PathBuf::new());
        }
    }

    fn trouble(&mut self, reason: String) {
        if self.found.troubles.len() < TROUBLES_TOLD {
            self.found.troubles.push(reason);
        } else {
            self.untold += 1;
        }
    }

    fn end(mut self) -> Found {
        if self.untold > 0 {
            self.found.troubles.push(format!("and {} more", self.untold));
        }
        self.found
    }
}

#[cfg(test)]
mod tests;
