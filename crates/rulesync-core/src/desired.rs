//! What a destination should have: namespaces claimed by objects, each group by name and fingerprint with what is
//! needed to write it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::intake::Transform;
use crate::model::encoded::CompressedGroup;
use crate::model::fingerprint::Fingerprint;
use crate::model::left_out::LeftOut;
use crate::model::object::ObjectId;

/// A group that should exist at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Its name.
    pub name: Arc<str>,
    /// Its identity by value for this ruler.
    pub fingerprint: Fingerprint,
    /// The group itself.
    pub body: CompressedGroup,
    /// How many rules it has.
    pub rules: u32,
    /// The rules that it goes without, because they are at fault.
    pub left_out: LeftOut,
}

/// What one object wants to have in its namespace at a destination.
#[derive(Debug, Clone)]
pub(crate) struct DesiredObject {
    /// Its identity.
    pub(crate) id: ObjectId,
    /// When it was created, in seconds since 1970.
    pub(crate) created: Option<i64>,
    /// The groups that should exist.
    pub(crate) groups: Box<[DesiredGroup]>,
    /// Groups refused before they were offered: what the ruler has for them stays.
    pub(crate) refused: Box<[Box<str>]>,
    /// Groups that are refused and whose form in the ruler lacks what their route enforces now: they are to go.
    pub(crate) expelled: Box<[Box<str>]>,
    /// What the route enforces. What the ruler has for a refused group stays only if it satisfies that.
    pub(crate) enforced: Arc<Transform>,
    /// What there is to say about the object at this destination.
    pub(crate) findings: Box<[Finding]>,
    /// What was found in its groups wherever it goes, which may be the reason of a refusal; empty if the ruler says why
    /// it refuses a group ([`Capabilities::explains_refusals`](crate::Capabilities::explains_refusals)).
    pub(crate) advice: Box<[Finding]>,
    /// When the source said it.
    pub(crate) seen: Instant,
}

/// Why an object has left a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftBecause {
    /// Its source no longer has it.
    Deleted,
    /// It no longer asks to go there, by its author's will.
    Deselected,
    /// The labels of its Kubernetes namespace no longer lead it there.
    NamespaceChanged,
    /// It was written elsewhere first.
    Moved,
    /// The configuration no longer leads it there.
    Reconfigured,
    /// The configuration no longer allows that it goes there.
    Forbidden,
}

/// An object that has left a namespace.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    pub(crate) object: ObjectId,
    pub(crate) because: LeftBecause,
    pub(crate) at: Instant,
}

/// Why what a ruler has for an object stays although the object does not object it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protection {
    /// Why.
    pub(crate) because: HeldReason,
    /// What a route enforces on it: only what satisfies that stays. None if that is not known.
    pub(crate) enforced: Option<Arc<Transform>>,
}

impl From<HeldReason> for Protection {
    fn from(because: HeldReason) -> Self {
        Self { because, enforced: None }
    }
}

/// Who wants what at one destination.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    namespaces: HashMap<Arc<str>, Vec<DesiredObject>>,
    /// Namespaces whose object has left while we watched: they can go without waiting for certainty about strangers.
    left: HashMap<Arc<str>, Left>,
    /// Namespaces whose rules stay although nobody objects them, and for which objects, and why.
    protected: HashMap<Arc<str>, BTreeMap<ObjectId, Protection>>,
    /// Groups of such namespaces that are to go, because they lack what their route enforces now.
    expelled: HashMap<Arc<str>, BTreeSet<Box<str>>>,
    groups: usize,
    rules: usize,
}

impl Desired {
    /// An object wants something in a namespace, in place of what it wanted before.
    pub(crate) fn upsert(&mut self, namespace: &Arc<str>, object: DesiredObject) {
        self.left.remove(namespace);
        self.protect(namespace, &object.id, None);
        self.count(namespace, false);
        let objects = self.namespaces.entry(Arc::clone(namespace)).or_default();
        objects.retain(|other| other.id != object.id);
        objects.push(object);
        objects.shrink_to_fit();
        // The oldest wins; the id settles what was created in the same second, or at an unknown time.
        objects.sort_by(|a, b| {
            let age = |c: &DesiredObject| c.created.unwrap_or(i64::MAX);
            age(a).cmp(&age(b)).then_with(|| a.id.cmp(&b.id))
        });
        self.count(namespace, true);
    }

