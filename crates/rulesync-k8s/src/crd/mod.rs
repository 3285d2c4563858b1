//! The kinds that rulesync owns. Their CRDs are generated from these types; a test compares the copies in `deploy/crds`
//! with them.

mod condition;
pub(crate) mod logging_rule;
mod published_status;
mod rule_status;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use condition::Condition;
pub use logging_rule::{LoggingRule, LoggingRuleGroup, LoggingRuleItem, LoggingRuleSpec, LoggingRuleStatus};
pub use published_status::{PublishedStatus, StatusDestination, StatusFinding, StatusSummary};
pub use rule_status::{RuleStatus, RuleStatusSubject, SourceObject};

pub(crate) const GROUP: &str = "rulesync.dev";
pub(crate) const VERSION: &str = "v1alpha1";

/// The label with the state in one word, and the annotation that rulesync writes on objects of others.
pub(crate) const STATE_KEY: &str = "rulesync.dev/state";

/// Returns the `apiVersion` of the kinds that rulesync owns.
pub fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

/// Returns the CRD of [`LoggingRule`].
pub fn logging_rule_crd() -> CustomResourceDefinition {
    LoggingRule::crd()
}

/// Returns the CRD of [`RuleStatus`]. Its status is no subresource, because nobody writes anything else of it: one request
/// writes it whole.
pub fn rule_status_crd() -> CustomResourceDefinition {
    let mut crd = RuleStatus::crd();
    for version in &mut crd.spec.versions {
        version.subresources = None;
    }
    crd
}

/// The error for a CRD that cannot be encoded, which is a bug in rulesync.
#[derive(Debug, thiserror::Error)]
#[error("the CRD cannot be encoded: {0}")]
pub struct ManifestError(String);

/// Returns the CRDs of the kinds that rulesync owns, in YAML, each with the name of its file in `deploy/crds`.
///
/// # Errors
///
/// [`ManifestError`], which is a bug in rulesync.
pub fn manifest_files() -> Result<Vec<(String, String)>, ManifestError> {
    let file = |crd: CustomResourceDefinition| {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let yaml = serde_saphyr::to_string(&crd).map_err(|error| ManifestError(error.to_string()))?;
        Ok((name, yaml))
    };
    [logging_rule_crd(), rule_status_crd()].into_iter().map(file).collect()
}

/// Returns the CRDs of the kinds that rulesync owns, as YAML documents.
///
/// # Errors
///
/// [`ManifestError`], which is a bug in rulesync.
pub fn manifests() -> Result<String, ManifestError> {
    let documents: Vec<String> = manifest_files()?.into_iter().map(|(_, yaml)| yaml).collect();
    Ok(documents.join("---\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn manifests_match_copies_in_deploy() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
        let files = manifest_files().unwrap();
        for (name, yaml) in &files {
            let copy = std::fs::read_to_string(directory.join(name)).unwrap_or_default();
            assert_eq!(copy, *yaml, "{name}: run `cargo run -p rulesync-k8s --example crds`");
        }
        let names: BTreeSet<String> = files.into_iter().map(|(name, _)| name).collect();
        let present = std::fs::read_dir(directory).unwrap();
        let present: BTreeSet<String> =
            present.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(present, names);
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

    fn version(crd: &CustomResourceDefinition) -> Value {
        serde_json::to_value(crd).unwrap()["spec"]["versions"][0].clone()
    }

    fn columns(version: &Value) -> Vec<(&str, bool)> {
        let columns = version["additionalPrinterColumns"].as_array().unwrap().iter();
        columns.map(|column| (column["name"].as_str().unwrap(), column["priority"] == 1)).collect()
    }

    #[test]
    fn crds_have_structural_schemas_and_printer_columns() {
        let logging_rule = version(&logging_rule_crd());
        assert_structural(&logging_rule["schema"]["openAPIV3Schema"], "LoggingRule");
        assert_eq!(logging_rule["subresources"], json!({"status": {}}));
        let groups = &logging_rule["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["groups"];
        assert_eq!(groups["x-kubernetes-list-map-keys"], json!(["name"]));

        let rule_status = version(&rule_status_crd());
        assert_structural(&rule_status["schema"]["openAPIV3Schema"], "RuleStatus");
        let mut expected =
            ["Ready", "Reason", "Tenant", "Rules", "Refused", "Age", "Message"].map(|name| (name, false));
        expected[6].1 = true;
        assert_eq!(columns(&rule_status), expected);
        let columns = |version: &Value| version["additionalPrinterColumns"].clone();
        assert_eq!(columns(&logging_rule), columns(&rule_status));
    }

    /// Adds the paths of required fields.
    fn required(schema: &Value, at: &str, paths: &mut Vec<String>) {
        let names = schema["required"].as_array().into_iter().flatten();
        paths.extend(names.map(|name| format!("{at}.{}", name.as_str().unwrap())));
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            required(property, &format!("{at}.{name}"), paths);
        }
        if let Some(items) = schema.get("items") {
            required(items, &format!("{at}[]"), paths);
        }
    }

    #[test]
    fn rule_status_is_written_by_one_request_and_requires_nothing_of_it() {
        let crd = serde_json::to_value(rule_status_crd()).unwrap();
        let spec = &crd["spec"];
        assert_eq!(crd["metadata"]["name"], "rulestatuses.rulesync.dev");
        assert_eq!(spec["scope"], "Namespaced");
        assert_eq!(spec["names"]["shortNames"], json!(["rulest"]));
        assert_eq!(spec["names"]["categories"], json!(["rules"]));
        assert_eq!(spec["versions"][0].get("subresources"), None);
        let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"];
        let mut paths = Vec::new();
        required(schema, "", &mut paths);
        // As in every condition of Kubernetes.
        let of_conditions = |path: &String| path.starts_with(".status.conditions[].");
        assert!(paths.iter().all(of_conditions), "{paths:?}");
        // Tools compare it with the generation of the RuleStatus itself, and would wait for ever.
        assert_eq!(schema["properties"]["status"]["properties"].get("observedGeneration"), None);
    }
}
