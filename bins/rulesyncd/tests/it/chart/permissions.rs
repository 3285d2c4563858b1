//! What every preset grants to the daemon, as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use rulesync_testkit::{Grant, Grants};
use serde_json::Value;

use super::helm::{HELM_4, Helm};
use super::presets;

/// What rendered objects grant to the ServiceAccount of their pods.
pub(crate) fn granted(objects: &[Value]) -> Grants {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let account = deployment["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap();
    Grants::of_service_account(objects, "monitoring", account)
}

/// Scope, resource and name, with all verbs in one row.
fn table(grants: &Grants) -> String {
    let mut rows: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for Grant { namespace, resource, name, verb } in grants.granted() {
        let scope = namespace.clone().unwrap_or_else(|| "cluster".to_owned());
        let resource = name.as_ref().map_or_else(|| resource.clone(), |name| format!("{resource} {name}"));
        rows.entry((scope, resource)).or_default().push(verb);
    }
    let mut text = String::new();
    for ((scope, resource), verbs) in rows {
        writeln!(text, "  {scope:14} {resource:45} {}", verbs.join(" ")).unwrap();
    }
    text
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_grants_exactly_these_permissions() {
    let helm = Helm::of(HELM_4);
    let mut text = String::new();
    for (name, values) in presets() {
        let objects = helm.objects(&values);
        writeln!(text, "{name}\n{}", table(&granted(&objects))).unwrap();
        let is_cluster_role = |object: &&Value| {
            let name = object["metadata"]["name"].as_str().unwrap();
            object["kind"] == "ClusterRole" && !name.ends_with("-view") && !name.ends_with("-edit")
        };
        let expected = usize::from(name != "namespaced");
        assert_eq!(objects.iter().filter(is_cluster_role).count(), expected, "{name}");
    }
    insta::assert_snapshot!("permissions", text);
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_binds_every_role_that_is_not_aggregated() {
    let helm = Helm::of(HELM_4);
    for (name, values) in presets() {
        let objects = helm.objects(&values);
        for role in objects.iter().filter(|object| object["rules"].is_array()) {
            let metadata = &role["metadata"];
            let labels = metadata["labels"].as_object().unwrap();
            let is_aggregated = labels.keys().any(|label| label.contains("/aggregate-to-"));
            let is_bound = objects.iter().any(|binding| {
                binding["roleRef"]["kind"] == role["kind"]
                    && binding["roleRef"]["name"] == metadata["name"]
                    && binding["metadata"]["namespace"] == metadata["namespace"]
            });
            assert!(is_aggregated != is_bound, "{name}: {metadata}");
        }
    }
}
