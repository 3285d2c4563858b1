//! The results of changes: the observed state after them, and the time of each retry.

use std::time::Duration;

use tokio::time::Instant;

use super::State;
use crate::apply::{Applied, Report};
use crate::destination::queue::Priority;
use crate::finding::{Code, Finding};
use crate::model::name::RulerNamespace;
use crate::outcome::{MAX_REPORTED_EACH, Outcome, Subject};
use crate::plan::{Action, Change, Reason};
use crate::ruler::{RulerError, RulerErrorKind};

impl State {
    /// Takes the results of a namespace's changes into account.
    pub(in crate::destination) fn applied(&mut self, Report { namespace, applied, unfinished }: Report) {
        self.handovers.mark_updated(&namespace);
        self.changed.namespaces.insert(namespace.clone());
        let mut retry = unfinished;
        let mut failed: Vec<(Change, RulerError)> = Vec::new();
        let mut refused = Vec::new();
        for Applied { change, result, elapsed } in applied {
            tracing::debug!(destination = %self.id, %change, ?elapsed, ok = result.is_ok(), "Request finished");
            self.gauges.wrote(&change, result.as_ref().copied(), elapsed);
            if let Some(group) = change.group().filter(|_| result.is_ok()) {
                self.queue.group_succeeded(&change.namespace, group);
            }
            match result {
                Ok(()) => {
                    if matches!(change.action, Action::Put(_)) {
                        let period = self.shared.ruler.capabilities().load_delay;
                        self.health.wrote(&change.namespace, Instant::now(), period);
                    }
                    self.succeeded(&change);
                }
                Err(error) if change.reason == Reason::Claim && is_about_content(&error) => {
                    // Waiting for the claim is pointless: without one, this installation is as safe as any other.
                    self.answered();
                    self.ownership.settled();
                    let finding =
                        Finding::warning(Code::Claim, format!("the claim is refused: {}", error.message()));
                    let subject = self.subject(&change);
                    self.report_outcome(&Outcome::Refused { subject, finding });
                }
                Err(error)
                    if error.kind() == RulerErrorKind::Rejected
                        && matches!(change.action, Action::Put(_)) =>
                {
                    self.answered();
                    refused.extend(self.refused(&change, error.message(), error.rule()));
                }
                Err(error) => {
                    retry = true;
                    // The state of the group in the ruler is unknown: it is listed again, and never assumed to be in
                    // sync.
                    self.mark_unknown(&change);
                    failed.push((change, error));
                }
            }
        }
        self.report_refused(refused);
        if !retry {
            self.queue.finished(&namespace);
            self.settled();
            return;
        }
        let now = Instant::now();
        let wait = self
            .availability
            .breaker
            .bounded(failed.iter().filter_map(|(_, error)| error.retry_after()).max());
        let backoff = self.environment.policy.backoff;
        let mut retry_in = Duration::ZERO;
        let is_limit = |(_, error): &&(Change, RulerError)| error.kind() == RulerErrorKind::Limit;
        let told = failed.iter().find(is_limit).or(failed.first()).map(|(_, error)| error.clone());
        self.queue.failed(&namespace, told, |failures| {
            retry_in = wait.max(backoff.wait(failures));
            now + retry_in
        });
        // While the ruler is down, an error of one namespace is the error of all that are under way.
        let reported = self.availability.error().map(str::to_owned);
        let is_new = |error: &RulerError| reported.as_deref() != Some(error.to_string().as_str());
        let more = failed.iter().filter(|(_, error)| is_new(error)).count().saturating_sub(MAX_REPORTED_EACH);
        for (index, (change, error)) in failed.into_iter().enumerate() {
            if let Some(group) = change.group() {
                self.queue.group_failed(&change.namespace, group);
            }
            match error.kind() {
                RulerErrorKind::Limit => {
                    self.answered();
                    self.limits.exceeded(&namespace);
                }
                RulerErrorKind::Rejected | RulerErrorKind::Protected => self.answered(),
                _ => {
                    if self.availability.breaker.failure(now, Some(&namespace), error.retry_after()) {
                        self.unanswered(error.clone());
                    }
                }
            }
            if index < MAX_REPORTED_EACH && is_new(&error) {
                let subject = self.subject(&change);
                self.report_outcome(&Outcome::Failed { subject, error, retry_in });
            }
        }
        if more > 0 {
            self.report_outcome(&Outcome::MoreFailed { destination: self.id.clone(), namespace, more });
        }
    }

