//! The present state of every object, in brief, kept from the changes that the engine reports: for pages, metrics and
//! whoever publishes it. It costs the engine nothing but these reports, and answers without asking it.

mod entry;
mod filter;
mod subscription;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use entry::{ObjectSummary, PastState};
pub use filter::{ObjectFilter, ObjectPage};
pub use subscription::ObjectSubscription;

use crate::clock::seconds_since_1970;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::object_change::ObjectChange;
use crate::outcome::{Outcome, Reporter};
use crate::status::object_state::ObjectState;
use entry::Entry;
use subscription::Pending;

/// The present state of every object that sources declare. Clones share it. It is a [`Reporter`]: an engine that it is
/// added to keeps it current.
#[derive(Debug, Clone, Default)]
pub struct ObjectStates(Arc<Mutex<States>>);

#[derive(Debug, Default)]
struct States {
    objects: BTreeMap<ObjectId, Entry>,
    /// Objects with a problem, the latest last.
    problems: BTreeSet<(u64, ObjectId)>,
    /// The number of declared objects in each state that one of them has.
    counts: BTreeMap<ObjectState, usize>,
    /// The destinations of objects, shared between these.
    destinations: BTreeSet<Arc<DestinationId>>,
    subscriptions: Vec<Weak<Pending>>,
    /// The number of changes so far.
    changes: u64,
}

impl ObjectStates {
    /// Returns the state of an object; none if no source declares it.
    pub fn get(&self, object: &ObjectId) -> Option<ObjectSummary> {
        self.lock().objects.get(object).and_then(|entry| entry.summary(object))
    }

    /// Returns the objects with problems that a filter selects, the latest problem first, at most `limit`, and their whole
    /// number.
    pub fn problems(&self, filter: &ObjectFilter, limit: usize) -> (Vec<ObjectSummary>, usize) {
        let states = self.lock();
        let mut selected = states.problems.iter().rev().filter_map(|(_, id)| {
            let entry = states.objects.get(id)?;
            filter.selects(id, entry).then_some((id, entry))
        });
        let first = selected.by_ref().take(limit);
        let summaries: Vec<ObjectSummary> = first.filter_map(|(id, entry)| entry.summary(id)).collect();
        let total = match *filter == ObjectFilter::default() {
            true => states.problems.len(),
            false => summaries.len() + selected.count(),
        };
        (summaries, total)
    }

    /// Returns the objects that a filter selects, by Kubernetes namespace, name, kind and source, at most `limit` of those
    /// after `after`.
    pub fn page(&self, filter: &ObjectFilter, after: Option<&ObjectId>, limit: usize) -> ObjectPage {
        self.lock().page(filter, limit, |id, _| after.is_some_and(|after| id <= after))
    }

    /// Returns the objects that a filter selects, in the order of [`ObjectStates::page`], at most `limit` of those after the
    /// first `offset`.
    pub fn page_at(&self, filter: &ObjectFilter, offset: usize, limit: usize) -> ObjectPage {
        self.lock().page(filter, limit, |_, number| number < offset)
    }

    /// Returns the identities of the declared objects after `after`, in the order of [`ObjectStates::page`], at most
    /// `limit`.
    pub fn ids(&self, after: Option<&ObjectId>, limit: usize) -> Vec<ObjectId> {
        let states = self.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let declared = states.objects.range::<ObjectId, _>((from, Bound::Unbounded));
        declared.filter(|(_, entry)| entry.is_declared()).map(|(id, _)| id.clone()).take(limit).collect()
    }

    /// Returns the objects of a Kubernetes namespace and name, of whatever kind and source.
    pub fn named(&self, namespace: &str, name: &str) -> Vec<ObjectId> {
        let states = self.lock();
        let first = ObjectId::new(&"".into(), &"".into(), namespace, name);
        let objects = states.objects.range::<ObjectId, _>((Bound::Included(first), Bound::Unbounded));
        let of_name = objects.take_while(|(id, _)| id.namespace() == namespace && id.name() == name);
        of_name.filter(|(_, entry)| entry.is_declared()).map(|(id, _)| id.clone()).collect()
    }

