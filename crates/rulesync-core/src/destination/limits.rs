//! The limits of a ruler: which namespaces wait because there was no room for their rules, and which are tried.

use crate::model::name::RulerNamespace;
use std::collections::HashSet;

/// The number of namespaces over a limit that are tried at once when there is room again.
const PROBES_PER_SUCCESS: usize = 2;

/// The namespaces of a destination whose ruler has refused rules because of a limit.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// Namespaces that are not written because others are over the limits already.
    waiting: HashSet<RulerNamespace>,
    /// Namespaces that are tried in spite of the limits: those that exceeded them, and a few when there may be room.
    probing: HashSet<RulerNamespace>,
}

impl Limits {
    /// Returns whether a namespace has to wait for room. It is tried again by [`Limits::room_made`].
    pub(super) fn defers(&mut self, namespace: &RulerNamespace) -> bool {
        let full = !self.probing.is_empty() && !self.probing.contains(namespace);
        if full {
            self.waiting.insert(namespace.clone());
        }
        full
    }

    /// Returns whether a namespace waits for room without being tried.
    pub(super) fn defer(&self, namespace: &str) -> bool {
        self.waiting.contains(namespace)
    }

    /// Records that a write exceeded a limit: its retries show whether there is room.
    pub(super) fn exceeded(&mut self, namespace: &RulerNamespace) {
        self.waiting.remove(namespace);
        self.probing.insert(namespace.clone());
    }

    /// Records a write that succeeded; returns the namespaces to try now.
    pub(super) fn written(&mut self, namespace: &RulerNamespace) -> Vec<RulerNamespace> {
        if self.probing.remove(namespace) { self.room_made() } else { Vec::new() }
    }

    /// Returns some of the namespaces that wait, because there may be room again; more follow if these succeed.
    pub(super) fn room_made(&mut self) -> Vec<RulerNamespace> {
        let some: Vec<RulerNamespace> = self.waiting.iter().take(PROBES_PER_SUCCESS).cloned().collect();
        for namespace in &some {
            self.waiting.remove(namespace);
            self.probing.insert(namespace.clone());
        }
        if self.waiting.is_empty() {
            self.probing.clear();
        }
        some
    }

    /// Forgets which namespaces were over the limits.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_try_two_namespaces_when_there_is_room_and_all_once_none_waits() {
        let [over, a, b, c]: [RulerNamespace; 4] = ["over", "a", "b", "c"].map(RulerNamespace::from);
        let mut limits = Limits::default();
        assert!(!limits.defers(&a), "no limit was met yet");
        limits.exceeded(&over);
        assert!(!limits.defers(&over), "its retries show whether there is room");
        for namespace in [&a, &b, &c] {
            assert!(limits.defers(namespace));
        }
        assert_eq!(limits.written(&a), Vec::<RulerNamespace>::new(), "it was not tried because of the limit");
        let tried = limits.room_made();
        assert_eq!(tried.len(), 2);
        assert!(tried.iter().all(|namespace| !limits.defers(namespace)));
        let rest = limits.written(&tried[0]);
        assert_eq!(rest.len(), 1, "there was room for it: more follow");
        assert!(!limits.defers(&tried[0]), "nothing waits: there is no limit any more");
        limits.exceeded(&over);
        limits.clear();
        assert!(!limits.defers(&a));
    }
}
