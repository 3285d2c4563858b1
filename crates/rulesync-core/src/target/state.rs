//! What a target knows, and what follows from it: pure bookkeeping between the orders that come in, the lists that are
//! read and the changes that were carried out. No requests are made here.

mod report;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gate::Gate;
use super::gauges::{Gauges, as_i64};
use super::queue::{Queue, Turn};
use super::refusals::Refusals;
use super::{Progress, Shared, seconds_since_1970};
use crate::apply::{Applied, Report};
use crate::desired::{Claim, Desired};
use crate::finding::{Finding, Place};
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::observed::Observed;
use crate::outcome::{Outcome, Subject};
use crate::plan::{Action, Change, Deletes, Plan, Reason, plan, plan_namespace};
use crate::policy::Policy;
use crate::ruler::RulerError;
use report::contested;

/// The code of the finding, and the state in metrics, of what the ruler does not take.
pub(super) const REFUSED: &str = "refused";

/// Failures in a row after which a one-shot run gives up.
const STUCK: u32 = 3;

/// The bookkeeping of one target.
pub(super) struct State {
    pub(super) id: TargetId,
    pub(super) gate: Gate,
    shared: Shared,
    desired: Desired,
    /// None before the first list. Shared with a list under way, which compares with it.
    observed: Option<Arc<Observed>>,
    queue: Queue,
    deletes: Deletes,
    refusals: Refusals,
    /// Namespaces the ruler's limits keep from being written until something is deleted.
    limited: HashSet<Arc<str>>,
    /// Namespaces written to while a list is under way: for those it is out of date.
    touched: Option<HashSet<Arc<str>>>,
    list_failures: u32,
    error: Option<String>,
    down: bool,
    applied: u64,
    last_success: Option<u64>,
    gauges: Gauges,
}

impl State {
    pub(super) fn new(id: TargetId, shared: &Shared) -> Self {
        Self {
            gate: Gate::new(shared.policy.backoff),
            shared: shared.clone(),
            desired: Desired::default(),
            observed: None,
            queue: Queue::default(),
            deletes: Deletes::default(),
            refusals: Refusals::default(),
            limited: HashSet::new(),
            touched: None,
            list_failures: 0,
            error: None,
            down: false,
            applied: 0,
            last_success: None,
            gauges: Gauges::new(&shared.metrics, &id),
            id,
        }
    }

    // Orders.

    pub(super) fn claim(&mut self, namespace: &Arc<str>, claim: Claim, live: bool) {
        let newcomer = claim.object.clone();
        self.desired.claim(namespace, claim);
        self.refusals.forget_changed(namespace, self.desired.winner(namespace));
        if let Some(winner) = self.desired.winner(namespace).filter(|winner| winner.object != newcomer) {
            let finding = contested(namespace, &winner.object);
            self.tell(&Outcome::Found { object: newcomer, target: Some(self.id.clone()), finding });
        }
        self.look_at(namespace, if live { Turn::Next } else { Turn::Last }, false);
    }

    pub(super) fn drop_claim(&mut self, namespace: &Arc<str>, object: &ObjectId) {
        if self.desired.drop_claim(namespace, object) {
            self.refusals.forget_changed(namespace, self.desired.winner(namespace));
            self.look_at(namespace, Turn::Next, false);
        }
    }

    pub(super) fn hold(&mut self, namespace: &Arc<str>, hold: bool) {
        self.desired.hold(namespace, hold);
        if !hold {
            self.look_at(namespace, Turn::Last, false);
        }
    }

    pub(super) fn allow(&mut self, deletes: Deletes) {
        let more = (deletes.known && !self.deletes.known) || (deletes.orphans && !self.deletes.orphans);
        self.deletes = deletes;
        if more {
            self.look_at_everything_with_changes(false);
        }
    }

    pub(super) fn reconsider(&mut self) {
        for namespace in self.refusals.clear() {
            self.look_at(&namespace, Turn::Last, false);
        }
    }

