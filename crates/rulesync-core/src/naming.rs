//! Owners, and the ruler namespaces that are theirs: the only place that decides what is ours.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::fingerprint::Fingerprint;
use crate::model::object::ObjectId;

/// Whose rules these are: a DNS label, the first segment of every namespace this installation writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(Arc<str>);

/// Why a text is no owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be an owner: use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
)]
pub struct OwnerError(String);

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
        if ends && bytes.len() <= 63 && bytes.iter().all(|b| alphanumeric(b) || *b == b'-') {
            Ok(Self(text.into()))
        } else {
            Err(OwnerError(text.to_owned()))
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Owner {
    /// Whether a ruler namespace holds rules of this owner: its first segment is the owner, entire.
    ///
    /// The namespace named by the owner alone is reserved for the claim and holds no object's rules.
    ///
    /// ```
    /// let owner: rulesync_core::Owner = "prod".parse()?;
    /// assert!(owner.owns("prod.monitoring.node"));
    /// assert!(!owner.owns("prod-eu.monitoring.node"));
    /// assert!(!owner.owns("production"));
    /// # Ok::<(), rulesync_core::OwnerError>(())
    /// ```
    pub fn owns(&self, namespace: &str) -> bool {
        namespace.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The ruler namespace of an object: `{owner}.{Kubernetes namespace}.{name}`.
    ///
    /// It needs no escaping in URLs and stays the same when the object is re-created, so alerts keep their state. A
    /// name over `max_bytes` is cut and ends in a hash of the whole.
    pub fn namespace_of(&self, object: &ObjectId, max_bytes: usize) -> Arc<str> {
        let full = format!("{}.{}.{}", self.0, object.namespace(), object.name());
        if full.len() <= max_bytes {
            return full.into();
        }
        let hash = Fingerprint::of_bytes(full.as_bytes()).to_string();
        let mut end = max_bytes.saturating_sub(HASH_BYTES + 1);
        while !full.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}-{}", &full[..end], &hash[..HASH_BYTES]).into()
    }

    /// The Kubernetes namespace and name a ruler namespace was made of; none if it is not ours.
    pub fn parse<'a>(&self, namespace: &'a str) -> Option<(&'a str, &'a str)> {
        namespace.strip_prefix(&*self.0)?.strip_prefix('.')?.split_once('.')
    }
}

/// Enough hexadecimal digits that two long names never meet.
const HASH_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(namespace: &str, name: &str) -> ObjectId {
        ObjectId::new(&"s".into(), &"PrometheusRule".into(), namespace, name)
    }

    #[test]
    fn owners_are_dns_labels() {
        for good in ["prod", "prod-eu", "a", "1"] {
            assert_eq!(good.parse::<Owner>().unwrap().to_string(), good);
        }
        for bad in ["", "Prod", "a.b", "-a", "a-", "a_b", &"a".repeat(64)] {
            assert!(bad.parse::<Owner>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_longer_owner_is_somebody_else() {
        let owner: Owner = "prod".parse().unwrap();
        for theirs in ["prod-eu.a.b", "prod", "production.a.b", "prod/a/b", "xprod.a.b", ""] {
            assert!(!owner.owns(theirs), "{theirs}");
            assert_eq!(owner.parse(theirs), None);
        }
    }

    #[test]
    fn long_names_end_in_a_hash_of_the_whole() {
        let owner: Owner = "prod".parse().unwrap();
        let long = owner.namespace_of(&object("ns", &"a".repeat(250)), 189);
        let other = owner.namespace_of(&object("ns", &format!("{}b", "a".repeat(249))), 189);
        assert_eq!(long.len(), 189);
        assert!(owner.owns(&long));
        assert_ne!(long, other);
    }

    proptest! {
        #[test]
        fn names_parse_back(namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", name in "[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?") {
            let owner: Owner = "prod".parse().unwrap();
            let id = object(&namespace, &name);
            let full = owner.namespace_of(&id, 189);
            prop_assert!(owner.owns(&full));
            prop_assert_eq!(owner.parse(&full), Some((namespace.as_str(), name.as_str())));
        }
    }
}
