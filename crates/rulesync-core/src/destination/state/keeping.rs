//! What stays although nothing asks for it: objects that move, until they are where they go; and former versions of refused groups, unless they lack what their route enforces.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::State;
use crate::desired::{DesiredGroup, DesiredObject};
use crate::destination::normalization::Key;
use crate::handover::Share;
use crate::model::group::Group;

impl State {
    /// The object that claims a namespace comes from elsewhere.
    pub(in crate::destination) fn hand_over(&mut self, namespace: Arc<str>, share: Share) {
        self.news.insert(Arc::clone(&namespace));
        self.handovers.entry(namespace).or_default().push(share);
    }

    /// Something is known of a namespace that may end its hand-overs.
    pub(super) fn learned_of(&mut self, namespace: &Arc<str>) {
        if self.handovers.contains_key(namespace) {
            self.news.insert(Arc::clone(namespace));
        }
    }

    /// The same for all namespaces.
    pub(super) fn learned_of_all(&mut self) {
        self.news.extend(self.handovers.keys().cloned());
    }

    /// Ends the hand-overs of what is in order here, and gives up those of what nobody claims any more; whether there
    /// were any.
    pub(in crate::destination) fn end_handovers(&mut self) -> bool {
        let mut any = false;
        for namespace in std::mem::take(&mut self.news) {
            if self.is_awaited(&namespace) {
                continue;
            }
            let shares = self.handovers.remove(&namespace).unwrap_or_default();
            any |= !shares.is_empty();
            if self.desired.winner(&namespace).is_some() {
                shares.into_iter().for_each(Share::written);
            }
        }
        debug_assert!(self.handovers.keys().all(|namespace| self.is_awaited(namespace)), "one was forgotten");
        any
    }

    /// Whether a namespace that somebody claims has yet to be written.
    fn is_awaited(&self, namespace: &str) -> bool {
        // What is kept for an object that nobody could read here goes on when that is known.
        let Some(claim) = self.desired.winner(namespace) else {
            return self.desired.protected(namespace).is_some();
        };
        let Some(observed) = &self.observed else { return true };
        let there: HashMap<&str, _> = observed.namespace(namespace).collect();
        let written = |group: &&DesiredGroup| there.get(&*group.name) == Some(&Some(group.fingerprint));
        let waits = |group: &DesiredGroup| {
            !written(&group) && !self.refusals.contains(namespace, &group.name, group.fingerprint)
        };
        // What is refused holds up nothing else, but what is refused altogether stays where it was.
        let none = claim.groups.iter().find(written).is_none();
        let refused = !claim.refused.is_empty() || !claim.groups.is_empty();
        claim.groups.iter().any(waits) || (none && refused)
    }

    /// What the ruler has for refused groups may be from before something was enforced, or from when more was allowed:
    /// the next list tells.
    pub(super) fn doubt_former(&mut self, namespace: &Arc<str>, claim: &DesiredObject) {
        if claim.refused.is_empty() {
            self.safety.forgive(namespace);
            return;
        }
        let groups = claim.refused.iter().map(|group| Arc::from(&**group));
        self.unproven.extend(groups.map(|group| (Arc::clone(namespace), group)));
        self.prove_soon(claim.enforced.sets_anything());
    }

    /// The same for what is held in a namespace that nobody claims.
    pub(super) fn doubt_held(&mut self, namespace: &Arc<str>) {
        self.safety.forgive(namespace);
        let Some(enforced) = self.desired.enforced_on_protected(namespace) else { return };
        let at_once = enforced.sets_anything();
        if let Some(observed) = &self.observed {
            let groups = observed.namespace(namespace).map(|(group, _)| Arc::from(group));
            self.unproven.extend(groups.map(|group| (Arc::clone(namespace), group)));
        }
        self.prove_soon(at_once);
    }

    /// The same for all that is held when the first list has shown what there is.
    pub(super) fn doubt_all_held(&mut self) {
        let namespaces: Vec<Arc<str>> = self.desired.protected_on_terms().cloned().collect();
        for namespace in namespaces {
            self.doubt_held(&namespace);
        }
    }

    /// The same for a group that the ruler refuses.
    pub(super) fn doubt_former_of(&mut self, namespace: &Arc<str>, group: &Arc<str>) {
        self.unproven.insert((Arc::clone(namespace), Arc::clone(group)));
        self.prove_soon(self.desired.winner(namespace).is_some_and(|claim| claim.enforced.sets_anything()));
    }

    /// Has the groups read whole that are in doubt, if the ruler has any form of one: at once, or at the next look
    /// where only `source_tenants` may no longer be allowed.
    fn prove_soon(&mut self, at_once: bool) {
        let Some(observed) = &self.observed else { return };
        self.unproven
            .retain(|(namespace, group)| observed.namespace(namespace).any(|(name, _)| *name == **group));
        if at_once && !self.unproven.is_empty() {
            self.verify = Some(self.verify.map_or(Instant::now(), |at| at.min(Instant::now())));
        }
    }

    /// What is there for refused groups stays only if it satisfies what their route enforces now.
    pub(super) fn prove(&mut self, read: &HashMap<Key, Group>) {
        for (namespace, group) in std::mem::take(&mut self.proving) {
            self.unproven.remove(&(Arc::clone(&namespace), Arc::clone(&group)));
            let Some(there) = read.get(&(Arc::clone(&namespace), Arc::clone(&group))) else { continue };
            let (tenant, language) = (self.id.tenant.as_ref(), self.shared.ruler.capabilities().language);
            let Some(claim) = self.desired.winner(&namespace) else {
                let enforced = self.desired.enforced_on_protected(&namespace);
                if enforced.is_some_and(|enforced| !enforced.is_satisfied_by(there, tenant, language)) {
                    self.desired.expel(&namespace, &group);
                    self.safety.expel(&namespace, Instant::now());
                }
                continue;
            };
            let refused = claim.refused.iter().any(|name| **name == *group)
                || claim.groups.iter().any(|declared| {
                    declared.name == group && self.refusals.contains(&namespace, &group, declared.fingerprint)
                });
            if refused && !claim.enforced.is_satisfied_by(there, tenant, language) {
                self.desired.expel(&namespace, &group);
                self.safety.expel(&namespace, Instant::now());
            }
        }
        // Refused while the list was under way.
        let at_once = |(namespace, _): &Key| {
            self.desired.winner(namespace).is_some_and(|claim| claim.enforced.sets_anything())
        };
        if self.unproven.iter().any(at_once) {
            self.verify = Some(Instant::now());
        }
    }
}
