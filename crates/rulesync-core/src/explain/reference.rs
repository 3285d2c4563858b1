//! The name by which people ask for an object.

use std::fmt;
use std::str::FromStr;

use crate::model::object::ObjectId;

/// An object as people name it: `namespace/name`, or `kind/namespace/name` where several kinds have one name.
///
/// ```
/// use rulesync_core::explain::ObjectRef;
///
/// let object: ObjectRef = "prometheusrule/shop/checkout".parse()?;
/// assert_eq!((object.namespace.as_str(), object.name.as_str()), ("shop", "checkout"));
/// assert!("checkout".parse::<ObjectRef>().is_err());
/// # Ok::<(), rulesync_core::explain::ObjectRefError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The kind, in any case; none for every kind.
    pub kind: Option<String>,
    /// The Kubernetes namespace; `_file` for plain rule files.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// A text that names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no object: write `namespace/name` or `kind/namespace/name`")]
pub struct ObjectRefError(String);

impl FromStr for ObjectRef {
    type Err = ObjectRefError;

    fn from_str(text: &str) -> Result<Self, ObjectRefError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [namespace, name] => (None, *namespace, *name),
            [kind, namespace, name] if !kind.is_empty() => (Some((*kind).to_owned()), *namespace, *name),
            _ => return Err(ObjectRefError(text.to_owned())),
        };
        if namespace.is_empty() || name.is_empty() {
            return Err(ObjectRefError(text.to_owned()));
        }
        Ok(Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = &self.kind {
            write!(f, "{kind}/")?;
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl From<&ObjectId> for ObjectRef {
    fn from(id: &ObjectId) -> Self {
        Self {
            kind: Some(id.kind().to_owned()),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
        }
    }
}

impl ObjectRef {
    /// Returns whether it names an object, of whatever source.
    pub fn names(&self, id: &ObjectId) -> bool {
        self.namespace == id.namespace()
            && self.name == id.name()
            && self.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(id.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_reference_has_two_or_three_parts() {
        let id = ObjectId::new(&"k".into(), &"LoggingRule".into(), "shop", "logs.a");
        for (text, names) in [
            ("shop/logs.a", true),
            ("loggingrule/shop/logs.a", true),
            ("LoggingRule/shop/logs.a", true),
            ("PrometheusRule/shop/logs.a", false),
            ("shop/logs", false),
            ("pay/logs.a", false),
        ] {
            let reference: ObjectRef = text.parse().unwrap();
            assert_eq!(reference.names(&id), names, "{text}");
            assert_eq!(reference.to_string(), text);
        }
        for text in ["", "a", "/", "a/", "/a", "/a/b", "a/b/c/d", "a//b"] {
            assert!(text.parse::<ObjectRef>().is_err(), "{text}");
        }
        assert!(ObjectRef::from(&id).names(&id));
    }
}
