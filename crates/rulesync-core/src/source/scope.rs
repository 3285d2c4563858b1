//! Parts of a source that are listed as a whole.

use std::fmt;
use std::sync::Arc;

use crate::model::name::KubernetesNamespace;
use crate::model::object::ObjectId;

/// A part of a source that is listed as a whole: a snapshot of it shows everything that it contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// All objects of the source.
    Everything,
    /// The objects of one kind, in one Kubernetes namespace or, if none is named, in all.
    Kind {
        /// The kind, such as `PrometheusRule`.
        kind: Arc<str>,
        /// The Kubernetes namespace.
        namespace: Option<KubernetesNamespace>,
    },
    /// The Kubernetes namespaces themselves, with their labels and annotations.
    Namespaces,
}

impl Scope {
    /// Creates the scope of the objects of a kind in all Kubernetes namespaces.
    pub fn kind(kind: &str) -> Self {
        Self::Kind { kind: kind.into(), namespace: None }
    }

    /// Creates the scope of the objects of a kind in one Kubernetes namespace.
    pub fn kind_in(kind: &str, namespace: &str) -> Self {
        Self::Kind { kind: kind.into(), namespace: Some(namespace.into()) }
    }

    /// Returns whether an object of the source belongs to the scope.
    pub fn contains(&self, id: &ObjectId) -> bool {
        match self {
            Self::Everything => true,
            Self::Kind { kind, namespace } => {
                id.kind() == &**kind
                    && namespace.as_ref().is_none_or(|namespace| id.namespace() == &**namespace)
            }
            Self::Namespaces => false,
        }
    }

    /// Returns the Kubernetes namespace that it is restricted to.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Kind { namespace, .. } => namespace.as_deref(),
            Self::Everything | Self::Namespaces => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all objects"),
            Self::Kind { kind, namespace: None } => write!(f, "objects of kind {kind}"),
            Self::Kind { kind, namespace: Some(namespace) } => {
                write!(f, "objects of kind {kind} in the Kubernetes namespace {namespace}")
            }
            Self::Namespaces => f.write_str("Kubernetes namespaces"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_contains_objects_of_its_kind_and_namespace_only() {
        let id = |kind: &str, namespace| ObjectId::new(&"s".into(), &kind.into(), namespace, "o");
        let objects = [id("A", "x"), id("A", "y"), id("B", "x")];
        for (scope, contained) in [
            (Scope::Everything, [true, true, true]),
            (Scope::kind("A"), [true, true, false]),
            (Scope::kind_in("A", "x"), [true, false, false]),
            (Scope::Namespaces, [false, false, false]),
        ] {
            assert_eq!(objects.each_ref().map(|id| scope.contains(id)), contained, "{scope}");
        }
    }
}
