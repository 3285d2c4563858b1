//! What came of a test file, for people and as JUnit.

use std::fmt;

use rulesync_core::finding::Position;

use super::cases::{Case, Subject};
use super::junit::{Suite, SuiteCase};
use super::rules::RuleFile;

/// The results of a test file.
#[derive(Debug, Default)]
pub(super) struct TestReport {
    pub(super) file: String,
    pub(super) cases: Vec<Case>,
    pub(super) rule_files: Vec<RuleFile>,
    /// What was left out.
    pub(super) notes: Vec<String>,
    /// The cases that failed, by index, and what the tool says of each.
    pub(super) failures: Vec<(usize, Vec<String>)>,
    /// What went wrong apart from the cases.
    pub(super) errors: Vec<String>,
}

impl TestReport {
    /// Adds an error at a position in the test file.
    pub(super) fn with_error(mut self, position: Option<Position>, message: &str) -> Self {
        let place = position.map(|position| format!(":{position}")).unwrap_or_default();
        self.errors.push(format!("{}{place}: {message}", self.file));
        self
    }

    pub(super) fn has_passed(&self) -> bool {
        self.failures.is_empty() && self.errors.is_empty()
    }

    /// Returns the lines about a case that failed: its place, those of its rules, and what the tool says.
    fn about(&self, case: &Case, said: &[String]) -> String {
        let mut text = format!("{}:{}: {}", self.file, case.position, case.name());
        if let Some(group) = &case.group {
            text.push_str(&format!(" ({group})"));
        }
        if let Subject::Alert(name) = &case.subject {
            self.places(name).for_each(|place| text.push_str(&place));
        }
        // The tool's first lines name the case.
        let said = said.iter().skip_while(|line| !line.starts_with("        ") && !line.contains("err: "));
        for line in said {
            text.push_str(&format!("\n{}", line.strip_prefix("      ").unwrap_or(line)));
        }
        text
    }

    /// Returns a line for each rule of a name.
    fn places<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> {
        self.rule_files.iter().flat_map(|file| file.rules(name)).map(|place| format!("\n  the rule: {place}"))
    }

    /// Adds what a tool says that is about no case, with the places of the rule that it names.
    pub(super) fn add_error(&mut self, lines: &[String]) {
        let mut text =
            lines.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let rule = text.strip_prefix("rule: ").and_then(|rest| rest.split_once(", time: "));
        let places: String = rule.map(|(name, _)| self.places(name).collect()).unwrap_or_default();
        text.push_str(&places);
        self.errors.push(text);
    }

    fn failure(&self, index: usize) -> Option<String> {
        let (_, said) = self.failures.iter().find(|(case, _)| *case == index)?;
        Some(self.about(self.cases.get(index)?, said))
    }

    /// Returns the results as a suite of JUnit.
    pub(super) fn suite(&self) -> Suite {
        let case = |(index, case): (usize, &Case)| SuiteCase {
            name: match &case.group {
                Some(group) => format!("{group}: {}", case.name()),
                None => case.name(),
            },
            failure: self.failure(index),
        };
        Suite {
            name: self.file.clone(),
            cases: self.cases.iter().enumerate().map(case).collect(),
            errors: self.errors.clone(),
        }
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, cases, rule_files, notes, failures, errors } = self;
        if self.has_passed() {
            let rules: usize =
                rule_files.iter().flat_map(|file| &file.groups).map(|group| group.rules.len()).sum();
            writeln!(f, "{file}: passed ({}, {})", counted(cases.len(), "test"), counted(rules, "rule"))?;
        } else if failures.is_empty() {
            writeln!(f, "{file}: failed")?;
        } else {
            writeln!(f, "{file}: failed ({} of {})", failures.len(), counted(cases.len(), "test"))?;
        }
        notes.iter().try_for_each(|note| writeln!(f, "  note: {note}"))?;
        let failed =
            failures.iter().filter_map(|(case, said)| Some(self.about(self.cases.get(*case)?, said)));
        for text in errors.iter().cloned().chain(failed) {
            text.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}

/// Returns the last line.
pub(super) fn summary(reports: &[TestReport]) -> String {
    let failed = reports.iter().filter(|report| !report.has_passed()).count();
    let files = counted(reports.len(), "test file");
    match failed {
        0 => format!("{files}: all passed\n"),
        failed => format!("{files}: {failed} failed\n"),
    }
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
