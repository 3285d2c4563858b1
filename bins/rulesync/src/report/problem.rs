//! One thing that is wrong, wherever it was found.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use rulesync_core::finding::{self, Finding, Location, Severity};
use rulesync_core::{ObjectId, model};
use sha2::{Digest, Sha256};

use super::excerpt::{Excerpt, Lines};

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Code {
    /// The stable name.
    pub(crate) name: &'static str,
    /// What it means, in sentences.
    pub(crate) description: &'static str,
}

impl From<finding::Code> for Code {
    fn from(code: finding::Code) -> Self {
        Self { name: code.name(), description: code.description() }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) location: Location,
    pub(crate) object: Option<ObjectId>,
    /// The destinations that it is about; empty if it does not depend on one.
    pub(crate) destinations: BTreeSet<String>,
    /// The template of a Helm chart that the document was rendered from.
    pub(crate) template: Option<String>,
    pub(crate) excerpt: Option<Excerpt>,
    /// True if its line must not be shown: what cannot be read may be a secret.
    is_confidential: bool,
    /// A text that stays the same while the problem does, even if it moves to another line.
    pub(crate) fingerprint: String,
}

impl Problem {
    /// Returns what it is about besides its place in a file, such as `PrometheusRule shop/api, group "g", rule 0 "A"`.
    pub(crate) fn subject(&self) -> String {
        let Location { group, rule, rule_name, field, .. } = &self.location;
        let location = Location {
            group: group.clone(),
            rule: *rule,
            rule_name: rule_name.clone(),
            field: field.clone(),
            ..Location::default()
        };
        let object = self.object.as_ref().filter(|id| id.kind() != model::RULE_FILE).map(ToString::to_string);
        let parts = [object, Some(location.to_string()).filter(|text| !text.is_empty())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Returns the place as `file:line:column`, as far as it is known.
    pub(crate) fn place(&self) -> String {
        match (&self.location.file, self.location.position) {
            (Some(file), Some(position)) => format!("{file}:{position}"),
            (Some(file), None) => file.clone(),
            _ => String::new(),
        }
    }
}

/// Collects the problems of one file after the other.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    done: Vec<Problem>,
    of_file: Vec<Problem>,
    /// The number of each finding in the file.
    numbers: HashMap<(Option<ObjectId>, Finding), usize>,
    /// How often each fingerprint was needed.
    fingerprints: HashMap<String, usize>,
}

impl Problems {
    /// Adds a finding about an object, if one is known. The same finding about several destinations is one problem.
    pub(crate) fn add(
        &mut self,
        finding: Finding,
        object: Option<&ObjectId>,
        destination: Option<String>,
        template: Option<&str>,
    ) {
        let number = *self.numbers.entry((object.cloned(), finding.clone())).or_insert(self.of_file.len());
        if let Some(same) = self.of_file.get_mut(number) {
            // What is wrong wherever it goes stays so.
            if !same.destinations.is_empty() {
                same.destinations.extend(destination);
            }
            return;
        }
        self.of_file.push(Problem {
            severity: finding.severity,
            code: finding.code.into(),
            message: finding.message,
            hint: finding.hint,
            location: finding.location,
            object: object.cloned(),
            destinations: destination.into_iter().collect(),
            template: template.map(str::to_owned),
            excerpt: None,
            is_confidential: false,
            fingerprint: String::new(),
        });
    }

    /// Adds a finding about a document that cannot be read. Unless it is quotable, its line is not shown.
    pub(crate) fn add_unreadable(
        &mut self,
        finding: Finding,
        object: Option<&ObjectId>,
        template: Option<&str>,
        is_quotable: bool,
    ) {
        self.add(finding, object, None, template);
        if let Some(problem) = self.of_file.last_mut() {
            problem.is_confidential |= !is_quotable;
        }
    }

    /// Ends a file: its problems are in the order of its text.
    pub(crate) fn end_file(&mut self, file: Option<&str>, text: &[u8]) {
        self.numbers.clear();
        self.of_file.sort_by_key(|problem| problem.location.position);
        let lines = Lines::of(if self.of_file.is_empty() { b"" } else { text });
        for mut problem in self.of_file.drain(..) {
            if problem.location.file.is_none() {
                problem.location.file = file.map(str::to_owned);
            }
            if problem.location.file.as_deref() == file && !problem.is_confidential {
                problem.excerpt = problem.location.position.and_then(|at| Excerpt::of(&lines, at));
            }
            let fingerprint = fingerprint(&problem);
            let earlier = self.fingerprints.entry(fingerprint.clone()).or_insert(0);
            problem.fingerprint = match *earlier {
                0 => fingerprint,
                // Equal problems are told apart by their order.
                earlier => format!("{fingerprint}-{earlier}"),
            };
            *earlier += 1;
            self.done.push(problem);
        }
    }

    /// Returns all problems.
    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.done
    }
}

/// Returns a hash of what identifies a problem, without lines and columns.
fn fingerprint(problem: &Problem) -> String {
    let Problem { code, message, location, object, .. } = problem;
    let Location { file, group, rule_name, field, .. } = location;
    let mut hash = Sha256::new();
    let object = object.as_ref().map(ToString::to_string);
    let parts = [Some(code.name), Some(message), file.as_deref(), object.as_deref()];
    let within = [group.as_deref(), rule_name.as_deref(), field.as_deref()];
    for part in parts.into_iter().chain(within) {
        hash.update(part.unwrap_or_default());
        hash.update([0]);
    }
    hash.finalize()[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rulesync_core::finding::Position;

    use super::*;

    fn at(line: usize) -> Finding {
        let position = Some(Position { line, column: 1 });
        let location = Location { group: Some("g".to_owned()), position, ..Location::default() };
        Finding::error(finding::Code::Promql, "wrong").at(location)
    }

    fn fingerprints(lines: &[usize]) -> Vec<String> {
        let mut problems = Problems::default();
        lines.iter().for_each(|line| problems.add(at(*line), None, None, None));
        problems.end_file(Some("a.yaml"), b"");
        problems.into_vec().into_iter().map(|problem| problem.fingerprint).collect()
    }

    #[test]
    fn fingerprint_survives_moves_and_is_unique() {
        let before = fingerprints(&[3, 7]);
        assert_eq!(before, fingerprints(&[10, 40]));
        assert_ne!(before[0], before[1]);
    }

    #[test]
    fn problem_of_several_destinations_is_one() {
        let mut problems = Problems::default();
        for destination in ["b/t", "a/t", "b/t"] {
            problems.add(at(1), None, Some(destination.to_owned()), None);
        }
        problems.end_file(Some("a.yaml"), b"text");
        let [problem] = &problems.into_vec()[..] else { panic!("one problem") };
        assert_eq!(problem.destinations.iter().collect::<Vec<_>>(), ["a/t", "b/t"]);
        assert_eq!((problem.place().as_str(), problem.subject().as_str()), ("a.yaml:1:1", "group \"g\""));
        assert_eq!(problem.excerpt.as_ref().unwrap().line, "text");
    }
}
