//! Objects that several sources show, such as two with overlapping selectors and one cluster: the first of these sources, in
//! the order of the configuration, publishes what became of an object, and the next one once that does not show it any more.

use std::collections::HashSet;
use std::time::Duration;

use rulesync_core::ObjectId;
use rulesync_core::status::ObjectStatus;
use tokio::time::Instant;

use super::Term;
use crate::publish::publisher::published::Key;
use crate::publish::publisher::queue::Urgency;
use crate::publish::publisher::sharing::Sharing;

/// The wait before the list that shows what another source has published of an object that is taken over: several often come
/// together.
const SETTLE: Duration = Duration::from_secs(2);

/// The time between two such lists.
const INTERVAL: Duration = Duration::from_secs(60);

impl Term {
    /// Returns the objects with the name of an object that other sources show, of whatever cluster.
    pub(super) fn others(&self, object: &ObjectId) -> Vec<ObjectId> {
        if self.sources.len() < 2 {
            return Vec::new();
        }
        let mut named = self.parts.states.named(object.namespace(), object.name());
        named.retain(|other| other.kind() == object.kind() && self.is_of_another(other));
        named
    }

    fn is_of_another(&self, object: &ObjectId) -> bool {
        object.source() != self.parts.source && self.sources.iter().any(|source| source == object.source())
    }

    /// Returns whether another source publishes what became of an object, as far as is known.
    pub(super) fn is_published_elsewhere(&self, object: &ObjectId) -> bool {
        if self.shared.is_empty() && self.taken_over.is_empty() {
            return false;
        }
        // What is taken over waits for a list.
        self.taken_over.contains(object)
            || self.shared.get(&self.keys.object(object)) == Some(&Sharing::Elsewhere)
    }

    /// Compares an object with others of its name. Returns false if what became of it is published elsewhere.
    pub(super) fn is_published_here(
        &mut self,
        object: &ObjectId,
        status: &ObjectStatus,
        others: &[ObjectStatus],
    ) -> bool {
        let key = self.keys.object(object);
        let sharing = Sharing::of(status, others, &self.sources);
        match sharing {
            Some(sharing) => drop(self.shared.insert(key, sharing)),
            None => drop(self.shared.remove(&key)),
        }
        if sharing != Some(Sharing::Elsewhere) {
            return true;
        }
        self.published.forget(key);
        self.on_their_way.remove(object);
        self.evaluated.remove(object);
        self.notices.remove(object);
        self.first.remove(object);
        false
    }

    /// Returns whether what was published of an object that its source does not show any more is left to other sources, which
    /// show it.
    pub(super) fn is_left_to_others(&mut self, object: &ObjectId, key: Key) -> bool {
        // Whether they are the same object is known, or will be when they are looked at: nothing is deleted before.
        self.shared.remove(&key) != Some(Sharing::Unrelated) && !self.others(object).is_empty()
    }

    /// Takes note of an object of another source that may have changed: it may be one that this source shows as well.
    pub(super) fn consider_other(&mut self, other: &ObjectId, now: Instant) {
        if !self.is_of_another(other) {
            return;
        }
        let (source, kind) = (self.parts.source.as_str().into(), other.kind().into());
        let object = ObjectId::new(&source, &kind, other.namespace(), other.name());
        let key = self.keys.object(&object);
        let states = &self.parts.states;
        match (states.get(&object).is_some(), states.get(other).is_some()) {
            // They are compared once.
            (true, true) if !self.shared.contains_key(&key) => self.consider(&object, now),
            // What was published elsewhere is listed first: it is as good as if this source had published it.
            (true, false) if self.shared.remove(&key) == Some(Sharing::Elsewhere) => {
                self.taken_over.insert(object);
                let earliest = self.survey.last.map_or(now, |last| last + INTERVAL);
                self.survey.due = self.survey.due.min(earliest.max(now + SETTLE));
            }
            // What was left to the other source belongs to nobody now.
            (false, false) if self.published.known(key).exists() => {
                self.queue.add(&object, Urgency::Ordinary, now);
            }
            _ => {}
        }
    }

    /// Considers the objects that were published elsewhere until now, after a list.
    pub(super) fn take_over(&mut self, now: Instant) {
        for object in std::mem::take(&mut self.taken_over) {
            self.consider(&object, now);
        }
    }

    /// Takes note of the sources in the order of the configuration.
    pub(super) fn change_sources(&mut self, sources: Vec<String>, now: Instant) {
        if sources == self.sources {
            return;
        }
        self.sources = sources;
        self.shared.clear();
        self.taken_over = HashSet::new();
        self.survey.due = now;
        self.survey.concerns_all = true;
    }
}