    pub(super) fn set_policy(&mut self, policy: Policy) {
        self.gate.set_backoff(policy.backoff);
        self.shared.policy = policy;
    }

    // Lists.

    /// A list begins; the answer is what the last one gave.
    pub(super) fn begin_list(&mut self) -> Arc<Observed> {
        self.touched = Some(self.queue.running().cloned().collect());
        self.observed.clone().unwrap_or_default()
    }

    /// A list is complete. What was written while it was under way is known better than it tells.
    pub(super) fn end_list(&mut self, mut listed: Observed) {
        let first = self.observed.is_none();
        if let Some(observed) = &mut self.observed {
            let touched = self.touched.take().unwrap_or_default();
            if !touched.is_empty() {
                let observed = Arc::make_mut(observed);
                touched.iter().for_each(|namespace| listed.adopt(namespace, observed));
            }
        }
        self.touched = None;
        self.list_failures = 0;
        self.answered();
        self.observed = Some(Arc::new(listed));
        self.gauges.syncs.inc();
        self.refusals.forget_old();
        self.look_at_everything_with_changes(!first);
        self.settled();
    }

    /// A list failed; the answer is how long to wait.
    pub(super) fn list_failed(&mut self, error: RulerError) -> Duration {
        self.touched = None;
        self.list_failures += 1;
        self.gauges.failed(&error);
        let retry_after = retry_after(&error);
        self.gate.failure(Instant::now(), retry_after);
        self.unanswered(error);
        retry_after.unwrap_or_default().max(self.shared.policy.backoff.wait(self.list_failures))
    }

    // Work.

    /// The next namespace with changes to carry out.
    pub(super) fn next_job(&mut self) -> Option<(Arc<str>, Vec<Change>)> {
        let observed = Arc::clone(self.observed.as_ref()?);
        loop {
            let (namespace, drifted) = self.queue.pop(Instant::now())?;
            let mut changes = self.changes(&namespace, &observed);
            if changes.is_empty() {
                self.queue.finished(&namespace);
                self.settled();
                continue;
            }
            if drifted {
                changes.iter_mut().for_each(|change| change.reason = Reason::Drifted);
            }
            if let Some(touched) = &mut self.touched {
                touched.insert(Arc::clone(&namespace));
            }
            return Some((namespace, changes));
        }
    }

    /// Changes were carried out, or not.
    pub(super) fn applied(&mut self, Report { namespace, applied, unfinished }: Report) {
        let mut retry = unfinished;
        let mut failed: Vec<(Change, RulerError)> = Vec::new();
        for Applied { change, result, elapsed } in applied {
            tracing::debug!(target = %self.id, %change, ?elapsed, ok = result.is_ok(), "request");
            self.gauges.wrote(&change, result.as_ref().copied());
            match result {
                Ok(()) => self.succeeded(&change),
                Err(RulerError::Rejected { message, rule }) if matches!(change.action, Action::Put(_)) => {
                    self.answered();
                    self.refused(&change, &message, rule);
                }
                Err(error) => {
                    retry = true;
                    // Whether the ruler has it now is not known: look again, and never believe it is in order.
                    self.doubt(&change);
                    failed.push((change, error));
                }
            }
        }
        if !retry {
            self.queue.finished(&namespace);
            self.settled();
            return;
        }
        let now = Instant::now();
        let wait = failed.iter().filter_map(|(_, error)| retry_after(error)).max().unwrap_or_default();
        let backoff = self.shared.policy.backoff;
        let mut retry_in = Duration::ZERO;
        self.queue.failed(&namespace, |failures| {
            retry_in = wait.max(backoff.wait(failures));
            now + retry_in
        });
        for (change, error) in failed {
            match &error {
                RulerError::Limit { .. } => {
                    self.answered();
                    self.limited.insert(Arc::clone(&namespace));
                }
                RulerError::Rejected { .. } | RulerError::Protected { .. } => self.answered(),
                _ => {
                    if self.gate.failure(now, retry_after(&error)) {
                        self.unanswered(error.clone());
                    }
                }
            }
            let subject = self.subject(&change);
            self.tell(&Outcome::Failed { subject, error, retry_in });
        }
    }

