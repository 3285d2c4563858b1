//! The classes of the ruler namespaces at one destination: the names that the installation writes there now, those that it
//! wrote earlier, and those that it may take over from others.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::named::Named;
use super::namespace_policy::{NamespaceClass, NamespacePolicy};
use super::owner::Owner;
use super::pattern::Pattern;
use super::scheme::Naming;
use crate::model::name::RulerNamespace;

/// Classifies the ruler namespaces at one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamespaceClassifier {
    /// The owner.
    pub(crate) owner: Owner,
    /// The namings of the routes that lead to the destination.
    pub(crate) present: Vec<Naming>,
    /// Earlier namings: those that the configuration lists.
    pub(crate) legacy: Vec<Naming>,
    /// Earlier namings that the inventory alone remembers.
    pub(crate) former: Vec<Naming>,
    /// Foreign namespaces whose groups may be replaced by equal own groups.
    pub(crate) adopt: Vec<Pattern>,
    /// The namespaces named as declared that the inventory has recorded; none if that is not known yet.
    pub(crate) recorded: Option<Arc<BTreeSet<RulerNamespace>>>,
}

impl NamespaceClassifier {
    /// Creates the classifier of a destination: `present` are the namings in use there, `legacy` those that the
    /// configuration lists as earlier ones besides the policy's, and `former` those that the inventory remembers.
    pub(crate) fn new(
        policy: &NamespacePolicy,
        present: Vec<Naming>,
        legacy: impl IntoIterator<Item = Naming>,
        former: impl IntoIterator<Item = Naming>,
    ) -> Self {
        let mut classifier = Self {
            owner: policy.owner.clone(),
            present,
            legacy: Vec::new(),
            former: Vec::new(),
            adopt: policy.adopt.clone(),
            recorded: None,
        };
        for naming in policy.legacy.iter().cloned().chain(legacy) {
            if !classifier.namings().any(|known| *known == naming) {
                classifier.legacy.push(naming);
            }
        }
        for naming in former {
            if !classifier.namings().any(|known| *known == naming) {
                classifier.former.push(naming);
            }
        }
        classifier
    }

    /// Creates the classifier of an owner with the usual naming and nothing else.
    #[cfg(test)]
    pub(crate) fn of(owner: Owner) -> Self {
        let policy = NamespacePolicy::of(owner);
        Self::new(&policy, vec![policy.naming.clone()], [], [])
    }

    /// Iterates over all own namings, the present ones first.
    pub(crate) fn namings(&self) -> impl Iterator<Item = &Naming> + Clone {
        self.present.iter().chain(&self.legacy).chain(&self.former)
    }

    /// Returns the class of a ruler namespace.
    pub(crate) fn classify(&self, namespace: &str) -> NamespaceClass {
        let is_owned = |namings: &[Naming]| namings.iter().any(|naming| naming.owns(namespace));
        if is_owned(&self.present) {
            NamespaceClass::Managed
        } else if is_owned(&self.legacy) || is_owned(&self.former) {
            NamespaceClass::Legacy
        } else if self.has_recorded(namespace) {
            match self.present.contains(&Naming::Verbatim) {
                true => NamespaceClass::Managed,
                false => NamespaceClass::Legacy,
            }
        } else if namespace == self.owner.as_str() {
            NamespaceClass::Claim
        } else if self.adopt.iter().any(|pattern| pattern.matches(namespace)) {
            NamespaceClass::Adoptable
        } else {
            NamespaceClass::Foreign
        }
    }

    /// Returns whether a namespace has the form of an own one, by any naming, or is recorded.
    pub(crate) fn owns(&self, namespace: &str) -> bool {
        self.namings().any(|naming| naming.owns(namespace)) || self.has_recorded(namespace)
    }

    /// Returns whether some own namespaces are named as declared, so that the inventory has to record them.
    pub(crate) fn needs_records(&self) -> bool {
        self.namings().any(|naming| *naming == Naming::Verbatim)
    }

