//! One look at the files: which changed, what they hold, what follows. Blocking; knows nothing of time or the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rulesync_core::SourceEvent;
use rulesync_fs::FileError;
use sha2::{Digest, Sha256};

use crate::identity::Identities;
use crate::index::{Bodies, Index};
use crate::manifest;
use crate::walk::{Found, LIMITS, MAX_FILE_BYTES, Stamp, walk};

/// What is known of the files between looks.
#[derive(Debug)]
pub(crate) struct Watch {
    root: PathBuf,
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
    pub(crate) fn new(root: &Path, identities: Identities) -> Self {
        Self { root: root.to_path_buf(), files: BTreeMap::new(), index: Index::new(identities) }
    }

    /// Looks at everything and reads what may have changed.
    pub(crate) fn look(&mut self) -> Look {
        let Found { base, files: found, hidden, troubles } = match walk(&self.root, LIMITS) {
            Ok(found) => found,
            Err(reason) => return Look { troubles: vec![reason], ..Look::default() },
        };
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
        Look { events, troubles, unsure: self.index.is_unsure() }
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
            Err(reason) => manifest::unreadable(path, &reason),
        };
        self.index.set(path, contents, bodies);
        true
    }
}