    /// An object no longer wants anything in a namespace. It may have wanted it before this was made, of a ruler that
    /// has been replaced since.
    pub(crate) fn remove(&mut self, namespace: &Arc<str>, object: &ObjectId, because: LeftBecause) {
        self.count(namespace, false);
        if let Some(objects) = self.namespaces.get_mut(namespace) {
            objects.retain(|other| other.id != *object);
            if objects.is_empty() {
                self.namespaces.remove(namespace);
            }
        }
        if !self.namespaces.contains_key(namespace) {
            let left = Left { object: object.clone(), because, at: Instant::now() };
            self.left.insert(Arc::clone(namespace), left);
        }
        self.count(namespace, true);
    }

    /// What the ruler has for an object in a namespace stays although the object does not object it, and why; or no
    /// longer.
    pub(crate) fn protect(
        &mut self,
        namespace: &Arc<str>,
        object: &ObjectId,
        protection: Option<Protection>,
    ) {
        if let Some(protection) = protection {
            self.protected.entry(Arc::clone(namespace)).or_default().insert(object.clone(), protection);
        } else if let Some(objects) = self.protected.get_mut(namespace) {
            objects.remove(object);
            if objects.is_empty() {
                self.protected.remove(namespace);
            }
        }
        if self.enforced_on_protected(namespace).is_none() {
            self.expelled.remove(namespace);
        }
    }

    /// A namespace is gone from the ruler.
    pub(crate) fn forget_dropped(&mut self, namespace: &str) {
        self.left.remove(namespace);
    }

    /// Forgets the namespaces that objects have left, but for those that the ruler may still have.
    pub(crate) fn keep_dropped(&mut self, is_there: impl Fn(&str) -> bool) {
        self.left.retain(|namespace, _| is_there(namespace));
    }

    /// The object that counts for a namespace, if there is one.
    pub(crate) fn winner(&self, namespace: &str) -> Option<&DesiredObject> {
        self.namespaces.get(namespace)?.first()
    }

    /// A group of the object that counts for a namespace.
    pub(crate) fn group(&self, namespace: &str, group: &str) -> Option<&DesiredGroup> {
        self.winner(namespace)?.groups.iter().find(|declared| &*declared.name == group)
    }

