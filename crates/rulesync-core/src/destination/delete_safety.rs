//! The safety of deletes: the one place that decides for a destination whether something may be deleted now, and if
//! not, why. Pure.
//!
//! A delete that is *protected* waits as long as its reason lasts: a source has not shown all its objects, something
//! unreadable may declare the rules, their kind is not installed, or this process has just become the leader. A delete
//! that is *held* waits for the delete guard (`guard.rs`): for its window, for a source to recover, or for an operator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::desired::{Desired, RemovalReason};
use crate::environment::Environment;
use crate::guard::{DeleteGuard, DeleteRequest, Guard, HeldReason, Wait};
use crate::model::name::RulerNamespace;
use crate::naming::NamespaceClassifier;
use crate::plan::{Change, Deletes, Reason};

/// The time after a takeover during which nothing is deleted. A silent watch is noticed within a little more than a
/// minute; a new leader whose watch lags behind that of the previous leader must not delete what it has not seen yet.
const TAKEOVER_DELAY: Duration = Duration::from_secs(2 * 60);

/// The reason why a destination is to be emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// No object goes there any more, but a route may lead there again: its deletes are guarded like all others.
    Unused,
    /// No route leads there any more: the remaining rules are deleted at `until`, whatever their share.
    NoRoute { until: Instant },
}

/// The facts that decide about the safety of deletes at one destination.
#[derive(Debug, Default)]
pub(super) struct DeleteSafety {
    pub(super) guard: Guard,
    environment: Arc<Environment>,
    /// True once all declarations for this destination have been sent since it was started.
    declarations_sent: bool,
    /// The end of the time after a takeover, because the previous leader may have seen more.
    takeover: Option<Instant>,
    pub(super) retirement: Option<Retirement>,
    /// The time since when groups of a namespace are to be deleted because they lack what their route enforces now.
    expelled: HashMap<RulerNamespace, Instant>,
    /// True if an operator has released all deletes beforehand, as for a one-shot run.
    released: bool,
}

impl DeleteSafety {
    pub(super) fn new(released: bool) -> Self {
        Self { released, ..Self::default() }
    }

    // Facts.

    /// Sets the facts that all destinations share. Returns whether this may allow further deletes.
    pub(super) fn set_environment(
        &mut self,
        environment: Arc<Environment>,
        desired: &Desired,
        classifier: &NamespaceClassifier,
        now: Instant,
    ) -> bool {
        let allowed = self.deletes();
        let before = std::mem::replace(&mut self.environment, environment);
        let current = &self.environment;
        if current.gone_namespaces.has_more_than(&before.gone_namespaces) {
            self.guard.explain(|namespace| current.explains(namespace, desired, classifier), now);
        }
        let trusted_again = !before.suspects.is_subset(&current.suspects);
        if trusted_again || before.vanished != current.vanished || before.orphans != current.orphans {
            self.guard.reconsider(now);
        }
        self.allows_more_than(allowed) || before.missing_kinds != self.environment.missing_kinds
    }

    /// Records that all declarations for the destination have been sent. Returns whether this allows further deletes.
    pub(super) fn declarations_sent(&mut self) -> bool {
        let allowed = self.deletes();
        self.declarations_sent = true;
        self.allows_more_than(allowed)
    }

    fn allows_more_than(&self, before: Deletes) -> bool {
        let now = self.deletes();
        (now.known && !before.known) || (now.orphans && !before.orphans)
    }

    /// Returns whether a kind is not installed, so that orphans may belong to objects of it.
    pub(super) fn misses_kinds(&self) -> bool {
        !self.environment.missing_kinds.is_empty()
    }

    /// Returns the deletes that are allowed at the moment.
    pub(super) fn deletes(&self) -> Deletes {
        let Deletes { known, orphans, .. } = self.environment.deletes;
        let sent = self.declarations_sent;
        Deletes { takeover: self.takeover.is_some(), known: known && sent, orphans: orphans && sent }
    }

    /// Records that this process has become the leader.
    pub(super) fn take_over(&mut self, now: Instant) {
        self.takeover = Some(now + TAKEOVER_DELAY);
    }

    /// Returns whether the time after a takeover has just ended.
    pub(super) fn takeover_is_over(&mut self, now: Instant) -> bool {
        self.takeover.take_if(|until| *until <= now).is_some()
    }

    /// Records that groups of a namespace are to be deleted because they lack what their route enforces now.
    pub(super) fn expel(&mut self, namespace: &RulerNamespace, now: Instant) {
        self.expelled.entry(namespace.clone()).or_insert(now);
    }

    /// Records that no group of a namespace lacks what its route enforces.
    pub(super) fn forgive(&mut self, namespace: &str) {
        self.expelled.remove(namespace);
    }

    pub(super) fn is_retiring(&self) -> bool {
        self.retirement.is_some()
    }

    fn policy(&self) -> &DeleteGuard {
        &self.environment.policy.delete_guard
    }

    // Decisions.

