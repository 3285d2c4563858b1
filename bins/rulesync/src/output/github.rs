//! For GitHub Actions: workflow commands, which become annotations of the lines in a pull request.

use std::borrow::Cow;
use std::io::{self, Write};

use rulesync_core::finding::{Printable, Severity};

use crate::report::{Problem, Report};

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    report.problems.iter().try_for_each(|problem| command(problem, out))?;
    writeln!(out, "{}", report.summary())
}

fn command(problem: &Problem, out: &mut impl Write) -> io::Result<()> {
    let word = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    write!(out, "::{word} ")?;
    if let Some(file) = &problem.location.file {
        write!(out, "file={},", property(&Printable(file).to_string()))?;
    }
    if let Some(position) = problem.location.position {
        write!(out, "line={},col={},", position.line, position.column)?;
    }
    write!(out, "title={}::", property(&format!("rulesync: {}", problem.code.name)))?;
    let mut lines = vec![Printable(&problem.message).to_string()];
    lines.extend(
        Some(problem.subject()).filter(|text| !text.is_empty()).map(|text| Printable(text).to_string()),
    );
    lines.extend(problem.template.iter().map(|template| format!("rendered from {}", Printable(template))));
    if !problem.destinations.is_empty() {
        let destinations: Vec<&str> = problem.destinations.iter().map(String::as_str).collect();
        lines.push(format!("at {}", Printable(destinations.join(", "))));
    }
    lines.extend(problem.hint.iter().map(|hint| format!("help: {}", Printable(hint))));
    writeln!(out, "{}", data(&lines.join("\n")))
}

/// Escapes a text as the data of a command: it would end at the line.
fn data(text: &str) -> Cow<'_, str> {
    escape(text, &[])
}

/// Escapes a text as the value of a property: it would end at a comma or a colon as well.
fn property(text: &str) -> Cow<'_, str> {
    escape(text, &[':', ','])
}

fn escape<'a>(text: &'a str, more: &[char]) -> Cow<'a, str> {
    let special = |c: char| matches!(c, '%' | '\r' | '\n') || more.contains(&c);
    if !text.contains(special) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if special(c) {
            escaped.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_cannot_be_ended_by_its_texts() {
        assert_eq!(data("100% :\r\n::error::x,"), "100%25 :%0D%0A::error::x,");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
        assert!(matches!(data("plain"), Cow::Borrowed("plain")));
    }
}
