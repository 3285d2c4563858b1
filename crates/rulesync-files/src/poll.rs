//! One look at the files: which changed, what they hold, what follows. Blocking; knows nothing of time or the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rulesync_core::SourceEvent;
use rulesync_fs::FileError;
use sha2::{Digest, Sha256};

use crate::choice::FileChoice;
use crate::identity::Identities;
use crate::index::{Bodies, Index};
use crate::manifest;
use crate::memory::FileMemory;
use crate::walk::{Found, LIMITS, MAX_FILE_BYTES, Stamp, walk};

/// Endings that rule files have elsewhere.
const RULES_MAY_END_IN: [&str; 5] = ["rules", "rule", "yaml", "yml", "json"];

/// What is known of the files between looks.
#[derive(Debug)]
pub(crate) struct Watch {
    root: PathBuf,
    choice: FileChoice,
    /// The name of the source.
    source: Arc<str>,
    memory: FileMemory,
    /// Whether it is known what the memory holds.
    recalled: bool,
    /// Whether the memory has yet to be told of something.
    unremembered: bool,
    files: BTreeMap<PathBuf, Seen>,
    index: Index,
}

/// How a file was when it was last read.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// None if it could not be read: then it is tried again at every look.
    content: Option<[u8; 32]>,
}

/// What came of a look.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) events: Vec<SourceEvent>,
    /// Why not everything could be seen; empty when it could.
    pub(crate) troubles: Vec<String>,
    /// Whether the next look should come soon, to confirm what this one saw.
    pub(crate) unsure: bool,
}

impl Watch {
    pub(crate) fn new(
        root: &Path,
        source: &Arc<str>,
        identities: Identities,
        choice: FileChoice,
        memory: FileMemory,
    ) -> Self {
        Self {
            root: root.to_path_buf(),
            choice,
            source: Arc::clone(source),
            memory,
            recalled: false,
            unremembered: true,
            files: BTreeMap::new(),
            index: Index::new(identities),
        }
    }

    /// Looks at everything and reads what may have changed.
    pub(crate) fn look(&mut self) -> Look {
        let Found { base, files: found, hidden, troubles, passed_over } =
            match walk(&self.root, LIMITS, &self.choice) {
                Ok(found) => found,
                Err(reason) => return Look { troubles: vec![reason], ..Look::default() },
            };
        if !std::mem::replace(&mut self.recalled, true) {
            let recalled = self.memory.recall(&self.source);
            self.index.recall(recalled);
            self.tell_what_is_read(found.len(), &passed_over);
        }
        let is_hidden = |path: &Path| hidden.iter().any(|place| path.starts_with(place));
        let index = &mut self.index;
        self.files.retain(|path, _| {
            let stays = found.contains_key(path) || is_hidden(path);
            if !stays {
                index.remove(path);
            }
            stays
        });

        let unread = |(path, stamp): &(&PathBuf, &Stamp)| {
            !self
                .files
                .get(*path)
                .is_some_and(|seen| seen.content.is_some() && stamp.proves_same_as(&seen.stamp))
        };
        let mut pending: BTreeSet<PathBuf> =
            found.iter().filter(unread).map(|(path, _)| path.clone()).collect();
        let mut parsed = BTreeSet::new();
        let mut bodies = Bodies::new();
        let mut again = false;
        loop {
            for path in std::mem::take(&mut pending) {
                let Some(stamp) = found.get(&path) else { continue };
                if self.read(&base, &path, *stamp, again, &mut bodies) || again {
                    parsed.insert(path);
                }
            }
            // Objects that are now taken from a file that did not change. Each file is parsed once in a look, so this
            // ends; what changes meanwhile is left to the next look.
            pending = self.index.wanted(&bodies);
            pending.retain(|path| found.contains_key(path) && !parsed.contains(path));
            again = true;
            if pending.is_empty() {
                break;
            }
        }
        let events = self.index.events(bodies);
        self.remember(troubles.is_empty());
        Look { events, troubles, unsure: self.index.is_unsure() }
    }

    /// Remembers what files declare, before anybody acts on it: what is remembered and was never written does no harm. Not
    /// while something is out of sight, because what that declares is, too.
    fn remember(&mut self, complete: bool) {
        self.unremembered |= self.index.take_news();
        if !complete {
            return;
        }
        self.index.complete();
        if self.unremembered {
            self.unremembered = !self.memory.remember(&self.source, &self.index.declared());
        }
    }

    /// Says once which files are read, so that nobody waits for others.
    fn tell_what_is_read(&self, files: usize, passed_over: &BTreeMap<String, usize>) {
        let endings: Vec<String> =
            passed_over.iter().map(|(ending, count)| format!("*.{ending} ({count})")).collect();
        let (source, reads, others) = (&*self.source, self.choice.to_string(), endings.join(", "));
        let may_be_rules = |ending: &String| RULES_MAY_END_IN.contains(&ending.to_lowercase().as_str());
        if passed_over.keys().any(may_be_rules) {
            tracing::warn!(
                source,
                reads,
                files,
                passed_over = others,
                "Files that may hold rules are not read: set `glob` if \
                they are meant"
            );
        } else {
            tracing::info!(source, reads, files, passed_over = others, "Reading rule files");
        }
    }

    /// Reads a file, and parses it if its content is new or is wanted `again`. Tells whether it was parsed.
    fn read(&mut self, base: &Path, path: &Path, stamp: Stamp, again: bool, bodies: &mut Bodies) -> bool {
        let bytes = match rulesync_fs::read(&base.join(path), MAX_FILE_BYTES) {
            Ok(bytes) => Ok(bytes),
            // Gone since it was listed: the next look settles it.
            Err(error) if error.is_not_found() => return false,
            Err(error @ FileError::TooLarge { .. }) => Err(error.to_string()),
            Err(error) => Err(format!("the file cannot be read: {error}")),
        };
        let content: Option<[u8; 32]> = bytes.as_ref().ok().map(|bytes| Sha256::digest(bytes).into());
        let before = self.files.insert(path.to_path_buf(), Seen { stamp, content });
        let same = content.is_some() && before.is_some_and(|before| before.content == content);
        if same && !again {
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
