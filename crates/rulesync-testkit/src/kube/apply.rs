//! Server-side apply: merges a configuration into the existing object, or creates the object. `ownership` decides on
//! ownership and conflicts; this module implements the rules for the requests.

use std::sync::Arc;

use serde_json::Value;

use super::builtin;
use super::decoding::{decoded, undeclared};
use super::intent::{Intent, Written};
use super::metadata::{carry_over, check_identity, check_name};
use super::object_validation::validate;
use super::ownership::{Manager, claims, merge_config, record_apply};
use super::refused::Refused;
use super::resource::Resource;
use super::typed;
use super::world::World;

impl World {
    /// PATCH with a configuration. Fails if it would change fields owned by other managers, unless `force` is set.
    pub(crate) fn apply_configuration(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        config: Value,
        force: bool,
        intent: &Intent,
    ) -> Result<Written, Refused> {
        let config = permitted_fields(resource, namespace, name, config, intent)?;
        let manager = Manager::applying(&intent.manager, resource, intent.status);
        let Some(record) = self.find(resource, namespace, name) else {
            if intent.status {
                return Err(Refused::not_found(resource, name));
            }
            if let Some(uid) = uid_of(&config) {
                return Err(Refused::uid_of_nothing(resource, name, uid));
            }
            let claimed = claims(resource, &config);
            let mut value = config;
            value["metadata"]["name"] = Value::from(name);
            // What has been deleted since is created anew.
            if let Some(metadata) = value["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
            return self.create_as(resource, namespace, value, intent, Some((&manager, claimed)));
        };
        let old = record.value();
        // An apply may specify the revision it changes, but need not.
        let lenient = Intent { unconditional: true, ..intent.clone() };
        check_identity(resource, name, record.revision, &old, &config, &lenient)?;
        let mut outcome = merge_config(resource, &old, &config, &manager);
        builtin::read(resource, &mut outcome.value)?;
        carry_over(resource, &old, &mut outcome.value, intent);
        let changed = record_apply(resource, &old, &mut outcome, &manager, force, self.stamps.now())
            .map_err(|conflicts| Refused::apply_conflicts(&conflicts))?;
        validate(resource, name, Some(&old), &outcome.value)?;
        if !changed {
            return Ok(Written { value: old, created: false, unknown: Vec::new() });
        }
        self.store_update(resource, namespace, name, &old, outcome.value, intent).map(|value| Written {
            value,
            created: false,
            unknown: Vec::new(),
        })
    }
}

/// Returns the UID of the object that the configuration is for, if it says so.
fn uid_of(config: &Value) -> Option<&str> {
    config["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty())
}

/// Restricts the configuration to the fields that this request may set: `/status` sets only the status, the main
/// resource everything else.
fn permitted_fields(
    resource: &Resource,
    namespace: &str,
    name: &str,
    config: Value,
    intent: &Intent,
) -> Result<Value, Refused> {
    if config.get("apiVersion").is_none_or(Value::is_null) || config.get("kind").is_none_or(Value::is_null) {
        return Err(Refused::bad_request("Object 'Kind' or 'apiVersion' is missing in the request body"));
    }
    let mut config = decoded(resource, config)?;
    check_name(name, &config)?;
    let declared = config["metadata"].get("namespace").and_then(Value::as_str).unwrap_or_default();
    if resource.namespaced && !declared.is_empty() && declared != namespace {
        return Err(Refused::namespace_differs());
    }
    if config["metadata"]["managedFields"].as_array().is_some_and(|entries| !entries.is_empty()) {
        return Err(Refused::bad_request("metadata.managedFields must be nil"));
    }
    let unknown = undeclared(resource, &mut config.clone());
    let unknown = unknown.first().map(|field| format!(".{field}: field not declared in schema"));
    let mistake = unknown.or_else(|| typed::mistake(resource.schema()?, &config));
    if let Some(why) = mistake {
        return Err(Refused::internal(format!(
            "failed to create typed patch object ({namespace}/{name}; {}, Kind={}): {why}",
            resource.api_version(),
            resource.kind,
        )));
    }
    let separate_status = resource.has_status();
    if let Some(members) = config.as_object_mut() {
        members.retain(|key, _| match key.as_str() {
            "apiVersion" | "kind" => true,
            "status" => intent.status || !separate_status,
            _ => !intent.status || key == "metadata",
        });
    }
    if intent.status
        && let Some(metadata) = config["metadata"].as_object_mut()
    {
        // The server takes the UID from the object.
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "resourceVersion"));
    }
    Ok(config)
}
