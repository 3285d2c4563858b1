//! The overlay of a destination: what a ruler's answers change of what is declared. Sources alone write the desired
//! state; a group that is offered without a rule that the ruler refuses, and a stored version that has to go, are here.

mod omissions;

use std::collections::{BTreeSet, HashMap};

use crate::desired::{Desired, DesiredGroup, DesiredObject};
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;

pub(crate) use omissions::Omissions;

/// Expelled groups of a namespace, by the object that owns it.
type Expelled = HashMap<Option<ObjectId>, BTreeSet<Box<str>>>;

/// What a ruler's answers change of what is declared.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Groups that are offered without some of their rules.
    pub(crate) omissions: Omissions,
    /// Refused groups whose version in the ruler lacks what their route enforces now, so that it is deleted; by
    /// namespace and by the object that owns it, none if the rules of the namespace are only protected.
    expelled: HashMap<RulerNamespace, Expelled>,
}

/// The groups that a ruler is offered: those that are declared, as its answers have changed them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) overlay: &'a Overlay,
}

impl<'a> Offered<'a> {
    /// Returns a group of the object that owns a namespace.
    pub(crate) fn group(self, namespace: &str, group: &str) -> Option<&'a DesiredGroup> {
        Some(self.overlay.omissions.offered(namespace, self.desired.group(namespace, group)?))
    }

    /// Iterates over the objects that own their namespaces, with these.
    pub(crate) fn winners(self) -> impl Iterator<Item = (&'a RulerNamespace, &'a DesiredObject)> {
        self.desired.objects().filter_map(|(namespace, objects)| Some((namespace, objects.first()?)))
    }
}

impl Overlay {
    /// Iterates over the groups of an object as they are offered.
    pub(crate) fn groups<'a>(
        &'a self,
        namespace: &'a str,
        object: &'a DesiredObject,
    ) -> impl Iterator<Item = &'a DesiredGroup> {
        object.groups.iter().map(move |declared| self.omissions.offered(namespace, declared))
    }

    /// Iterates over the groups of an object that were refused before they were offered and whose version in the ruler
    /// stays.
    pub(crate) fn refused<'a>(
        &'a self,
        namespace: &str,
        object: &'a DesiredObject,
    ) -> impl Iterator<Item = &'a str> {
        let expelled = self.expelled_of(namespace, Some(&object.id));
        object.refused.iter().map(AsRef::as_ref).filter(move |group| !contains(expelled, group))
    }

    /// Iterates over the expelled groups of an object.
    pub(crate) fn expelled(&self, namespace: &str, object: &DesiredObject) -> impl Iterator<Item = &str> {
        self.expelled_of(namespace, Some(&object.id)).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Returns whether the version that the ruler has of a group is to be deleted. `owner` is the object that owns the
    /// namespace, if there is one.
    pub(crate) fn is_expelled(&self, namespace: &str, owner: Option<&ObjectId>, group: &str) -> bool {
        contains(self.expelled_of(namespace, owner), group)
    }

    fn expelled_of(&self, namespace: &str, owner: Option<&ObjectId>) -> Option<&BTreeSet<Box<str>>> {
        // The usual case: an owner is copied only for namespaces that have expelled groups.
        self.expelled.get(namespace)?.get(&owner.cloned())
    }

    /// Marks a refused or protected group as lacking what its route enforces, so that it is deleted.
    pub(crate) fn expel(&mut self, namespace: &RulerNamespace, owner: Option<&ObjectId>, group: &str) {
        let owners = self.expelled.entry(namespace.clone()).or_default();
        owners.entry(owner.cloned()).or_default().insert(group.into());
    }

    /// Ends the expulsion of a group that the ruler has accepted from the object that owns its namespace.
    pub(crate) fn readmit(&mut self, namespace: &str, owner: Option<&ObjectId>, group: &str) {
        let Some(owners) = self.expelled.get_mut(namespace) else { return };
        if let Some(groups) = owners.get_mut(&owner.cloned()) {
            groups.remove(group);
            if groups.is_empty() {
                self.forget(namespace, owner);
            }
        }
    }

    /// Forgets the expelled groups of an object, because it was declared again or removed, or those of a namespace that
    /// is no longer protected.
    pub(crate) fn forget(&mut self, namespace: &str, owner: Option<&ObjectId>) {
        if let Some(owners) = self.expelled.get_mut(namespace) {
            owners.remove(&owner.cloned());
            if owners.is_empty() {
                self.expelled.remove(namespace);
            }
        }
    }
}

fn contains(groups: Option<&BTreeSet<Box<str>>>, group: &str) -> bool {
    groups.is_some_and(|groups| groups.contains(group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::tests::{group, object};

    #[test]
    fn expelled_group_is_not_refused_any_more_and_returns_when_it_is_accepted() {
        let namespace: RulerNamespace = "us.ns.o".into();
        let declared = DesiredObject {
            refused: ["g", "h"].map(Box::from).into(),
            ..object("o", None, vec![group("i", "1")])
        };
        let owner = Some(&declared.id);
        let mut overlay = Overlay::default();
        let names = |overlay: &Overlay| {
            let refused: Vec<String> = overlay.refused(&namespace, &declared).map(str::to_owned).collect();
            let expelled: Vec<String> = overlay.expelled(&namespace, &declared).map(str::to_owned).collect();
            (refused.join(" "), expelled.join(" "))
        };
        overlay.expel(&namespace, owner, "g");
        overlay.expel(&namespace, owner, "g");
        assert_eq!(names(&overlay), ("h".into(), "g".into()));
        overlay.expel(&namespace, owner, "i");
        assert_eq!(names(&overlay), ("h".into(), "g i".into()), "the ruler has refused it");
        overlay.readmit(&namespace, owner, "other");
        overlay.readmit(&namespace, owner, "g");
        assert_eq!(names(&overlay), ("g h".into(), "i".into()));
        assert!(overlay.is_expelled(&namespace, owner, "i"));
        assert!(!overlay.is_expelled(&namespace, None, "i"), "the object that owned it expelled it");
        overlay.forget(&namespace, owner);
        assert_eq!(names(&overlay), ("g h".into(), String::new()));
        overlay.expel(&namespace, None, "i");
        assert_eq!(names(&overlay).1, "", "nothing owned the namespace then");
        overlay.readmit(&namespace, None, "i");
        assert!(overlay.expelled.is_empty());
    }
}
