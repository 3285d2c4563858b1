//! The OpenAPI description (version 3) of what is served: schemas for `kubectl explain`, and the parameters of patches,
//! by which kubectl decides that the server validates.
//!
//! Built-in kinds are described without explanations, and not as precisely as by the real server.

use serde_json::{Value, json};

use super::answer::fingerprint;
use super::builtin;
use super::resource::{Nature, Resource};
use super::world::World;

/// The schema of metadata, as the real server names it.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The answer of `/openapi/v3`: where the documents are.
pub(crate) fn index(world: &World) -> Value {
    let mut paths = json!({});
    for resource in world.resources() {
        let (group, version) = (resource.group.as_str(), resource.version.as_str());
        let base = base(group, version);
        if paths.get(&base).is_none()
            && let Some(document) = document(world, group, version)
        {
            // A client keeps a document as long as its address is the same.
            let url = format!("/openapi/v3/{base}?hash={}", fingerprint(&document));
            paths[&base] = json!({"serverRelativeURL": url});
        }
    }
    json!({"paths": paths})
}

/// The document of one version of a group, if anything is served there.
pub(crate) fn document(world: &World, group: &str, version: &str) -> Option<Value> {
    let (mut paths, mut schemas) = (json!({}), json!({}));
    for resource in world.resources().filter(|r| r.group == group && r.version == version) {
        describe(world, resource, &mut paths, &mut schemas);
    }
    if schemas.as_object().is_none_or(serde_json::Map::is_empty) {
        return None;
    }
    schemas[METADATA] = metadata();
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn base(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn describe(world: &World, resource: &Resource, paths: &mut Value, schemas: &mut Value) {
    let name = schema_name(resource);
    let list_name = format!("{name}List");
    schemas[&name] = schema(world, resource);
    let base = base(&resource.group, &resource.version);
    let plural = &resource.plural;
    if let Nature::Review(..) = resource.nature {
        paths[format!("/{base}/{plural}")] = json!({"post": operation(resource, "post", &name)});
        return;
    }
    schemas[&list_name] = list_schema(resource, &name);
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("/{base}{scope}/{plural}");
    paths[&collection] = json!({
        "get": operation(resource, "list", &list_name),
        "post": operation(resource, "post", &name),
        "delete": operation(resource, "deletecollection", &list_name),
    });
    if resource.namespaced {
        paths[format!("/{base}/{plural}")] = json!({"get": operation(resource, "list", &list_name)});
    }
    let one = format!("{collection}/{{name}}");
    let status = resource.has_status().then(|| format!("{one}/status"));
    for path in [Some(one.clone()), status].into_iter().flatten() {
        paths[&path] = json!({
            "get": operation(resource, "get", &name),
            "put": operation(resource, "put", &name),
            "patch": operation(resource, "patch", &name),
        });
    }
    paths[&one]["delete"] = operation(resource, "delete", &name);
}

/// The name of a schema: `com.example.v1.Kind` of a definition, and that of the Go type of a built-in kind.
fn schema_name(resource: &Resource) -> String {
    let (version, kind) = (&resource.version, &resource.kind);
    match &resource.nature {
        Nature::Custom { .. } => {
            let reversed: Vec<&str> = resource.group.rsplit('.').collect();
            format!("{}.{version}.{kind}", reversed.join("."))
        }
        Nature::Definition => {
            format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}")
        }
        Nature::Namespace | Nature::Review(..) | Nature::BuiltIn(..) => {
            let group = resource.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
            format!("io.k8s.api.{group}.{version}.{kind}")
        }
    }
}

fn group_version_kind(resource: &Resource, kind: &str) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": kind})
}

fn schema(world: &World, resource: &Resource) -> Value {
    let mut schema = match &resource.nature {
        Nature::Custom { .. } => declared(world, resource).unwrap_or_else(|| json!({"type": "object"})),
        Nature::BuiltIn(built_in, _) => builtin::schema_of(*built_in),
        Nature::Namespace | Nature::Definition | Nature::Review(..) => {
            let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            json!({"type": "object", "properties": {"spec": open, "status": open}})
        }
    };
    let text = |description: &str| json!({"type": "string", "description": description});
    schema["properties"]["apiVersion"] = text("The group and version of the kind.");
    schema["properties"]["kind"] = text("The kind of the object.");
    schema["properties"]["metadata"] = json!({
        "description": "The name of the object, its labels, and what the server knows about it.",
        "default": {}, "allOf": [{"$ref": format!("#/components/schemas/{METADATA}")}],
    });
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(resource, &resource.kind)]);
    schema
}

/// The schema in the definition of a kind.
fn declared(world: &World, resource: &Resource) -> Option<Value> {
    let definitions = Resource::definitions().table();
    let definition = world.store.get(&definitions, &resource.qualified())?.value();
    let mut versions = definition["spec"]["versions"].as_array()?.iter();
    let version = versions.find(|version| version["name"] == *resource.version)?;
    version.pointer("/schema/openAPIV3Schema").cloned()
}

