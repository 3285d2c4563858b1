//! The objects whose state is to be published: their names, each once. What is published is their state by the time it is
//! their turn, so that the last state wins. Pure: the clock is passed in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rulesync_core::ObjectId;
use rulesync_core::engine::Backoff;
use tokio::time::Instant;

/// The waits after failures of one object.
const BACKOFF: Backoff =
    Backoff { base: std::time::Duration::from_secs(2), cap: std::time::Duration::from_secs(300) };

/// How urgent a name is among others whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// A problem, or the end of one.
    Problem,
    /// Anything else.
    Ordinary,
    /// One that has failed, or another one in its Kubernetes namespace: it keeps no other waiting.
    Failed,
}

/// The names that wait, and those that are under way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: HashMap<ObjectId, Waiting>,
    /// Those whose time has come: the urgent first, and then by age.
    ready: BTreeSet<(Urgency, u64, ObjectId)>,
    /// Those whose time has not come yet, by time.
    later: BTreeSet<(Instant, ObjectId)>,
    /// Each with what it was added with meanwhile.
    under_way: HashMap<ObjectId, Option<Wish>>,
    failures: BTreeMap<ObjectId, u32>,
    added: u64,
}

/// When a name wants to be published, and how urgently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    urgency: Urgency,
    due: Instant,
}

/// A name that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    wish: Wish,
    /// Its age.
    number: u64,
    is_ready: bool,
}

impl Queue {
    /// Adds a name that is due at a time. One that waits already becomes due at the earlier time, keeps its place among
    /// others, and is as urgent as it was last said to be.
    pub(super) fn add(&mut self, object: &ObjectId, urgency: Urgency, due: Instant) {
        if let Some(again) = self.under_way.get_mut(object) {
            let due = again.map_or(due, |again| again.due.min(due));
            *again = Some(Wish { urgency, due });
            return;
        }
        let before = self.remove(object);
        let wish = match before {
            // After a failure, a change is no reason to try again earlier.
            Some(before) if before.wish.urgency == Urgency::Failed => before.wish,
            Some(before) => Wish { urgency, due: before.wish.due.min(due) },
            None => Wish { urgency, due },
        };
        self.insert(object.clone(), wish, before.map(|before| before.number));
    }

    /// Takes up to `limit` names whose time has come. Each is under way until it is [finished](Self::finish),
    /// [deferred](Self::defer) or has [failed](Self::fail).
    pub(super) fn take(&mut self, now: Instant, limit: usize) -> Vec<ObjectId> {
        while self.later.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, object)) = self.later.pop_first() else { break };
            if let Some(waiting) = self.waiting.get_mut(&object) {
                waiting.is_ready = true;
                self.ready.insert((waiting.wish.urgency, waiting.number, object));
            }
        }
        let mut taken = Vec::with_capacity(limit.min(self.ready.len()));
        while taken.len() < limit
            && let Some((urgency, number, object)) = self.ready.pop_first()
        {
            // What fails often fails in a whole Kubernetes namespace, and each failure may cost all others a pause.
            if urgency != Urgency::Failed && self.has_failures_in(object.namespace()) {
                if let Some(waiting) = self.waiting.get_mut(&object) {
                    waiting.wish.urgency = Urgency::Failed;
                }
                self.ready.insert((Urgency::Failed, number, object));
                continue;
            }
            self.waiting.remove(&object);
            self.under_way.insert(object.clone(), None);
            taken.push(object);
        }
        taken
    }

    /// Ends work on a name. If it was added meanwhile, it waits again.
    pub(super) fn finish(&mut self, object: &ObjectId) {
        self.failures.remove(object);
        if let Some(Wish { urgency, due }) = self.under_way.remove(object).flatten() {
            self.add(object, urgency, due);
        }
    }

    /// Puts a name off that is under way.
    pub(super) fn defer(&mut self, object: &ObjectId, urgency: Urgency, due: Instant) {
        if let Some(again) = self.under_way.remove(object) {
            self.add(object, urgency, due);
            if let Some(Wish { urgency, due }) = again {
                self.add(object, urgency, due);
            }
        }
    }

    /// Puts a name off that has failed, for longer after each failure, and for at least until `not_before`.
    pub(super) fn fail(&mut self, object: &ObjectId, now: Instant, not_before: Option<Instant>) {
        if self.under_way.remove(object).is_none() {
            return;
        }
        let failures = self.failures.entry(object.clone()).or_default();
        *failures = failures.saturating_add(1);
        let due = now + BACKOFF.wait(*failures);
        let due = not_before.map_or(due, |at| at.max(due));
        self.insert(object.clone(), Wish { urgency: Urgency::Failed, due }, None);
    }

    /// Returns whether the last work on some name of a Kubernetes namespace failed.
    fn has_failures_in(&self, namespace: &str) -> bool {
        // Identities are ordered by Kubernetes namespace first.
        let first = ObjectId::new(&"".into(), &"".into(), namespace, "");
        self.failures.range(first..).next().is_some_and(|(object, _)| object.namespace() == namespace)
    }

    /// Returns the time at which there is a name to be taken; none if none waits.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        if self.ready.is_empty() { self.later.first().map(|(due, _)| (*due).max(now)) } else { Some(now) }
    }

    /// Returns the number of names that wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    fn insert(&mut self, object: ObjectId, wish: Wish, number: Option<u64>) {
        self.added += 1;
        let number = number.unwrap_or(self.added);
        self.later.insert((wish.due, object.clone()));
        self.waiting.insert(object, Waiting { wish, number, is_ready: false });
    }

    fn remove(&mut self, object: &ObjectId) -> Option<Waiting> {
        let waiting = self.waiting.remove(object)?;
        let Waiting { wish: Wish { urgency, due }, number, is_ready } = waiting;
        if is_ready {
            self.ready.remove(&(urgency, number, object.clone()));
        } else {
            self.later.remove(&(due, object.clone()));
        }
        Some(waiting)
    }
}

#[cfg(test)]
mod tests;
