//! Limits, and the settings that decide what is written and deleted.

use rulesync_core::engine::{DeleteGuard, OnInvalid};
use rulesync_core::model::PromDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// What happens to a group that contains rules a ruler does not accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OnInvalid")]
pub(crate) enum OnInvalidName {
    /// The group stays as the ruler last accepted it.
    #[default]
    Group,
    /// The group is written without those rules.
    Rule,
}

impl From<OnInvalidName> for OnInvalid {
    fn from(name: OnInvalidName) -> Self {
        match name {
            OnInvalidName::Group => Self::Group,
            OnInvalidName::Rule => Self::Rule,
        }
    }
}

/// Rules of others that may be taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Adopt")]
pub(crate) struct AdoptFile {
    /// Ruler namespaces of others, with `*` for any text. A group in them is removed once rulesync has written an equal
    /// one.
    #[serde(default)]
    #[schemars(example = ["by-hand-*"])]
    pub(crate) namespaces: Vec<String>,
}

/// When deletes are held back because they look like an accident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "DeleteGuard")]
pub(crate) struct DeleteGuardFile {
    /// The share of a tenant's groups that may be deleted within `window`; 1 turns the guard off.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) max_share: f64,
    /// The number of deletes within `window` below which the share does not matter.
    pub(crate) min_groups: usize,
    /// The time over which deletes are counted.
    #[schemars(with = "Duration")]
    pub(crate) window: PromDuration,
}

impl Default for DeleteGuardFile {
    fn default() -> Self {
        let DeleteGuard { max_share, min_groups, window } = DeleteGuard::default();
        let window = PromDuration::from_millis(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        Self { max_share, min_groups, window }
    }
}

/// Settings of the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Metrics")]
pub(crate) struct MetricsFile {
    /// Whether metrics have the label `tenant`. Turn it off where there are very many tenants.
    pub(crate) tenant_labels: bool,
    /// Whether there is a metric for each object with a problem, of at most 1,000.
    pub(crate) objects: bool,
}

impl Default for MetricsFile {
    fn default() -> Self {
        Self { tenant_labels: true, objects: false }
    }
}
