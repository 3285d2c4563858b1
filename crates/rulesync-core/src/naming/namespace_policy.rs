//! The namespace policy of an installation: the names that it writes now, those that it wrote earlier, and those that
//! it may take over from others.

use super::named::Named;
use super::owner::Owner;
use super::pattern::Pattern;
use super::scheme::Naming;

/// The class of a ruler namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamespaceClass {
    /// Own, by the present naming.
    Managed,
    /// Own, by an earlier naming: deleted once its successor exists.
    Legacy,
    /// Foreign, with groups that are replaced by equal own groups.
    Adoptable,
    /// The namespace of the owner's claim.
    Claim,
    /// Foreign: never read further, never touched.
    Foreign,
}

/// The namespaces of an installation, by class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePolicy {
    /// The owner.
    pub owner: Owner,
    /// The present naming.
    pub naming: Naming,
    /// The earlier namings, of owners and namings that the configuration still lists.
    pub legacy: Vec<Naming>,
    /// Foreign namespaces whose groups may be replaced by equal own groups.
    pub adopt: Vec<Pattern>,
}

impl NamespacePolicy {
    /// Creates the policy of an owner without legacy or adoptable namespaces.
    pub fn of(owner: Owner) -> Self {
        Self { naming: Naming::Owner(owner.clone()), owner, legacy: Vec::new(), adopt: Vec::new() }
    }

    /// Returns the class of a ruler namespace.
    pub fn classify(&self, namespace: &str) -> NamespaceClass {
        if self.naming.owns(namespace) {
            NamespaceClass::Managed
        } else if self.legacy.iter().any(|naming| naming.owns(namespace)) {
            NamespaceClass::Legacy
        } else if namespace == self.owner.as_str() {
            NamespaceClass::Claim
        } else if self.adopt.iter().any(|pattern| pattern.matches(namespace)) {
            NamespaceClass::Adoptable
        } else {
            NamespaceClass::Foreign
        }
    }

    /// Returns whether a namespace is owned, by any naming.
    pub fn owns(&self, namespace: &str) -> bool {
        matches!(self.classify(namespace), NamespaceClass::Managed | NamespaceClass::Legacy)
    }

    /// Returns the object that an owned namespace was made of, by whatever naming.
    pub fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        std::iter::once(&self.naming).chain(&self.legacy).find_map(|naming| naming.parse(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn present_names_take_precedence() {
        let namespace_policy = NamespacePolicy {
            legacy: vec![Naming::Owner("old".parse().unwrap())],
            adopt: vec!["*".into()],
            ..NamespacePolicy::of("prod".parse().unwrap())
        };
        for (namespace, classify) in [
            ("prod.a.b", NamespaceClass::Managed),
            ("old.a.b", NamespaceClass::Legacy),
            ("prod", NamespaceClass::Claim),
            ("old", NamespaceClass::Adoptable),
            ("prod-eu.a.b", NamespaceClass::Adoptable),
        ] {
            assert_eq!(namespace_policy.classify(namespace), classify, "{namespace}");
            let own = matches!(classify, NamespaceClass::Managed | NamespaceClass::Legacy);
            assert_eq!(namespace_policy.owns(namespace), own, "{namespace}");
        }
        let alone = NamespacePolicy::of("prod".parse().unwrap());
        assert_eq!(alone.classify("prod-eu.a.b"), NamespaceClass::Foreign);
        assert_eq!(namespace_policy.parse("old.a.b").unwrap().name, "b");
    }
}
