//! The bookkeeping of a destination: what is desired and observed, and what follows from commands, lists and the
//! results of changes. No requests are made here.

mod applied;
mod commands;
mod evaluated;
mod explain;
mod limits;
mod lists;
mod metrics;
mod names;
mod objects;
mod planning;
mod records;
mod refuse;
mod report;
mod retention;
mod work;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::availability::{Availability, STUCK_FAILURES};
use super::changed_objects::ChangedObjects;
use super::delete_safety::DeleteSafety;
use super::gauges::Gauges;
use super::health::EvaluationHealth;
use super::incoming::IncomingHandovers;
use super::known_limits::KnownLimits;
use super::limits::Limits;
use super::normalization::Server;
use super::ownership::Ownership;
use super::progress::Progress;
use super::queue::{Priority, Queue};
use super::records::Records;
use super::shared::Shared;
use super::verdicts::Verdicts;
use super::view::RulerView;
use crate::clock::seconds_since_1970;
use crate::desired::Desired;
use crate::environment::Environment;
use crate::guard::HeldReason;
use crate::model::capabilities::Capabilities;
use crate::model::name::{GroupName, RulerNamespace};
use crate::model::tenant::DestinationId;
use crate::outcome::{Outcome, Subject};
use crate::overlay::Offered;
use crate::plan::{Approval, Change, own_groups};
use crate::policy::Policy;
use crate::ruler::RulerError;
use crate::stored_groups::StoredGroups;

/// The bookkeeping of one destination.
pub(super) struct State {
    pub(super) id: DestinationId,
    environment: Arc<Environment>,
    pub(super) availability: Availability,
    shared: Shared,
    desired: Desired,
    pub(super) view: RulerView,
    /// Deletes of foreign groups that own groups replace, by the foreign namespace, each with the own namespace.
    adoptions: HashMap<RulerNamespace, Vec<(Change, RulerNamespace)>>,
    /// Legacy namespaces that wait for their successors, by successor.
    legacy: HashMap<RulerNamespace, Vec<RulerNamespace>>,
    queue: Queue,
    limits: Limits,
    known_limits: KnownLimits,
    /// Decides which deletes may be made.
    safety: DeleteSafety,
    /// The held deletes that were last reported.
    reported_held: Option<(usize, HeldReason)>,
    /// Objects that move here from other destinations, which wait until their namespaces here are in sync.
    handovers: IncomingHandovers,
    health: EvaluationHealth,
    verdicts: Verdicts,
    ownership: Ownership,
    records: Records,
    applied: u64,
    last_success: Option<Instant>,
    gauges: Gauges,
    /// The changes that may be made.
    approval: Approval,
    /// Namespaces with changes that were not made, because they are not among those.
    unapproved: BTreeSet<RulerNamespace>,
    /// What the last list showed, if plans contain bodies.
    stored: Option<StoredGroups>,
    /// The objects whose state may have changed since it was last reported.
    changed: ChangedObjects,
}

impl State {
    pub(super) fn new(id: DestinationId, shared: &Shared) -> Self {
        let Capabilities { fields, normalization, language, load_delay, .. } = shared.ruler.capabilities();
        let server = Server { fields, normalization, language };
        let environment = Arc::<Environment>::default();
        Self {
            availability: Availability::new(&environment.policy),
            environment,
            shared: shared.clone(),
            desired: Desired::default(),
            view: RulerView::new(server),
            adoptions: HashMap::new(),
            legacy: HashMap::new(),
            queue: Queue::default(),
            limits: Limits::default(),
            known_limits: KnownLimits::new(Instant::now()),
            safety: DeleteSafety::new(shared.release_deletes),
            reported_held: None,
            handovers: IncomingHandovers::default(),
            health: EvaluationHealth::new(Instant::now(), load_delay),
            verdicts: Verdicts::default(),
            ownership: Ownership::new(&shared.classifier.owner, shared.claims),
            records: Records::new(shared.record_requests.clone()),
            applied: 0,
            last_success: None,
            gauges: Gauges::new(&shared.metrics, &id),
            approval: shared.approval.clone(),
            unapproved: BTreeSet::new(),
            stored: None,
            changed: ChangedObjects::default(),
            id,
        }
    }

    /// Returns the times and limits that apply now.
    pub(super) fn policy(&self) -> &Policy {
        &self.environment.policy
    }

    /// Returns whether every source has shown all its objects.
    pub(super) fn everything_is_declared(&self) -> bool {
        self.safety.deletes().known
    }

