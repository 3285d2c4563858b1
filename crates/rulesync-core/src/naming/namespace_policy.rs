//! Everything an installation has a say in: what it writes now, what it wrote under earlier names, and what it may
//! take over from others.

use super::{Named, Naming, Owner, Pattern};

/// What a ruler namespace is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceClass {
    /// Ours, by our present naming.
    Managed,
    /// Ours, by a former naming: goes once its successor is there.
    Legacy,
    /// Somebody else's, from which groups equal to ours may be taken over.
    Adoptable,
    /// Where the claims of our owner stand.
    Claim,
    /// Somebody else's: never read further, never touched.
    Foreign,
}

/// Whose namespaces are ours, and in which sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePolicy {
    /// The owner.
    pub owner: Owner,
    /// How namespaces are called now.
    pub naming: Naming,
    /// How they were called before, by owners and namings the configuration still names.
    pub former: Vec<Naming>,
    /// Namespaces of others from which groups equal to ours may be taken over.
    pub adopt: Vec<Pattern>,
}

impl NamespacePolicy {
    /// The namespace_policy of an owner, with nothing inherited.
    pub fn of(owner: Owner) -> Self {
        Self { naming: Naming::Owner(owner.clone()), owner, former: Vec::new(), adopt: Vec::new() }
    }

    /// What a ruler namespace is to us.
    pub fn classify(&self, namespace: &str) -> NamespaceClass {
        if self.naming.owns(namespace) {
            NamespaceClass::Managed
        } else if self.former.iter().any(|naming| naming.owns(namespace)) {
            NamespaceClass::Legacy
        } else if namespace == self.owner.as_str() {
            NamespaceClass::Claim
        } else if self.adopt.iter().any(|pattern| pattern.matches(namespace)) {
            NamespaceClass::Adoptable
        } else {
            NamespaceClass::Foreign
        }
    }

    /// Whether a namespace is ours, by any name.
    pub fn owns(&self, namespace: &str) -> bool {
        matches!(self.classify(namespace), NamespaceClass::Managed | NamespaceClass::Legacy)
    }

    /// The object a namespace of ours was made of, whatever naming made it.
    pub fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        std::iter::once(&self.naming).chain(&self.former).find_map(|naming| naming.parse(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn present_names_come_before_all_others() {
        let namespace_policy = NamespacePolicy {
            former: vec![Naming::Owner("old".parse().unwrap())],
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
            let ours = matches!(classify, NamespaceClass::Managed | NamespaceClass::Legacy);
            assert_eq!(namespace_policy.owns(namespace), ours, "{namespace}");
        }
        let alone = NamespacePolicy::of("prod".parse().unwrap());
        assert_eq!(alone.classify("prod-eu.a.b"), NamespaceClass::Foreign);
        assert_eq!(namespace_policy.parse("old.a.b").unwrap().name, "b");
    }
}
