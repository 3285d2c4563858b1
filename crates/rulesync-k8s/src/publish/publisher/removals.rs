//! What rulers were told to delete, from the engine to the publishers: no status has it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rulesync_core::engine::{Outcome, Reporter};
use tokio::sync::Notify;

use crate::publish::events::Removal;

/// The number of removals that wait to be taken.
const MAX_WAITING: usize = 1_000;

/// Passes what was deleted from rulers on to publishers. A [`Reporter`], to be added to the engine. Clones share their
/// publishers.
#[derive(Debug, Clone, Default)]
pub struct RemovalReporter(Arc<Mutex<Vec<Weak<Inbox>>>>);

/// The removals that concern one source, and that nobody has taken yet.
#[derive(Debug)]
struct Inbox {
    source: String,
    waiting: Mutex<(Vec<Removal>, usize)>,
    added: Notify,
}

/// The removals that concern one source, from the time of its creation on.
#[derive(Debug)]
pub(super) struct Removals(Arc<Inbox>);

impl RemovalReporter {
    /// Subscribes to the removals that concern a source.
    pub(super) fn subscribe(&self, source: &str) -> Removals {
        let inbox =
            Arc::new(Inbox { source: source.to_owned(), waiting: Mutex::default(), added: Notify::new() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&inbox));
        Removals(inbox)
    }
}

impl Reporter for RemovalReporter {
    fn report(&self, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Removed { .. }) {
            return;
        }
        let mut inboxes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        if inboxes.is_empty() {
            return;
        }
        let Some(removal) = Removal::of(outcome) else { return };
        let of_source = |inbox: &Arc<Inbox>| inbox.source == removal.object.source();
        for inbox in inboxes.iter().filter_map(Weak::upgrade).filter(of_source) {
            let mut waiting = inbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.0.len() < MAX_WAITING {
                waiting.0.push(removal.clone());
            } else {
                waiting.1 += 1;
            }
            inbox.added.notify_one();
        }
    }
}

impl Removals {
    /// Waits until there are removals. Nothing is lost if this is cancelled.
    pub(super) async fn added(&self) {
        while self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).0.is_empty() {
            self.0.added.notified().await;
        }
    }

    /// Takes all removals, and the number of those for which there was no room.
    pub(super) fn take(&self) -> (Vec<Removal>, usize) {
        std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
