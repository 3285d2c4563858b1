//! The work of a destination: which namespace is next, and what may be changed there now.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::State;
use crate::destination::queue::Priority;
use crate::model::capabilities::Capabilities;
use crate::model::name::RulerNamespace;
use crate::observed::Observed;
use crate::plan::{Change, PlanInput, Reason, in_order, plan_namespace, successor};

impl State {
    /// Returns the next namespace with changes to carry out.
    pub(in crate::destination) fn next_job(&mut self) -> Option<(RulerNamespace, Vec<Change>)> {
        let observed = Arc::clone(self.view.observed()?);
        if !self.may_write() && !self.is_claiming() {
            let namespace = self.ownership.namespace().clone();
            let claim = self.claim_change()?;
            return self.queue.take(&namespace, Instant::now()).then(|| (namespace, vec![claim]));
        }
        loop {
            let (namespace, drifted) = self.queue.pop(Instant::now())?;
            let mut changes = self.changes(&namespace, &observed);
            if changes.is_empty() {
                self.gauges.unchanged.inc();
            }
            let (desired, classifier) = (&self.desired, &self.shared.classifier);
            self.safety.hold_back(&namespace, &mut changes, desired, classifier, Instant::now());
            self.leave_unapproved(&namespace, &mut changes);
            let writes_only = !changes.is_empty() && !changes.iter().any(Change::is_delete);
            if writes_only && self.limits.defers(&namespace) {
                // There is no room for it before something is deleted.
                changes.clear();
            }
            if changes.is_empty() {
                self.queue.finished(&namespace);
                self.settled();
                continue;
            }
            changes.sort_by_key(|change| (change.is_delete(), self.has_failed(change)));
            if drifted {
                changes.iter_mut().for_each(|change| change.reason = Reason::Drifted);
            }
            self.view.writing(&namespace);
            return Some((namespace, changes));
        }
    }

    /// Returns whether the claim is being written by a ruler that batches: whatever comes after it goes into the same
    /// batch, or is not written at all. The list that shows whose claim was stored comes as soon as without batches.
    pub(super) fn is_claiming(&self) -> bool {
        self.shared.ruler.capabilities().batches
            && self.ownership.is_to_claim()
            && self.queue.running().any(|namespace| namespace == self.ownership.namespace())
    }

    /// Returns whether objects' rules may be written and deleted. A retiring destination is only cleaned up, which
    /// needs no own claim, but no foreign claim may stand there.
    pub(super) fn may_write(&self) -> bool {
        self.ownership.may_write() || (self.safety.is_retiring() && self.ownership.is_to_claim())
    }

    /// Returns the change that writes the claim, if it is to be written.
    pub(super) fn claim_change(&mut self) -> Option<Change> {
        if !self.ownership.is_to_claim() {
            return None;
        }
        if self.view.is_stale() {
            // Another installation may have claimed the tenant since the last list.
            if !self.view.is_listing() {
                self.view.list_in(Duration::ZERO);
            }
            return None;
        }
        let Capabilities { language, fields, .. } = self.shared.ruler.capabilities();
        self.ownership.write(language, &fields)
    }

    pub(super) fn has_failed(&self, change: &Change) -> bool {
        change.group().is_some_and(|group| self.queue.has_group_failed(&change.namespace, group))
    }

    /// Returns the changes that may be made to a namespace now, before the delete guard is asked.
    pub(super) fn changes(&mut self, namespace: &RulerNamespace, observed: &Observed) -> Vec<Change> {
        let mut changes = self.wanted_changes(namespace, observed);
        changes.retain(|change| change.held.is_none());
        changes
    }

    pub(super) fn wanted_changes(&mut self, namespace: &RulerNamespace, observed: &Observed) -> Vec<Change> {
        if namespace == self.ownership.namespace() {
            return self.claim_removal(observed).into_iter().collect();
        }
        if let Some(adoptions) = self.adoptions.get(namespace) {
            let ready = adoptions.iter().filter(|(_, own)| in_order(own, self.offered(), observed));
            return ready.map(|(change, _)| change.clone()).collect();
        }
        let input = self.input(observed);
        let (now, resync) = (Instant::now(), self.environment.policy.resync_interval);
        let changes = plan_namespace(namespace, input, |group, fingerprint| {
            self.verdicts.refuses(namespace, group, fingerprint)
                || self.view.contested.waits(namespace, group, fingerprint, resync, now)
        });
        if changes.iter().any(|change| change.reason == Reason::Renamed) {
            let successor = successor(namespace, input).cloned();
            if let Some(successor) = successor.filter(|s| !in_order(s, self.offered(), observed)) {
                let waiting = self.legacy.entry(successor).or_default();
                if !waiting.contains(namespace) {
                    waiting.push(namespace.clone());
                }
                return Vec::new();
            }
        }
        changes
    }

    pub(super) fn input<'a>(&'a self, observed: &'a Observed) -> PlanInput<'a> {
        PlanInput {
            offered: self.offered(),
            observed,
            adoptable: self.view.adoptable(),
            deletes: self.safety.deletes(),
            classifier: &self.shared.classifier,
        }
    }

    /// Returns the delete of the own claim once no other own group is left in a retiring destination.
    pub(super) fn claim_removal(&self, observed: &Observed) -> Option<Change> {
        // What is under way may write a group.
        let is_other = |namespace: &RulerNamespace| namespace != self.ownership.namespace();
        let works = self.queue.running().any(is_other);
        let last = self.safety.is_retiring() && !works && self.own_groups(observed) == 0;
        self.ownership.delete().filter(|_| last)
    }

    /// Queues namespaces behind all others.
    pub(super) fn queue_last(&mut self, namespaces: &[RulerNamespace]) {
        for namespace in namespaces {
            self.queue.push(namespace, Priority::Last, false);
        }
    }

    /// Queues every namespace that needs a change; the others cost one comparison each.
    pub(super) fn queue_all_with_changes(&mut self, drifted: bool) {
        let Some(observed) = self.view.observed().cloned() else { return };
        let mut namespaces: Vec<RulerNamespace> =
            self.desired.objects().map(|(namespace, _)| namespace.clone()).collect();
        namespaces.extend(observed.names().cloned());
        namespaces.push(self.ownership.namespace().clone());
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces {
            // The work that is under way was planned before: it is rechecked once more.
            if self.queue.is_waiting(&namespace) {
                continue;
            }
            if self.changes(&namespace, &observed).is_empty() {
                self.gauges.unchanged.inc();
            } else {
                self.queue.push(&namespace, Priority::Last, drifted);
            }
        }
    }
}
