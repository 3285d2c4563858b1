//! The kind we own: `LoggingRule`, rules on logs with the groups of a PrometheusRule. Its CRD is made of these types;
//! the copy in `deploy/crds` is for people, and a test keeps it equal.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{CustomResource, CustomResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub(crate) const GROUP: &str = "rulesync.dev";
pub(crate) const VERSION: &str = "v1alpha1";
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
    doc = "Alerting and recording rules in LogQL, which rulesync keeps in a Loki.",
    printcolumn = r#"{"name":"Tenant","type":"string","jsonPath":".spec.tenant"}"#,
    printcolumn = r#"{"name":"Synced","type":"string","jsonPath":".status.conditions[?(@.type==\"Synced\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Synced\")].reason","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleSpec {
    /// The tenant whose logs the rules read. It is a claim: whoever runs rulesync decides which Kubernetes namespaces
    /// may make it. Absent: the tenant is that of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 150), regex(pattern = r"^[A-Za-z0-9!\-_.*'()]+$"))]
    pub tenant: Option<String>,
    /// The groups of rules; their names are unique within the object.
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
    /// How often the rules are evaluated, such as `1m`; absent: as the ruler does by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub interval: Option<String>,
    /// How far back in time the rules are evaluated, for rulers that can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub query_offset: Option<String>,
    /// The most alerts or series that a rule may produce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Labels for every rule, for rulers that can.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// As in a PrometheusRule; rulers of logs do not know it, and it is dropped.
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
    /// The name of the series to record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The name of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The LogQL expression: a metric query, such as `sum(rate({job="nginx"} |= "error" [5m])) > 10`.
    #[schemars(schema_with = "int_or_string")]
    pub expr: IntOrString,
    /// How long the condition must hold before the alert fires.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub for_duration: Option<String>,
    /// How long the alert goes on firing afterwards, for rulers that can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub keep_firing_for: Option<String>,
    /// Labels for the result.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Texts for the alert.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// As Kubernetes wants it of a field that may be either.
fn int_or_string(_: &mut SchemaGenerator) -> Schema {
    // Kubernetes fills in the alternatives itself, and kube would spoil them.
    json_schema!({"x-kubernetes-int-or-string": true})
}

/// Prometheus' durations, unset when empty.
const DURATION: &str =
    "^((([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?|0)$";

/// What became of the object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleStatus {
    /// The generation of the object that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions by type; `Synced` says whether the ruler has the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<LoggingRuleCondition>,
}

/// A condition, as Kubernetes has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggingRuleCondition {
    /// Its type, such as `Synced`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(extend("enum" = ["True", "False", "Unknown"]))]
    pub status: String,
    /// The generation of the object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed, in RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

/// The CRD of [`LoggingRule`].
pub fn logging_rule_crd() -> CustomResourceDefinition {
    LoggingRule::crd()
}

/// A CRD that cannot be written. It would be a defect of rulesync.
#[derive(Debug, thiserror::Error)]
#[error("the CRD cannot be written: {0}")]
pub struct ManifestError(String);

/// The CRDs of the kinds we own, as YAML documents to apply.
///
/// # Errors
///
/// None is known: it would be a defect of rulesync.
pub fn manifests() -> Result<String, ManifestError> {
    serde_saphyr::to_string(&logging_rule_crd()).map_err(|error| ManifestError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_copy_for_people_is_the_one_made_of_the_types() {
        let copy = include_str!("../../../deploy/crds/rulesync.dev_loggingrules.yaml");
        let command = "cargo run -p rulesync-k8s --example crds > deploy/crds/rulesync.dev_loggingrules.yaml";
        assert_eq!(copy, manifests().unwrap(), "run `{command}`");
    }

    /// What the API server asks of a schema, as far as derived ones tend to get it wrong.
    fn is_structural(schema: &Value, at: &str) {
        let fields = schema.as_object().unwrap_or_else(|| panic!("{at}: {schema}"));
        assert!(!fields.contains_key("$ref") && !fields.contains_key("definitions"), "{at}");
        let either = fields.get("x-kubernetes-int-or-string") == Some(&json!(true));
        assert!(either != fields.contains_key("type"), "{at}: one of the two: {schema}");
        for word in ["anyOf", "oneOf", "allOf", "not"] {
            assert!(!fields.contains_key(word), "{at}: {word}");
        }
        assert!(
            at.ends_with("labels")
                || at.ends_with("annotations")
                || !fields.contains_key("additionalProperties")
        );
        for (name, property) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            is_structural(property, &format!("{at}.{name}"));
        }
        if let Some(items) = fields.get("items") {
            is_structural(items, &format!("{at}[]"));
        }
        for key in fields.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten() {
            let required = fields["items"]["required"].as_array().unwrap();
            assert!(required.contains(key), "{at}: keys of list maps are required");
        }
    }

    #[test]
    fn the_schema_is_structural_and_has_what_people_look_at() {
        let crd = serde_json::to_value(logging_rule_crd()).unwrap();
        let version = &crd["spec"]["versions"][0];
        is_structural(&version["schema"]["openAPIV3Schema"], "LoggingRule");
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
