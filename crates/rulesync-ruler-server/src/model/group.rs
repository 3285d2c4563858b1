//! A rule group as stored by a ruler: the posted group without the fields that the ruler does not keep.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    kind::{Field, Profile},
    span::Millis,
};

/// A stored rule group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredGroup {
    /// The group's name, unique in its namespace.
    pub name: String,
    /// The evaluation interval; zero for the server's default.
    pub interval: Millis,
    /// The deprecated name of [`query_offset`](Self::query_offset); zero if unset.
    pub evaluation_delay: Millis,
    /// The offset into the past at which the group is evaluated. Cortex distinguishes zero from `None`.
    pub query_offset: Option<Millis>,
    /// The maximum number of series of a rule's result; zero for no limit.
    pub limit: i64,
    /// The rules, in order of evaluation.
    pub rules: Vec<StoredRule>,
    /// Labels for all rules of the group.
    pub labels: BTreeMap<String, String>,
    /// The source tenants of a federated group, as posted.
    pub source_tenants: Vec<String>,
    /// `true` if evaluation times are multiples of the interval.
    pub align_evaluation_time_on_interval: bool,
}

/// A stored rule. One of [`record`](Self::record) and [`alert`](Self::alert) is set, the other is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredRule {
    /// The metric that a recording rule writes.
    pub record: String,
    /// The name of an alerting rule.
    pub alert: String,
    /// The expression, verbatim.
    pub expr: String,
    /// The time an alert stays pending; zero if it fires at once.
    #[serde(rename = "for")]
    pub for_: Millis,
    /// The time an alert keeps firing after it has cleared; zero if it resolves at once.
    pub keep_firing_for: Millis,
    /// The labels of the rule.
    pub labels: BTreeMap<String, String>,
    /// The annotations of an alert.
    pub annotations: BTreeMap<String, String>,
}

impl StoredGroup {
    /// The length in bytes of the longest value among the labels and annotations of the rules.
    pub(crate) fn longest_mapped(&self) -> usize {
        let values = self.rules.iter().flat_map(|rule| rule.labels.values().chain(rule.annotations.values()));
        values.map(String::len).max().unwrap_or(0)
    }

    /// The group as stored by this kind of ruler.
    pub(crate) fn kept_by(mut self, profile: &Profile) -> Self {
        for field in &profile.drops {
            match field {
                Field::Limit => self.limit = 0,
                Field::GroupLabels => self.labels.clear(),
                Field::QueryOffset => self.query_offset = None,
                Field::EvaluationDelay => self.evaluation_delay = Millis::ZERO,
                Field::SourceTenants => self.source_tenants.clear(),
                Field::AlignEvaluationTime => self.align_evaluation_time_on_interval = false,
                Field::KeepFiringFor => {
                    for rule in &mut self.rules {
                        rule.keep_firing_for = Millis::ZERO;
                    }
                }
            }
        }
        if profile.narrow_limit {
            // The real server stores an int32, which wraps around.
            #[expect(clippy::cast_possible_truncation, reason = "it is the truncation that is imitated")]
            let narrow = self.limit as i32;
            self.limit = i64::from(narrow);
        }
        if !profile.keeps_zero_offset {
            self.query_offset = self.query_offset.filter(|offset| *offset != Millis::ZERO);
        }
        self
    }
}
