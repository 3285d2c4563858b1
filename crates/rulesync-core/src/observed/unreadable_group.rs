//! A group that exists and whose content is unknown.

use std::fmt;

use crate::model::name::{GroupName, RulerNamespace};

/// A group that a ruler has and that cannot be read. Displays as `namespace/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableGroup {
    /// The namespace.
    pub namespace: RulerNamespace,
    /// The name.
    pub group: GroupName,
    /// Why not.
    pub reason: String,
}

impl fmt::Display for UnreadableGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.group)
    }
}
