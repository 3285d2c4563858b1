//! Commands of the engine, taken into the bookkeeping of a destination.

use std::sync::Arc;

use tokio::time::Instant;

use super::State;
use super::report::namespace_taken;
use crate::desired::{DesiredObject, Protection, RemovalReason};
use crate::destination::Retirement;
use crate::destination::queue::Priority;
use crate::environment::Environment;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::outcome::Outcome;

impl State {
    pub(in crate::destination) fn upsert(
        &mut self,
        namespace: &RulerNamespace,
        object: DesiredObject,
        live: bool,
    ) {
        let newcomer = object.id.clone();
        self.recheck_refused(namespace, &object);
        let legacy: Vec<RulerNamespace> = self.desired.legacy_names(namespace, &newcomer).to_vec();
        self.queue_legacy(legacy.iter().chain(&object.legacy_names));
        self.desired.upsert(namespace, object);
        self.verdicts.overlay.forget(namespace, Some(&newcomer));
        self.handovers.mark_updated(namespace);
        self.declarations_changed(namespace);
        if let Some(winner) = self.desired.winner(namespace).filter(|winner| winner.id != newcomer) {
            let finding = namespace_taken(namespace, &newcomer, &winner.id);
            self.report_outcome(&Outcome::Found {
                object: newcomer,
                destination: Some(self.id.clone()),
                finding,
            });
        }
        self.ask_for_record(namespace);
        self.queue.push(namespace, if live { Priority::Next } else { Priority::Last }, false);
        self.queue_claim();
    }

    /// Forgets verdicts on groups of a namespace that are other groups now, or are protected no longer.
    fn declarations_changed(&mut self, namespace: &RulerNamespace) {
        self.changed.namespaces.insert(namespace.clone());
        self.verdicts.forget_changed(namespace, &self.desired);
        if self.desired.enforced_on_protected(namespace).is_none() {
            self.verdicts.overlay.forget(namespace, None);
        }
    }

    pub(in crate::destination) fn remove(
        &mut self,
        namespace: &RulerNamespace,
        object: &ObjectId,
        because: RemovalReason,
    ) {
        let legacy: Vec<RulerNamespace> = self.desired.legacy_names(namespace, object).to_vec();
        self.queue_legacy(&legacy);
        self.desired.remove(namespace, object, because);
        self.report_left(namespace, object);
        self.verdicts.overlay.forget(namespace, Some(object));
        self.handovers.mark_updated(namespace);
        self.declarations_changed(namespace);
        self.ask_for_record(namespace);
        // Legacy names that wait for this one are orphans now.
        self.recheck_legacy_names_of(namespace);
        self.queue.push(namespace, Priority::Next, false);
    }

    pub(in crate::destination) fn protect(
        &mut self,
        namespace: &RulerNamespace,
        object: &ObjectId,
        protection: Option<Protection>,
    ) {
        let before = self.desired.enforced_on_protected(namespace).cloned();
        let is_protected = protection.is_some();
        self.desired.protect(namespace, object, protection);
        self.handovers.mark_updated(namespace);
        self.declarations_changed(namespace);
        if before.as_ref() != self.desired.enforced_on_protected(namespace) {
            self.recheck_protected(namespace);
        }
        if !is_protected {
            self.queue.push(namespace, Priority::Last, false);
        }
    }

    /// Sets the facts that all destinations share.
    pub(in crate::destination) fn set_environment(&mut self, environment: Arc<Environment>) {
        let before = std::mem::replace(&mut self.environment, Arc::clone(&environment));
        if environment.policy != before.policy {
            self.availability.breaker.set_policy(&environment.policy);
            self.safety.guard.reconsider(Instant::now());
        }
        if let Some(claimant) = &environment.claimant
            && environment.claimant != before.claimant
        {
            self.identify(claimant.clone());
        }
        if self.safety.set_environment(environment, &self.desired, &self.shared.classifier, Instant::now()) {
            self.queue_all_with_changes(false);
            self.settled();
        }
    }

    /// Records that all declarations for this destination so far have been sent.
    pub(in crate::destination) fn declarations_sent(&mut self) {
        if self.safety.declarations_sent() {
            self.queue_all_with_changes(false);
            self.settled();
        }
    }

    /// Offers refused groups again and retries failed work at once, because the configuration was reloaded.
    pub(in crate::destination) fn reconsider(&mut self) {
        self.availability.breaker.reset();
        self.queue_last(&self.queue.delayed_namespaces());
        self.handovers.mark_all_updated();
        let refused = self.verdicts.reconsider();
        self.queue_last(&refused);
    }

    /// Releases held deletes, after an operator has checked them; returns the number of namespaces.
    pub(in crate::destination) fn release(&mut self) -> usize {
        let released = self.safety.guard.release();
        self.queue_last(&released);
        released.len()
    }

    /// Retires the destination: no route leads here any more, and the remaining own rules are deleted.
    pub(in crate::destination) fn retire(&mut self, retirement: Retirement) {
        self.safety.retirement = Some(retirement);
        self.queue_all_with_changes(false);
    }

    /// Ends the retirement, because a route leads here again.
    pub(in crate::destination) fn return_to_service(&mut self) {
        self.safety.retirement = None;
        self.queue_all_with_changes(false);
        self.queue_claim();
    }
}
