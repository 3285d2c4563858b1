//! The permissions that `deploy/kubernetes/rulesyncd.yaml` gives, and what the daemon asks an API server for.

use std::collections::BTreeSet;
use std::path::Path;

use rulesync_testkit::Recorded;
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

fn full_name(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
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
            permissions.extend(verbs.iter().map(|verb| (verb.clone(), full_name(resource, group))));
        }
    }
    permissions
}

/// The permission that a request needs; none for what everybody may do, such as to ask for the version.
pub(crate) fn needed(request: &Recorded) -> Option<Permission> {
    let mut parts = request.path.trim_matches('/').split('/');
    let group = match parts.next()? {
        "api" => "",
        "apis" => parts.next()?,
        _ => return None,
    };
    let mut parts: Vec<&str> = parts.skip(1).collect();
    if let ["namespaces", _, _, ..] = parts.as_slice() {
        parts.drain(..2);
    }
    let (resource, name) = match parts.as_slice() {
        [] => return None,
        [resource] => ((*resource).to_owned(), None),
        [resource, name] => ((*resource).to_owned(), Some(*name)),
        [resource, name, subresource, ..] => (format!("{resource}/{subresource}"), Some(*name)),
    };
    let watches = request.query.as_deref().unwrap_or_default().split('&').any(|part| part == "watch=true");
    let verb = match (request.method.as_str(), name) {
        ("GET", _) if watches => "watch",
        ("GET", None) => "list",
        ("GET", Some(_)) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => return None,
    };
    Some((verb.to_owned(), full_name(&resource, group)))
}
