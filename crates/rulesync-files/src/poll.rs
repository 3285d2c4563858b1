//! A single poll of the files: finds and reads the changed ones and derives events. Blocking; independent of time and
//! the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rulesync_core::SourceEvent;
use rulesync_core::model::SourceName;
use rulesync_fs::FileError;
use sha2::{Digest, Sha256};

use crate::filter::FileFilter;
use crate::identity::Identities;
use crate::index::{Bodies, Index};
use crate::manifest;
use crate::memory::FileMemory;
use crate::walk::{LIMITS, Listing, MAX_FILE_BYTES, Stamp, walk};

/// Extensions of rule files in other tools.
const RULE_FILE_EXTENSIONS: [&str; 5] = ["rules", "rule", "yaml", "yml", "json"];

/// The state of the files, kept between polls.
#[derive(Debug)]
pub(crate) struct Poller {
    root: PathBuf,
    filter: FileFilter,
    /// The name of the source.
    source: SourceName,
    memory: FileMemory,
    /// Set once the memory has been read.
    recalled: bool,
    /// Set if the memory has to be written.
    memory_is_stale: bool,
    files: BTreeMap<PathBuf, ReadState>,
    index: Index,
}

/// The state of a file when it was last read.
#[derive(Debug)]
struct ReadState {
    stamp: Stamp,
    /// The digest of the content; `None` if the file could not be read, in which case every poll tries again.
    content: Option<[u8; 32]>,
}

/// The outcome of a poll.
#[derive(Debug, Default)]
pub(crate) struct PollOutcome {
    pub(crate) events: Vec<SourceEvent>,
    /// The reasons why a part of the files could not be accessed; empty if all could.
    pub(crate) errors: Vec<String>,
    /// Set if the next poll should follow soon, to confirm the result of this one.
    pub(crate) needs_confirmation: bool,
}

impl Poller {
    pub(crate) fn new(
        root: &Path,
        source: &SourceName,
        identities: Identities,
        filter: FileFilter,
        memory: FileMemory,
    ) -> Self {
        Self {
            root: root.to_path_buf(),
            filter,
            source: source.clone(),
            memory,
            recalled: false,
            memory_is_stale: true,
            files: BTreeMap::new(),
            index: Index::new(identities),
        }
    }

    /// Lists all files and reads those that may have changed.
    pub(crate) fn poll(&mut self) -> PollOutcome {
        let Listing { base, files: listed, unreadable, errors, skipped } =
            match walk(&self.root, LIMITS, &self.filter) {
                Ok(listing) => listing,
                Err(reason) => return PollOutcome { errors: vec![reason], ..PollOutcome::default() },
            };
        if !std::mem::replace(&mut self.recalled, true) {
            let recalled = self.memory.recall(&self.source);
            self.index.recall(recalled);
            self.log_selection(listed.len(), &skipped);
        }
        let is_unreadable = |path: &Path| unreadable.iter().any(|place| path.starts_with(place));
        let index = &mut self.index;
        self.files.retain(|path, _| {
            let stays = listed.contains_key(path) || is_unreadable(path);
            if !stays {
                index.remove(path);
            }
            stays
        });

        let unread = |(path, stamp): &(&PathBuf, &Stamp)| {
            !self
                .files
                .get(*path)
                .is_some_and(|seen| seen.content.is_some() && stamp.proves_unchanged_since(&seen.stamp))
        };
        let mut pending: BTreeSet<PathBuf> =
            listed.iter().filter(unread).map(|(path, _)| path.clone()).collect();
        let mut parsed = BTreeSet::new();
        let mut bodies = Bodies::new();
        let mut force = false;
        loop {
            for path in std::mem::take(&mut pending) {
                let Some(stamp) = listed.get(&path) else { continue };
                if self.read(&base, &path, *stamp, force, &mut bodies) || force {
                    parsed.insert(path);
                }
            }
            // Objects that are now read from a file that did not change. Each file is parsed at most once per poll, so
            // the loop ends; later changes are left to the next poll.
            pending = self.index.files_to_read(&bodies);
            pending.retain(|path| listed.contains_key(path) && !parsed.contains(path));
            force = true;
            if pending.is_empty() {
                break;
            }
        }
        let events = self.index.events(bodies);
        self.remember(errors.is_empty());
        PollOutcome { events, errors, needs_confirmation: self.index.needs_confirmation() }
    }

    /// Stores the declarations of the files before the engine acts on them: remembering objects that were never written
    /// is harmless. Does nothing while a part of the files is unreadable, because its declarations are unknown.
    fn remember(&mut self, complete: bool) {
        self.memory_is_stale |= self.index.take_changed();
        if !complete {
            return;
        }
        self.index.mark_complete();
        if self.memory_is_stale {
            self.memory_is_stale = !self.memory.remember(&self.source, &self.index.declared());
        }
    }

    /// Logs once which files are read, so that users notice files that are not.
    fn log_selection(&self, files: usize, skipped: &BTreeMap<String, usize>) {
        let extensions: Vec<String> =
            skipped.iter().map(|(extension, count)| format!("*.{extension} ({count})")).collect();
        let (source, reads, others) = (&*self.source, self.filter.to_string(), extensions.join(", "));
        let may_be_rules =
            |extension: &String| RULE_FILE_EXTENSIONS.contains(&extension.to_lowercase().as_str());
        if skipped.keys().any(may_be_rules) {
            tracing::warn!(
                source,
                reads,
                files,
                skipped = others,
                "Files that may contain rules are not read: set `glob` to include them"
            );
        } else {
            tracing::info!(source, reads, files, skipped = others, "Reading rule files");
        }
    }

    /// Reads a file, and parses it if its content is new or `force` is set. Returns `true` if it was parsed.
    fn read(&mut self, base: &Path, path: &Path, stamp: Stamp, force: bool, bodies: &mut Bodies) -> bool {
        let bytes = match rulesync_fs::read(&base.join(path), MAX_FILE_BYTES) {
            Ok(bytes) => Ok(bytes),
            // Deleted since it was listed: the next poll handles it.
            Err(error) if error.is_not_found() => return false,
            Err(error @ FileError::TooLarge { .. }) => Err(error.to_string()),
            Err(error) => Err(format!("the file cannot be read: {error}")),
        };
        let content: Option<[u8; 32]> = bytes.as_ref().ok().map(|bytes| Sha256::digest(bytes).into());
        let before = self.files.insert(path.to_path_buf(), ReadState { stamp, content });
        let same = content.is_some() && before.is_some_and(|before| before.content == content);
        if same && !force {
            return false;
        }
        let contents = match bytes {
            Ok(bytes) => manifest::read(&bytes, path, self.index.identities()),
            Err(reason) => manifest::unreadable(path, self.index.identities(), &reason),
        };
        self.index.set(path, contents, bodies);
        true
    }
}
