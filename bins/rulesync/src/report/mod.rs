//! What a check has found, in the form that every output format is made of.

mod excerpt;
mod problem;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rulesync_core::ObjectId;
use rulesync_core::finding::Severity;
use rulesync_core::model::{DestinationId, RulerNamespace};

pub(crate) use excerpt::Excerpt;
pub(crate) use problem::{Code, Problem, Problems};

/// The result of a check.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What is wrong, in the order of the files.
    pub(crate) problems: Vec<Problem>,
    /// The objects that were checked.
    pub(crate) objects: Vec<CheckedObject>,
    /// How much was checked.
    pub(crate) counts: Counts,
    /// What the objects were checked for.
    pub(crate) scope: Scope,
    /// Routes that go by labels or annotations of Kubernetes namespaces that are not known, with these.
    pub(crate) undecided: BTreeMap<Arc<str>, BTreeSet<String>>,
    /// Kubernetes namespaces of objects that no source of the configuration watches.
    pub(crate) unwatched: BTreeSet<String>,
}

/// What objects are checked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The rulers that the routes of a configuration send each object to.
    Routes,
    /// One kind of ruler.
    Ruler(String),
    /// A ruler of their language.
    #[default]
    Language,
}

/// An object that was checked.
#[derive(Debug)]
pub(crate) struct CheckedObject {
    pub(crate) id: ObjectId,
    /// Its file, as it is shown.
    pub(crate) file: Arc<str>,
    /// Where it goes.
    pub(crate) destinations: Vec<Destination>,
}

/// Where an object goes.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) id: DestinationId,
    pub(crate) route: Arc<str>,
    pub(crate) namespace: RulerNamespace,
}

/// How much was checked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) files: usize,
    pub(crate) groups: usize,
    pub(crate) rules: usize,
    /// Objects of kinds without rules, and documents that are no objects.
    pub(crate) others: usize,
    /// Objects that the selector does not select.
    pub(crate) not_selected: usize,
}

impl Report {
    /// The number of problems of a severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// Returns whether there is a problem of a severity or a worse one.
    pub(crate) fn has(&self, severity: Severity) -> bool {
        self.problems.iter().any(|problem| problem.severity >= severity)
    }

    /// Returns whether objects were checked as the routes of a configuration send them.
    pub(crate) fn is_routed(&self) -> bool {
        self.scope == Scope::Routes
    }

    /// Iterates over the objects that go nowhere, of which only the structure was checked.
    pub(crate) fn unrouted(&self) -> impl Iterator<Item = &CheckedObject> {
        self.objects.iter().filter(|object| object.destinations.is_empty())
    }

    /// Returns why objects go nowhere.
    pub(crate) fn why_unrouted(&self) -> String {
        match &self.scope {
            Scope::Routes => "no route takes these objects, and so no ruler gets them".to_owned(),
            Scope::Ruler(kind) => format!("these objects are not for {kind}, by their kind"),
            Scope::Language => "these objects are for no ruler that is known".to_owned(),
        }
    }

    /// Returns what was checked and found, as one sentence.
    pub(crate) fn summary(&self) -> String {
        let Counts { files, groups, rules, others, not_selected } = self.counts;
        let mut summary = format!(
            "Checked {} with {} and {} in {}: ",
            counted(self.objects.len(), "object"),
            counted(groups, "group"),
            counted(rules, "rule"),
            counted(files, "file"),
        );
        summary.push_str(&match (self.count(Severity::Error), self.count(Severity::Warning)) {
            (0, 0) => "nothing is wrong".to_owned(),
            (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
        });
        if not_selected > 0 {
            summary.push_str(&format!("; {} not selected", counted(not_selected, "object")));
        }
        if others > 0 {
            summary.push_str(&format!("; {} of other kinds skipped", counted(others, "document")));
        }
        summary
    }
}

/// Returns a number with a noun.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