    /// A change may have been carried out or not: what it was about counts as unknown until it is known again.
    fn doubt(&mut self, change: &Change) {
        let groups: Vec<&str> = match &change.action {
            Action::Put(group) => vec![&group.name],
            Action::DeleteGroup(group) => vec![group],
            Action::DeleteNamespace(groups) => groups.iter().map(AsRef::as_ref).collect(),
        };
        self.observe(|observed| {
            for group in groups {
                observed.set(&change.namespace, group, None);
            }
        });
    }

    /// Nothing that was planned can be relied on: everything is looked at after the next list.
    pub(super) fn restart(&mut self) {
        self.queue = Queue::default();
        self.observed = None;
        self.touched = None;
    }

    fn succeeded(&mut self, change: &Change) {
        self.answered();
        self.applied += 1;
        let reason = change.reason;
        let subject = self.subject(change);
        match &change.action {
            Action::Put(group) => {
                self.observe(|observed| {
                    observed.set(&change.namespace, &group.name, Some(group.fingerprint))
                });
                // What somebody else changed was not on its way.
                if reason != Reason::Drifted
                    && let Some(claim) = self.desired.winner(&change.namespace)
                {
                    self.gauges.propagated(claim.seen.elapsed().as_secs_f64());
                }
                self.limited.remove(&change.namespace);
                self.tell(&Outcome::Synced { subject, reason });
            }
            Action::DeleteGroup(group) => {
                self.observe(|observed| observed.remove(&change.namespace, group));
                self.room_made();
                self.tell(&Outcome::Removed { subject, reason });
            }
            Action::DeleteNamespace(_) => {
                self.observe(|observed| observed.remove_namespace(&change.namespace));
                self.desired.forget_dropped(&change.namespace);
                self.room_made();
                self.tell(&Outcome::Removed { subject, reason });
            }
        }
        if reason == Reason::Drifted {
            self.gauges.drift_repaired.inc();
        }
    }

    /// Something was deleted: what a limit kept out may go in now.
    fn room_made(&mut self) {
        for namespace in std::mem::take(&mut self.limited) {
            self.queue.push(&namespace, Turn::Last, false);
        }
    }

    /// The ruler does not take a group. Our parser's finding, if it has one, tells the author where.
    fn refused(&mut self, change: &Change, message: &str, rule: Option<usize>) {
        let Action::Put(group) = &change.action else { return };
        // Meanwhile declared otherwise, or not at all: then the refusal is of no interest.
        let winner = self.desired.winner(&change.namespace);
        let current = |claim: &Claim| {
            claim.groups.iter().any(|g| g.name == group.name && g.fingerprint == group.fingerprint)
        };
        if !winner.is_some_and(current) {
            return;
        }
        let mut place = Place { group: Some(group.name.to_string()), rule, ..Place::default() };
        if let Some(claim) = self.desired.winner(&change.namespace) {
            let about_this = |finding: &&Finding| {
                finding.place.group.as_deref() == Some(&*group.name)
                    && finding.place.position.is_some()
                    && rule.is_none_or(|rule| finding.place.rule == Some(rule))
            };
            if let Some(finding) = claim.findings.iter().find(about_this) {
                place = finding.place.clone();
            }
        }
        if let (Some(rule), None) = (place.rule, &place.rule_name)
            && let Ok(decoded) = group.body.unpack()
        {
            place.rule_name = decoded.rules.get(rule).map(|rule| rule.name().to_owned());
        }
        let kept = self
            .observed
            .as_ref()
            .is_some_and(|o| o.namespace(&change.namespace).any(|(name, _)| *name == *group.name));
        let hint = if kept { "the version the ruler had stays" } else { "the other groups are synced" };
        let finding =
            Finding::error(REFUSED, format!("refused by the ruler: {message}")).at(place).hint(hint);
        let memory = self.shared.policy.refusal_memory;
        self.refusals.add(&change.namespace, group, finding.clone(), memory);
        let subject = self.subject(change);
        self.tell(&Outcome::Refused { subject, finding });
    }

