//! The permissions that `deploy/kubernetes/rulesyncd.yaml` gives.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

/// A verb and a resource with its API group, such as `patch` and `rulestatuses.rulesync.dev`.
pub(crate) type Permission = (String, String);

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
}

/// The permission for a verb on a resource of an API group.
pub(crate) fn of(verb: &str, resource: &str, group: &str) -> Permission {
    let resource = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    (verb.to_owned(), resource)
}

/// The permissions that are deployed.
pub(crate) fn deployed() -> BTreeSet<Permission> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kubernetes/rulesyncd.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let documents =
        text.split("\n---\n").map(|document| serde_saphyr::from_str::<Manifest>(document).unwrap());
    let mut permissions = BTreeSet::new();
    for Rule { api_groups, resources, verbs } in documents.flat_map(|manifest| manifest.rules) {
        for (group, resource) in api_groups.iter().flat_map(|g| resources.iter().map(move |r| (g, r))) {
            permissions.extend(verbs.iter().map(|verb| of(verb, resource, group)));
        }
    }
    permissions
}
