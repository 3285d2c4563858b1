//! The kind `Report` of openreports.io, as far as it is written here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// The contents of a report, which are at its root.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "openreports.io",
    version = "v1alpha1",
    kind = "Report",
    plural = "reports",
    namespaced,
    no_spec,
    schema = "disabled",
    derive = "Default",
    derive = "PartialEq",
    doc = "What is wrong with an object."
)]
#[serde(rename_all = "camelCase")]
pub struct ReportContents {
    /// What has found it.
    pub source: String,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ObjectReference>,
    /// The numbers.
    #[serde(default)]
    pub summary: ReportSummary,
    /// The results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ReportResult>,
}

/// The numbers of results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportSummary {
    /// Passed.
    pub pass: i64,
    /// Failed.
    pub fail: i64,
    /// Failed, without being scored.
    pub warn: i64,
    /// Could not be evaluated.
    pub error: i64,
    /// Left out.
    pub skip: i64,
}

/// One result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportResult {
    /// What was violated: the code of a finding, or a state in one word.
    pub policy: String,
    /// The rule, or the group, that it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The category.
    pub category: String,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub severity: String,
    /// `pass`, `fail`, `warn`, `error` or `skip`.
    pub result: String,
    /// True if it counts.
    pub scored: bool,
    /// The problem.
    pub message: String,
    /// Where it was found, and what to do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}
