//! The bookkeeping of a destination: what is desired and observed, and what follows from commands, lists and the
//! results of changes. No requests are made here.

mod applied;
mod commands;
mod evaluated;
mod explain;
mod limits;
mod lists;
mod names;
mod objects;
mod planning;
mod records;
mod refuse;
mod report;
mod retention;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::availability::{Availability, STUCK_FAILURES};
use super::changed_objects::ChangedObjects;
use super::delete_safety::{DeleteSafety, Retirement};
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
use crate::observed::Observed;
use crate::outcome::{Outcome, Subject};
use crate::overlay::Offered;
use crate::plan::{Approval, Change, PlanInput, Reason, in_order, own_groups, plan_namespace, successor};
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

    /// Returns the next namespace with changes to carry out.
    pub(super) fn next_job(&mut self) -> Option<(RulerNamespace, Vec<Change>)> {
        let observed = Arc::clone(self.view.observed()?);
        if !self.may_write() && !self.is_claiming() {
            let namespace = self.ownership.namespace().clone();
            let claim = self.claim_change()?;
            return self.queue.take(&namespace, Instant::now()).then(|| (namespace, vec![claim]));
        }
        loop {
            let (namespace, drifted) = self.queue.pop(Instant::now())?;
            let mut changes = self.changes(&namespace, &observed);
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
    fn is_claiming(&self) -> bool {
        self.shared.ruler.capabilities().batches
            && self.ownership.is_to_claim()
            && self.queue.running().any(|namespace| namespace == self.ownership.namespace())
    }

    /// Returns whether every source has shown all its objects.
    pub(super) fn everything_is_declared(&self) -> bool {
        self.safety.deletes().known
    }

    /// Returns whether objects' rules may be written and deleted. A retiring destination is only cleaned up, which
    /// needs no own claim, but no foreign claim may stand there.
    fn may_write(&self) -> bool {
        self.ownership.may_write() || (self.safety.is_retiring() && self.ownership.is_to_claim())
    }

    /// Returns the change that writes the claim, if it is to be written.
    fn claim_change(&mut self) -> Option<Change> {
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

    fn has_failed(&self, change: &Change) -> bool {
        change.group().is_some_and(|group| self.queue.has_group_failed(&change.namespace, group))
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

    /// Returns the changes that may be made to a namespace now, before the delete guard is asked.
    fn changes(&mut self, namespace: &RulerNamespace, observed: &Observed) -> Vec<Change> {
        let mut changes = self.wanted_changes(namespace, observed);
        changes.retain(|change| change.held.is_none());
        changes
    }

    fn wanted_changes(&mut self, namespace: &RulerNamespace, observed: &Observed) -> Vec<Change> {
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

    /// Records that this process has become the leader.
    pub(super) fn take_over(&mut self) {
        self.safety.take_over(Instant::now());
    }

    fn input<'a>(&'a self, observed: &'a Observed) -> PlanInput<'a> {
        PlanInput {
            offered: self.offered(),
            observed,
            adoptable: self.view.adoptable(),
            deletes: self.safety.deletes(),
            classifier: &self.shared.classifier,
        }
    }

    /// Returns the delete of the own claim once no other own group is left in a retiring destination.
    fn claim_removal(&self, observed: &Observed) -> Option<Change> {
        // What is under way may write a group.
        let is_other = |namespace: &RulerNamespace| namespace != self.ownership.namespace();
        let works = self.queue.running().any(is_other);
        let last = self.safety.is_retiring() && !works && self.own_groups(observed) == 0;
        self.ownership.delete().filter(|_| last)
    }

    /// Queues namespaces behind all others.
    fn queue_last(&mut self, namespaces: &[RulerNamespace]) {
        for namespace in namespaces {
            self.queue.push(namespace, Priority::Last, false);
        }
    }

    /// Queues every namespace that needs a change; the others cost one comparison each.
    fn queue_all_with_changes(&mut self, drifted: bool) {
        let Some(observed) = self.view.observed().cloned() else { return };
        let mut namespaces: Vec<RulerNamespace> =
            self.desired.objects().map(|(namespace, _)| namespace.clone()).collect();
        namespaces.extend(observed.names().cloned());
        namespaces.push(self.ownership.namespace().clone());
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces {
            // The work that is under way was planned before: it is rechecked once more.
            let waiting = self.queue.is_waiting(&namespace);
            if !waiting && !self.changes(&namespace, &observed).is_empty() {
                self.queue.push(&namespace, Priority::Last, drifted);
            }
        }
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

    // Metrics.

    pub(super) fn publish_metrics(&mut self) {
        self.gauges.groups.set(self.desired.groups());
        self.gauges.rules.set(self.offered_rules());
        self.gauges.refused_groups.set(self.verdicts.refused_groups());
        self.gauges.refused_rules.set(self.verdicts.refused_rules());
        self.gauges.evaluated(
            self.health.is_known().then(|| (self.health.failing_rules(), self.health.not_loaded_groups())),
        );
        self.gauges.limits(self.known_limits.get(), self.desired.groups());
        self.gauges.contested_groups.set(self.view.contested.groups());
        self.gauges.normalized_groups.set(self.view.normalizations.groups());
        self.gauges.waiting.set(self.queue.len());
        self.gauges.foreign_claims.set(usize::from(self.ownership.conflict().is_some()));
        self.report_held();
    }

    /// The number of rules that should exist, without those that the ruler refuses and that are omitted therefore.
    fn offered_rules(&self) -> usize {
        self.desired.rules().saturating_sub(self.verdicts.overlay.omissions.rules())
    }

    /// Reports held deletes when they have changed.
    fn report_held(&mut self) {
        let held = self.safety.guard.total_held();
        if held == self.reported_held {
            return;
        }
        self.gauges.held.set(held.map_or(0, |(groups, _)| groups));
        self.changed.held(self.safety.guard.held().map(|(namespace, ..)| namespace.clone()));
        let destination = self.id.clone();
        match held {
            Some((groups, reason)) => {
                let until = match (reason, self.safety.retirement) {
                    (HeldReason::Route, Some(Retirement::NoRoute { until })) => Some(until),
                    (HeldReason::Configuration, _) => self.safety.guard.next_wait(),
                    _ => None,
                };
                let until = until.map(|until| until.saturating_duration_since(Instant::now()));
                self.report_outcome(&Outcome::Held { destination, groups, reason, until });
            }
            None => self.report_outcome(&Outcome::NoneHeld { destination }),
        }
        self.reported_held = held;
    }
}

#[cfg(test)]
mod tests;
