//! The queue of a destination: namespaces to be worked on, each once; failed ones wait for their retry.

use crate::model::name::{GroupKey, RulerNamespace};
use crate::ruler::RulerError;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

/// Namespaces to work on. A namespace that is being worked on is not handed out a second time; if it is pushed
/// meanwhile, it comes again afterwards.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: HashMap<RulerNamespace, Entry>,
    ready: VecDeque<RulerNamespace>,
    delayed: BTreeMap<(Instant, u64), RulerNamespace>,
    /// Makes the keys of `delayed` unique.
    next: u64,
    /// Entries whose last attempt failed.
    failing: usize,
    /// Groups that failed when they were last tried: they come after those that did not.
    failed_groups: HashSet<GroupKey>,
    /// Namespaces that were added, that failed or were finished since this was last taken.
    changed: HashSet<RulerNamespace>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    failures: u32,
    /// The error of the last attempt, if it failed.
    error: Option<Box<RulerError>>,
    /// True if a resync found it changed although it was in sync before.
    drifted: bool,
}

#[derive(Debug, PartialEq)]
enum State {
    Ready,
    Delayed((Instant, u64)),
    Running { again: bool },
}

/// The place in the queue of a pushed namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Behind all others: part of a big load.
    Last,
    /// Before all others: somebody is waiting for it.
    Next,
}

