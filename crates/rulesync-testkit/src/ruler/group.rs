//! A rule group as a ruler stores it: what was posted, less what the ruler does not keep.

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
    /// How often it is evaluated; zero for the server's default.
    pub interval: Millis,
    /// The deprecated name of [`query_offset`](Self::query_offset); zero for none.
    pub evaluation_delay: Millis,
    /// How far in the past it is evaluated. Cortex tells zero from none.
    pub query_offset: Option<Millis>,
    /// The most series a rule may result in; zero for no limit.
    pub limit: i64,
    /// The rules, in order of evaluation.
    pub rules: Vec<StoredRule>,
    /// Labels for every rule of the group.
    pub labels: BTreeMap<String, String>,
    /// The tenants a federated group reads from, as posted.
    pub source_tenants: Vec<String>,
    /// Whether evaluation times are multiples of the interval.
    pub align_evaluation_time_on_interval: bool,
}

/// A stored rule. One of [`record`](Self::record) and [`alert`](Self::alert) is set, the other empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredRule {
    /// The metric a recording rule writes.
    pub record: String,
    /// The name of an alerting rule.
    pub alert: String,
    /// The expression, verbatim.
    pub expr: String,
    /// How long an alert stays pending; zero for not at all.
    #[serde(rename = "for")]
    pub for_: Millis,
    /// How long an alert goes on firing; zero for not at all.
    pub keep_firing_for: Millis,
    /// The rule's own labels.
    pub labels: BTreeMap<String, String>,
    /// An alert's annotations.
    pub annotations: BTreeMap<String, String>,
}

impl StoredGroup {
    /// The bytes of the longest value among its rules' labels and annotations.
    pub(crate) fn longest_mapped(&self) -> usize {
        let values = self.rules.iter().flat_map(|rule| rule.labels.values().chain(rule.annotations.values()));
        values.map(String::len).max().unwrap_or(0)
    }

    /// The group as this kind of ruler keeps it.
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
            // The real server keeps an int32 and wraps around.
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
