//! Whether something may be deleted now, and if not, why: the one place that answers for a destination. Pure.
//!
//! Two kinds of answer: what is *protected* stays as long as its reason stands (a source has not shown all it has,
//! something unreadable may declare it, its kind is not installed, this process has just become the leader), and what
//! is
//! *held* waits for the delete guard (`guard.rs`): for a window, for a source to recover, or for an operator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::desired::{Desired, LeftBecause};
use crate::environment::Environment;
use crate::guard::{DeleteGuard, Guard, HeldReason, Wait, Wish};
use crate::naming::NamespacePolicy;
use crate::plan::{Change, Deletes, Reason};

/// A watch that is silent is noticed within a little more than a minute. A new leader whose watch lags behind that of
/// the leader before it must not delete what it has not seen yet.
const TAKEOVER_DELAY: Duration = Duration::from_secs(2 * 60);

/// Why a destination is to be emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// No object is there any more, but a route may lead there again: its deletes are like all others.
    Unused,
    /// The configuration leads nothing there any more: what is left goes at this time, whatever its share.
    NoRoute { until: Instant },
}

/// What one destination knows about the safety of deletes.
#[derive(Debug, Default)]
pub(super) struct DeleteSafety {
    pub(super) guard: Guard,
    environment: Arc<Environment>,
    /// Whether everything that is declared for this destination has been sent since it was started.
    declarations_sent: bool,
    /// Until when nothing is deleted, because the leader before this one may have seen more.
    takeover: Option<Instant>,
    pub(super) retirement: Option<Retirement>,
    /// Since when groups are to go because of what a route enforces now, by namespace.
    expelled: HashMap<Arc<str>, Instant>,
    /// Whether an operator has released everything beforehand, as for a one-shot run.
    released: bool,
}

impl DeleteSafety {
    pub(super) fn new(released: bool) -> Self {
        Self { released, ..Self::default() }
    }

    // What is known.

    /// Takes what all destinations share into account. Returns whether other deletes may be
    /// allowed than before.
    pub(super) fn set_environment(
        &mut self,
        environment: Arc<Environment>,
        namespace_policy: &NamespacePolicy,
        now: Instant,
    ) -> bool {
        let allowed = self.deletes();
        let before = std::mem::replace(&mut self.environment, environment);
        let current = &self.environment;
        let of_gone = |namespace: &str| {
            let named = namespace_policy.parse(namespace);
            named.is_some_and(|named| current.gone_namespaces.contains(named.namespace))
        };
        if current.gone_namespaces.has_more_than(&before.gone_namespaces) {
            self.guard.explain(of_gone, now);
        }
        let trusted_again = !before.suspects.is_subset(&current.suspects);
        if trusted_again || before.vanished != current.vanished || before.orphans != current.orphans {
            self.guard.reconsider(now);
        }
        self.allows_more_than(allowed) || before.missing_kinds != self.environment.missing_kinds
    }

    /// Everything that is declared for the destination has been sent. Returns whether more deletes are allowed now.
    pub(super) fn declarations_sent(&mut self) -> bool {
        let allowed = self.deletes();
        self.declarations_sent = true;
        self.allows_more_than(allowed)
    }

    fn allows_more_than(&self, before: Deletes) -> bool {
        let now = self.deletes();
        (now.known && !before.known) || (now.orphans && !before.orphans)
    }

    /// The deletes that are allowed at the moment.
    pub(super) fn deletes(&self) -> Deletes {
        let Deletes { known, orphans, .. } = self.environment.deletes;
        let sent = self.declarations_sent;
        Deletes { takeover: self.takeover.is_some(), known: known && sent, orphans: orphans && sent }
    }

    /// This process leads from now on.
    pub(super) fn take_over(&mut self, now: Instant) {
        self.takeover = Some(now + TAKEOVER_DELAY);
    }

    /// Whether the time after a takeover has just passed.
    pub(super) fn takeover_is_over(&mut self, now: Instant) -> bool {
        self.takeover.take_if(|until| *until <= now).is_some()
    }

    /// Groups of a namespace are to go because they lack what their route enforces now.
    pub(super) fn expel(&mut self, namespace: &Arc<str>, now: Instant) {
        self.expelled.entry(Arc::clone(namespace)).or_insert(now);
    }

    /// Nothing of a namespace lacks what its route enforces.
    pub(super) fn forgive(&mut self, namespace: &str) {
        self.expelled.remove(namespace);
    }

    pub(super) fn is_retiring(&self) -> bool {
        self.retirement.is_some()
    }

    // What follows.

    /// Takes out of a namespace's changes the deletes that are not to be made now.
    pub(super) fn hold_back(
        &mut self,
        namespace: &Arc<str>,
        changes: &mut Vec<Change>,
        desired: &Desired,
        namespace_policy: &NamespacePolicy,
        policy: &DeleteGuard,
        now: Instant,
    ) {
        let guarded: usize = changes.iter().filter(|c| c.is_guarded()).map(Change::deletes).sum();
        if guarded == 0 {
            self.guard.forget(namespace, now);
            return;
        }
        if self.is_of_missing_kind(namespace, desired, namespace_policy) {
            self.guard.forget(namespace, now);
            changes.retain(|change| !change.is_guarded());
            return;
        }
        let expelled = changes.iter().any(|change| change.reason == Reason::NotAllowed);
        let wish = Wish {
            groups: guarded,
            explained: self.released || self.is_explained(namespace, desired, namespace_policy),
            orphan: desired.object_of(namespace).is_none(),
            wait: self.wait(namespace, expelled, desired, policy),
        };
        if !self.guard.passes(namespace, wish, now) {
            changes.retain(|change| !change.is_guarded());
        }
    }

