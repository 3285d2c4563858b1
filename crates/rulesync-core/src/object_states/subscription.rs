//! Subscriptions to changes. Each remembers which objects have changed since it last looked, so that a slow subscriber
//! misses intermediate states and never an object.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::model::object::ObjectId;

/// A subscription to changes of objects.
#[derive(Debug)]
pub struct ObjectSubscription {
    pending: Arc<Pending>,
    seen: u64,
}

/// The objects that have changed since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Pending {
    changes: Mutex<Changes>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Changes {
    objects: BTreeSet<ObjectId>,
    /// The number of the latest change, of all since the states began.
    latest: u64,
}

impl Pending {
    /// Adds a change by its number.
    pub(super) fn add(&self, object: &ObjectId, number: u64) {
        let mut changes = self.changes();
        changes.latest = number;
        if changes.objects.insert(object.clone()) {
            self.added.notify_one();
        }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectSubscription {
    /// Subscribes to the changes after one with this number.
    pub(super) fn after(number: u64) -> (Self, Weak<Pending>) {
        let pending = Arc::new(Pending::default());
        let weak = Arc::downgrade(&pending);
        (Self { pending, seen: number }, weak)
    }

    /// Waits until objects have changed or were deleted, and returns them, each once. Objects that change while nobody waits
    /// are returned the next time. Nothing is lost if this is cancelled.
    pub async fn changed(&mut self) -> BTreeSet<ObjectId> {
        loop {
            let changes = {
                let mut changes = self.pending.changes();
                Changes { objects: std::mem::take(&mut changes.objects), latest: changes.latest }
            };
            if !changes.objects.is_empty() {
                self.seen = changes.latest;
                return changes.objects;
            }
            self.pending.added.notified().await;
        }
    }

    /// Returns how many changes there were, of those that [`ObjectStates::changes`](super::ObjectStates::changes) counts, up to
    /// the last one that this subscription has returned, or at its beginning.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}
