//! Which changes a run may make: all, none, or those of a plan that somebody has reviewed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::Change;
use super::dry_run::Plan;
use crate::guard::HeldReason;
use crate::model::name::{GroupName, RulerNamespace};

/// The changes that a run may make at one destination.
#[derive(Debug, Clone)]
pub(crate) enum Approval {
    /// None: a plan is made only.
    Nothing,
    /// Whatever brings the destination in sync.
    Everything,
    /// Those of a plan.
    Planned(Arc<BTreeSet<ApprovedChange>>),
}

/// The change of one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApprovedChange {
    namespace: RulerNamespace,
    group: GroupName,
    deletes: bool,
}

impl Approval {
    /// Approves the changes of a plan. A delete that is held is not one of them, unless only writes of the same plan
    /// hold it.
    pub(crate) fn of(plan: &Plan) -> Self {
        let made = |change: &&Change| matches!(change.held, None | Some(HeldReason::Moving));
        Self::Planned(Arc::new(plan.changes.iter().filter(made).flat_map(parts).collect()))
    }

    /// Returns whether nothing at all may be changed.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Returns whether a change may be made.
    pub(crate) fn approves(&self, change: &Change) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Planned(approved) => parts(change).all(|part| approved.contains(&part)),
        }
    }
}

impl Approval {
    /// Returns whether a group of a namespace may be written, by a plan that is being made too.
    pub(crate) fn writes_to(&self, namespace: &str) -> bool {
        match self {
            Self::Nothing | Self::Everything => true,
            Self::Planned(approved) => {
                approved.iter().any(|change| !change.deletes && *change.namespace == *namespace)
            }
        }
    }
}

fn parts(change: &Change) -> impl Iterator<Item = ApprovedChange> {
    let (namespace, deletes) = (&change.namespace, change.is_delete());
    let part =
        move |group: &str| ApprovedChange { namespace: namespace.clone(), group: group.into(), deletes };
    change.groups().map(part)
}
