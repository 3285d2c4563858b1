//! The consequences of a list: the groups that exist, what the ruler made of earlier writes, whose tenant it is, and
//! which foreign groups may be adopted.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Priority, State};
use crate::claim::Claimant;
use crate::destination::ownership::OwnershipChange;
use crate::destination::view::{Comparison, VERIFY_DELAY};
use crate::model::name::{GroupKey, RulerNamespace};
use crate::observed::{Adoptable, Listed, Observed};
use crate::outcome::{Outcome, Subject};
use crate::overlay::Offered;
use crate::plan::{Change, in_order, offered_groups};
use crate::ruler::RulerError;

/// The longest time until a foreign claim is read again.
const CONFLICT_INTERVAL: Duration = Duration::from_secs(60);

impl State {
    /// Begins a list, `early` if it is not the resync's; returns the result of the last list and the groups to read
    /// whole.
    pub(in crate::destination) fn begin_list(&mut self, early: bool) -> (Arc<Observed>, HashSet<GroupKey>) {
        let (observed, mut whole) = self.view.begin_list(early, self.queue.running().cloned().collect());
        whole.extend(self.verdicts.begin_list().iter().cloned());
        (observed, whole)
    }

    /// Ends a list. Writes made while it was under way take precedence over what it shows.
    pub(in crate::destination) fn end_list(&mut self, mut listed: Listed) {
        for unreadable in std::mem::take(&mut listed.unreadable) {
            let group = unreadable.to_string();
            self.report_outcome(&Outcome::Unreadable {
                destination: self.id.clone(),
                group,
                reason: unreadable.reason,
            });
        }
        let first = !self.view.is_listed();
        self.prove(&listed.suspects);
        let claim = listed.claim.take();
        self.stored = listed.stored.take();
        let offered = Offered { desired: &self.desired, overlay: &self.verdicts.overlay };
        let (comparisons, written) = self.view.end_list(listed, offered);
        for comparison in comparisons {
            self.changed.namespaces.insert(comparison.namespace().clone());
            self.report_comparison(comparison);
        }
        self.availability.listed();
        self.answered();
        // A group written meanwhile may exist although the list does not show it.
        let observed = self.view.observed();
        let exists = |namespace: &str| {
            written.contains(namespace) || observed.is_some_and(|observed| observed.has_namespace(namespace))
        };
        self.desired.retain_removed(exists);
        if first {
            self.changed.everything = true;
            self.recheck_all_protected();
        }
        self.gauges.syncs.inc();
        self.verdicts.forget_old();
        let change = self.ownership.found(claim);
        self.ownership_changed(change);
        self.find_adoptions();
        self.ask_for_recognition();
        self.ask_for_records();
        self.queue_all_with_changes(!first);
        self.handovers.mark_all_updated();
        self.queue_claim();
        self.settled();
    }

    /// Records that a list failed; returns how long to wait.
    pub(in crate::destination) fn list_failed(&mut self, error: RulerError) -> Duration {
        self.view.list_failed();
        self.gauges.failed(&error);
        let wait = self.availability.list_failed(error.retry_after(), &self.environment.policy);
        self.unanswered(error);
        wait
    }

    fn report_comparison(&self, comparison: Comparison) {
        let subject = |(namespace, group): GroupKey| Subject {
            destination: self.id.clone(),
            object: self.desired.object_of(&namespace).cloned(),
            namespace,
            group: Some(group),
        };
        self.report_outcome(&match comparison {
            Comparison::Normalized(key, fields) => Outcome::Normalized { subject: subject(key), fields },
            Comparison::Contested(key, fields) => Outcome::Contested { subject: subject(key), fields },
            Comparison::ContestOver(key) => Outcome::ContestOver { subject: subject(key) },
        });
    }

