//! What was deleted from rulers, as notices about the objects whose it was.

use std::collections::BTreeMap;

use rulesync_core::ObjectId;
use rulesync_core::engine::{Outcome, Subject};
use rulesync_core::plan::Reason;

use super::notice::{MAX_ITEM, Notice, NoticeReason};
use crate::publish::text::printable;

/// Groups that were deleted from a ruler for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The object.
    pub object: ObjectId,
    /// True if an equal group of the object has replaced what was deleted.
    adopted: bool,
    /// What was deleted and where.
    line: String,
}

impl Removal {
    /// Returns the removal that an outcome reports; none if it reports something else, or of no known object.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome::Removed { subject, reason } = outcome else { return None };
        let Subject { destination, object, namespace, group, .. } = subject;
        let what = match group {
            Some(group) => format!("group {:?} of {namespace}", &**group),
            None => namespace.to_string(),
        };
        Some(Self {
            object: object.clone()?,
            adopted: *reason == Reason::Adopted,
            line: printable(format_args!("{destination}: {what}"), MAX_ITEM),
        })
    }
}

/// Returns the notices about each object that something was deleted for.
pub fn removals(removals: &[Removal]) -> BTreeMap<ObjectId, Vec<Notice>> {
    let mut lines: BTreeMap<(&ObjectId, bool), Vec<String>> = BTreeMap::new();
    for Removal { object, adopted, line } in removals {
        lines.entry((object, *adopted)).or_default().push(line.clone());
    }
    let mut notices: BTreeMap<ObjectId, Vec<Notice>> = BTreeMap::new();
    for ((object, adopted), lines) in lines {
        let reason = if adopted { NoticeReason::Adopted } else { NoticeReason::Removed };
        notices.entry(object.clone()).or_default().push(Notice::listing(reason, &lines));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_are_told_once_for_each_object() {
        let object = |name: &str| ObjectId::new(&"cluster".into(), &"PrometheusRule".into(), "team-a", name);
        let removal = |name, adopted, group: &str| Removal {
            object: object(name),
            adopted,
            line: format!("mimir/team-a: group {group:?} of old"),
        };
        let all = [
            removal("node", false, "a"),
            removal("node", true, "b"),
            removal("disk", false, "c"),
            removal("node", false, "d"),
            removal("node", false, "e"),
            removal("node", false, "f"),
        ];
        let told: Vec<(String, &str, String)> = removals(&all)
            .into_iter()
            .flat_map(|(id, notices)| notices.into_iter().map(move |notice| (id.name().to_owned(), notice)))
            .map(|(name, notice)| (name, notice.reason.name(), notice.note))
            .collect();
        let line = |group: &str| format!("mimir/team-a: group {group:?} of old");
        let removed = format!("{}; {}; {}; and 1 more", line("a"), line("d"), line("e"));
        assert_eq!(
            told,
            [
                ("disk".to_owned(), "Removed", line("c")),
                ("node".to_owned(), "Removed", removed),
                ("node".to_owned(), "Adopted", line("b")),
            ]
        );
    }
}
