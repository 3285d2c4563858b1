//! The problems of a configuration, each at the position of the value at fault. What follows from a mistake in the
//! structure of the file is not reported again.

use std::collections::HashMap;

use crate::yaml::{Document, Path, Problem};

/// Collects problems.
pub(crate) struct Report<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(document: &'a Document) -> Self {
        Self { document, problems: Vec::new() }
    }

    /// Reports a value.
    pub(crate) fn error(&mut self, path: &Path, message: impl Into<String>, hint: &str) {
        if !self.is_damaged(path) {
            let position = Some(self.document.position(path));
            let hint = (!hint.is_empty()).then(|| hint.to_owned());
            self.problems.push(Problem { position, message: message.into(), hint, variable: None });
        }
    }

    /// Reports a key that should not be set.
    pub(crate) fn error_at_key(&mut self, path: &Path, message: impl Into<String>, hint: &str) {
        if !self.is_damaged(path) {
            let position = Some(self.document.key_position(path));
            let hint = (!hint.is_empty()).then(|| hint.to_owned());
            self.problems.push(Problem { position, message: message.into(), hint, variable: None });
        }
    }

    /// Returns whether a value is not as written.
    pub(crate) fn is_damaged(&self, path: &Path) -> bool {
        self.document.is_damaged(path)
    }

    /// Returns whether something within a value is not as written.
    pub(crate) fn has_damage_within(&self, path: &Path) -> bool {
        self.document.has_damage_within(path)
    }

    /// Returns the line of a value.
    pub(crate) fn line(&self, path: &Path) -> u64 {
        self.document.position(path).line
    }

    /// Reports names that are used again.
    pub(crate) fn unique<'n>(&mut self, what: &str, names: impl IntoIterator<Item = (Path, &'n str)>) {
        let mut first: HashMap<&str, Path> = HashMap::new();
        for (path, name) in names {
            if self.is_damaged(&path) {
                continue;
            }
            match first.get(name) {
                Some(earlier) => {
                    let message = format!("there are two {what}s called `{name}`");
                    let hint = format!("the other is on line {}: rename one of them", self.line(earlier));
                    self.error(&path, message, &hint);
                }
                None => drop(first.insert(name, path)),
            }
        }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The number of problems so far.
    pub(crate) fn len(&self) -> usize {
        self.problems.len()
    }
}
