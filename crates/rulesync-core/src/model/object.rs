//! A declared resource and its identity.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::declared::DeclaredGroup;
use super::labels::Labels;
use super::positions::Positions;
use crate::finding::Finding;
use crate::model::name::SourceName;

/// The identity of an object: its source, kind, Kubernetes namespace and name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Arc<Identity>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Identity {
    namespace: Box<str>,
    name: Box<str>,
    kind: Arc<str>,
    source: SourceName,
}

impl ObjectId {
    /// Creates an identity. Sources pass their own name and one shared `kind`, such as `PrometheusRule`.
    pub fn new(source: &SourceName, kind: &Arc<str>, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Identity {
            source: source.clone(),
            kind: Arc::clone(kind),
            namespace: namespace.into(),
            name: name.into(),
        }))
    }

    /// Returns the name of the source that declared it.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the kind, such as `PrometheusRule`.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Returns the Kubernetes namespace, or its substitute in a file source.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// Returns the object's name within its namespace.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind(), self.namespace(), self.name())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} of {}", self.source())
    }
}

/// A version of an object, as far as Kubernetes tells it from others. What it says does not matter for where rules are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectVersion {
    /// The Kubernetes UID, which distinguishes it from an earlier object of the same name.
    pub uid: Option<String>,
    /// The Kubernetes generation of the declaration.
    pub generation: Option<i64>,
}

/// One declared object, as its source read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleObject {
    /// The identity.
    pub id: ObjectId,
    /// The Kubernetes UID, which distinguishes it from an earlier object of the same name.
    pub uid: Option<String>,
    /// The Kubernetes generation of the declaration, which is shown in its status and has no other effect.
    pub generation: Option<i64>,
    /// The time at which it was created, in seconds since 1970; of two objects in one place the older wins.
    pub created: Option<i64>,
    /// Its labels, which routes select by.
    pub labels: Labels,
    /// The tenant that it requests in a field of its own. Routes decide whether it may.
    pub tenant: Option<String>,
    /// The ruler namespace that it names, as the rule files of mimirtool do; used by the naming
    /// [`Verbatim`](crate::naming::Naming::Verbatim) alone.
    pub ruler_namespace: Option<String>,
    /// Its annotations; sources may leave out those that only other tools use.
    pub annotations: BTreeMap<String, String>,
    /// Its groups, unchecked.
    pub groups: Vec<DeclaredGroup>,
    /// The findings of the source, such as a deprecated form. An error whose location has a
    /// [`group_index`](crate::finding::Location::group_index) keeps that group, or its rule, from being synced.
    pub findings: Vec<Finding>,
    /// The positions of its groups in files, by which later findings are located; empty where there is no file.
    pub positions: Positions,
}

impl RuleObject {
    /// Creates an object with these groups and nothing else.
    pub fn new(id: ObjectId, groups: Vec<DeclaredGroup>) -> Self {
        Self {
            id,
            uid: None,
            generation: None,
            created: None,
            labels: Labels::default(),
            tenant: None,
            ruler_namespace: None,
            annotations: BTreeMap::new(),
            groups,
            findings: Vec::new(),
            positions: Positions::default(),
        }
    }
}
