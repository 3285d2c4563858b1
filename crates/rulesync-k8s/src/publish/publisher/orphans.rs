//! What was published of objects that do not exist any more, and is to be deleted when nothing else is to be written: after a
//! cluster has lost thousands of objects, authors of others do not wait for these deletes. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::published::{Effect, Key};
use super::write::Write;

/// The deletes that wait, each with what is known after it.
pub(super) type Deletes = VecDeque<(Write, Effect)>;

/// What is to be deleted, by what stands for its object.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<Key, Deletes>);

impl Orphans {
    /// Adds a delete.
    pub(super) fn add(&mut self, key: Key, delete: (Write, Effect)) {
        self.0.entry(key).or_default().push_back(delete);
    }

    /// Takes all deletes of one object.
    pub(super) fn take(&mut self) -> Option<(Key, Deletes)> {
        self.0.pop_first()
    }

    /// Keeps what was published of an object, because it exists again.
    pub(super) fn keep(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// Keeps what was published of these objects, because they exist.
    pub(super) fn keep_all(&mut self, declared: &HashSet<Key>) {
        self.0.retain(|key, _| !declared.contains(key));
    }

    /// Returns the number of objects with deletes that wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
