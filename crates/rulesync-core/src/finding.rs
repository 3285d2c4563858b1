//! Findings: one problem at one location, for the author of a rule. Not errors: nothing stops because of one.

mod code;
mod printable;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use code::Code;
pub use printable::Printable;

pub use crate::intake::is_hidden;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth attention; the rule is synced.
    Warning,
    /// The rule is wrong. It is not synced because of this, or the ruler is expected to refuse it.
    Error,
}

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column: in bytes within a text, as Prometheus counts, and in characters within a file.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The location of a problem in an object, as precise as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The file, for objects that come from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The group's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The index of the group in the object, from 0, where that is known: two groups may have one name.
    #[serde(skip)]
    pub group_index: Option<usize>,
    /// The rule's index in its group, from 0 as the rulers count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The rule's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// The field, such as `expr` or `labels.severity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The path from the root of an object that comes from no file, such as `spec.groups[1].rules[0].expr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The position within the file, or within the field's text if no file is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The position within the field's text, where a file is named as well: for excerpts of the text alone.
    #[serde(skip)]
    pub in_field: Option<Position>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, group, group_index: _, rule, rule_name, field, path, position, in_field: _ } = self;
        let mut parts = Vec::new();
        match (file, position) {
            (Some(file), Some(position)) => parts.push(format!("{file}:{position}")),
            (Some(file), None) => parts.push(file.clone()),
            (None, _) => {}
        }
        if let Some(group) = group {
            parts.push(format!("group {group:?}"));
        }
        match (rule, rule_name) {
            (Some(rule), Some(name)) => parts.push(format!("rule {rule} {name:?}")),
            (Some(rule), None) => parts.push(format!("rule {rule}")),
            (None, Some(name)) => parts.push(format!("rule {name:?}")),
            (None, None) => {}
        }
        parts.extend(path.clone().or_else(|| field.clone()));
        if let (None, Some(position)) = (file, position) {
            parts.push(position.to_string());
        }
        f.write_str(&parts.join(", "))
    }
}

/// One problem at one location, described so that its author can act.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// True if the ruler is asked in spite of the error, because it is the judge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offered: bool,
    /// The kind of problem.
    pub code: Code,
    /// The problem, one sentence without a full stop.
    pub message: String,
    /// The location.
    pub location: Location,
    /// Advice on how to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The hint for names that may be known to rulers only.
pub(crate) const MAY_KNOW: &str = "the ruler may know it";

impl Finding {
    /// Creates an error: it keeps the group, or the object, from being synced.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            offered: false,
            code,
            message: message.into(),
            location: Location::default(),
            hint: None,
        }
    }

    /// Creates a suspicion: an error that the ruler is expected to report. The group is offered all the same.
    pub fn suspicion(code: Code, message: impl Into<String>) -> Self {
        Self { offered: true, ..Self::error(code, message) }
    }

    /// Creates a warning: the group is synced all the same.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Sets the location.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns whether it is an error, rather than worth a second look.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Returns whether it is a suspicion: the ruler is expected to refuse the group, and is asked all the same.
    pub fn is_suspicion(&self) -> bool {
        self.is_error() && self.offered
    }

    /// Returns whether it keeps the group, or the object, from the ruler.
    pub fn withholds(&self) -> bool {
        self.is_error() && !self.offered
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.to_string();
        if !location.is_empty() {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_is_shown_with_its_location_and_hint() {
        let location = Location {
            group: Some("g".into()),
            rule: Some(2),
            rule_name: Some("A".into()),
            field: Some("expr".into()),
            position: Some(Position { line: 1, column: 5 }),
            ..Location::default()
        };
        let finding = Finding::error(Code::Promql, "unclosed left parenthesis").at(location).hint("close it");
        assert_eq!(
            finding.to_string(),
            r#"group "g", rule 2 "A", expr, 1:5: unclosed left parenthesis (close it)"#
        );
        let mut location = finding.location.clone();
        location.path = Some("spec.groups[0].rules[2].expr".into());
        assert_eq!(location.to_string(), r#"group "g", rule 2 "A", spec.groups[0].rules[2].expr, 1:5"#);
        location = Location { file: Some("rules/a.yaml".into()), path: None, ..location };
        assert_eq!(location.to_string(), r#"rules/a.yaml:1:5, group "g", rule 2 "A", expr"#);
    }
}
