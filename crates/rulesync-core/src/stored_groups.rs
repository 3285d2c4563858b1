//! The content of the groups that a ruler has, where somebody asked for it. The engine keeps fingerprints otherwise.

use std::collections::BTreeMap;

use crate::model::encoded::{CompressedGroup, compress};
use crate::model::group::Group;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};

/// The groups that a ruler has, with their content: in the order of their names, and compressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredGroups(BTreeMap<GroupKey, CompressedGroup>);

impl StoredGroups {
    /// Adds a group that was read.
    pub(crate) fn add(&mut self, namespace: &str, group: &Group) {
        // A group that was read can be encoded; if it could not, it would count as one that cannot be read.
        if let Some(body) = compress(std::slice::from_ref(group)).ok().and_then(|mut bodies| bodies.pop()) {
            self.0.insert((namespace.into(), group.name.as_str().into()), body);
        }
    }

    /// Returns those with these names.
    pub(crate) fn only(&self, keys: impl Iterator<Item = GroupKey>) -> Self {
        Self(keys.filter_map(|key| self.0.get(&key).cloned().map(|body| (key, body))).collect())
    }

    /// Returns a group; none if the ruler has no such group, or one that could not be read.
    pub fn get(&self, namespace: &RulerNamespace, group: &GroupName) -> Option<Group> {
        self.0.get(&(namespace.clone(), group.clone()))?.decode().ok()
    }

    /// Iterates over the groups with their namespaces.
    pub fn iter(&self) -> impl Iterator<Item = (&RulerNamespace, Group)> {
        self.0.iter().filter_map(|((namespace, _), body)| Some((namespace, body.decode().ok()?)))
    }
}
