//! The naming of ruler namespaces: by owner, as Grafana Alloy does it, or as declared.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::alloy::{AlloyNaming, AlloyNamingError};
use super::input::NamingInput;
use super::named::Named;
use super::owner::{Owner, OwnerError};
use crate::model::name::RulerNamespace;

/// The naming of the ruler namespaces of objects. A name that does not have this form is not owned.
///
/// It is stored as in the configuration, such as `{"type": "alloy", "prefix": "alloy", "separator": "/"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredNaming", into = "StoredNaming")]
pub enum Naming {
    /// `{owner}.{Kubernetes namespace}.{name}`: needs no escaping in URLs and stays the same when an object is
    /// re-created, so alerts keep their state.
    Owner(Owner),
    /// As Grafana Alloy's `mimir.rules.kubernetes` does it, to take over an installation in place.
    Alloy(AlloyNaming),
    /// As the declaration names it, to go on with the files of mimirtool. No form shows who wrote such a name: an
    /// installation owns those that its inventory has recorded before they were first written.
    Verbatim,
}

impl From<Owner> for Naming {
    fn from(owner: Owner) -> Self {
        Self::Owner(owner)
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(owner) => write!(f, "owner {owner}"),
            Self::Alloy(alloy) => write!(f, "alloy {alloy}"),
            Self::Verbatim => f.write_str("verbatim"),
        }
    }
}

impl Naming {
    /// Returns whether a whole ruler namespace has the form of this naming: a common beginning is not enough. Names as
    /// declared have no form.
    pub fn owns(&self, namespace: &str) -> bool {
        match self {
            Self::Owner(owner) => owner.owns(namespace),
            Self::Alloy(alloy) => alloy.parse(namespace).is_some(),
            Self::Verbatim => false,
        }
    }

    /// Returns whether the form of a name alone shows that it was made by this naming. If not, a name belongs to this
    /// installation only if it is that of an object that a source has shown.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Owner(_) => true,
            Self::Alloy(alloy) => alloy.is_certain(),
            Self::Verbatim => false,
        }
    }

    /// Returns the ruler namespace of an object; none if the object has none by this naming. A name over `max_bytes` is cut
    /// and ends in a hash of the whole, where the naming allows that.
    pub fn namespace_of(&self, object: &NamingInput<'_>, max_bytes: usize) -> Option<RulerNamespace> {
        match self {
            Self::Owner(owner) => Some(owner.namespace_of(object.id, max_bytes)),
            Self::Alloy(alloy) => Some(alloy.namespace_of(object.id, object.uid)),
            Self::Verbatim => object.ruler_namespace.map(RulerNamespace::from),
        }
    }

    /// Returns whether names end in the UID of an object.
    pub(crate) fn has_uid(&self) -> bool {
        matches!(self, Self::Alloy(_))
    }

    /// Returns the part of an own namespace before the UID of its object; none if names have no UID.
    pub(crate) fn without_uid<'a>(&self, namespace: &'a str) -> Option<&'a str> {
        match self {
            Self::Alloy(alloy) => alloy.without_uid(namespace),
            Self::Owner(_) | Self::Verbatim => None,
        }
    }

    /// Returns the object that a ruler namespace was made of; none if the namespace is not owned.
    pub fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        match self {
            Self::Owner(owner) => owner.parse(namespace),
            Self::Alloy(alloy) => alloy.parse(namespace),
            Self::Verbatim => None,
        }
    }
}

/// The form in which a naming is stored.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum StoredNaming {
    Owner { owner: String },
    Alloy { prefix: String, separator: String },
    Verbatim,
}

/// The reason why a stored naming cannot be used.
#[derive(Debug, thiserror::Error)]
enum StoredNamingError {
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error(transparent)]
    Alloy(#[from] AlloyNamingError),
}

impl From<Naming> for StoredNaming {
    fn from(naming: Naming) -> Self {
        match naming {
            Naming::Owner(owner) => Self::Owner { owner: owner.to_string() },
            Naming::Alloy(alloy) => {
                Self::Alloy { prefix: alloy.prefix().to_owned(), separator: alloy.separator().to_owned() }
            }
            Naming::Verbatim => Self::Verbatim,
        }
    }
}

impl TryFrom<StoredNaming> for Naming {
    type Error = StoredNamingError;

