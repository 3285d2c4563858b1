//! The desired state of a destination: the objects of each namespace, and each group by name and fingerprint with its
//! encoded form.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::intake::Transform;
use crate::model::capabilities::StoredFields;
use crate::model::encoded::{CompressedGroup, compress};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::left_out::LeftOut;
use crate::model::name::{GroupName, RulerNamespace};
use crate::model::object::ObjectId;

/// A group that should exist at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DesiredGroup {
    /// The name.
    pub name: GroupName,
    /// The fingerprint of its content, as far as this ruler stores it.
    pub fingerprint: Fingerprint,
    /// The encoded group.
    pub body: CompressedGroup,
    /// The number of its rules.
    pub rules: u32,
    /// The invalid rules that it is sent without.
    pub left_out: LeftOut,
}

impl DesiredGroup {
    /// Encodes a group by itself; none if it cannot be encoded.
    pub(crate) fn encode(group: &Group, fields: &StoredFields, left_out: LeftOut) -> Option<Self> {
        Some(Self {
            name: group.name.as_str().into(),
            fingerprint: Fingerprint::of(group, fields),
            body: compress(std::slice::from_ref(group)).ok()?.pop()?,
            rules: u32::try_from(group.rules.len()).unwrap_or(u32::MAX),
            left_out,
        })
    }
}

/// The groups that one object should have in its namespace at a destination.
#[derive(Debug, Clone)]
pub(crate) struct DesiredObject {
    /// Its identity.
    pub(crate) id: ObjectId,
    /// The time at which it was created, in seconds since 1970.
    pub(crate) created: Option<i64>,
    /// The groups that should exist.
    pub(crate) groups: Box<[DesiredGroup]>,
    /// Groups refused before they were offered: the versions that the ruler has stay.
    pub(crate) refused: Box<[Box<str>]>,
    /// Its names by legacy namings whose form proves nothing.
    pub(crate) legacy_names: Box<[RulerNamespace]>,
    /// The transform of its route. The version of a refused group that the ruler has stays only if it satisfies that.
    pub(crate) enforced: Arc<Transform>,
    /// The findings about the object at this destination.
    pub(crate) findings: Box<[Finding]>,
    /// Findings of the local checks in its groups, which may explain a refusal; empty if the ruler explains refusals
    /// itself ([`Capabilities::explains_refusals`](crate::Capabilities::explains_refusals)).
    pub(crate) advice: Box<[Finding]>,
    /// The time at which the source sent it.
    pub(crate) seen: Instant,
}

/// The reason why an object no longer belongs in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalReason {
    /// Its source no longer has it.
    Deleted,
    /// Its author changed it so that it is no longer selected.
    Deselected,
    /// The labels of its Kubernetes namespace changed, so that no route leads it there.
    NamespaceChanged,
    /// It moved and has been written elsewhere.
    Moved,
    /// The configuration changed, so that no route leads it there.
    Reconfigured,
    /// The configuration no longer permits the destination.
    Forbidden,
}

/// An object that was removed from a namespace.
#[derive(Debug, Clone)]
pub(crate) struct Removed {
    pub(crate) object: ObjectId,
    pub(crate) because: RemovalReason,
    pub(crate) at: Instant,
}

/// Protection of the rules that a ruler has for an object, although the object does not declare them at this
/// destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protection {
    /// The reason.
    pub(crate) because: HeldReason,
    /// The transform that a route enforces: only rules that satisfy it stay. None if that is unknown.
    pub(crate) enforced: Option<Arc<Transform>>,
}

impl From<HeldReason> for Protection {
    fn from(because: HeldReason) -> Self {
        Self { because, enforced: None }
    }
}

