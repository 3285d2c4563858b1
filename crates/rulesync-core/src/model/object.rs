//! A declared resource and its identity.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::declared::DeclaredGroup;
use super::labels::Labels;
use super::positions::Positions;
use crate::finding::Finding;

/// Which object: its source, kind, Kubernetes namespace and name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Arc<Identity>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Identity {
    namespace: Box<str>,
    name: Box<str>,
    kind: Arc<str>,
    source: Arc<str>,
}

impl ObjectId {
    /// An identity. Sources pass their own name and one shared `kind`, such as `PrometheusRule`.
    pub fn new(source: &Arc<str>, kind: &Arc<str>, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Identity {
            source: Arc::clone(source),
            kind: Arc::clone(kind),
            namespace: namespace.into(),
            name: name.into(),
        }))
    }

    /// The name of the source that declared it.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The kind, such as `PrometheusRule`.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The Kubernetes namespace, or what stands for one in a file source.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// The object's name within its namespace.
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

/// One declared object, as its source read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleObject {
    /// Which one it is.
    pub id: ObjectId,
    /// What tells it from an earlier one of the same name: its Kubernetes UID.
    pub uid: Option<String>,
    /// When it was created, in seconds since 1970; the older of two that claim one place keeps it.
    pub created: Option<i64>,
    /// Its labels, for selection.
    pub labels: Labels,
    /// The tenant it names in a field of its own. Routes decide whether it may.
    pub tenant: Option<String>,
    /// Its annotations; sources may leave out those that only others use.
    pub annotations: BTreeMap<String, String>,
    /// Its groups, unchecked.
    pub groups: Vec<DeclaredGroup>,
    /// What the source has to say about it, such as a deprecated form. An error whose place has a
    /// [`group_index`](crate::Location::group_index) keeps that group, or its rule, from being synced.
    pub findings: Vec<Finding>,
    /// Where its groups stand in files, so that whatever is found later is told there; empty where there is no file.
    pub positions: Positions,
}

impl RuleObject {
    /// An object with these groups, and nothing else said about it.
    pub fn new(id: ObjectId, groups: Vec<DeclaredGroup>) -> Self {
        Self {
            id,
            uid: None,
            created: None,
            labels: Labels::default(),
            tenant: None,
            annotations: BTreeMap::new(),
            groups,
            findings: Vec::new(),
            positions: Positions::default(),
        }
    }
}