    fn try_from(stored: StoredNaming) -> Result<Self, StoredNamingError> {
        Ok(match stored {
            StoredNaming::Owner { owner } => Self::Owner(owner.parse()?),
            StoredNaming::Alloy { prefix, separator } => Self::Alloy(AlloyNaming::new(&prefix, &separator)?),
            StoredNaming::Verbatim => Self::Verbatim,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::kind::PROMETHEUS_RULE;
    use crate::model::object::ObjectId;
    use crate::naming::FILE_NAMESPACE;

    fn naming(owner: &str) -> Naming {
        Naming::Owner(owner.parse().unwrap())
    }

    fn namespace_of(naming: &Naming, id: &ObjectId, uid: Option<&str>, max_bytes: usize) -> RulerNamespace {
        naming.namespace_of(&NamingInput { uid, ..id.into() }, max_bytes).unwrap()
    }

    fn object(namespace: &str, name: &str) -> ObjectId {
        ObjectId::new(&"s".into(), &"PrometheusRule".into(), namespace, name)
    }

    #[test]
    fn long_names_end_in_a_hash_of_the_whole() {
        let naming = naming("prod");
        let long = namespace_of(&naming, &object("ns", &"a".repeat(250)), None, 189);
        let other = namespace_of(&naming, &object("ns", &format!("{}b", "a".repeat(249))), None, 189);
        assert_eq!(long.len(), 189);
        assert!(naming.owns(&long));
        assert_eq!(naming.parse(&long).unwrap().namespace, "ns");
        assert_ne!(long, other);
    }

    #[test]
    fn naming_is_stored_as_it_is_configured() {
        let alloy = Naming::Alloy(AlloyNaming::new("stage", "-").unwrap());
        for (naming, stored) in [
            (naming("prod"), r#"{"type":"owner","owner":"prod"}"#),
            (alloy, r#"{"type":"alloy","prefix":"stage","separator":"-"}"#),
            (Naming::Verbatim, r#"{"type":"verbatim"}"#),
        ] {
            assert_eq!(serde_json::to_string(&naming).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Naming>(stored).unwrap(), naming);
        }
        for wrong in [r#"{"type":"owner","owner":"A b"}"#, r#"{"type":"alloy","prefix":"","separator":"/"}"#]
        {
            assert!(serde_json::from_str::<Naming>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn naming_owns_only_names_that_it_makes(
            namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
            name in "[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?){0,3}",
            path in "([A-Za-z0-9.-]|_[0-9A-F]{2}){1,120}",
            file in any::<bool>(),
            kind in prop::sample::select(vec!["PrometheusRule", "LoggingRule", "AlertingRule", "RecordingRule"]),
            max_bytes in 60_usize..250,
            position in any::<prop::sample::Index>(),
            odd in prop::sample::select(vec![" ", "\n", "A", "_", "é", "/", "..", "%", "\u{2028}", "\0"]),
        ) {
            let naming = naming("prod");
            let id = match file {
                true => ObjectId::new(&"s".into(), &"RuleFile".into(), FILE_NAMESPACE, &path),
                false => ObjectId::new(&"s".into(), &kind.into(), &namespace, &name),
            };
            let full = namespace_of(&naming, &id, None, max_bytes);
            prop_assert!(naming.owns(&full), "{}", full);
            prop_assert_eq!(namespace_of(&naming, &id, None, usize::MAX).len() <= max_bytes, naming.parse(&full).is_some_and(
                |named| named.namespace == id.namespace() && named.name == id.name()
            ));
            if !file {
                // A character that no Kubernetes name contains, anywhere behind the owner.
                let at = "prod.".len() + position.index(full.len() - "prod.".len());
                let other = format!("{}{odd}{}", &full[..at], &full[at..]);
                prop_assert!(!naming.owns(&other), "{}", other);
            }
        }

        #[test]
        fn names_parse_back(
            namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
            name in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,9}){0,3}",
            prefix in "[a-z0-9-]{1,8}",
            separator in prop::sample::select(vec!["/", ":", "_", "//", "-"]),
            uid in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        ) {
            let id = object(&namespace, &name);
            let expected = Named { namespace: &namespace, name: &name, kind: Some(PROMETHEUS_RULE) };
            let own = naming("prod");
            let full = namespace_of(&own, &id, Some(&uid), 189);
            prop_assert!(own.owns(&full));
            prop_assert_eq!(own.parse(&full), Some(expected));
            prop_assert!(!naming("pro").owns(&full) && !naming("prod-eu").owns(&full));
            let alloy = Naming::Alloy(AlloyNaming::new(&prefix, separator).unwrap());
            let full = namespace_of(&alloy, &id, Some(&uid), 189);
            prop_assert!(alloy.owns(&full), "{}", full);
            if separator != "-" {
                prop_assert_eq!(alloy.parse(&full), Some(Named { kind: None, ..expected }));
            }
            let longer = Naming::Alloy(AlloyNaming::new(&format!("{prefix}2"), separator).unwrap());
            prop_assert!(!longer.owns(&full));
        }
    }
}