    fn changes(&self, namespace: &Arc<str>, observed: &Observed) -> Vec<Change> {
        plan_namespace(namespace, &self.desired, observed, self.deletes, |group, fingerprint| {
            self.refusals.contains(namespace, group, fingerprint)
        })
    }

    fn look_at(&mut self, namespace: &Arc<str>, turn: Turn, drifted: bool) {
        self.queue.push(namespace, turn, drifted);
    }

    /// Queues every namespace that needs a change; the others cost one comparison each.
    fn look_at_everything_with_changes(&mut self, drifted: bool) {
        let Some(observed) = self.observed.clone() else { return };
        let mut namespaces: Vec<Arc<str>> =
            self.desired.claims().map(|(namespace, _)| Arc::clone(namespace)).collect();
        namespaces.extend(observed.namespaces().map(|(namespace, _)| Arc::clone(namespace)));
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces {
            let waiting = self.queue.contains(&namespace);
            if !waiting && !self.changes(&namespace, &observed).is_empty() {
                self.look_at(&namespace, Turn::Last, drifted);
            }
        }
    }

    fn observe(&mut self, change: impl FnOnce(&mut Observed)) {
        if let Some(observed) = &mut self.observed {
            change(Arc::make_mut(observed));
        }
    }

    // How it is.

    fn answered(&mut self) {
        self.gate.success();
        self.error = None;
        if std::mem::take(&mut self.down) {
            self.tell(&Outcome::TargetUp { target: self.id.clone() });
        }
    }

    fn unanswered(&mut self, error: RulerError) {
        let message = error.to_string();
        if !std::mem::replace(&mut self.down, true) || self.error.as_ref() != Some(&message) {
            self.tell(&Outcome::TargetDown { target: self.id.clone(), error });
        }
        self.error = Some(message);
    }

    /// Notes when everything is in order.
    fn settled(&mut self) {
        if self.observed.is_some() && self.queue.len() == 0 {
            let now = seconds_since_1970();
            self.last_success = Some(now);
            self.gauges.last_success.set(now.cast_signed());
        }
    }

    /// When something that failed is due again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.observed.as_ref()?;
        self.queue.due()
    }

    /// Whether nothing is left to do but what failed.
    pub(super) fn is_settled(&self) -> bool {
        self.down || self.queue.len() == self.queue.delayed()
    }

    /// Whether it has failed so often in a row that waiting longer is no use to a one-shot run.
    fn is_stuck(&self) -> bool {
        self.list_failures >= STUCK
            || self.gate.waits() >= STUCK
            || (self.queue.delayed() > 0 && self.is_settled() && self.queue.least_failures() >= STUCK)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            handled: 0,
            idle: false,
            listed: self.observed.is_some(),
            failing: self.queue.delayed() > 0 || self.down,
            stuck: self.is_stuck(),
            refused: self.refusals.groups(),
            applied: self.applied,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let observed = self.observed.clone().unwrap_or_default();
        plan(&self.id, &self.desired, &observed, self.deletes)
    }

    fn subject(&self, change: &Change) -> Subject {
        Subject {
            target: self.id.clone(),
            object: change.object.clone(),
            namespace: Arc::clone(&change.namespace),
            group: change.group().map(Arc::from),
        }
    }

    fn tell(&self, outcome: &Outcome) {
        self.shared.reporters.report(outcome);
    }

    // Metrics.

    pub(super) fn publish_metrics(&mut self) {
        let numbers = [
            (&self.gauges.groups, self.desired.groups()),
            (&self.gauges.rules, self.desired.rules()),
            (&self.gauges.refused_groups, self.refusals.groups()),
            (&self.gauges.refused_rules, self.refusals.rules()),
        ];
        for (gauge, number) in numbers {
            gauge.set(as_i64(number));
        }
        self.gauges.set_waiting(self.queue.len());
    }
}

fn retry_after(error: &RulerError) -> Option<Duration> {
    match error {
        RulerError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    }
}