    /// All objects with their namespaces; the first of a namespace counts.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&Arc<str>, &[DesiredObject])> {
        self.namespaces.iter().map(|(namespace, objects)| (namespace, objects.as_slice()))
    }

    /// Whether the namespace's object went while we watched.
    pub(crate) fn was_dropped(&self, namespace: &str) -> bool {
        self.left.contains_key(namespace)
    }

    /// The object that has left a namespace, if one has.
    pub(crate) fn left(&self, namespace: &str) -> Option<&Left> {
        self.left.get(namespace)
    }

    /// The object a namespace belongs to, or last belonged to.
    pub(crate) fn object_of(&self, namespace: &str) -> Option<&ObjectId> {
        self.winner(namespace).map(|object| &object.id).or_else(|| Some(&self.left.get(namespace)?.object))
    }

    /// A namespace that somebody objects, by its name.
    pub(crate) fn claimed(&self, namespace: &str) -> Option<&Arc<str>> {
        self.namespaces.get_key_value(namespace).map(|(namespace, _)| namespace)
    }

    /// Replaces a group of a namespace's winning object by another form of it; the answer is the form before.
    pub(crate) fn replace(&mut self, namespace: &str, by: DesiredGroup) -> Option<DesiredGroup> {
        self.count(namespace, false);
        let object = self.namespaces.get_mut(namespace).and_then(|objects| objects.first_mut());
        let group = object.and_then(|object| object.groups.iter_mut().find(|group| group.name == by.name));
        let before = group.map(|group| std::mem::replace(group, by));
        self.count(namespace, true);
        before
    }

    /// What the ruler has for a group that stays, refused or held, is not to stay.
    pub(crate) fn expel(&mut self, namespace: &Arc<str>, group: &str) {
        if self.winner(namespace).is_none() {
            self.expelled.entry(Arc::clone(namespace)).or_default().insert(group.into());
            return;
        }
        let object = self.namespaces.get_mut(namespace).and_then(|objects| objects.first_mut());
        if let Some(object) = object.filter(|object| !object.expelled.iter().any(|name| **name == *group)) {
            let kept = object.refused.iter().filter(|name| ***name != *group).cloned();
            object.refused = kept.collect();
            object.expelled = object.expelled.iter().cloned().chain([group.into()]).collect();
        }
    }

    /// A group was accepted after all.
    pub(crate) fn readmit(&mut self, namespace: &str, group: &str) {
        let object = self.namespaces.get_mut(namespace).and_then(|objects| objects.first_mut());
        if let Some(object) = object.filter(|object| !object.expelled.is_empty()) {
            object.expelled = object.expelled.iter().filter(|name| ***name != *group).cloned().collect();
        }
    }

    /// Why what the ruler has in the namespace stays, if it is to stay.
    pub(crate) fn protected(&self, namespace: &str) -> Option<HeldReason> {
        self.protected.get(namespace)?.values().map(|protection| protection.because).next()
    }

    /// What is enforced on what stays in a namespace that nobody objects, if that is known.
    pub(crate) fn enforced_on_protected(&self, namespace: &str) -> Option<&Arc<Transform>> {
        self.protected.get(namespace)?.values().find_map(|protection| protection.enforced.as_ref())
    }

    /// The namespaces where something is enforced on what stays.
    pub(crate) fn protected_on_terms(&self) -> impl Iterator<Item = &Arc<str>> {
        self.protected.keys().filter(|namespace| self.enforced_on_protected(namespace).is_some())
    }

    /// Whether a group that stays is to go all the same.
    pub(crate) fn is_expelled(&self, namespace: &str, group: &str) -> bool {
        self.expelled.get(namespace).is_some_and(|groups| groups.contains(group))
    }

    /// How many groups should exist.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// How many rules should exist.
    pub(crate) fn rules(&self) -> usize {
        self.rules
    }

    /// Keeps the totals: called with what is there before and after a change of one namespace.
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
pub(crate) mod tests {
    use super::*;
    use crate::model::capabilities::StoredFields;
    use crate::model::encoded::compress;
    use crate::model::group::{Group, Rule};

    pub(crate) fn group(name: &str, expr: &str) -> DesiredGroup {
        let rule = Rule { record: "r".into(), expr: expr.into(), ..Rule::default() };
        let group = Group { name: name.into(), rules: vec![rule], ..Group::default() };
        DesiredGroup {
            name: name.into(),
            fingerprint: Fingerprint::of(&group, &StoredFields::ALL),
            body: compress(std::slice::from_ref(&group)).unwrap().remove(0),
            rules: 1,
            left_out: LeftOut::default(),
        }
    }

    pub(crate) fn object(name: &str, created: Option<i64>, groups: Vec<DesiredGroup>) -> DesiredObject {
        DesiredObject {
            id: ObjectId::new(&"s".into(), &"K".into(), "ns", name),
            created,
            groups: groups.into(),
            refused: Box::default(),
            expelled: Box::default(),
            enforced: Arc::default(),
            findings: Box::default(),
            advice: Box::default(),
            seen: Instant::now(),
        }
    }

    #[test]
    fn the_oldest_claim_counts_and_the_next_follows() {
        let namespace: Arc<str> = "us.ns.o".into();
        let mut desired = Desired::default();
        let (young, old) = (object("young", Some(2), vec![group("g", "1")]), object("old", Some(1), vec![]));
        desired.upsert(&namespace, young.clone());
        assert_eq!((desired.groups(), desired.rules()), (1, 1));
        desired.upsert(&namespace, old.clone());
        assert_eq!(desired.winner(&namespace).unwrap().id, old.id);
        assert_eq!(desired.groups(), 0);
        desired.remove(&namespace, &old.id, LeftBecause::Deleted);
        assert_eq!(desired.winner(&namespace).unwrap().id, young.id);
        assert_eq!(desired.groups(), 1);
        assert!(!desired.was_dropped(&namespace));
        desired.remove(&namespace, &young.id, LeftBecause::Deleted);
        assert!(desired.was_dropped(&namespace));
        desired.remove(&namespace, &young.id, LeftBecause::Deleted);
        assert_eq!(desired.groups(), 0);
    }

