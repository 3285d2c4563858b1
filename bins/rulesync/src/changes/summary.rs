//! The numbers of a plan. Pure.

use std::collections::BTreeSet;
use std::fmt;

use rulesync_core::plan::{DryRun, Reason, Refusal};
use serde::Serialize;

/// The numbers of groups in a plan, by what becomes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Groups that the ruler does not have yet.
    pub(crate) add: usize,
    /// Groups that it has in another form.
    pub(crate) change: usize,
    /// Groups that are deleted.
    pub(crate) delete: usize,
    /// Groups whose delete is held or protected.
    pub(crate) held: usize,
    /// Groups and whole objects that are refused.
    pub(crate) refused: usize,
}

impl Summary {
    pub(crate) fn of(DryRun { plans, refusals, .. }: &DryRun) -> Self {
        let mut summary = Self::default();
        for plan in plans {
            for change in plan.expected() {
                let groups = change.groups().count();
                match (change.held, change.is_delete(), change.reason) {
                    (Some(_), ..) => summary.held += groups,
                    (None, true, _) => summary.delete += groups,
                    (None, false, Reason::Missing) => summary.add += groups,
                    (None, false, _) => summary.change += groups,
                }
            }
            summary.refused += refused(&plan.refusals);
        }
        summary.refused += refused(refusals);
        summary
    }

    /// Returns whether there is nothing to do and nothing to see to.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns a number of groups in words.
pub(crate) fn groups(count: usize) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{count} groups") }
}

/// The number of groups and whole objects that findings refuse: a group with two faults is refused once.
fn refused(refusals: &[Refusal]) -> usize {
    let group = |refusal: &Refusal| (refusal.object.to_string(), refusal.finding.location.group.clone());
    refusals.iter().map(group).collect::<BTreeSet<_>>().len()
}

/// `3 to add, 2 to change, 1 to delete, 1 held, 2 refused`; the last two only if there are any.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { add, change, delete, held, refused } = self;
        write!(f, "{add} to add, {change} to change, {delete} to delete")?;
        if *held > 0 {
            write!(f, ", {held} held")?;
        }
        if *refused > 0 {
            write!(f, ", {refused} refused")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_names_what_is_held_and_refused_only_if_something_is() {
        let summary = Summary { add: 3, change: 2, delete: 1, held: 1, refused: 2 };
        assert_eq!(summary.to_string(), "3 to add, 2 to change, 1 to delete, 1 held, 2 refused");
        assert_eq!(Summary::default().to_string(), "0 to add, 0 to change, 0 to delete");
        assert!(Summary::default().is_empty() && !summary.is_empty());
        assert_eq!([0, 1, 2].map(groups), ["0 groups", "1 group", "2 groups"]);
    }
}
