//! The plan: the changes that turn the observed into the desired state. A pure function; the daemon, dry runs and the
//! CLI use the same one.

mod approval;
mod basis;
mod bodies;
mod change;
mod dry_run;

use std::collections::HashMap;

pub use crate::desired::DesiredGroup;
pub use crate::guard::HeldReason;
pub(crate) use approval::Approval;
pub use basis::Basis;
pub use bodies::Bodies;
pub use change::{Action, Change, Reason};
pub use dry_run::{DryRun, Plan, Refusal};

use crate::desired::{Desired, DesiredObject};
use crate::guard::{self, DeleteGuard};
use crate::model::fingerprint::Fingerprint;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::naming::{NamespaceClass, NamespaceClassifier, Naming};
use crate::observed::{Adoptable, Observed};
use crate::overlay::Offered;

/// The deletes that are safe at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deletes {
    /// No delete is safe, because this process has just become the leader.
    pub(crate) takeover: bool,
    /// Deletes of groups that a known object no longer declares are safe: every source has shown all its objects.
    pub(crate) known: bool,
    /// Deletes of orphaned namespaces are safe: no object is hidden either.
    pub(crate) orphans: bool,
}

impl Deletes {
    /// Returns what protects a namespace; an `orphan` has no known object.
    fn protection(self, orphan: bool) -> Option<HeldReason> {
        match self {
            Self { takeover: true, .. } => Some(HeldReason::Takeover),
            Self { known: false, .. } => Some(HeldReason::Snapshot),
            Self { orphans: false, .. } if orphan => Some(HeldReason::Unreadable),
            _ => None,
        }
    }
}

/// The input of a plan for a destination.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanInput<'a> {
    /// The groups that should exist.
    pub(crate) offered: Offered<'a>,
    /// The groups that exist.
    pub(crate) observed: &'a Observed,
    /// Foreign groups that may be replaced.
    pub(crate) adoptable: &'a [Adoptable],
    /// The deletes that are safe.
    pub(crate) deletes: Deletes,
    /// The classification of namespaces.
    pub(crate) classifier: &'a NamespaceClassifier,
}

/// Plans the changes of a whole destination, with other known obstacles to deletes.
pub(crate) fn plan_with(
    input: PlanInput<'_>,
    guard: &DeleteGuard,
    reason: impl Fn(&Change) -> Option<HeldReason>,
) -> Vec<Change> {
    let PlanInput { offered: Offered { desired, .. }, observed, classifier, .. } = input;
    let mut namespaces: Vec<&RulerNamespace> = desired.objects().map(|(namespace, _)| namespace).collect();
    namespaces.extend(observed.names().filter(|namespace| desired.winner(namespace).is_none()));
    namespaces.sort_unstable();
    let mut changes: Vec<Change> =
        namespaces.into_iter().flat_map(|namespace| plan_namespace(namespace, input, |_, _| false)).collect();
    changes.extend(adoptions(input));
    changes.sort_by_key(|change| change.is_delete());
    for change in &mut changes {
        change.held = reason(change);
    }
    hold_back(&mut changes, own_groups(observed, desired, classifier), guard);
    changes
}

/// Marks the deletes that the guard would hold if all changes were made at once.
fn hold_back(changes: &mut [Change], owned: usize, guard: &DeleteGuard) {
    let guarded = |change: &&mut Change| change.is_guarded() && change.held.is_none();
    let deleted: usize = changes.iter_mut().filter(guarded).map(|change| change.deletes()).sum();
    let mut namespaces: Vec<RulerNamespace> =
        changes.iter_mut().filter(guarded).map(|change| change.namespace.clone()).collect();
    namespaces.dedup();
    if namespaces.len() > 1 && guard::exceeds(guard, deleted, owned) {
        changes.iter_mut().filter(guarded).for_each(|change| change.held = Some(HeldReason::Share));
    }
}