    #[test]
    fn who_leaves_what_others_claim_or_hold_changes_nothing_for_them() {
        let namespace: Arc<str> = "us.ns.o".into();
        let (one, other) = (object("one", None, vec![]), object("other", None, vec![]));
        let mut desired = Desired::default();
        desired.upsert(&namespace, one.clone());
        desired.remove(&namespace, &other.id, LeftBecause::Moved);
        assert!(!desired.was_dropped(&namespace));
        desired.protect(&namespace, &one.id, Some(HeldReason::Unreadable.into()));
        desired.protect(&namespace, &other.id, Some(HeldReason::Moving.into()));
        desired.upsert(&namespace, one.clone());
        assert_eq!(desired.protected(&namespace), Some(HeldReason::Moving));
        desired.protect(&namespace, &one.id, None);
        assert_eq!(desired.protected(&namespace), Some(HeldReason::Moving));
        desired.protect(&namespace, &other.id, None);
        assert_eq!(desired.protected(&namespace), None);
    }

    #[test]
    fn who_was_there_before_anything_was_known_has_left_too() {
        let namespace: Arc<str> = "us.ns.o".into();
        let object = object("o", None, vec![]).id;
        let mut desired = Desired::default();
        desired.remove(&namespace, &object, LeftBecause::Moved);
        assert_eq!(desired.left(&namespace).unwrap().because, LeftBecause::Moved);
        desired.forget_dropped(&namespace);
        assert!(!desired.was_dropped(&namespace), "it is gone from the ruler");
        desired.remove(&namespace, &object, LeftBecause::Moved);
        desired.keep_dropped(|namespace| namespace == "us.ns.o");
        assert!(desired.was_dropped(&namespace));
        desired.keep_dropped(|_| false);
        assert!(!desired.was_dropped(&namespace));
    }

    #[test]
    fn a_refused_group_that_is_expelled_goes_and_comes_back_when_it_is_accepted() {
        let namespace: Arc<str> = "us.ns.o".into();
        let mut desired = Desired::default();
        let refused = ["g", "h"].map(Box::from).into();
        desired.upsert(&namespace, DesiredObject { refused, ..object("o", None, vec![group("i", "1")]) });
        let state = |desired: &Desired| -> (Vec<String>, Vec<String>) {
            let object = desired.winner("us.ns.o").unwrap();
            let names = |groups: &[Box<str>]| groups.iter().map(ToString::to_string).collect();
            (names(&object.refused), names(&object.expelled))
        };
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        desired.expel(&namespace, "g");
        desired.expel(&namespace, "g");
        assert_eq!(state(&desired), (names(&["h"]), names(&["g"])));
        desired.expel(&namespace, "i");
        assert_eq!(state(&desired), (names(&["h"]), names(&["g", "i"])), "the ruler refuses it");
        desired.readmit(&namespace, "other");
        desired.readmit(&namespace, "g");
        assert_eq!(state(&desired), (names(&["h"]), names(&["i"])));
        assert!(!desired.is_expelled(&namespace, "g"), "that is for what nobody objects");
    }

    #[test]
    fn totals_are_those_of_the_claims_that_count() {
        let (one, other): (Arc<str>, Arc<str>) = ("us.ns.o".into(), "us.ns.p".into());
        let mut desired = Desired::default();
        desired.upsert(&one, object("o", Some(1), vec![group("g", "1"), group("h", "1")]));
        desired.upsert(&other, object("p", Some(1), vec![group("g", "1")]));
        desired.upsert(&one, object("later", Some(2), vec![group("g", "1")]));
        assert_eq!((desired.groups(), desired.rules()), (3, 3));
        let split = DesiredGroup { rules: 5, ..group("h", "2") };
        assert_eq!(desired.replace(&one, split).unwrap().rules, 1);
        assert_eq!((desired.groups(), desired.rules()), (3, 7));
        desired.remove(&one, &object("o", None, vec![]).id, LeftBecause::Deleted);
        assert_eq!((desired.groups(), desired.rules()), (2, 2));
    }
}
