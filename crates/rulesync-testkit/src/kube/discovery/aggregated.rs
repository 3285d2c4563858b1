//! Aggregated discovery: the resources of all groups in one answer, which kubectl asks for first.

use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::super::resource::{Nature, Resource};
use super::super::world::World;
use super::{STATUS_VERBS, group_names, verbs, versions};

/// The type of the answer.
pub(crate) const MEDIA_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Returns `true` if the client prefers aggregated discovery to the other.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut media = listed.flat_map(|value| value.split(',')).map(str::trim);
    let aggregated = |media: &str| {
        let mut parts: Vec<&str> = media.split(';').map(str::trim).collect();
        parts.sort_unstable();
        parts == ["application/json", "as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"]
    };
    media
        .find(|media| aggregated(media) || matches!(*media, "application/json" | "*/*"))
        .is_some_and(aggregated)
}

/// The response of `/api`.
pub(crate) fn core(world: &World) -> Value {
    list(world, &[""])
}

/// The response of `/apis`.
pub(crate) fn groups(world: &World) -> Value {
    list(world, &group_names(world))
}

fn list(world: &World, groups: &[&str]) -> Value {
    let items: Vec<Value> = groups.iter().map(|name| group(world, name)).collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    })
}

fn group(world: &World, name: &str) -> Value {
    let version = |version: &&str| {
        let served = world.resources().filter(|r| r.group == name && r.version == *version);
        json!({
            "version": version, "resources": served.map(|r| entry(r)).collect::<Vec<_>>(), "freshness": "Current",
        })
    };
    let versions: Vec<Value> = versions(world, name).iter().map(version).collect();
    // The core group has no name.
    let metadata = if name.is_empty() { json!({}) } else { json!({"name": name}) };
    json!({"metadata": metadata, "versions": versions})
}

fn entry(resource: &Resource) -> Value {
    // Built-in kinds leave the group to that of the list.
    let (group, version) = match resource.nature {
        Nature::Custom { .. } => (resource.group.as_str(), resource.version.as_str()),
        _ => ("", ""),
    };
    let kind = json!({"group": group, "version": version, "kind": resource.kind});
    let mut entry = json!({
        "resource": resource.plural, "responseKind": kind,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": verbs(resource),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if resource.has_status() {
        entry["subresources"] =
            json!([{"subresource": "status", "responseKind": kind, "verbs": STATUS_VERBS}]);
    }
    entry
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn aggregated_discovery_is_sent_to_those_who_prefer_it() {
        let wanted = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            is_wanted(&headers)
        };
        let newest = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let older = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        assert!(wanted(&format!("{newest},{older},application/json")));
        assert!(wanted(&format!("{older},{newest},application/json")));
        assert!(!wanted(&format!("{older},application/json")));
        assert!(!wanted("application/json"));
        assert!(!wanted(&format!("*/*,{newest}")));
        assert!(!is_wanted(&HeaderMap::new()));
    }
}
