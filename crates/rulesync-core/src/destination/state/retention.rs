//! Rules that stay although they are not declared as they are: those of moving objects, until they are written at the
//! next destination, and the stored versions of refused groups, unless these lack what their route enforces.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::State;
use crate::desired::{DesiredGroup, DesiredObject};
use crate::handover::Share;
use crate::model::group::Group;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};

impl State {
    /// Adds a handover: the object of the namespace comes from another destination.
    pub(in crate::destination) fn hand_over(&mut self, namespace: RulerNamespace, share: Share) {
        self.handovers.add(namespace, share);
    }

    /// Ends the handovers of namespaces that are in sync here, and gives up those that no object declares any more;
    /// returns whether there were any.
    pub(in crate::destination) fn end_handovers(&mut self) -> bool {
        let mut handovers = std::mem::take(&mut self.handovers);
        let any = handovers.end(
            |namespace| self.is_awaited(namespace),
            |namespace| self.desired.winner(namespace).is_some(),
        );
        self.handovers = handovers;
        any
    }

    /// Returns whether a declared namespace has yet to be written.
    fn is_awaited(&self, namespace: &str) -> bool {
        // Rules protected for an object that could not be read here wait until it is read.
        let Some(object) = self.desired.winner(namespace) else {
            return self.desired.protected(namespace).is_some();
        };
        let Some(observed) = self.view.observed() else { return true };
        let there: HashMap<&str, _> = observed.namespace(namespace).collect();
        let written = |group: &DesiredGroup| there.get(&*group.name) == Some(&Some(group.fingerprint));
        let waits = |group: &DesiredGroup| {
            !written(group) && !self.verdicts.refuses(namespace, &group.name, group.fingerprint)
        };
        let overlay = &self.verdicts.overlay;
        // A refused group delays nothing else, but an object that is refused altogether stays where it was.
        let none = !overlay.groups(namespace, object).any(written);
        let refused = overlay.refused(namespace, object).next().is_some() || !object.groups.is_empty();
        overlay.groups(namespace, object).any(waits) || (none && refused)
    }

    /// Has the next list recheck the versions that the ruler has of refused groups: these may be from before something
    /// was enforced, or from when more was allowed.
    pub(super) fn recheck_refused(&mut self, namespace: &RulerNamespace, object: &DesiredObject) {
        if object.refused.is_empty() {
            self.safety.forgive(namespace);
            return;
        }
        self.verdicts.suspect(namespace, object.refused.iter().map(|group| GroupName::from(&**group)));
        self.prove_soon(object.enforced.sets_anything());
    }

    /// Has the next list recheck the protected groups of a namespace that no object declares.
    pub(super) fn recheck_protected(&mut self, namespace: &RulerNamespace) {
        self.safety.forgive(namespace);
        let Some(enforced) = self.desired.enforced_on_protected(namespace) else { return };
        let at_once = enforced.sets_anything();
        if let Some(observed) = self.view.observed() {
            self.verdicts
                .suspect(namespace, observed.namespace(namespace).map(|(group, _)| GroupName::from(group)));
        }
        self.prove_soon(at_once);
    }

    /// Has the next list recheck all protected groups, once the first list has shown what exists.
    pub(super) fn recheck_all_protected(&mut self) {
        let namespaces: Vec<RulerNamespace> = self.desired.protected_on_terms().cloned().collect();
        for namespace in namespaces {
            self.recheck_protected(&namespace);
        }
    }

    /// Has the next list recheck a group that the ruler refuses.
    pub(super) fn recheck_refused_group(&mut self, namespace: &RulerNamespace, group: &GroupName) {
        self.verdicts.suspect(namespace, [group.clone()]);
        self.prove_soon(self.desired.winner(namespace).is_some_and(|object| object.enforced.sets_anything()));
    }

    /// Has suspect groups read whole, if the ruler has any version of one: at once, or at the next list where only
    /// `source_tenants` may no longer be allowed.
    fn prove_soon(&mut self, at_once: bool) {
        if !self.view.is_listed() {
            return;
        }
        self.verdicts.retain_suspects(|(namespace, group)| self.view.has(namespace, group));
        if at_once && self.verdicts.suspects().next().is_some() {
            self.view.list_in(Duration::ZERO);
        }
    }

    /// Deletes the stored versions of refused groups that do not satisfy what their route enforces now.
    pub(super) fn prove(&mut self, read: &HashMap<GroupKey, Group>) {
        let (tenant, language) = (self.id.tenant.clone(), self.shared.ruler.capabilities().language);
        for key in self.verdicts.end_list() {
            let Some(there) = read.get(&key) else { continue };
            let (namespace, group) = key;
            let winner = self.desired.winner(&namespace);
            let enforced = match winner {
                Some(object) => self.is_refused(&namespace, object, &group).then_some(&object.enforced),
                None => self.desired.enforced_on_protected(&namespace),
            };
            if enforced.is_some_and(|enforced| !enforced.is_satisfied_by(there, tenant.as_ref(), language)) {
                self.verdicts.overlay.expel(&namespace, winner.map(|object| &object.id), &group);
                self.safety.expel(&namespace, Instant::now());
            }
        }
        // These were refused while the list was under way.
        let at_once = |(namespace, _): &GroupKey| {
            self.desired.winner(namespace).is_some_and(|object| object.enforced.sets_anything())
        };
        if self.verdicts.suspects().any(at_once) {
            self.view.list_in(Duration::ZERO);
        }
    }

    /// Returns whether a group of an object is refused, before it was offered or by the ruler.
    fn is_refused(&self, namespace: &str, object: &DesiredObject, group: &str) -> bool {
        let offered = || self.offered().group(namespace, group);
        object.refused.iter().any(|name| **name == *group)
            || offered().is_some_and(|offered| self.verdicts.refuses(namespace, group, offered.fingerprint))
    }
}
