//! The kind `LoggingRule`, which rulesync owns: rules on logs, with groups like those of a PrometheusRule. Its CRD is
//! generated from these types; a test compares the copy in `deploy/crds` with it.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{CustomResource, CustomResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub(crate) const GROUP: &str = "rulesync.dev";
pub(crate) const VERSION: &str = "v1alpha1";
pub(crate) const PLURAL: &str = "loggingrules";

/// Returns the `apiVersion` of a [`LoggingRule`].
pub fn logging_rule_api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

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
    printcolumn = r#"{"name":"Tenant","type":"string","jsonPath":".spec.tenant"}"#,
    printcolumn = r#"{"name":"Synced","type":"string","jsonPath":".status.conditions[?(@.type==\"Synced\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Synced\")].reason","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
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

/// The status of the object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleStatus {
    /// The generation of the object that the status refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions, by type. `Synced` is `True` if the ruler has the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<LoggingRuleCondition>,
}

/// A standard condition of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleCondition {
    /// The type, such as `Synced`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(extend("enum" = ["True", "False", "Unknown"]))]
    pub status: String,
    /// The generation of the object that the condition refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The time of the last change of the status, in RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The reason, in one word.
    pub reason: String,
    /// A description of the reason.
    pub message: String,
}

/// Returns the CRD of [`LoggingRule`].
pub fn logging_rule_crd() -> CustomResourceDefinition {
    LoggingRule::crd()
}

/// The error for a CRD that cannot be encoded, which is a bug in rulesync.
#[derive(Debug, thiserror::Error)]
#[error("the CRD cannot be encoded: {0}")]
pub struct ManifestError(String);

/// Returns the CRDs of the kinds that rulesync owns, as YAML documents.
///
/// # Errors
///
/// [`ManifestError`], which is a bug in rulesync.
pub fn manifests() -> Result<String, ManifestError> {
    serde_saphyr::to_string(&logging_rule_crd()).map_err(|error| ManifestError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn manifests_match_copy_in_deploy() {
        let copy = include_str!("../../../deploy/crds/rulesync.dev_loggingrules.yaml");
        let command = "cargo run -p rulesync-k8s --example crds > deploy/crds/rulesync.dev_loggingrules.yaml";
        assert_eq!(copy, manifests().unwrap(), "run `{command}`");
    }

    /// Checks the requirements of a structural schema that derived schemas tend to violate.
    fn assert_structural(schema: &Value, at: &str) {
        let fields = schema.as_object().unwrap_or_else(|| panic!("{at}: {schema}"));
        assert!(!fields.contains_key("$ref") && !fields.contains_key("definitions"), "{at}");
        let either = fields.get("x-kubernetes-int-or-string") == Some(&json!(true));
        assert!(either != fields.contains_key("type"), "{at}: exactly one of the two: {schema}");
        for word in ["anyOf", "oneOf", "allOf", "not"] {
            assert!(!fields.contains_key(word), "{at}: {word}");
        }
        assert!(
            at.ends_with("labels")
                || at.ends_with("annotations")
                || !fields.contains_key("additionalProperties")
        );
        for (name, property) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert_structural(property, &format!("{at}.{name}"));
        }
        if let Some(items) = fields.get("items") {
            assert_structural(items, &format!("{at}[]"));
        }
        for key in fields.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten() {
            let required = fields["items"]["required"].as_array().unwrap();
            assert!(required.contains(key), "{at}: keys of list maps are required");
        }
    }

    #[test]
    fn crd_has_structural_schema_and_printer_columns() {
        let crd = serde_json::to_value(logging_rule_crd()).unwrap();
        let version = &crd["spec"]["versions"][0];
        assert_structural(&version["schema"]["openAPIV3Schema"], "LoggingRule");
        assert_eq!(version["subresources"], json!({"status": {}}));
        let columns: Vec<&str> = version["additionalPrinterColumns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(columns, ["Tenant", "Synced", "Reason", "Age"]);
        let groups = &version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["groups"];
        assert_eq!(groups["x-kubernetes-list-map-keys"], json!(["name"]));
    }
}
