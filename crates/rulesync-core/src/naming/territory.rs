//! Everything an installation has a say in: what it writes now, what it wrote under earlier names, and what it may
//! take over from others.

use super::{Named, Naming, Owner, Pattern};

/// What a ruler namespace is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Ours, by our present naming.
    Ours,
    /// Ours, by a former naming: goes once its successor is there.
    Former,
    /// Somebody else's, from which groups equal to ours may be taken over.
    Adoptable,
    /// Where the claims of our owner stand.
    Claim,
    /// Somebody else's: never read further, never touched.
    Foreign,
}

/// Whose namespaces are ours, and in which sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Territory {
    /// The owner.
    pub owner: Owner,
    /// How namespaces are called now.
    pub naming: Naming,
    /// How they were called before, by owners and namings the configuration still names.
    pub former: Vec<Naming>,
    /// Namespaces of others from which groups equal to ours may be taken over.
    pub adopt: Vec<Pattern>,
}

impl Territory {
    /// The territory of an owner, with nothing inherited.
    pub fn of(owner: Owner) -> Self {
        Self { naming: Naming::Owner(owner.clone()), owner, former: Vec::new(), adopt: Vec::new() }
    }

    /// What a ruler namespace is to us.
    pub fn interest(&self, namespace: &str) -> Interest {
        if self.naming.owns(namespace) {
            Interest::Ours
        } else if self.former.iter().any(|naming| naming.owns(namespace)) {
            Interest::Former
        } else if namespace == self.owner.as_str() {
            Interest::Claim
        } else if self.adopt.iter().any(|pattern| pattern.matches(namespace)) {
            Interest::Adoptable
        } else {
            Interest::Foreign
        }
    }

    /// Whether a namespace is ours, by any name.
    pub fn owns(&self, namespace: &str) -> bool {
        matches!(self.interest(namespace), Interest::Ours | Interest::Former)
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
        let territory = Territory {
            former: vec![Naming::Owner("old".parse().unwrap())],
            adopt: vec!["*".into()],
            ..Territory::of("prod".parse().unwrap())
        };
        for (namespace, interest) in [
            ("prod.a.b", Interest::Ours),
            ("old.a.b", Interest::Former),
            ("prod", Interest::Claim),
            ("old", Interest::Adoptable),
            ("prod-eu.a.b", Interest::Adoptable),
        ] {
            assert_eq!(territory.interest(namespace), interest, "{namespace}");
            let ours = matches!(interest, Interest::Ours | Interest::Former);
            assert_eq!(territory.owns(namespace), ours, "{namespace}");
        }
        let alone = Territory::of("prod".parse().unwrap());
        assert_eq!(alone.interest("prod-eu.a.b"), Interest::Foreign);
        assert_eq!(territory.parse("old.a.b").unwrap().name, "b");
    }
}
