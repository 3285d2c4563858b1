//! The naming of Grafana Alloy's `mimir.rules.kubernetes` and `loki.rules.kubernetes`: prefix, Kubernetes namespace,
//! name and UID of an object, joined by a separator.

use std::fmt;
use std::sync::Arc;

use super::named::Named;
use crate::model::fingerprint::Fingerprint;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;

/// Names as an Alloy with this prefix and separator gives them.
///
/// A name is owned if it is exactly `prefix + separator` and three segments, of which the last is a UUID: never
/// `prefix2…`. If names may contain the separator, as with Loki's default `-`, the form proves nothing: `a-b-c-UID` may
/// be of the prefix `a` or of `a-b` ([`is_certain`](Self::is_certain)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlloyNaming {
    prefix: Arc<str>,
    separator: Arc<str>,
}

/// The reason why a prefix and a separator make no naming.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlloyNamingError {
    /// Every name would be owned.
    #[error("the prefix is empty")]
    NoPrefix,
    /// Names could not be distinguished.
    #[error("the separator is empty")]
    NoSeparator,
    /// The separator could be part of a segment, so that names would not parse back.
    #[error("the separator `{0}` is made of letters and digits, which names consist of")]
    PartOfNames(String),
}

/// The length of a UUID in its usual form, in bytes.
const UUID: usize = 36;

impl AlloyNaming {
    /// Creates a naming; Alloy's own default is `alloy` and `/`.
    ///
    /// # Errors
    ///
    /// [`AlloyNamingError`] if names could not be distinguished.
    pub fn new(prefix: &str, separator: &str) -> Result<Self, AlloyNamingError> {
        if prefix.is_empty() {
            return Err(AlloyNamingError::NoPrefix);
        }
        if separator.is_empty() {
            return Err(AlloyNamingError::NoSeparator);
        }
        if separator.chars().all(char::is_alphanumeric) {
            return Err(AlloyNamingError::PartOfNames(separator.to_owned()));
        }
        Ok(Self { prefix: prefix.into(), separator: separator.into() })
    }

    /// The prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The separator.
    pub fn separator(&self) -> &str {
        &self.separator
    }

    /// Returns whether the form of a name alone shows who wrote it. It does not if the prefix of another Alloy, or the
    /// name of an object, may contain the separator.
    pub fn is_certain(&self) -> bool {
        !self
            .separator
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
    }

    /// Returns the ruler namespace of an object. One without a UID, such as one from a file, gets a UID made of its
    /// name.
    pub(super) fn namespace_of(&self, object: &ObjectId, uid: Option<&str>) -> RulerNamespace {
        let Self { prefix, separator } = self;
        let (namespace, name) = (object.namespace(), object.name());
        let made = uid.is_none_or(|uid| !is_uuid(uid)).then(|| uuid_of(object));
        let uid = made.as_deref().or(uid).unwrap_or_default();
        format!("{prefix}{separator}{namespace}{separator}{name}{separator}{uid}").into()
    }

    /// Returns the part of an own namespace before the UID of its object.
    pub(super) fn without_uid<'a>(&self, namespace: &'a str) -> Option<&'a str> {
        self.parse(namespace)?;
        namespace.get(..namespace.len().checked_sub(UUID)?)
    }

    pub(super) fn parse<'a>(&self, namespace: &'a str) -> Option<Named<'a>> {
        let separator = &*self.separator;
        let rest = namespace.strip_prefix(&*self.prefix)?.strip_prefix(separator)?;
        // From the end, because a UUID has a known length whatever the separator.
        let split = rest.len().checked_sub(UUID)?;
        let (names, uid) = (rest.get(..split)?, rest.get(split..)?);
        let (namespace, name) = names.strip_suffix(separator)?.split_once(separator)?;
        let whole = !namespace.is_empty() && !name.is_empty() && is_uuid(uid);
        // With a separator that names may contain there is more than one way to parse it.
        (whole && (!self.is_certain() || !name.contains(separator))).then_some(Named {
            namespace,
            name,
            kind: None,
        })
    }
}

impl fmt::Display for AlloyNaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.separator)
    }
}

fn is_uuid(text: &str) -> bool {
    let hyphen = |index| matches!(index, 8 | 13 | 18 | 23);
    text.len() == UUID
        && text.bytes().enumerate().all(|(index, byte)| {
            if hyphen(index) { byte == b'-' } else { byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase() }
        })
}

fn uuid_of(object: &ObjectId) -> String {
    let hash =
        Fingerprint::of_bytes(format!("{}/{}", object.namespace(), object.name()).as_bytes()).to_string();
    format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";

    #[test]
    fn alloy_naming_owns_exactly_prefix_and_three_segments_ending_in_a_uuid() {
        let naming = AlloyNaming::new("alloy", "/").unwrap();
        let owns = |namespace: &str| naming.parse(namespace).is_some();
        assert!(owns(&format!("alloy/team-a/node.rules/{UID}")));
        for foreign in [
            format!("alloy2/team-a/node/{UID}"),
            format!("alloy/node/{UID}"),
            format!("alloy/a/b/c/{UID}"),
            format!("alloy//node/{UID}"),
            format!("alloy/team-a/node/{}", UID.to_uppercase()),
            "alloy/team-a/node/not-a-uuid".to_owned(),
            "alloy/team-a/node".to_owned(),
            UID.to_owned(),
        ] {
            assert!(!owns(&foreign), "{foreign}");
        }
    }

    #[test]
    fn alloy_naming_refuses_prefixes_and_separators_that_would_own_too_much() {
        assert_eq!(AlloyNaming::new("", "/"), Err(AlloyNamingError::NoPrefix));
        assert_eq!(AlloyNaming::new("a", ""), Err(AlloyNamingError::NoSeparator));
        assert!(AlloyNaming::new("a", "x").is_err());
    }

    #[test]
    fn alloy_naming_is_certain_unless_names_may_contain_the_separator() {
        for (separator, certain) in [
            ("/", true),
            ("_", true),
            (":", true),
            ("-/", true),
            ("-", false),
            (".", false),
            ("--", false),
            ("-.", false),
        ] {
            assert_eq!(AlloyNaming::new("alloy", separator).unwrap().is_certain(), certain, "{separator}");
        }
    }

    #[test]
    fn alloy_naming_gives_objects_without_a_uid_a_stable_one() {
        let naming = AlloyNaming::new("alloy", "/").unwrap();
        let object = ObjectId::new(&"files".into(), &"PrometheusRule".into(), "ns", "o");
        let name = naming.namespace_of(&object, None);
        assert!(naming.parse(&name).is_some(), "{name}");
        assert_eq!(name, naming.namespace_of(&object, Some("odd")));
    }
}