impl Queue {
    /// Adds a namespace that is due now, even if it failed before.
    pub(crate) fn push(&mut self, namespace: &RulerNamespace, priority: Priority, drifted: bool) {
        match self.entries.entry(namespace.clone()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Entry { state: State::Ready, failures: 0, error: None, drifted });
                self.changed.insert(namespace.clone());
            }
            MapEntry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                entry.drifted = entry.drifted && drifted;
                match entry.state {
                    State::Ready => return,
                    State::Running { .. } => {
                        entry.state = State::Running { again: true };
                        return;
                    }
                    State::Delayed(key) => {
                        self.delayed.remove(&key);
                        entry.state = State::Ready;
                    }
                }
            }
        }
        match priority {
            Priority::Last => self.ready.push_back(namespace.clone()),
            Priority::Next => self.ready.push_front(namespace.clone()),
        }
    }

    /// Returns the next namespace that is due, and whether it drifted. It counts as running until `finished` or
    /// `failed`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(RulerNamespace, bool)> {
        while let Some(due) = self.delayed.first_entry().filter(|first| first.key().0 <= now) {
            let namespace = due.remove();
            if let Some(entry) = self.entries.get_mut(&namespace) {
                entry.state = State::Ready;
                self.ready.push_back(namespace);
            }
        }
        let namespace = self.ready.pop_front()?;
        let entry = self.entries.get_mut(&namespace)?;
        entry.state = State::Running { again: false };
        Some((namespace, entry.drifted))
    }

    /// Takes a certain namespace out of order, if it is due.
    pub(crate) fn take(&mut self, namespace: &RulerNamespace, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(namespace) else { return false };
        match entry.state {
            State::Running { .. } => return false,
            State::Delayed(key) if key.0 > now => return false,
            State::Delayed(key) => drop(self.delayed.remove(&key)),
            State::Ready => self.ready.retain(|waiting| waiting != namespace),
        }
        entry.state = State::Running { again: false };
        true
    }

    /// Returns when a certain namespace is due, if it is delayed.
    pub(crate) fn due_of(&self, namespace: &str) -> Option<Instant> {
        match self.entries.get(namespace)?.state {
            State::Delayed((at, _)) => Some(at),
            _ => None,
        }
    }

    /// Ends the work on a namespace; it comes again at once if it was pushed meanwhile.
    pub(crate) fn finished(&mut self, namespace: &RulerNamespace) {
        let Some(entry) = self.entries.remove(namespace) else { return };
        self.failing -= usize::from(entry.failures > 0);
        self.changed.insert(namespace.clone());
        if entry.state == (State::Running { again: true }) {
            self.push(namespace, Priority::Next, false);
        }
    }

    /// Ends failed work. The namespace is retried at the time that `retry_at` computes from the number of failures in a
    /// row, or at once if it was pushed meanwhile.
    pub(crate) fn failed(
        &mut self,
        namespace: &RulerNamespace,
        error: Option<RulerError>,
        retry_at: impl FnOnce(u32) -> Instant,
    ) {
        let Some(entry) = self.entries.get_mut(namespace) else { return };
        if entry.state == (State::Running { again: true }) {
            // It was pushed again meanwhile, and the failure is not about that.
            self.finished(namespace);
            return;
        }
        self.failing += usize::from(entry.failures == 0);
        entry.failures += 1;
        entry.error = error.map(Box::new);
        self.changed.insert(namespace.clone());
        let key = (retry_at(entry.failures), self.next);
        self.next += 1;
        entry.state = State::Delayed(key);
        self.delayed.insert(key, namespace.clone());
    }

    /// Returns the error of a namespace whose last attempt failed.
    pub(crate) fn error_of(&self, namespace: &str) -> Option<&RulerError> {
        self.entries.get(namespace)?.error.as_deref()
    }

    /// Iterates over the namespaces that wait or are being worked on.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.entries.keys()
    }

    /// Returns the namespaces that were added, that failed or were finished since this was last called.
    pub(crate) fn take_changed(&mut self) -> HashSet<RulerNamespace> {
        std::mem::take(&mut self.changed)
    }

    /// Returns when the next delayed namespace is due, if none is ready.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Iterates over the namespaces that are being worked on.
    pub(crate) fn running(&self) -> impl Iterator<Item = &RulerNamespace> {
        let running = |entry: &Entry| matches!(entry.state, State::Running { .. });
        self.entries.iter().filter(move |(_, entry)| running(entry)).map(|(namespace, _)| namespace)
    }

    /// Removes all namespaces. Which groups failed is still known.
    pub(crate) fn clear(&mut self) {
        *self = Self { failed_groups: std::mem::take(&mut self.failed_groups), ..Self::default() };
    }

    /// Records that a group could not be written or deleted.
    pub(crate) fn group_failed(&mut self, namespace: &RulerNamespace, group: &str) {
        self.failed_groups.insert((namespace.clone(), group.into()));
    }

    /// Records that a group was written or deleted.
    pub(crate) fn group_succeeded(&mut self, namespace: &RulerNamespace, group: &str) {
        if !self.failed_groups.is_empty() {
            self.failed_groups.remove(&(namespace.clone(), group.into()));
        }
    }

    /// Returns whether a group failed when it was last tried.
    pub(crate) fn has_group_failed(&self, namespace: &RulerNamespace, group: &str) -> bool {
        !self.failed_groups.is_empty() && self.failed_groups.contains(&(namespace.clone(), group.into()))
    }

    /// The fewest failures in a row among failed namespaces.
    pub(crate) fn least_failures(&self) -> u32 {
        let delayed = |entry: &&Entry| matches!(entry.state, State::Delayed(_));
        self.entries.values().filter(delayed).map(|entry| entry.failures).min().unwrap_or(0)
    }

    /// The number of namespaces that wait or are being worked on.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the namespaces that failed and wait for their retry.
    pub(crate) fn delayed_namespaces(&self) -> Vec<RulerNamespace> {
        self.delayed.values().cloned().collect()
    }

    /// The number of namespaces that failed and wait for their retry.
    pub(crate) fn delayed(&self) -> usize {
        self.delayed.len()
    }

    /// The number of namespaces that failed at the last attempt, whether they wait or are being retried.
    pub(crate) fn failing(&self) -> usize {
        self.failing
    }

    /// Returns whether a namespace waits for its turn, so that it will be checked anyway.
    pub(crate) fn is_waiting(&self, namespace: &str) -> bool {
        let waits = |entry: &Entry| !matches!(entry.state, State::Running { again: false });
        self.entries.get(namespace).is_some_and(waits)
    }

    /// Returns whether a namespace waits or is being worked on.
    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.entries.contains_key(namespace)
    }
}

#[cfg(test)]
mod tests;
