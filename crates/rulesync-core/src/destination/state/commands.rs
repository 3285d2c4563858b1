//! What the engine tells a destination, taken into its bookkeeping.

use std::sync::Arc;

use tokio::time::Instant;

use super::State;
use super::report::namespace_taken;
use crate::desired::{DesiredObject, LeftBecause, Protection};
use crate::destination::Retirement;
use crate::destination::queue::Priority;
use crate::guard::HeldReason;
use crate::model::object::ObjectId;
use crate::outcome::Outcome;
use crate::plan::Deletes;
use crate::policy::Policy;

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

    pub(in crate::destination) fn allow(&mut self, deletes: Deletes) {
        if self.safety.allow(deletes) {
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

    pub(in crate::destination) fn set_policy(&mut self, policy: Policy) {
        self.breaker.set_policy(&policy);
        self.shared.policy = policy;
        self.safety.guard.reconsider(Instant::now());
    }

    /// A source may not know what it says, or does again.
    pub(in crate::destination) fn suspect_source(&mut self, source: Arc<str>, doubt: bool) {
        self.safety.suspect(source, doubt, Instant::now());
    }

    /// Most of what a source had has vanished at once, or no longer.
    pub(in crate::destination) fn source_vanished(&mut self, source: Arc<str>, held: Option<HeldReason>) {
        self.safety.vanished(source, held, Instant::now());
    }

    /// Whether namespaces that no object is known for are held, and why.
    pub(in crate::destination) fn hold_orphans(&mut self, held: Option<HeldReason>) {
        self.safety.hold_orphans(held, Instant::now());
    }

    /// A Kubernetes namespace is gone, or there again.
    pub(in crate::destination) fn kubernetes_namespace(&mut self, name: &str, gone: bool) {
        let window = self.shared.policy.delete_guard.window;
        self.safety.kubernetes_namespace(name, gone, window, &self.shared.namespace_policy, Instant::now());
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
