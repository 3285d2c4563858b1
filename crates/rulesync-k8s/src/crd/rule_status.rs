//! The kind `RuleStatus`, which rulesync owns: what has become of an object with rules whose own status is closed to us,
//! such as a PrometheusRule.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::published_status::PublishedStatus;

/// What a `RuleStatus` is about. rulesync writes it; nobody else does.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rulesync.dev",
    version = "v1alpha1",
    kind = "RuleStatus",
    plural = "rulestatuses",
    namespaced,
    no_spec,
    status = "PublishedStatus",
    shortname = "rulest",
    category = "rules",
    derive = "Default",
    derive = "PartialEq",
    doc = "What has become of an object with rules, such as a PrometheusRule. rulesync writes it.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Tenant","type":"string","jsonPath":".status.summary.tenants"}"#,
    printcolumn = r#"{"name":"Rules","type":"integer","jsonPath":".status.summary.rules"}"#,
    printcolumn = r#"{"name":"Refused","type":"integer","jsonPath":".status.summary.refusedGroups"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message","priority":1}"#
)]
#[serde(rename_all = "camelCase")]
pub struct RuleStatusSubject {
    /// The object that this is the status of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceObject>,
}

/// An object with rules, in the Kubernetes namespace of its status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceObject {
    /// The API version, such as `monitoring.coreos.com/v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The kind, such as `PrometheusRule`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The UID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The generation that this is the status of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}