    /// Marks the groups of a change as unknown until they are read again, because it may have been carried out or not.
    /// The claim, and foreign groups that adoption deletes, are never part of the observed state.
    fn mark_unknown(&mut self, change: &Change) {
        if !self.shared.classifier.owns(&change.namespace) {
            return;
        }
        let groups: Vec<&str> = match &change.action {
            Action::Put(group) => vec![&group.name],
            Action::DeleteGroup(group) => vec![group],
            Action::DeleteNamespace(groups) => groups.iter().map(AsRef::as_ref).collect(),
        };
        self.view.update(|observed| {
            for group in groups {
                observed.set(&change.namespace, group, None);
            }
        });
    }

    fn succeeded(&mut self, change: &Change) {
        self.answered();
        self.applied += 1;
        let reason = change.reason;
        let subject = self.subject(change);
        let namespace = &change.namespace;
        if change.is_guarded() {
            self.safety.guard.carried_out(namespace, change.deletes(), Instant::now());
        }
        match &change.action {
            Action::Put(_) if reason == Reason::Claim => {
                self.claim_written();
                self.report_outcome(&Outcome::Synced { subject, reason });
            }
            Action::Put(group) => {
                self.view.update(|observed| observed.set(namespace, &group.name, Some(group.fingerprint)));
                self.view.contested.written(namespace, &group.name, Instant::now());
                let owner = self.desired.winner(namespace).map(|object| &object.id);
                self.verdicts.overlay.readmit(namespace, owner, &group.name);
                // A change by somebody else was not on its way.
                if reason != Reason::Drifted
                    && let Some(claim) = self.desired.winner(namespace)
                {
                    self.gauges.propagated(claim.seen.elapsed().as_secs_f64());
                }
                let tried = self.limits.written(namespace);
                self.queue_last(&tried);
                self.recheck_legacy_names_of(namespace);
                self.report_outcome(&Outcome::Synced { subject, reason });
            }
            Action::DeleteGroup(group) => {
                if reason == Reason::Adopted {
                    self.view.adopted(namespace, group);
                    if let Some(adoptions) = self.adoptions.get_mut(namespace) {
                        adoptions.retain(|(adoption, _)| adoption != change);
                    }
                } else if namespace == self.ownership.namespace() {
                    self.ownership.claim_deleted();
                } else {
                    self.view.update(|observed| observed.remove(namespace, group));
                    self.release_deleted(namespace);
                }
                let tried = self.limits.room_made();
                self.queue_last(&tried);
                self.report_outcome(&Outcome::Removed { subject, reason });
            }
            Action::DeleteNamespace(groups) => {
                self.view.update(|observed| observed.remove_namespace(namespace));
                self.desired.forget_removed(namespace);
                self.release_deleted(namespace);
                let tried = self.limits.room_made();
                self.queue_last(&tried);
                for group in groups {
                    let subject = Subject { group: Some(group.as_ref().into()), ..subject.clone() };
                    self.report_outcome(&Outcome::Removed { subject, reason });
                }
            }
        }
        if reason == Reason::Drifted {
            self.gauges.drift_repaired.inc();
        }
        if self.safety.is_retiring() {
            // The claim is deleted last.
            let namespace = self.ownership.namespace().clone();
            self.queue.push(&namespace, Priority::Last, false);
        }
    }

    /// Queues legacy namespaces whose successor is in sync now, or is declared no more.
    pub(super) fn recheck_legacy_names_of(&mut self, namespace: &RulerNamespace) {
        let waiting = self.legacy.remove(namespace).unwrap_or_default();
        self.queue_last(&waiting);
    }
}

/// Returns whether an error is about the content that was sent, and not about the state of the ruler.
fn is_about_content(error: &RulerError) -> bool {
    matches!(error.kind(), RulerErrorKind::Rejected | RulerErrorKind::Limit | RulerErrorKind::Protected)
}
