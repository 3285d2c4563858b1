//! Subscriptions to changes. Each remembers which objects have changed since it last looked, so that a slow subscriber
//! misses intermediate states and never an object.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use crate::model::object::ObjectId;

/// A subscription to changes of objects.
#[derive(Debug)]
pub struct ObjectSubscription {
    pending: Arc<Pending>,
}

/// The objects that have changed since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Pending {
    objects: Mutex<BTreeSet<ObjectId>>,
    added: Notify,
}

impl Pending {
    pub(super) fn add(&self, object: &ObjectId) {
        let added = self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(object.clone());
        if added {
            self.added.notify_one();
        }
    }
}

impl ObjectSubscription {
    pub(super) fn new() -> (Self, Weak<Pending>) {
        let pending = Arc::new(Pending::default());
        let weak = Arc::downgrade(&pending);
        (Self { pending }, weak)
    }

    /// Waits until objects have changed or were deleted, and returns them, each once. Objects that change while nobody waits
    /// are returned the next time. Nothing is lost if this is cancelled.
    pub async fn changed(&mut self) -> BTreeSet<ObjectId> {
        loop {
            let objects =
                std::mem::take(&mut *self.pending.objects.lock().unwrap_or_else(PoisonError::into_inner));
            if !objects.is_empty() {
                return objects;
            }
            self.pending.added.notified().await;
        }
    }
}
