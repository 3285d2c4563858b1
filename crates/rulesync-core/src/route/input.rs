//! The input of routing: what routes can read of an object and its Kubernetes namespace.

use std::fmt;
use std::sync::Arc;

use crate::model::labels::Labels;
use crate::model::object::ObjectId;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueSource {
    /// A label of the object.
    Label(Arc<str>),
    /// An annotation of the object.
    Annotation(Arc<str>),
    /// A label of its Kubernetes namespace.
    NamespaceLabel(Arc<str>),
    /// An annotation of its Kubernetes namespace.
    NamespaceAnnotation(Arc<str>),
    /// The name of its Kubernetes namespace.
    NamespaceName,
}

/// The metadata of a Kubernetes namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceMetadata {
    /// Its labels.
    pub labels: Labels,
    /// Its annotations, as far as its source sends them.
    pub annotations: Labels,
}

/// The facts by which an object is routed.
#[derive(Debug, Clone, Copy)]
pub struct RoutingInput<'a> {
    /// Its identity.
    pub id: &'a ObjectId,
    /// Its labels.
    pub labels: &'a Labels,
    /// Its annotations, as far as routes read them.
    pub annotations: &'a Labels,
    /// The tenant that it requests in a field of its own.
    pub tenant: Option<&'a str>,
    /// The language that its kind or an annotation declares.
    pub language: Option<&'a str>,
    /// Its Kubernetes namespace, if known.
    pub namespace: Option<&'a NamespaceMetadata>,
    /// True if its Kubernetes namespace will be known, if it is not.
    pub namespace_comes: bool,
}

#[cfg(test)]
impl<'a> RoutingInput<'a> {
    /// Creates the input of an object of which only the identity is known, from a source without Kubernetes namespaces.
    pub(crate) fn bare(id: &'a ObjectId, nothing: &'a Labels) -> Self {
        Self {
            id,
            labels: nothing,
            annotations: nothing,
            tenant: None,
            language: None,
            namespace: None,
            namespace_comes: false,
        }
    }
}

impl ValueSource {
    /// Returns the value; none if it is missing.
    pub fn value<'a>(&self, input: &RoutingInput<'a>) -> Option<&'a str> {
        match self {
            Self::Label(key) => input.labels.get(key),
            Self::Annotation(key) => input.annotations.get(key),
            Self::NamespaceLabel(key) => input.namespace?.labels.get(key),
            Self::NamespaceAnnotation(key) => input.namespace?.annotations.get(key),
            Self::NamespaceName => Some(input.id.namespace()),
        }
    }

    /// Returns the key, if it is an annotation of the object.
    pub(crate) fn annotation(&self) -> Option<&str> {
        match self {
            Self::Annotation(key) => Some(key),
            _ => None,
        }
    }

    /// Returns whether the author of the object controls it.
    pub fn is_the_authors(&self) -> bool {
        matches!(self, Self::Label(_) | Self::Annotation(_))
    }

    /// Returns whether more of a Kubernetes namespace must be known than its name.
    pub fn needs_namespace(&self) -> bool {
        matches!(self, Self::NamespaceLabel(_) | Self::NamespaceAnnotation(_))
    }
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(key) => write!(f, "label `{key}`"),
            Self::Annotation(key) => write!(f, "annotation `{key}`"),
            Self::NamespaceLabel(key) => write!(f, "label `{key}` of the Kubernetes namespace"),
            Self::NamespaceAnnotation(key) => write!(f, "annotation `{key}` of the Kubernetes namespace"),
            Self::NamespaceName => f.write_str("the name of the Kubernetes namespace"),
        }
    }
}