    /// Judges deletes whose time has come.
    pub(super) fn judge_deletes(&mut self) {
        let now = Instant::now();
        if self.safety.takeover_is_over(now) {
            self.queue_all_with_changes(false);
        }
        let Some(observed) = self.view.observed() else { return };
        let (desired, classifier) = (&self.desired, &self.shared.classifier);
        let passed = self.safety.judge(|| own_groups(observed, desired, classifier), desired, now);
        self.queue_last(&passed);
    }

    /// Returns when deletes are to be judged.
    pub(super) fn judging_due(&self) -> Option<Instant> {
        self.view.observed()?;
        self.safety.due()
    }

    /// Discards everything that was planned: all namespaces are rechecked after the next list.
    pub(super) fn restart(&mut self) {
        self.queue.clear();
        self.limits.clear();
        self.safety.guard.forget_all();
        self.adoptions.clear();
        self.view.restart();
        self.changed.everything = true;
    }

    /// Records that this process has become the leader.
    pub(super) fn take_over(&mut self) {
        self.safety.take_over(Instant::now());
    }

    fn offered(&self) -> Offered<'_> {
        Offered { desired: &self.desired, overlay: &self.verdicts.overlay }
    }

    // The state of the destination.

    fn answered(&mut self) {
        if self.availability.answered() {
            self.availability_changed();
            self.report_outcome(&Outcome::DestinationUp { destination: self.id.clone() });
        }
    }

    fn unanswered(&mut self, error: RulerError) {
        if self.availability.unanswered(&error) {
            self.availability_changed();
            let (destination, retry_in) = (self.id.clone(), self.availability.retry_in());
            self.report_outcome(&Outcome::DestinationDown { destination, error, retry_in });
        }
    }

    /// Records that the reason may have changed why what is pending is not written.
    fn availability_changed(&mut self) {
        self.changed.everything |= !self.view.is_listed();
        self.changed.namespaces.extend(self.queue.namespaces().chain(self.records.awaited()).cloned());
    }

    /// Records the time if everything is in sync, as far as that can be known.
    fn settled(&mut self) {
        let in_order =
            self.queue.len() == 0 && self.safety.deletes().known && !self.view.contested.has_unconfirmed();
        if self.view.is_listed() && in_order {
            self.last_success = Some(Instant::now());
            self.gauges.succeeded(seconds_since_1970());
        }
    }

    /// Returns when a retry is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.view.observed()?;
        if self.may_write() {
            return self.queue.due();
        }
        // Nothing is due under a foreign claim, and an own claim that waits for a list comes after it.
        let waits = !self.ownership.is_to_claim()
            || (self.view.is_stale() && (self.view.is_listing() || self.view.next_list().is_some()));
        if waits { None } else { self.queue.due_of(self.ownership.namespace()) }
    }

    /// Returns whether nothing is left to do except retries.
    pub(super) fn is_settled(&self) -> bool {
        let waits = self.queue.len() == self.queue.delayed() && !self.safety.guard.is_undecided();
        self.availability.is_down() || self.ownership.conflict().is_some() || waits
    }

    /// Returns whether it failed so often in a row that waiting longer is pointless for a one-shot run.
    fn is_stuck(&self) -> bool {
        self.availability.is_stuck()
            || (self.queue.delayed() > 0
                && self.is_settled()
                && self.queue.least_failures() >= STUCK_FAILURES)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            handled: 0,
            environment: self.environment.version,
            idle: false,
            listed: self.view.is_listed(),
            failing: self.queue.failing() > 0 || self.availability.is_down(),
            stuck: self.is_stuck() || self.ownership.conflict().is_some(),
            retired: self.safety.is_retiring()
                && self.safety.deletes().orphans
                && self.view.observed().is_some_and(|observed| self.own_groups(observed) == 0)
                && !self.ownership.has_claim(),
            refused: self.verdicts.refused_groups(),
            orphans: if self.writes() { self.safety.guard.orphans() } else { self.planned_orphans() },
            former_names: self.has_former_names(),
            applied: self.applied,
        }
    }

    fn subject(&self, change: &Change) -> Subject {
        Subject {
            destination: self.id.clone(),
            object: change.object.clone(),
            namespace: change.namespace.clone(),
            group: change.group().map(GroupName::from),
        }
    }

    fn report_outcome(&self, outcome: &Outcome) {
        self.shared.reporters.report(outcome);
    }
}

#[cfg(test)]
mod tests;