    /// Removes the deletes that must not be made now from a namespace's changes.
    pub(super) fn hold_back(
        &mut self,
        namespace: &RulerNamespace,
        changes: &mut Vec<Change>,
        desired: &Desired,
        classifier: &NamespaceClassifier,
        now: Instant,
    ) {
        let guarded: usize = changes.iter().filter(|c| c.is_guarded()).map(Change::deletes).sum();
        if guarded == 0 {
            self.guard.forget(namespace, now);
            return;
        }
        if self.is_of_missing_kind(namespace, desired, classifier) {
            self.guard.forget(namespace, now);
            changes.retain(|change| !change.is_guarded());
            return;
        }
        let expelled = changes.iter().any(|change| change.reason == Reason::NotAllowed);
        let request = DeleteRequest {
            groups: guarded,
            explained: self.released || self.is_explained(namespace, desired, classifier),
            orphan: desired.object_of(namespace).is_none(),
            wait: self.wait(namespace, expelled, desired),
        };
        if !self.guard.passes(namespace, request, now) {
            changes.retain(|change| !change.is_guarded());
        }
    }

    /// Returns whether an orphan belongs to a kind that is not installed: a deleted CRD looks like one that never
    /// existed. Namespaces that no route leads to are deleted all the same.
    fn is_of_missing_kind(
        &self,
        namespace: &str,
        desired: &Desired,
        classifier: &NamespaceClassifier,
    ) -> bool {
        let no_route = matches!(self.retirement, Some(Retirement::NoRoute { .. }));
        if self.environment.missing_kinds.is_empty() || no_route || desired.object_of(namespace).is_some() {
            return false;
        }
        let kind = classifier.parse(namespace).and_then(|named| named.kind);
        kind.is_none_or(|kind| self.environment.missing_kinds.contains(kind))
    }

    /// Returns whether the deletes of a namespace have a known cause and so are no accident.
    fn is_explained(&self, namespace: &str, desired: &Desired, classifier: &NamespaceClassifier) -> bool {
        let removed = desired.removed(namespace).map(|removed| removed.because);
        matches!(removed, Some(RemovalReason::Deselected | RemovalReason::Moved))
            || self.environment.explains(namespace, desired, classifier)
    }

    /// Returns the wait for the deletes of a namespace, if the configuration requires them.
    fn wait(&self, namespace: &str, expelled: bool, desired: &Desired) -> Option<Wait> {
        if let Some(Retirement::NoRoute { until }) = self.retirement {
            return Some(Wait { until, reason: HeldReason::Route, then_pass: true });
        }
        let configuration = |since: Instant, then_pass| Wait {
            until: since + self.policy().window,
            reason: HeldReason::Configuration,
            then_pass,
        };
        if expelled {
            return self.expelled.get(namespace).map(|since| configuration(*since, true));
        }
        let removed = desired.removed(namespace)?;
        match removed.because {
            RemovalReason::Reconfigured => Some(configuration(removed.at, false)),
            RemovalReason::Forbidden => Some(configuration(removed.at, true)),
            RemovalReason::Deleted
            | RemovalReason::Deselected
            | RemovalReason::NamespaceChanged
            | RemovalReason::Moved => None,
        }
    }

    /// Returns the obstacle to a namespace's deletes besides their number.
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

    /// Judges deletes whose time has come; returns the namespaces whose deletes may be made now.
    pub(super) fn judge(
        &mut self,
        owned: impl FnOnce() -> usize,
        desired: &Desired,
        now: Instant,
    ) -> Vec<RulerNamespace> {
        let mut guard = std::mem::take(&mut self.guard);
        let passed = guard.judge(self.policy(), owned, |namespace| self.obstacle(namespace, desired), now);
        self.guard = guard;
        passed
    }

    /// Returns when to judge next.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.guard.due(self.policy()), self.takeover].into_iter().flatten().min()
    }

    /// Returns the guard for plans that are only shown: it is off if an operator has released all deletes.
    pub(super) fn planning_guard(&self) -> DeleteGuard {
        if self.released { DeleteGuard { max_share: 1.0, ..*self.policy() } } else { *self.policy() }
    }

    /// Returns why a planned delete would not be made now, as far as that is known without the number of deletes; for
    /// plans that are only shown.
    pub(super) fn reason(
        &self,
        change: &Change,
        desired: &Desired,
        classifier: &NamespaceClassifier,
        now: Instant,
    ) -> Option<HeldReason> {
        let namespace = &*change.namespace;
        if change.held.is_some() || !change.is_guarded() {
            return change.held;
        }
        if self.is_of_missing_kind(namespace, desired, classifier) {
            return Some(HeldReason::Kind);
        }
        if self.released || self.is_explained(namespace, desired, classifier) {
            return None;
        }
        let expelled = change.reason == Reason::NotAllowed;
        let wait = self.wait(namespace, expelled, desired);
        let waits = wait.filter(|wait| now < wait.until && !self.policy().is_off()).map(|wait| wait.reason);
        waits.or_else(|| {
            if wait.is_some_and(|w| w.then_pass) { None } else { self.obstacle(namespace, desired) }
        })
    }
}

#[cfg(test)]
mod tests;
