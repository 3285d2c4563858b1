//! The difference between two versions of a group, line by line. Pure.

use rulesync_core::Group;
use similar::{ChangeTag, TextDiff};

use super::yaml;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Where the lines that follow are: `@@ -3,5 +3,5 @@`.
    Hunk(String),
    /// A line that stays.
    Kept(String),
    /// A line that is new.
    Added(String),
    /// A line that goes.
    Removed(String),
}

impl Line {
    /// The line with its sign, as unified diffs have it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Hunk(text) => text.clone(),
            Self::Kept(text) => format!(" {text}"),
            Self::Added(text) => format!("+{text}"),
            Self::Removed(text) => format!("-{text}"),
        }
    }
}

/// The lines that are shown around a change.
const CONTEXT: usize = 3;

/// Returns the lines of the difference between what a ruler has and what it would have.
pub(crate) fn lines(before: Option<&Group>, after: Option<&Group>) -> Vec<Line> {
    let text = |group: Option<&Group>| group.map(yaml::group).unwrap_or_default();
    let (old, new) = (text(before), text(after));
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        if before.is_some() && after.is_some() {
            lines.push(Line::Hunk(hunk.header().to_string()));
        }
        lines.extend(hunk.iter_changes().map(|change| {
            let text = change.value().trim_end_matches('\n').to_owned();
            match change.tag() {
                ChangeTag::Equal => Line::Kept(text),
                ChangeTag::Insert => Line::Added(text),
                ChangeTag::Delete => Line::Removed(text),
            }
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(expr: &str) -> Group {
        let group = serde_json::json!({"name": "g", "interval": "1m", "rules": [
            {"alert": "A", "expr": "up == 0", "for": "5m"},
            {"alert": "B", "expr": expr, "labels": {"severity": "page"}},
        ]});
        serde_json::from_value(group).unwrap()
    }

    fn shown(before: Option<&Group>, after: Option<&Group>) -> String {
        lines(before, after).iter().map(|line| line.text() + "\n").collect()
    }

    #[test]
    fn diff_shows_the_lines_that_change_with_those_around_them() {
        insta::assert_snapshot!(shown(Some(&group("a\n  > b\n")), Some(&group("a\n  > c\n"))));
        insta::assert_snapshot!(shown(None, Some(&group("a > b"))));
        insta::assert_snapshot!(shown(Some(&group("a > b")), None));
    }

    #[test]
    fn diff_of_equal_groups_is_empty() {
        assert_eq!(lines(Some(&group("1")), Some(&group("1"))), []);
    }
}
