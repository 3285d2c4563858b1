//! The names of things, each of a type of its own, so that none is taken for another.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Declares a name: a shared text with a type of its own, which compares and hashes as its text.
macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        ///
        /// Cloning it copies no text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )+};
}

names! {
    /// The name of a ruler's namespace: what rulers call a namespace, or a rule file. Not a Kubernetes namespace, though
    /// named after one.
    RulerNamespace,
    /// The name of a Kubernetes namespace, in which objects are declared.
    KubernetesNamespace,
    /// The name of a group of rules.
    GroupName,
    /// The name of a ruler in the configuration.
    RulerName,
    /// The name of a source in the configuration.
    SourceName,
}

/// The key of a group in a ruler: its namespace and its name.
pub(crate) type GroupKey = (RulerNamespace, GroupName);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn names_are_found_by_their_text_and_shown_as_it() {
        let namespace = RulerNamespace::from("prod.shop.api");
        let by_hash: HashMap<RulerNamespace, u8> = [(namespace.clone(), 1)].into();
        let by_order: BTreeMap<RulerNamespace, u8> = [(namespace.clone(), 1)].into();
        assert_eq!((by_hash.get("prod.shop.api"), by_order.get("prod.shop.api")), (Some(&1), Some(&1)));
        assert_eq!(format!("{namespace} {namespace:?}"), r#"prod.shop.api "prod.shop.api""#);
        assert_eq!(serde_json::to_value(&namespace).unwrap(), "prod.shop.api");
        assert!(namespace == "prod.shop.api" && *namespace == *"prod.shop.api");
    }
}
