//! The text of a rule file: our mark, and the groups below it. Pure.

use rulesync_core::Group;
use rulesync_http::{DocumentError, encode_rule_file, parse_rule_file};

/// The first line of every file of ours. A file without it is somebody else's.
pub(crate) const MARK: &str = "# Managed by rulesync: changes by hand will be lost.\n";

/// Whether a file is ours.
pub(crate) fn is_marked(text: &[u8]) -> bool {
    text.starts_with(MARK.as_bytes())
}

/// The file of a namespace.
pub(crate) fn encode(groups: &[Group]) -> Result<String, DocumentError> {
    Ok(format!("{MARK}{}", encode_rule_file(groups)?))
}

/// The groups of a file of ours.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Group>, DocumentError> {
    parse_rule_file(text)
}

/// What one write asks of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Put(Box<Group>),
    Delete(String),
    DeleteAll,
}

impl Change {
    /// Carries it out.
    pub(crate) fn apply(&self, groups: &mut Vec<Group>) {
        match self {
            Self::Put(group) => match groups.iter_mut().find(|there| there.name == group.name) {
                Some(there) => there.clone_from(group),
                None => groups.push(Group::clone(group)),
            },
            Self::Delete(name) => groups.retain(|group| group.name != *name),
            Self::DeleteAll => groups.clear(),
        }
    }

    /// The group it is about, if it is about one.
    pub(crate) fn group(&self) -> Option<&str> {
        match self {
            Self::Put(group) => Some(&group.name),
            Self::Delete(name) => Some(name),
            Self::DeleteAll => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rulesync_core::Rule;

    use super::*;

    fn group(name: &str, expr: &str) -> Group {
        let rule = Rule { alert: "A".to_owned(), expr: expr.to_owned(), ..Rule::default() };
        Group { name: name.to_owned(), rules: vec![rule], ..Group::default() }
    }

    #[test]
    fn a_file_carries_the_mark_and_reads_back() {
        let groups = [group("a", "up == 0"), group("b", "up{x=\"#\"}\n  > 1\n")];
        let text = encode(&groups).unwrap();
        insta::assert_snapshot!(text);
        assert!(is_marked(text.as_bytes()));
        assert_eq!(parse(text.as_bytes()).unwrap(), groups);
        assert!(!is_marked(b"# Managed by hand\n") && !is_marked(b""));
        assert!(parse(b"groups: 7").is_err());
    }

    #[test]
    fn changes_replace_append_and_remove() {
        let mut groups = vec![group("a", "1"), group("b", "1")];
        Change::Put(Box::new(group("a", "2"))).apply(&mut groups);
        Change::Put(Box::new(group("c", "3"))).apply(&mut groups);
        Change::Delete("b".to_owned()).apply(&mut groups);
        Change::Delete("none".to_owned()).apply(&mut groups);
        assert_eq!(groups, [group("a", "2"), group("c", "3")]);
        Change::DeleteAll.apply(&mut groups);
        assert!(groups.is_empty());
    }
}
