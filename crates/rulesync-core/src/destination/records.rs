//! The recording of namespaces that are named as declared. A destination asks for it before it writes to one, because
//! nothing else shows later who wrote it; the run answers with [`Command::Recorded`](super::Command::Recorded) once the
//! inventory is stored.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::name::RulerNamespace;

/// The namespaces whose records a destination asks to change. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordRequests(Arc<Mutex<RecordRequest>>);

/// A request to change records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecordRequest {
    /// Namespaces that are to be recorded.
    pub(crate) record: BTreeSet<RulerNamespace>,
    /// Namespaces that exist no more and are not declared: whoever writes them next owns them.
    pub(crate) release: BTreeSet<RulerNamespace>,
}

impl RecordRequests {
    /// Asks for a record. Returns whether that was not asked for already.
    fn record(&self, namespace: &RulerNamespace) -> bool {
        let mut request = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        request.release.remove(namespace);
        request.record.insert(namespace.clone())
    }

    /// Asks to release these namespaces.
    fn release(&self, namespaces: BTreeSet<RulerNamespace>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).release.extend(namespaces);
    }

    /// Takes the request, in order to answer it.
    pub(crate) fn take(&self) -> RecordRequest {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The namespaces that a destination may not write to yet.
#[derive(Debug, Default)]
pub(super) struct Records {
    requests: RecordRequests,
    /// Namespaces whose record was asked for.
    awaited: HashSet<RulerNamespace>,
    /// Namespaces that others have written.
    taken: HashSet<RulerNamespace>,
    /// Namespaces of which one of these has changed since this was last taken.
    changed: HashSet<RulerNamespace>,
}

impl Records {
    pub(super) fn new(requests: RecordRequests) -> Self {
        Self { requests, ..Self::default() }
    }

    /// Asks for the record of a namespace. Returns whether the run has to be told.
    pub(super) fn ask(&mut self, namespace: &RulerNamespace) -> bool {
        self.taken.remove(namespace);
        self.awaited.insert(namespace.clone());
        self.changed.insert(namespace.clone());
        self.requests.record(namespace)
    }

    /// Notes that a namespace waits for a list, after which its record is asked for.
    pub(super) fn wait(&mut self, namespace: &RulerNamespace) {
        self.changed.insert(namespace.clone());
        self.awaited.insert(namespace.clone());
    }

    /// Asks to release these namespaces.
    pub(super) fn release(&self, namespaces: BTreeSet<RulerNamespace>) {
        self.requests.release(namespaces);
    }

    /// Notes that others have written a namespace. Returns whether that is new.
    pub(super) fn refuse(&mut self, namespace: &RulerNamespace) -> bool {
        self.changed.insert(namespace.clone());
        self.awaited.remove(namespace);
        self.taken.insert(namespace.clone())
    }

    /// Notes that a namespace is recorded, or not declared any more.
    pub(super) fn settle(&mut self, namespace: &str) {
        let awaited = self.awaited.take(namespace);
        self.changed.extend(awaited.or(self.taken.take(namespace)));
        self.taken.remove(namespace);
    }

    /// Returns the namespaces of which something has changed since this was last called.
    pub(super) fn take_changed(&mut self) -> HashSet<RulerNamespace> {
        std::mem::take(&mut self.changed)
    }

    /// Returns whether others have written a namespace.
    pub(super) fn is_taken(&self, namespace: &str) -> bool {
        self.taken.contains(namespace)
    }

    /// Returns whether the record of a namespace was asked for and is not there yet.
    pub(super) fn awaits(&self, namespace: &str) -> bool {
        self.awaited.contains(namespace)
    }

    /// Iterates over the namespaces whose record was asked for and is not there yet.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.awaited.iter()
    }

    /// Returns whether any record was asked for and is not there yet.
    pub(super) fn awaits_any(&self) -> bool {
        !self.awaited.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_asked_for_once_and_awaited_until_it_is_there() {
        let requests = RecordRequests::default();
        let mut records = Records::new(requests.clone());
        let namespace: RulerNamespace = "a".into();
        records.release(BTreeSet::from([namespace.clone()]));
        assert!(records.refuse(&namespace) && records.is_taken("a"));
        assert!(records.ask(&namespace) && !records.ask(&namespace));
        assert!(!records.is_taken("a") && records.awaits("a") && records.awaits_any());
        let record = BTreeSet::from([namespace]);
        assert_eq!(requests.take(), RecordRequest { record, release: BTreeSet::new() }, "it is not released");
        assert_eq!(requests.take(), RecordRequest::default());
        records.settle("a");
        assert!(!records.awaits_any());
    }
}
