//! Discovery: version, health, groups and resources.

use serde_json::{Value, json};

use super::resource::Resource;
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

/// The response of `/apis`.
pub(crate) fn groups(world: &World) -> Value {
    let mut names: Vec<&str> =
        world.resources().map(|r| r.group.as_str()).filter(|g| !g.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let groups: Vec<Value> = names.iter().filter_map(|name| group_entry(world, name)).collect();
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
    let mut versions: Vec<&str> =
        world.resources().filter(|r| r.group == name).map(|r| r.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
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

/// The resource, and its status if that is a subresource.
fn resource_entries(resource: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
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
            "namespaced": resource.namespaced, "verbs": ["get", "patch", "update"],
        }));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::super::prometheus_rule::prometheus_rule_definition;
    use super::*;

    #[test]
    fn discovery_lists_groups_with_served_kinds() {
        let mut world = World::new(10, None, super::super::stamps::Stamps::new(None));
        assert!(group(&world, "monitoring.coreos.com").is_none());
        assert!(resources(&world, "monitoring.coreos.com", "v1").is_none());
        world.define(&prometheus_rule_definition()).unwrap();
        let found = group(&world, "monitoring.coreos.com").unwrap();
        assert_eq!(found["preferredVersion"]["groupVersion"], "monitoring.coreos.com/v1");
        let listed = resources(&world, "monitoring.coreos.com", "v1").unwrap();
        assert_eq!(listed["resources"][0]["name"], "prometheusrules");
        assert_eq!(groups(&world)["groups"].as_array().unwrap().len(), 4);
        assert_eq!(resources(&world, "", "v1").unwrap()["groupVersion"], "v1");
    }
}
