//! Discovery: version, groups and resources; those of all groups at once are in `aggregated`.

pub(crate) mod aggregated;

use serde_json::{Value, json};

use super::resource::{Nature, Resource};
use super::world::World;

/// The response of `/version`: the version of the recorded server.
pub(crate) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.2", "gitCommit": "$Format:%H$", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// The response of `/api`.
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// The groups of built-in kinds in the order of the recorded server; those of definitions follow.
const BUILT_IN: [&str; 5] = [
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "apiextensions.k8s.io",
    "coordination.k8s.io",
];

/// The served groups, without the core group.
fn group_names(world: &World) -> Vec<&str> {
    let mut names: Vec<&str> =
        world.resources().map(|r| r.group.as_str()).filter(|g| !g.is_empty()).collect();
    names.sort_unstable_by_key(|name| {
        (BUILT_IN.iter().position(|known| known == name).unwrap_or(BUILT_IN.len()), *name)
    });
    names.dedup();
    names
}

/// The served versions of a group, the preferred one first.
fn versions<'a>(world: &'a World, group: &str) -> Vec<&'a str> {
    let mut versions: Vec<&str> =
        world.resources().filter(|r| r.group == group).map(|r| r.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// The response of `/apis`.
pub(crate) fn groups(world: &World) -> Value {
    let groups: Vec<Value> = group_names(world).iter().filter_map(|name| group_entry(world, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// The response of `/apis/<group>`, if the group is served.
pub(crate) fn group(world: &World, name: &str) -> Option<Value> {
    let mut group = group_entry(world, name)?;
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

fn group_entry(world: &World, name: &str) -> Option<Value> {
    let versions = versions(world, name);
    let version = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let preferred = version(versions.first()?);
    Some(json!({
        "name": name,
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "preferredVersion": preferred,
    }))
}

/// The response of `/api/v1` and `/apis/<group>/<version>`, if anything is served there.
pub(crate) fn resources(world: &World, group: &str, version: &str) -> Option<Value> {
    let served: Vec<_> = world.resources().filter(|r| r.group == group && r.version == version).collect();
    let first = served.first()?;
    let entries: Vec<Value> = served.iter().flat_map(|resource| resource_entries(resource)).collect();
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": entries,
    }))
}

/// What can be done with a status.
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

/// What can be done with a kind. Definitions name their verbs in another order than built-in kinds.
fn verbs(resource: &Resource) -> &'static [&'static str] {
    match resource.nature {
        Nature::Custom { .. } => {
            &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
        }
        Nature::Namespace => &["create", "delete", "get", "list", "patch", "update", "watch"],
        Nature::Review(..) => &["create"],
        Nature::Definition | Nature::BuiltIn(..) => {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }
}

/// The resource, and its status if that is a subresource.
fn resource_entries(resource: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": verbs(resource),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    let mut entries = vec![entry];
    if resource.has_status() {
        entries.push(json!({
            "name": format!("{}/status", resource.plural), "singularName": "", "kind": resource.kind,
            "namespaced": resource.namespaced, "verbs": STATUS_VERBS,
        }));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::prometheus_rule::prometheus_rule_definition;

    #[test]
    fn discovery_lists_groups_with_served_kinds() {
        let mut world = World::new(10, None, crate::kube::stamps::Stamps::new(None));
        assert!(group(&world, "monitoring.coreos.com").is_none());
        assert!(resources(&world, "monitoring.coreos.com", "v1").is_none());
        world.define(&prometheus_rule_definition()).unwrap();
        let found = group(&world, "monitoring.coreos.com").unwrap();
        assert_eq!(found["preferredVersion"]["groupVersion"], "monitoring.coreos.com/v1");
        let listed = resources(&world, "monitoring.coreos.com", "v1").unwrap();
        assert_eq!(listed["resources"][0]["name"], "prometheusrules");
        let names: Vec<Value> =
            groups(&world)["groups"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
        assert_eq!(names.len(), BUILT_IN.len() + 1);
        assert_eq!(names[BUILT_IN.len()], "monitoring.coreos.com");
        assert_eq!(resources(&world, "", "v1").unwrap()["groupVersion"], "v1");
    }
}
