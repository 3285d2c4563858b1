//! The content of a rule file: rulesync's mark, followed by the groups. Pure.

use rulesync_core::Group;
use rulesync_http::{DocumentError, encode_rule_file, parse_rule_file};

/// The first line of every owned file. A file without it is foreign.
pub(crate) const MARK: &str = "# Managed by rulesync: changes by hand will be lost.\n";

/// Returns `true` if a file is owned by rulesync.
pub(crate) fn is_marked(text: &[u8]) -> bool {
    text.starts_with(MARK.as_bytes())
}

/// Encodes the file of a namespace.
pub(crate) fn encode(groups: &[Group]) -> Result<String, DocumentError> {
    Ok(format!("{MARK}{}", encode_rule_file(groups)?))
}

/// Parses the groups of an owned file.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Group>, DocumentError> {
    parse_rule_file(text)
}

/// A change of a namespace by one write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Put(Box<Group>),
    Delete(String),
    DeleteAll,
}

impl Change {
    /// Applies the change.
    pub(crate) fn apply(&self, groups: &mut Vec<Group>) {
        match self {
            Self::Put(group) => match groups.iter_mut().find(|existing| existing.name == group.name) {
                Some(existing) => existing.clone_from(group),
                None => groups.push(Group::clone(group)),
            },
            Self::Delete(name) => groups.retain(|group| group.name != *name),
            Self::DeleteAll => groups.clear(),
        }
    }

    /// The name of the changed group, unless the change affects all groups.
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
    fn encode_writes_mark_and_round_trips() {
        let groups = [group("a", "up == 0"), group("b", "up{x=\"#\"}\n  > 1\n")];
        let text = encode(&groups).unwrap();
        insta::assert_snapshot!(text);
        assert!(is_marked(text.as_bytes()));
        assert_eq!(parse(text.as_bytes()).unwrap(), groups);
        assert!(!is_marked(b"# Managed by hand\n") && !is_marked(b""));
        assert!(parse(b"groups: 7").is_err());
    }

    #[test]
    fn apply_replaces_appends_and_removes() {
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