    /// Whether what nobody declares belongs to a kind that is not installed: a deleted CRD looks like one that never
    /// was. What the configuration leads nowhere any more goes all the same.
    fn is_of_missing_kind(
        &self,
        namespace: &str,
        desired: &Desired,
        namespace_policy: &NamespacePolicy,
    ) -> bool {
        let no_route = matches!(self.retirement, Some(Retirement::NoRoute { .. }));
        if self.environment.missing_kinds.is_empty() || no_route || desired.object_of(namespace).is_some() {
            return false;
        }
        let kind = namespace_policy.parse(namespace).and_then(|named| named.kind);
        kind.is_none_or(|kind| self.environment.missing_kinds.contains(kind))
    }

    /// Whether something accounts for the deletes of a namespace, so that they are no accident.
    fn is_explained(&self, namespace: &str, desired: &Desired, namespace_policy: &NamespacePolicy) -> bool {
        let left = desired.left(namespace).map(|left| left.because);
        matches!(left, Some(LeftBecause::Deselected | LeftBecause::Moved))
            || (!self.environment.gone_namespaces.is_empty()
                && namespace_policy
                    .parse(namespace)
                    .is_some_and(|named| self.environment.gone_namespaces.contains(named.namespace)))
    }

    /// The time that the deletes of a namespace wait for, if it is the configuration that asks for them.
    fn wait(&self, namespace: &str, expelled: bool, desired: &Desired, policy: &DeleteGuard) -> Option<Wait> {
        if let Some(Retirement::NoRoute { until }) = self.retirement {
            return Some(Wait { until, reason: HeldReason::Route, then_pass: true });
        }
        let configuration = |since: Instant, then_pass| Wait {
            until: since + policy.window,
            reason: HeldReason::Configuration,
            then_pass,
        };
        if expelled {
            return self.expelled.get(namespace).map(|since| configuration(*since, true));
        }
        let left = desired.left(namespace)?;
        match left.because {
            LeftBecause::Reconfigured => Some(configuration(left.at, false)),
            LeftBecause::Forbidden => Some(configuration(left.at, true)),
            LeftBecause::Deleted
            | LeftBecause::Deselected
            | LeftBecause::NamespaceChanged
            | LeftBecause::Moved => None,
        }
    }

    /// What stands in the way of a namespace's deletes besides their number.
    fn obstacle(&self, namespace: &str, desired: &Desired) -> Option<HeldReason> {
        match desired.object_of(namespace) {
            Some(object) if self.environment.suspects.contains(object.source()) => Some(HeldReason::Source),
            Some(object) if desired.winner(namespace).is_none() => {
                self.environment.vanished.get(object.source()).copied()
            }
            Some(_) => None,
            None if !self.environment.suspects.is_empty() => Some(HeldReason::Source),
            None => self.environment.orphans,
        }
    }

    /// Judges deletes whose time has come; the answer is the namespaces whose deletes may be made now.
    pub(super) fn judge(
        &mut self,
        policy: &DeleteGuard,
        owned: impl FnOnce() -> usize,
        desired: &Desired,
        now: Instant,
    ) -> Vec<Arc<str>> {
        let mut guard = std::mem::take(&mut self.guard);
        let passed = guard.judge(policy, owned, |namespace| self.obstacle(namespace, desired), now);
        self.guard = guard;
        passed
    }

    /// When to judge next.
    pub(super) fn due(&self, policy: &DeleteGuard) -> Option<Instant> {
        [self.guard.due(policy), self.takeover].into_iter().flatten().min()
    }

    /// Why a delete that is planned would not be made now, as far as that can be told without its number; for plans
    /// that are only shown.
    pub(super) fn reason(
        &self,
        change: &Change,
        desired: &Desired,
        namespace_policy: &NamespacePolicy,
        policy: &DeleteGuard,
        now: Instant,
    ) -> Option<HeldReason> {
        let namespace = &*change.namespace;
        if change.held.is_some() || !change.is_guarded() {
            return change.held;
        }
        if self.is_of_missing_kind(namespace, desired, namespace_policy) {
            return Some(HeldReason::Kind);
        }
        if self.released || self.is_explained(namespace, desired, namespace_policy) {
            return None;
        }
        let expelled = change.reason == Reason::NotAllowed;
        let wait = self.wait(namespace, expelled, desired, policy);
        let waits = wait.filter(|wait| now < wait.until && !policy.is_off()).map(|wait| wait.reason);
        waits.or_else(|| {
            if wait.is_some_and(|w| w.then_pass) { None } else { self.obstacle(namespace, desired) }
        })
    }
}

#[cfg(test)]
mod tests;