    /// Returns the number of declared objects in each state, and of those with a problem.
    pub fn counts(&self) -> (BTreeMap<ObjectState, usize>, usize) {
        let states = self.lock();
        (states.counts.clone(), states.problems.len())
    }

    /// Subscribes to changes from now on.
    pub fn subscribe(&self) -> ObjectSubscription {
        let mut states = self.lock();
        let (subscription, pending) = ObjectSubscription::after(states.changes);
        states.subscriptions.push(pending);
        subscription
    }

    /// Returns the number of changes so far. Where it is the same as before, nothing has changed meanwhile.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for ObjectStates {
    fn report(&self, _: &Outcome) {}

    fn follows_objects(&self) -> bool {
        true
    }

    fn object_changed(&self, change: &ObjectChange) {
        self.lock().change(change, seconds_since_1970());
    }
}

impl States {
    /// Returns a page of the objects that a filter selects. `is_before` says of an object, and of its number among those
    /// selected, whether the page begins after it.
    fn page(
        &self,
        filter: &ObjectFilter,
        limit: usize,
        is_before: impl Fn(&ObjectId, usize) -> bool,
    ) -> ObjectPage {
        let mut page = ObjectPage::default();
        let selects = |(id, entry): &(&ObjectId, &Entry)| entry.is_declared() && filter.selects(id, entry);
        for (id, entry) in self.objects.iter().filter(selects) {
            if is_before(id, page.total) {
                page.offset += 1;
            } else if page.objects.len() < limit {
                page.objects.extend(entry.summary(id));
            } else {
                page.more = true;
            }
            page.total += 1;
        }
        page
    }

    fn change(&mut self, change: &ObjectChange, now: u64) {
        match change {
            ObjectChange::Declared { object, state } => {
                self.update(object, now, |entry| entry.declare(*state));
            }
            ObjectChange::Gone { object } => self.update(object, now, Entry::forget_declaration),
            ObjectChange::At { object, destination, namespace, state } => {
                let destination = self.shared(destination);
                self.update(object, now, |entry| match state {
                    Some(state) => entry.set(&destination, namespace, *state),
                    None => entry.leave(&destination, Some(namespace)),
                });
            }
            ObjectChange::DestinationEnded { destination } => {
                let Some(destination) = self.destinations.take(destination) else { return };
                let there: Vec<ObjectId> = self
                    .objects
                    .iter()
                    .filter(|(_, entry)| entry.is_at(&destination))
                    .map(|(id, _)| id.clone())
                    .collect();
                for object in there {
                    self.update(&object, now, |entry| entry.leave(&destination, None));
                }
            }
        }
    }

    /// Keeps the counts: called with an entry before and after a change.
    fn count(&mut self, entry: &Entry, after: bool) {
        if !entry.is_declared() {
            return;
        }
        let number = self.counts.entry(entry.state()).or_default();
        if after {
            *number += 1;
        } else {
            *number -= 1;
            if *number == 0 {
                self.counts.remove(&entry.state());
            }
        }
    }

    fn shared(&mut self, destination: &DestinationId) -> Arc<DestinationId> {
        if let Some(known) = self.destinations.get(destination) {
            return Arc::clone(known);
        }
        let destination = Arc::new(destination.clone());
        self.destinations.insert(Arc::clone(&destination));
        destination
    }

    fn update(&mut self, object: &ObjectId, now: u64, change: impl FnOnce(&mut Entry) -> bool) {
        let mut entry = self.objects.remove(object).unwrap_or_default();
        self.count(&entry, false);
        if let Some(since) = entry.problem_since() {
            self.problems.remove(&(since, object.clone()));
        }
        let changed = change(&mut entry);
        entry.settle(now);
        self.count(&entry, true);
        if let Some(since) = entry.problem_since() {
            self.problems.insert((since, object.clone()));
        }
        if !entry.is_empty() {
            self.objects.insert(object.clone(), entry);
        }
        if changed {
            self.changes += 1;
            let number = self.changes;
            self.subscriptions.retain(|subscription| match subscription.upgrade() {
                Some(pending) => {
                    pending.add(object, number);
                    true
                }
                None => false,
            });
        }
    }
}

#[cfg(test)]
mod tests;
