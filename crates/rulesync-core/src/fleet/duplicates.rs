//! Recording rules of different owners that may write the same series: rulers then refuse samples, or mix them.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::group::{Group, Rule};
use crate::model::language::QueryLanguage;
use crate::model::name::{GroupName, RulerNamespace};
use crate::naming::Owner;

/// Recording rules of different owners that may write the same series: of one name, with the same labels, and with
/// expressions of which nothing tells the results apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuplicateRecording {
    /// The metric that they record.
    pub record: String,
    /// The labels that they and their groups set.
    pub labels: BTreeMap<String, String>,
    /// The rules, by namespace, group and number.
    pub rules: Vec<RuleLocation>,
}

/// The location of a rule in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RuleLocation {
    /// Whose it is.
    pub owner: Owner,
    /// The namespace of its group.
    pub namespace: RulerNamespace,
    /// Its group.
    pub group: GroupName,
    /// Its number in the group, from 0.
    pub rule: usize,
}

impl fmt::Display for RuleLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}, rule {}", self.namespace, self.group, self.rule)
    }
}

/// The recording rules of a tenant: what is needed to compare them.
#[derive(Debug)]
pub(super) struct Recordings {
    language: QueryLanguage,
    of_series: BTreeMap<(String, BTreeMap<String, String>), Vec<Recording>>,
}

#[derive(Debug)]
struct Recording {
    location: RuleLocation,
    /// Labels of all its results besides those that it sets.
    constant: BTreeMap<String, String>,
}

impl Recording {
    /// Returns whether it may write a series that another owner's rule of this name writes, too.
    fn collides(&self, other: &Self) -> bool {
        let differs = |(label, value): (&String, &String)| {
            other.constant.get(label).is_some_and(|value_of_other| value_of_other != value)
        };
        self.location.owner != other.location.owner && !self.constant.iter().any(differs)
    }
}

impl Recordings {
    pub(super) fn new(language: QueryLanguage) -> Self {
        Self { language, of_series: BTreeMap::new() }
    }

    /// Adds the recording rules of a group.
    pub(super) fn add(&mut self, owner: &Owner, namespace: &RulerNamespace, group: &Group) {
        for (rule, recording) in group.rules.iter().enumerate().filter(|(_, rule)| !rule.record.is_empty()) {
            let mut labels = labels_of(recording, group);
            let mut constant = self.language.constant_labels(&recording.expr);
            constant.retain(|label, _| !labels.contains_key(label));
            // An empty value removes the label from the result.
            labels.retain(|_, value| !value.is_empty());
            let group = GroupName::from(group.name.as_str());
            let location = RuleLocation { owner: owner.clone(), namespace: namespace.clone(), group, rule };
            let series = (recording.record.clone(), labels);
            self.of_series.entry(series).or_default().push(Recording { location, constant });
        }
    }

    /// Returns those that may write a series of another owner, by name and labels.
    pub(super) fn duplicates(self) -> Vec<DuplicateRecording> {
        let duplicate = |((record, labels), recordings): ((_, _), Vec<Recording>)| {
            let colliding =
                recordings.iter().filter(|one| recordings.iter().any(|other| one.collides(other)));
            let rules: Vec<RuleLocation> = colliding.map(|recording| recording.location.clone()).collect();
            (!rules.is_empty()).then_some(DuplicateRecording { record, labels, rules })
        };
        self.of_series.into_iter().filter_map(duplicate).collect()
    }
}

/// Returns the labels of a rule with those of its group, which they take precedence over.
fn labels_of(rule: &Rule, group: &Group) -> BTreeMap<String, String> {
    let labels = group.labels.iter().chain(&rule.labels);
    labels.map(|(name, value)| (name.clone(), value.clone())).collect()
}
