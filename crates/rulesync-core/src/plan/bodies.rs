//! The bodies of a plan: what the ruler has of each group that changes, and what it would have. They are there only if
//! they were asked for, because they take up memory that a daemon should not need.

use super::change::{Action, Change};
use crate::model::capabilities::StoredFields;
use crate::model::group::Group;
use crate::model::name::GroupName;
use crate::stored_groups::StoredGroups;

/// A group before and after a change, as far as the ruler stores it ([`Group::canonical`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bodies {
    /// The group.
    pub group: GroupName,
    /// What the ruler has; none if it has no such group, or one that cannot be read.
    pub before: Option<Group>,
    /// What it would have; none if the group is deleted.
    pub after: Option<Group>,
}

/// The content of the groups that a plan changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlanBodies {
    stored: StoredGroups,
    fields: StoredFields,
}

impl PlanBodies {
    /// Keeps of what a ruler, which stores these fields, has the groups that are changed.
    pub(super) fn new(stored: &StoredGroups, fields: StoredFields, changes: &[Change]) -> Self {
        let keys = changes.iter().flat_map(|change| {
            change.groups().map(|group| (change.namespace.clone(), GroupName::from(group)))
        });
        Self { stored: stored.only(keys), fields }
    }

    /// Returns the bodies of a change: one for each of its groups, in order.
    pub(super) fn of(&self, change: &Change) -> Vec<Bodies> {
        let bodies = |group: &str| {
            let group = GroupName::from(group);
            let before = self.stored.get(&change.namespace, &group);
            let after = match &change.action {
                Action::Put(desired) => desired.body.decode().ok(),
                Action::DeleteGroup(_) | Action::DeleteNamespace(_) => None,
            };
            let canonical = |body: Option<Group>| body.map(|body| body.canonical(&self.fields));
            Bodies { group, before: canonical(before), after: canonical(after) }
        };
        change.groups().map(bodies).collect()
    }
}
