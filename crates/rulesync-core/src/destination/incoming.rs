//! Incoming handovers: objects that move here from other destinations, which keep the rules until they are written here.

use std::collections::{HashMap, HashSet};

use crate::handover::Share;
use crate::model::name::RulerNamespace;

/// The shares that a destination holds in handovers, by namespace.
#[derive(Debug, Default)]
pub(super) struct IncomingHandovers {
    shares: HashMap<RulerNamespace, Vec<Share>>,
    /// Namespaces with shares that were updated since [`IncomingHandovers::end`].
    updated: HashSet<RulerNamespace>,
}

impl IncomingHandovers {
    /// Adds a share: the object of the namespace comes from another destination.
    pub(super) fn add(&mut self, namespace: RulerNamespace, share: Share) {
        self.updated.insert(namespace.clone());
        self.shares.entry(namespace).or_default().push(share);
    }

    /// Marks a namespace as updated, so that its handovers may end.
    pub(super) fn mark_updated(&mut self, namespace: &RulerNamespace) {
        if self.shares.contains_key(namespace) {
            self.updated.insert(namespace.clone());
        }
    }

    /// Marks all namespaces as updated.
    pub(super) fn mark_all_updated(&mut self) {
        self.updated.extend(self.shares.keys().cloned());
    }

    /// Ends the handovers of updated namespaces that are not `awaited` any more: as written if the namespace
    /// `is_declared`, and given up if no object declares it. Returns whether there were any.
    pub(super) fn end(
        &mut self,
        is_awaited: impl Fn(&str) -> bool,
        is_declared: impl Fn(&str) -> bool,
    ) -> bool {
        let mut any = false;
        for namespace in std::mem::take(&mut self.updated) {
            if is_awaited(&namespace) {
                continue;
            }
            let shares = self.shares.remove(&namespace).unwrap_or_default();
            any |= !shares.is_empty();
            if is_declared(&namespace) {
                shares.into_iter().for_each(Share::written);
            }
        }
        debug_assert!(self.shares.keys().all(|namespace| is_awaited(namespace)), "an update was forgotten");
        any
    }
}