    /// Returns whether the inventory has recorded a namespace that is named as declared.
    pub(crate) fn has_recorded(&self, namespace: &str) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.contains(namespace))
    }

    /// Returns the naming of an own namespace: the first whose form it has, or that of names as declared if it is recorded.
    pub(crate) fn naming_of(&self, namespace: &str) -> Option<&Naming> {
        let declared = || self.namings().find(|naming| **naming == Naming::Verbatim);
        let by_form = self.namings().find(|naming| naming.owns(namespace));
        by_form.or_else(|| declared().filter(|_| self.has_recorded(namespace)))
    }

    /// Returns whether the form of a namespace alone shows whether it is an own one. Otherwise it is only if it is that of
    /// an object that a source has shown.
    pub(crate) fn is_certain(&self, namespace: &str) -> bool {
        self.is_always_certain()
            || self.namings().any(|naming| naming.is_certain() && naming.owns(namespace))
            || self.has_recorded(namespace)
            || !self.owns(namespace)
    }

    /// Iterates over the namings whose names prove nothing by their form.
    pub(crate) fn uncertain(&self) -> impl Iterator<Item = &Naming> + Clone {
        self.namings().filter(|naming| !naming.is_certain() && **naming != Naming::Verbatim)
    }

    /// Returns whether the form of a namespace always shows whether it is an own one.
    pub(crate) fn is_always_certain(&self) -> bool {
        self.uncertain().next().is_none()
    }

    /// Returns the object that an own namespace was made of, by whatever naming; none if its form does not show that.
    pub(crate) fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        self.namings().filter(|naming| naming.is_certain()).find_map(|naming| naming.parse(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::AlloyNaming;

    const UID: &str = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";

    fn alloy(prefix: &str, separator: &str) -> Naming {
        Naming::Alloy(AlloyNaming::new(prefix, separator).unwrap())
    }

    #[test]
    fn present_names_take_precedence() {
        let policy = NamespacePolicy {
            legacy: vec![Naming::Owner("old".parse().unwrap())],
            adopt: vec!["*".into()],
            ..NamespacePolicy::of("prod".parse().unwrap())
        };
        let classifier = NamespaceClassifier::new(&policy, vec![policy.naming.clone()], [], []);
        for (namespace, class) in [
            ("prod.a.b", NamespaceClass::Managed),
            ("old.a.b", NamespaceClass::Legacy),
            ("prod", NamespaceClass::Claim),
            ("old", NamespaceClass::Adoptable),
            ("prod-eu.a.b", NamespaceClass::Adoptable),
        ] {
            assert_eq!(classifier.classify(namespace), class, "{namespace}");
            let own = matches!(class, NamespaceClass::Managed | NamespaceClass::Legacy);
            assert_eq!(classifier.owns(namespace), own, "{namespace}");
        }
        let policy = NamespacePolicy::of("prod".parse().unwrap());
        let alone = NamespaceClassifier::new(&policy, vec![policy.naming.clone()], [], []);
        assert_eq!(alone.classify("prod-eu.a.b"), NamespaceClass::Foreign);
        assert_eq!(classifier.parse("old.a.b").unwrap().name, "b");
    }

    #[test]
    fn namings_of_routes_and_of_the_inventory_are_owned_besides_each_other() {
        let policy = NamespacePolicy::of("prod".parse().unwrap());
        let classifier = NamespaceClassifier::new(
            &policy,
            vec![alloy("stage", "/"), alloy("loki", "-")],
            [alloy("old", "/")],
            [alloy("stage", "/"), alloy("gone", "/")],
        );
        assert_eq!(classifier.former, [alloy("gone", "/")]);
        for (namespace, class, certain) in [
            (format!("stage/ns/o/{UID}"), NamespaceClass::Managed, true),
            (format!("loki-ns-o-{UID}"), NamespaceClass::Managed, false),
            (format!("old/ns/o/{UID}"), NamespaceClass::Legacy, true),
            (format!("gone/ns/o/{UID}"), NamespaceClass::Legacy, true),
            ("prod.ns.o".to_owned(), NamespaceClass::Foreign, true),
        ] {
            assert_eq!(classifier.classify(&namespace), class, "{namespace}");
            assert_eq!(classifier.is_certain(&namespace), certain, "{namespace}");
        }
        assert_eq!(classifier.parse(&format!("loki-ns-o-{UID}")), None);
    }
}
