//! What the engine tells a destination, taken into its bookkeeping.

use std::sync::Arc;

use tokio::time::Instant;

use super::State;
use super::report::namespace_taken;
use crate::desired::{DesiredObject, LeftBecause, Protection};
use crate::destination::Retirement;
use crate::destination::queue::Priority;
use crate::environment::Environment;
use crate::model::object::ObjectId;
use crate::outcome::Outcome;

impl State {
    pub(in crate::destination) fn upsert(&mut self, namespace: &Arc<str>, object: DesiredObject, live: bool) {
        let newcomer = object.id.clone();
        self.doubt_former(namespace, &object);
        self.desired.upsert(namespace, object);
        self.learned_of(namespace);
        self.winner_changed(namespace);
        if let Some(winner) = self.desired.winner(namespace).filter(|winner| winner.id != newcomer) {
            let finding = namespace_taken(namespace, &newcomer, &winner.id);
            self.tell(&Outcome::Found { object: newcomer, destination: Some(self.id.clone()), finding });
        }
        self.look_at(namespace, if live { Priority::Next } else { Priority::Last }, false);
        self.want_claim();
    }

    /// What is known of a namespace's groups is forgotten where they are other groups now.
    fn winner_changed(&mut self, namespace: &Arc<str>) {
        self.refusals.forget_changed(namespace, self.desired.winner(namespace));
        let declared = self.desired.winner(namespace).map_or(&[][..], |object| &object.groups);
        for offered in self.omissions.replacements(namespace, declared) {
            self.desired.replace(namespace, offered);
        }
    }

    pub(in crate::destination) fn remove(
        &mut self,
        namespace: &Arc<str>,
        object: &ObjectId,
        because: LeftBecause,
    ) {
        self.desired.remove(namespace, object, because);
        self.learned_of(namespace);
        self.winner_changed(namespace);
        self.look_at(namespace, Priority::Next, false);
    }

    pub(in crate::destination) fn protect(
        &mut self,
        namespace: &Arc<str>,
        object: &ObjectId,
        protection: Option<Protection>,
    ) {
        let before = self.desired.enforced_on_protected(namespace).cloned();
        let is_protected = protection.is_some();
        self.desired.protect(namespace, object, protection);
        self.learned_of(namespace);
        if before.as_ref() != self.desired.enforced_on_protected(namespace) {
            self.doubt_held(namespace);
        }
        if !is_protected {
            self.look_at(namespace, Priority::Last, false);
        }
    }

    /// Takes what all destinations share into account.
    pub(in crate::destination) fn set_environment(&mut self, environment: Arc<Environment>) {
        let before = std::mem::replace(&mut self.environment, Arc::clone(&environment));
        if environment.policy != before.policy {
            self.breaker.set_policy(&environment.policy);
            self.shared.policy.clone_from(&environment.policy);
            self.safety.guard.reconsider(Instant::now());
        }
        if let Some(claimant) = &environment.claimant
            && environment.claimant != before.claimant
        {
            self.identify(claimant.clone());
        }
        if self.safety.set_environment(environment, &self.shared.namespace_policy, Instant::now()) {
            self.look_at_everything_with_changes(false);
            self.settled();
        }
    }

    /// Everything that is declared for this destination so far has been sent.
    pub(in crate::destination) fn declarations_sent(&mut self) {
        if self.safety.declarations_sent() {
            self.look_at_everything_with_changes(false);
            self.settled();
        }
    }

    /// The configuration was read anew: what was refused is offered again, and what failed is tried at once.
    pub(in crate::destination) fn reconsider(&mut self) {
        self.breaker.reset();
        for namespace in self.queue.delayed_namespaces() {
            self.look_at(&namespace, Priority::Last, false);
        }
        self.learned_of_all();
        let mut namespaces = self.refusals.clear();
        for (namespace, declared) in self.omissions.forget(true) {
            self.desired.replace(&namespace, declared);
            namespaces.push(namespace);
        }
        for namespace in namespaces {
            self.look_at(&namespace, Priority::Last, false);
        }
    }

    /// An operator has looked at the deletes that are held back: they are made. The answer is how many namespaces.
    pub(in crate::destination) fn release(&mut self) -> usize {
        let released = self.safety.guard.release();
        for namespace in &released {
            self.look_at(namespace, Priority::Last, false);
        }
        released.len()
    }

    /// Nothing leads here any more: what is left of ours is to go.
    pub(in crate::destination) fn retire(&mut self, retirement: Retirement) {
        self.safety.retirement = Some(retirement);
        self.look_at_everything_with_changes(false);
    }

    /// Something leads here again.
    pub(in crate::destination) fn return_to_service(&mut self) {
        self.safety.retirement = None;
        self.look_at_everything_with_changes(false);
        self.want_claim();
    }
}