/// The objects and groups that should exist at one destination.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    namespaces: HashMap<RulerNamespace, Vec<DesiredObject>>,
    /// Namespaces whose object was removed while the engine ran: their deletes need not wait until orphans are safe to
    /// delete.
    removed: HashMap<RulerNamespace, Removed>,
    /// Namespaces whose rules stay although no object declares them, by the objects they are protected for.
    protected: HashMap<RulerNamespace, BTreeMap<ObjectId, Protection>>,
    /// The namespaces that objects have now, by their [`legacy_names`](DesiredObject::legacy_names).
    successors: HashMap<RulerNamespace, RulerNamespace>,
    /// Namespaces of objects that a source has shown, although they do not belong here.
    recognized: HashSet<RulerNamespace>,
    groups: usize,
    rules: usize,
}

impl Desired {
    /// Sets the groups of an object in a namespace, replacing those it had before.
    pub(crate) fn upsert(&mut self, namespace: &RulerNamespace, object: DesiredObject) {
        self.removed.remove(namespace);
        self.protect(namespace, &object.id, None);
        self.count(namespace, false);
        // Those that a re-created object had before still lead here.
        for legacy in &object.legacy_names {
            self.removed.remove(legacy);
            self.successors.insert(legacy.clone(), namespace.clone());
        }
        let objects = self.namespaces.entry(namespace.clone()).or_default();
        objects.retain(|other| other.id != object.id);
        objects.push(object);
        objects.shrink_to_fit();
        // The oldest object wins; the id decides between objects of the same second, or of an unknown time.
        objects.sort_by(|a, b| {
            let age = |c: &DesiredObject| c.created.unwrap_or(i64::MAX);
            age(a).cmp(&age(b)).then_with(|| a.id.cmp(&b.id))
        });
        self.count(namespace, true);
    }

    /// Removes an object from a namespace. The object may have been declared before this value was made, as at a ruler
    /// that has been replaced since.
    pub(crate) fn remove(&mut self, namespace: &RulerNamespace, object: &ObjectId, because: RemovalReason) {
        self.count(namespace, false);
        if let Some(objects) = self.namespaces.get_mut(namespace) {
            objects.retain(|other| other.id != *object);
            if objects.is_empty() {
                self.namespaces.remove(namespace);
            }
        }
        if !self.namespaces.contains_key(namespace) {
            let removed = Removed { object: object.clone(), because, at: Instant::now() };
            let legacy =
                self.successors.extract_if(|_, successor| successor == namespace).map(|(legacy, _)| legacy);
            self.removed.extend(legacy.map(|legacy| (legacy, removed.clone())));
            self.removed.insert(namespace.clone(), removed);
        }
        self.count(namespace, true);
    }

    /// Returns the legacy names of an object in a namespace whose form proves nothing.
    pub(crate) fn legacy_names(&self, namespace: &str, object: &ObjectId) -> &[RulerNamespace] {
        let found = self.namespaces.get(namespace).into_iter().flatten().find(|other| other.id == *object);
        found.map(|object| &*object.legacy_names).unwrap_or_default()
    }

    /// Returns whether a namespace is, or was, that of an object that a source has shown.
    pub(crate) fn knows(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
            || self.removed.contains_key(namespace)
            || self.successors.contains_key(namespace)
            || self.protected.contains_key(namespace)
            || self.recognized.contains(namespace)
    }

    /// Records that a namespace is that of an object that a source has shown, although it does not belong here.
    pub(crate) fn recognize(&mut self, namespace: RulerNamespace) {
        self.recognized.insert(namespace);
    }

    /// Returns the namespace that the object of a legacy name has now, if its form does not show it.
    pub(crate) fn successor(&self, legacy: &str) -> Option<&RulerNamespace> {
        self.successors.get(legacy)
    }

    /// Protects the rules that the ruler has for an object in a namespace, although the object does not declare them;
    /// `None` ends the protection.
    pub(crate) fn protect(
        &mut self,
        namespace: &RulerNamespace,
        object: &ObjectId,
        protection: Option<Protection>,
    ) {
        if let Some(protection) = protection {
            self.protected.entry(namespace.clone()).or_default().insert(object.clone(), protection);
        } else if let Some(objects) = self.protected.get_mut(namespace) {
            objects.remove(object);
            if objects.is_empty() {
                self.protected.remove(namespace);
            }
        }
    }