/// Plans one namespace. `skip` returns whether a group is not to be offered as it is, because the ruler refused it.
/// Nothing is planned for a foreign namespace, whatever was observed.
pub(crate) fn plan_namespace(
    namespace: &RulerNamespace,
    input: PlanInput<'_>,
    skip: impl Fn(&str, Fingerprint) -> bool,
) -> Vec<Change> {
    let PlanInput { offered: Offered { desired, overlay }, observed, deletes, classifier, .. } = input;
    if !is_own(namespace, desired, classifier) {
        return Vec::new();
    }
    let change = |object: Option<&ObjectId>, action, reason, held| Change {
        namespace: namespace.clone(),
        object: object.cloned(),
        action,
        reason,
        held,
    };
    let Some(object) = desired.winner(namespace) else {
        let (expelled, groups): (Vec<Box<str>>, Vec<Box<str>>) = (observed.namespace(namespace))
            .map(|(group, _)| Box::from(group))
            .partition(|group| overlay.is_expelled(namespace, None, group));
        let protection = deletes.protection(!desired.was_removed(namespace));
        let expel = |group| change(None, Action::DeleteGroup(group), Reason::NotAllowed, protection);
        let mut changes: Vec<Change> = expelled.into_iter().map(expel).collect();
        if groups.is_empty() {
            return changes;
        }
        let held = protection.or_else(|| desired.protected(namespace));
        let reason =
            if successor(namespace, input).is_some() { Reason::Renamed } else { Reason::NotDeclared };
        let delete = Action::DeleteNamespace(groups);
        changes.push(change(desired.object_of(namespace), delete, reason, held));
        return changes;
    };
    let id = Some(&object.id);
    let mut changes = Vec::new();
    for group in overlay.groups(namespace, object) {
        let reason = match observed.group(namespace, &group.name) {
            Some(Some(fingerprint)) if fingerprint == group.fingerprint => continue,
            Some(_) => Reason::Changed,
            None => Reason::Missing,
        };
        if !skip(&group.name, group.fingerprint) {
            changes.push(change(id, Action::Put(group.clone()), reason, None));
        }
    }
    let is_expelled = |name: &str| overlay.is_expelled(namespace, id, name);
    let wanted = |name: &str| {
        !is_expelled(name)
            && (object.groups.iter().any(|group| &*group.name == name)
                || object.refused.iter().any(|group| &**group == name))
    };
    let extra: Vec<Box<str>> = observed
        .namespace(namespace)
        .map(|(name, _)| name)
        .filter(|name| !wanted(name))
        .map(Box::from)
        .collect();
    if extra.is_empty() {
        return changes;
    }
    let protection = deletes.protection(false);
    let why = |group: &str| {
        if is_expelled(group) {
            (Reason::NotAllowed, protection)
        } else {
            // If the object is moving or protected here, its declaration may not be the latest.
            (Reason::NotDeclared, protection.or_else(|| desired.protected(namespace)))
        }
    };
    let all = extra.len() == observed.namespace(namespace).count() && object.groups.is_empty();
    if all && let Some(first) = extra.first() {
        let (reason, held) = why(first);
        changes.push(change(id, Action::DeleteNamespace(extra), reason, held));
    } else {
        let delete = |group: Box<str>| {
            let (reason, held) = why(&group);
            change(id, Action::DeleteGroup(group), reason, held)
        };
        changes.extend(extra.into_iter().map(delete));
    }
    changes
}

/// Returns the namespace that a legacy namespace's object has now; none if the namespace is no legacy one, or its
/// object is not declared any more.
pub(crate) fn successor<'a>(namespace: &str, input: PlanInput<'a>) -> Option<&'a RulerNamespace> {
    let PlanInput { offered: Offered { desired, .. }, classifier, .. } = input;
    if classifier.classify(namespace) != NamespaceClass::Legacy {
        return None;
    }
    if let Some(successor) = desired.successor(namespace) {
        return Some(successor);
    }
    let named = classifier.parse(namespace)?;
    classifier.present.iter().find_map(|present| match present {
        Naming::Owner(owner) => desired.declared_name(&format!("{owner}.{}.{}", named.namespace, named.name)),
        // The UID cannot be read from the legacy name.
        alloy @ Naming::Alloy(_) => {
            desired.objects().map(|(namespace, _)| namespace).find(|other| alloy.parse(other) == Some(named))
        }
        Naming::Verbatim => {
            let is = |object: &DesiredObject| {
                object.id.namespace() == named.namespace && object.id.name() == named.name
            };
            desired.objects().find(|(_, objects)| objects.iter().any(is)).map(|(namespace, _)| namespace)
        }
    })
}

/// Returns whether a namespace belongs to this installation: by its form, or, where that proves nothing, because a source
/// has shown its object.
pub(crate) fn is_own(namespace: &str, desired: &Desired, classifier: &NamespaceClassifier) -> bool {
    classifier.owns(namespace) && (classifier.is_certain(namespace) || desired.knows(namespace))
}

/// Returns the number of groups that a ruler has in own namespaces.
pub(crate) fn own_groups(observed: &Observed, desired: &Desired, classifier: &NamespaceClassifier) -> usize {
    if classifier.is_always_certain() {
        return observed.groups();
    }
    let own = observed.namespaces().filter(|(namespace, _)| is_own(namespace, desired, classifier));
    own.map(|(_, groups)| groups.len()).sum()
}

/// Returns whether the ruler has everything that a namespace should have.
pub(crate) fn in_order(
    namespace: &str,
    Offered { desired, overlay }: Offered<'_>,
    observed: &Observed,
) -> bool {
    desired.winner(namespace).is_some_and(|object| {
        overlay.refused(namespace, object).next().is_none()
            && overlay
                .groups(namespace, object)
                .all(|group| observed.group(namespace, &group.name) == Some(Some(group.fingerprint)))
    })
}

/// Returns the deletes of foreign groups for which equal own groups should exist: in a plan they come after the writes.
fn adoptions(input: PlanInput<'_>) -> impl Iterator<Item = Change> {
    let PlanInput { offered, adoptable, .. } = input;
    // What is declared under the same name is taken over as it is, by a record.
    let is_replaced = |foreign: &&Adoptable| offered.desired.winner(&foreign.namespace).is_none();
    let own = if adoptable.is_empty() { HashMap::new() } else { offered_groups(offered) };
    adoptable.iter().filter(is_replaced).filter_map(move |foreign| {
        let (_, object) = own.get(&foreign.fingerprint)?;
        Some(Change::adoption(foreign, (*object).clone()))
    })
}

/// Returns the groups that are offered, each with its namespace and the object that owns that.
pub(crate) fn offered_groups(offered: Offered<'_>) -> HashMap<Fingerprint, (&RulerNamespace, &ObjectId)> {
    let mut groups = HashMap::new();
    for (namespace, object) in offered.winners() {
        let offered = offered.overlay.groups(namespace, object);
        groups.extend(offered.map(|group| (group.fingerprint, (namespace, &object.id))));
    }
    groups
}

#[cfg(test)]
mod tests;
