//! Owners of rules.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::form::{is_made, marked, without_marker};
use super::named::Named;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;

/// The owner of rules: a DNS label, the first segment of every namespace this installation writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(Arc<str>);

/// The reason why a text is no owner.
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
    /// Returns whether a ruler namespace holds rules of this owner: its whole first segment is the owner, and the rest is a
    /// name that this crate gives to objects. Anything else was written by somebody else and is not touched.
    ///
    /// The namespace named by the owner alone is reserved for the claim and holds no object's rules.
    ///
    /// ```
    /// let owner: rulesync_core::Owner = "prod".parse()?;
    /// assert!(owner.owns("prod.monitoring.node"));
    /// assert!(!owner.owns("prod-eu.monitoring.node"));
    /// assert!(!owner.owns("production"));
    /// assert!(!owner.owns("prod.Monitoring.node") && !owner.owns("prod.a.b extra"));
    /// # Ok::<(), rulesync_core::naming::OwnerError>(())
    /// ```
    pub fn owns(&self, namespace: &str) -> bool {
        self.rest(namespace).is_some_and(|rest| is_made(without_marker(rest).0))
    }

    /// Returns the owner that a ruler namespace is [owned](Self::owns) by, whoever that is; none if its name has another
    /// form. The form alone proves nothing: others may name theirs alike.
    ///
    /// ```
    /// use rulesync_core::Owner;
    ///
    /// assert_eq!(Owner::of("prod.monitoring.node"), Some("prod".parse()?));
    /// assert_eq!(Owner::of("prod"), None);
    /// assert_eq!(Owner::of("rules/node"), None);
    /// # Ok::<(), rulesync_core::naming::OwnerError>(())
    /// ```
    pub fn of(namespace: &str) -> Option<Self> {
        let owner: Self = namespace.split_once('.')?.0.parse().ok()?;
        owner.owns(namespace).then_some(owner)
    }

    /// Returns the ruler namespace of an object. A name over `max_bytes` is cut and ends in a hash of the whole.
    pub(super) fn namespace_of(&self, object: &ObjectId, max_bytes: usize) -> RulerNamespace {
        marked(format!("{self}.{}.{}", object.namespace(), object.name()), object.kind(), max_bytes)
    }

    /// Returns the object that a ruler namespace was made of; none if the namespace is not owned.
    pub(super) fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        let (rest, kind) = without_marker(self.rest(namespace)?);
        let (namespace, name) = rest.split_once('.').filter(|_| is_made(rest))?;
        Some(Named { namespace, name, kind: Some(kind) })
    }

    /// Returns the part behind the owner and its dot.
    fn rest<'a>(&self, namespace: &'a str) -> Option<&'a str> {
        namespace.strip_prefix(&*self.0)?.strip_prefix('.')
    }

    /// Returns the owner as text; also the ruler namespace of its claim, which holds no object's rules.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn owner_does_not_own_names_of_a_longer_owner() {
        let owner: Owner = "prod".parse().unwrap();
        for foreign in
            ["prod-eu.a.b", "prod", "production.a.b", "prod/a/b", "xprod.a.b", "", "prod.", "prod..x"]
        {
            assert!(!owner.owns(foreign), "{foreign}");
        }
    }
}
