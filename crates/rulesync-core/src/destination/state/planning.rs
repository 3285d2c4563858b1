//! Plans of a destination, and which changes may be made: all, none, or those of a plan that was reviewed.

use std::collections::{BTreeSet, HashSet};

use tokio::time::Instant;

use super::State;
use crate::model::name::RulerNamespace;
use crate::plan::{Approval, Change, Plan, plan_namespace, plan_with};

impl State {
    /// Sets which changes may be made from now on.
    pub(in crate::destination) fn approve(&mut self, approval: Approval) {
        self.approval = approval;
        self.stored = None;
    }

    /// Returns whether anything may be written.
    pub(in crate::destination) fn writes(&self) -> bool {
        !self.approval.is_nothing()
    }

    /// Returns whether lists store the content of groups, for a plan.
    pub(in crate::destination) fn plans_bodies(&self) -> bool {
        self.shared.bodies && !self.writes()
    }

    /// Leaves out changes that may not be made: what was reviewed has changed since.
    pub(super) fn leave_unapproved(&mut self, namespace: &RulerNamespace, changes: &mut Vec<Change>) {
        let before = changes.len();
        changes.retain(|change| self.approval.approves(change));
        if changes.len() < before && self.unapproved.insert(namespace.clone()) {
            let changes = before - changes.len();
            tracing::warn!(destination = %self.id, %namespace, changes, "Changes left out, which the reviewed plan does not have");
        }
    }

    /// Returns the plan, with bodies if they were asked for.
    pub(in crate::destination) fn plan(&self) -> Plan {
        let observed = self.view.observed().cloned().unwrap_or_default();
        let mut plan = Plan::new(&self.id, self.planned(), self.offered(), &observed);
        plan.refusals.extend(self.refusals_of_taken());
        match &self.stored {
            Some(stored) => plan.with_bodies(stored, self.shared.ruler.capabilities().fields),
            None => plan,
        }
    }

    /// Returns the number of orphaned namespaces that a plan deletes: together they may look like an accident.
    pub(super) fn planned_orphans(&self) -> usize {
        if !self.view.is_listed() || !self.safety.deletes().orphans {
            return 0;
        }
        let is_orphan =
            |change: &Change| change.is_guarded() && self.desired.object_of(&change.namespace).is_none();
        let orphans = self.planned().into_iter().filter(is_orphan).map(|change| change.namespace);
        orphans.collect::<HashSet<RulerNamespace>>().len()
    }

    /// Returns the deletes that are protected, by namespace. Only what may be protected is planned for that.
    pub(super) fn protected_deletes(&self) -> Vec<Change> {
        let observed = self.view.observed().cloned().unwrap_or_default();
        let (input, now) = (self.input(&observed), Instant::now());
        let mut changes: Vec<Change> = Vec::new();
        for namespace in self.may_be_protected() {
            changes.extend(plan_namespace(&namespace, input, |_, _| false));
        }
        changes.retain_mut(|change| {
            change.held = self.safety.reason(change, &self.desired, &self.shared.classifier, now);
            change.held.is_some_and(|held| !held.is_releasable())
        });
        changes
    }

    /// Returns the namespaces in which deletes may be protected, sorted: few, unless everything is.
    pub(super) fn may_be_protected(&self) -> BTreeSet<RulerNamespace> {
        let Some(observed) = self.view.observed() else { return BTreeSet::new() };
        let undeclared = || observed.names().filter(|namespace| self.desired.winner(namespace).is_none());
        let mut namespaces: BTreeSet<RulerNamespace> = self.desired.protected_namespaces().cloned().collect();
        let deletes = self.safety.deletes();
        if deletes.takeover || !deletes.known {
            namespaces.extend(observed.names().cloned());
        } else if !deletes.orphans || self.safety.misses_kinds() {
            namespaces.extend(undeclared().cloned());
        }
        namespaces
    }

    /// Returns all changes that are to be made, including those that are held.
    pub(super) fn planned(&self) -> Vec<Change> {
        let observed = self.view.observed().cloned().unwrap_or_default();
        let (guard, now) = (self.safety.planning_guard(), Instant::now());
        plan_with(self.input(&observed), &guard, |change| {
            self.safety.reason(change, &self.desired, &self.shared.classifier, now)
        })
    }
}