fn list_schema(resource: &Resource, name: &str) -> Value {
    let text = json!({"type": "string"});
    let item = json!({"default": {}, "allOf": [{"$ref": format!("#/components/schemas/{name}")}]});
    json!({
        "type": "object", "required": ["items"],
        "properties": {
            "apiVersion": text, "kind": text, "metadata": {"type": "object"},
            "items": {"type": "array", "items": item},
        },
        "x-kubernetes-group-version-kind": [group_version_kind(resource, &resource.list_kind)],
    })
}

fn metadata() -> Value {
    let (text, time) = (json!({"type": "string"}), json!({"type": "string", "format": "date-time"}));
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let owner = json!({
        "type": "object", "required": ["apiVersion", "kind", "name", "uid"],
        "properties": {
            "apiVersion": text, "kind": text, "name": text, "uid": text,
            "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
        },
    });
    json!({
        "type": "object",
        "properties": {
            "name": text, "generateName": text, "namespace": text, "uid": text, "resourceVersion": text,
            "generation": {"type": "integer", "format": "int64"}, "labels": texts, "annotations": texts,
            "creationTimestamp": time, "deletionTimestamp": time,
            "finalizers": {
                "type": "array", "items": text,
                "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge",
            },
            "ownerReferences": {
                "type": "array", "items": owner,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
                "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge",
            },
        },
    })
}

/// The options of an operation, as parameters in the query.
fn parameters(action: &str) -> Vec<Value> {
    let names: &[&str] = match action {
        "list" | "deletecollection" => &[
            "labelSelector",
            "fieldSelector",
            "limit",
            "continue",
            "resourceVersion",
            "resourceVersionMatch",
            "sendInitialEvents",
            "allowWatchBookmarks",
            "timeoutSeconds",
            "watch",
        ],
        "post" | "put" => &["dryRun", "fieldManager", "fieldValidation"],
        "patch" => &["dryRun", "fieldManager", "fieldValidation", "force"],
        "delete" => &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"],
        _ => &[],
    };
    let kind = |name: &str| match name {
        "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
        "sendInitialEvents" | "allowWatchBookmarks" | "watch" | "force" | "orphanDependents" => "boolean",
        _ => "string",
    };
    let parameter = |name: &&str| json!({"name": name, "in": "query", "schema": {"type": kind(name), "uniqueItems": true}});
    names.iter().map(parameter).collect()
}

fn operation(resource: &Resource, action: &str, schema: &str) -> Value {
    let reference = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
    let mut operation = json!({
        "operationId": format!("{action}{}{}", resource.version, resource.kind),
        "parameters": parameters(action),
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(resource, &resource.kind),
    });
    match action {
        "post" | "put" => operation["requestBody"] = json!({"content": {"*/*": reference}}),
        "patch" => {
            let mut content = json!({});
            let strategic =
                (!resource.is_custom()).then_some("application/strategic-merge-patch+json").into_iter();
            let formats = [
                "application/apply-patch+yaml",
                "application/json-patch+json",
                "application/merge-patch+json",
            ];
            for format in formats.into_iter().chain(strategic) {
                content[format] = json!({"schema": {"type": "object"}});
            }
            operation["requestBody"] = json!({"content": content, "required": true});
        }
        _ => {}
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::super::prometheus_rule::prometheus_rule_definition;
    use super::super::stamps::Stamps;
    use super::*;

    fn world() -> World {
        let mut world = World::new(10, None, Stamps::new(None));
        world.apply(prometheus_rule_definition()).unwrap();
        world
    }

    #[test]
    fn openapi_describes_every_served_kind() {
        let world = world();
        let index = index(&world);
        let paths = index["paths"].as_object().unwrap();
        assert!(paths.contains_key("api/v1") && paths.contains_key("apis/monitoring.coreos.com/v1"));
        for base in paths.keys() {
            let (group, version) = match base.split('/').collect::<Vec<_>>().as_slice() {
                ["api", version] => (String::new(), (*version).to_owned()),
                ["apis", group, version] => ((*group).to_owned(), (*version).to_owned()),
                _ => panic!("{base}"),
            };
            let document = document(&world, &group, &version).unwrap();
            let text = document.to_string();
            for reference in text.split("#/components/schemas/").skip(1) {
                let name = reference.split('"').next().unwrap();
                assert!(document["components"]["schemas"].get(name).is_some(), "{base}: {name}");
            }
        }
        assert!(document(&world, "nobody.example.com", "v1").is_none());
    }

    #[test]
    fn openapi_of_a_definition_has_its_schema() {
        let document = document(&world(), "monitoring.coreos.com", "v1").unwrap();
        let rule = &document["components"]["schemas"]["com.coreos.monitoring.v1.PrometheusRule"];
        assert_eq!(rule["required"], json!(["spec"]));
        let one = &document["paths"]["/apis/monitoring.coreos.com/v1/namespaces/{namespace}/prometheusrules/{name}"];
        let named = |parameter: &Value| parameter["name"] == "fieldValidation" && parameter["in"] == "query";
        assert!(one["patch"]["parameters"].as_array().unwrap().iter().any(named));
        assert_eq!(one["patch"]["x-kubernetes-group-version-kind"]["kind"], "PrometheusRule");
    }
}