    /// Forgets the removal of a namespace that no longer exists in the ruler.
    pub(crate) fn forget_removed(&mut self, namespace: &str) {
        self.removed.remove(namespace);
    }

    /// Forgets removed and recognized namespaces, except those that may still exist in the ruler.
    pub(crate) fn retain_removed(&mut self, exists: impl Fn(&str) -> bool) {
        self.removed.retain(|namespace, _| exists(namespace));
        self.recognized.retain(|namespace| exists(namespace));
    }

    /// Returns the object that owns a namespace, if there is one.
    pub(crate) fn winner(&self, namespace: &str) -> Option<&DesiredObject> {
        self.namespaces.get(namespace)?.first()
    }

    /// Returns the objects of a namespace; the first owns it.
    pub(crate) fn objects_in(&self, namespace: &str) -> &[DesiredObject] {
        self.namespaces.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Iterates over the namespaces that an object was removed from or is protected in, by its identity.
    pub(crate) fn namespaces_left(&self) -> impl Iterator<Item = (&RulerNamespace, &ObjectId)> {
        let removed = self.removed.iter().map(|(namespace, removed)| (namespace, &removed.object));
        let protected = self
            .protected
            .iter()
            .flat_map(|(namespace, objects)| objects.keys().map(move |object| (namespace, object)));
        removed.chain(protected)
    }

    /// Returns a group of the object that owns a namespace.
    pub(crate) fn group(&self, namespace: &str, group: &str) -> Option<&DesiredGroup> {
        self.winner(namespace)?.groups.iter().find(|declared| &*declared.name == group)
    }

    /// Iterates over all objects by namespace; the first of a namespace owns it.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&RulerNamespace, &[DesiredObject])> {
        self.namespaces.iter().map(|(namespace, objects)| (namespace, objects.as_slice()))
    }

    /// Returns whether the namespace's object was removed while the engine ran.
    pub(crate) fn was_removed(&self, namespace: &str) -> bool {
        self.removed.contains_key(namespace)
    }

    /// Returns the object that was removed from a namespace, if any.
    pub(crate) fn removed(&self, namespace: &str) -> Option<&Removed> {
        self.removed.get(namespace)
    }

    /// Returns the object that a namespace belongs to, or last belonged to.
    pub(crate) fn object_of(&self, namespace: &str) -> Option<&ObjectId> {
        self.winner(namespace).map(|object| &object.id).or_else(|| Some(&self.removed.get(namespace)?.object))
    }

    /// Returns the shared name of a namespace that an object declares.
    pub(crate) fn declared_name(&self, namespace: &str) -> Option<&RulerNamespace> {
        self.namespaces.get_key_value(namespace).map(|(namespace, _)| namespace)
    }

    /// Returns why the rules of a namespace are protected, if they are.
    pub(crate) fn protected(&self, namespace: &str) -> Option<HeldReason> {
        self.protected.get(namespace)?.values().map(|protection| protection.because).next()
    }

    /// Iterates over the namespaces whose rules are protected.
    pub(crate) fn protected_namespaces(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.protected.keys()
    }

    /// Returns what is enforced on the protected rules of a namespace that no object declares, if that is known.
    pub(crate) fn enforced_on_protected(&self, namespace: &str) -> Option<&Arc<Transform>> {
        self.protected.get(namespace)?.values().find_map(|protection| protection.enforced.as_ref())
    }

    /// Iterates over the protected namespaces on which something is enforced.
    pub(crate) fn protected_on_terms(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.protected.keys().filter(|namespace| self.enforced_on_protected(namespace).is_some())
    }

    /// The number of groups that should exist.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The number of rules that should exist.
    pub(crate) fn rules(&self) -> usize {
        self.rules
    }

    /// Updates the totals: called with the state of one namespace before and after a change.
    fn count(&mut self, namespace: &str, after: bool) {
        let Some(winner) = self.winner(namespace) else { return };
        let groups = winner.groups.len();
        let rules: usize = winner.groups.iter().map(|group| group.rules as usize).sum();
        if after {
            self.groups += groups;
            self.rules += rules;
        } else {
            self.groups -= groups;
            self.rules -= rules;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
