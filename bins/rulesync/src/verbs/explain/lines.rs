//! The lines of an explanation. Names and rules come from authors: none of them can move a cursor or begin a line.

use std::fmt::{Display, Write};

use anstyle::Style;
use rulesync_core::finding::{Finding, Printable, Severity};

use crate::terminal::{ERROR, WARNING};

/// Appends one line with a style.
pub(super) fn line(text: &mut String, indent: &str, style: Style, content: impl Display) {
    let _ = writeln!(text, "{indent}{style}{}{style:#}", Printable(content));
}

/// Appends the findings, each with its code and its hint.
pub(super) fn findings<'a>(text: &mut String, indent: &str, findings: impl Iterator<Item = &'a Finding>) {
    for finding in findings {
        let (style, word) = match finding.severity {
            Severity::Error => (ERROR, "error"),
            Severity::Warning => (WARNING, "warning"),
        };
        let Finding { code, .. } = finding;
        let _ = writeln!(text, "{indent}{style}{word}[{code}]{style:#}: {}", Printable(finding));
    }
}
