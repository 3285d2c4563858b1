//! The kind `LoggingRule`, which rulesync owns: rules on logs, with groups like those of a PrometheusRule.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::published_status::PublishedStatus;

pub(crate) const PLURAL: &str = "loggingrules";

/// Alerting and recording rules in LogQL, for a Loki or another ruler of logs.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rulesync.dev",
    version = "v1alpha1",
    kind = "LoggingRule",
    plural = "loggingrules",
    namespaced,
    status = "LoggingRuleStatus",
    shortname = "logrule",
    category = "rules",
    doc = "Alerting and recording rules in LogQL, which rulesync writes to Loki.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Tenant","type":"string","jsonPath":".status.summary.tenants"}"#,
    printcolumn = r#"{"name":"Rules","type":"integer","jsonPath":".status.summary.rules"}"#,
    printcolumn = r#"{"name":"Refused","type":"integer","jsonPath":".status.summary.refusedGroups"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message","priority":1}"#
)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleSpec {
    /// The requested tenant, whose logs the rules read. The operator of rulesync decides which tenants a Kubernetes
    /// namespace may request. Default: the tenant of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 150), regex(pattern = r"^[A-Za-z0-9!\-_.*'()]+$"))]
    pub tenant: Option<String>,
    /// The rule groups; their names are unique within the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub groups: Vec<LoggingRuleGroup>,
}

/// Rules that are evaluated together, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoggingRuleGroup {
    /// The name of the group.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The evaluation interval, such as `1m`. Default: that of the ruler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub interval: Option<String>,
    /// The time by which the evaluation is shifted into the past, if the ruler supports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub query_offset: Option<String>,
    /// The maximum number of alerts or series that a rule may produce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Labels that are added to all rules, if the ruler supports it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Accepted as in a PrometheusRule, and ignored, because rulers for logs do not support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(?i)(abort|warn)?$"))]
    pub partial_response_strategy: Option<String>,
    /// The rules, in order of evaluation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<LoggingRuleItem>,
}

/// One alerting or recording rule: either `alert` or `record` is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoggingRuleItem {
    /// The name of the recorded series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The name of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The LogQL expression: a metric query, such as `sum(rate({job="nginx"} |= "error" [5m])) > 10`.
    #[schemars(schema_with = "int_or_string")]
    pub expr: IntOrString,
    /// The time for which the condition must hold before the alert fires.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub for_duration: Option<String>,
    /// The time for which the alert continues to fire afterwards, if the ruler supports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub keep_firing_for: Option<String>,
    /// Labels that are added to the resulting alerts or series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the alert.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Returns the schema of a field that is an integer or a string.
fn int_or_string(_: &mut SchemaGenerator) -> Schema {
    // The API server adds the alternatives itself; kube would convert them incorrectly.
    json_schema!({"x-kubernetes-int-or-string": true})
}

/// The pattern of a Prometheus duration, or an empty string.
const DURATION: &str =
    "^((([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?|0)$";

/// The status of a LoggingRule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleStatus {
    /// The generation of the object that the status refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What has become of the rules.
    #[serde(flatten)]
    pub published: PublishedStatus,
}