    /// Reports who has claimed the destination, if that has changed.
    fn ownership_changed(&mut self, change: Option<OwnershipChange>) {
        let destination = self.id.clone();
        self.changed.everything |= change.is_some();
        match change {
            Some(OwnershipChange::Conflict { foreign, own }) => {
                self.report_outcome(&Outcome::Conflict { destination, foreign, own });
            }
            Some(OwnershipChange::ConflictOver) => {
                self.report_outcome(&Outcome::ConflictOver { destination })
            }
            None => {}
        }
        if self.ownership.conflict().is_some() {
            self.view.list_in(CONFLICT_INTERVAL);
        }
    }

    /// Sets the identity of this installation; none if it will not be known.
    pub(in crate::destination) fn identify(&mut self, own: Option<Arc<Claimant>>) {
        let change = self.ownership.identify(own, self.view.is_listed());
        self.ownership_changed(change);
        self.queue_claim();
    }

    /// Queues the claim if there is something to claim.
    pub(super) fn queue_claim(&mut self) {
        let Some(observed) = self.view.observed() else { return };
        let something = self.desired.groups() > 0 || self.own_groups(observed) > 0;
        if something && !self.safety.is_retiring() && self.ownership.is_to_claim() {
            let namespace = self.ownership.namespace().clone();
            self.queue.push(&namespace, Priority::Next, false);
        }
    }

    /// Schedules the list that shows whose claim was stored.
    pub(super) fn claim_written(&mut self) {
        self.ownership.settled();
        if self.ownership.is_confirmed_soon() {
            self.view.list_in(VERIFY_DELAY);
        }
    }

    /// In a one-shot run, has the next list come at once if own groups have been written that replace foreign ones: these
    /// are deleted after a list that shows both. Returns whether the run is to wait for that.
    pub(in crate::destination) fn awaits_adoptions(&mut self) -> bool {
        if self.shared.evaluates || !self.writes() || self.view.adoptable().is_empty() || self.queue.len() > 0
        {
            return false;
        }
        let Some(observed) = self.view.observed().cloned() else { return false };
        let offered = offered_groups(self.offered());
        let replaced = |foreign: &Adoptable| {
            let is_declared = self.desired.winner(&foreign.namespace).is_some();
            let (own, object) = offered.get(&foreign.fingerprint).filter(|_| !is_declared)?;
            let change = Change::adoption(foreign, (*object).clone());
            let awaited = in_order(own, self.offered(), &observed) && self.approval.approves(&change);
            (awaited && !observed.is_read(own)).then_some(())
        };
        let awaits = self.view.adoptable().iter().any(|foreign| replaced(foreign).is_some());
        if awaits && !self.view.is_listing() {
            self.view.list_in(Duration::ZERO);
        }
        awaits
    }

    /// Finds foreign groups that may be replaced, because this very list has shown equal own groups.
    fn find_adoptions(&mut self) {
        self.adoptions.clear();
        if self.view.adoptable().is_empty() {
            return;
        }
        let offered = offered_groups(self.offered());
        let Some(observed) = self.view.observed().cloned() else { return };
        let mut unread = false;
        let mut found: Vec<(RulerNamespace, Change, RulerNamespace)> = Vec::new();
        for foreign in self.view.adoptable() {
            // What is declared under the same name is taken over as it is, by a record.
            let is_declared = self.desired.winner(&foreign.namespace).is_some();
            let Some((own, object)) = offered.get(&foreign.fingerprint).filter(|_| !is_declared) else {
                continue;
            };
            if in_order(own, self.offered(), &observed) && observed.is_read(own) {
                let change = Change::adoption(foreign, (*object).clone());
                found.push((foreign.namespace.clone(), change, (*own).clone()));
            } else {
                unread = true;
            }
        }
        for (namespace, change, own) in found {
            self.queue.push(&namespace, Priority::Last, false);
            self.adoptions.entry(namespace).or_default().push((change, own));
        }
        if unread {
            self.view.list_in(VERIFY_DELAY);
        }
    }
}
