//! What is published in Kubernetes of what became of objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is published in the cluster of a Kubernetes source of what became of its objects, by the leader. Takes effect without a
/// restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Status")]
pub(crate) struct StatusFile {
    /// Which objects have a `RuleStatus` beside them. A `LoggingRule` has its status itself, whether there are problems or
    /// not, unless this is `off`. What was written earlier is removed when less is chosen.
    pub(crate) objects: StatusObjects,
    /// Which Events are made on objects.
    pub(crate) events: StatusEvents,
    /// Which objects get the annotation `rulesync.dev/state` with their state in one word. It needs the permission to change
    /// them.
    pub(crate) annotate: StatusAnnotate,
    /// Whether there are reports for tools that collect those of all policy engines.
    pub(crate) reports: StatusReports,
    /// How many writes a second all of this may cost in the cluster of one source, Events apart, which have limits of their
    /// own.
    #[schemars(range(min = 1, max = MAX_WRITES_PER_SECOND))]
    pub(crate) max_writes_per_second: u32,
}

/// The largest `max_writes_per_second`.
pub(crate) const MAX_WRITES_PER_SECOND: u32 = 1_000;

impl Default for StatusFile {
    fn default() -> Self {
        Self {
            objects: StatusObjects::default(),
            events: StatusEvents::default(),
            annotate: StatusAnnotate::default(),
            reports: StatusReports::default(),
            max_writes_per_second: 20,
        }
    }
}

/// Which objects have a `RuleStatus`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusObjects {
    /// Objects from their first problem on. Once they have recovered, it says so.
    #[default]
    Problems,
    /// All objects.
    All,
    /// None.
    Off,
}

/// Which Events are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusEvents {
    /// Problems, their end, and rules of others that were taken over.
    #[default]
    Warnings,
    /// Besides, what was written and what was removed.
    All,
    /// None.
    Off,
}

/// Which objects are annotated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusAnnotate {
    /// None. Annotations are removed when this is chosen by a reload; those of a former process stay.
    #[default]
    Off,
    /// Objects with a problem, as long as they have one.
    Problems,
    /// All objects.
    All,
}

/// Which reports are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusReports {
    /// None. Reports are removed when this is chosen by a reload; those of a former process stay.
    #[default]
    Off,
    /// A `Report` of openreports.io for each object with a problem, as long as it has one.
    Openreports,
}
