//! The built-in kinds whose objects are plain data: ConfigMaps, Leases, Events and Pods; their decoding and validation.
//! Namespaces and definitions have side effects and are not included.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::clock::{Precision, read_time};
use super::event::EventApi;
use super::field_error::FieldError;
use super::refused::Refused;
use super::resource::{BuiltIn, Nature, Resource};
use super::schema::Schema;

/// The maximum size of a ConfigMap's values, in bytes; keys are not counted.
const LARGEST_CONFIG_MAP: usize = 1_048_576;

/// All built-in plain kinds.
pub(crate) fn resources() -> Vec<Resource> {
    vec![config_maps(), leases(), events(EventApi::Core), events(EventApi::Events), pods()]
}

fn config_maps() -> Resource {
    resource(BuiltIn::ConfigMap, "", ["configmaps", "configmap", "ConfigMap"], &["cm"])
}

fn events(api: EventApi) -> Resource {
    let group = if api == EventApi::Core { "" } else { "events.k8s.io" };
    let events = resource(BuiltIn::Event(api), group, ["events", "event", "Event"], &["ev"]);
    Resource { selectable: api.selectable(), ..events }
}

fn leases() -> Resource {
    resource(BuiltIn::Lease, "coordination.k8s.io", ["leases", "lease", "Lease"], &[])
}

fn pods() -> Resource {
    resource(BuiltIn::Pod, "", ["pods", "pod", "Pod"], &["po"])
}

/// The schema of a kind, in its JSON form.
pub(crate) fn schema_of(built_in: BuiltIn) -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let mut members = match built_in {
        BuiltIn::ConfigMap => json!({"data": texts, "binaryData": texts, "immutable": {"type": "boolean"}}),
        BuiltIn::Event(api) => api.members(),
        BuiltIn::Pod => {
            let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            json!({"spec": any, "status": any})
        }
        BuiltIn::Lease => {
            let spec = json!({
                "holderIdentity": text, "leaseDurationSeconds": number, "acquireTime": text, "renewTime": text,
                "leaseTransitions": number, "strategy": text, "preferredHolder": text,
            });
            json!({"spec": {"type": "object", "properties": spec}})
        }
    };
    for (name, part) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        members[name] = json!({"type": part});
    }
    json!({"type": "object", "properties": members})
}

fn resource(
    built_in: BuiltIn,
    group: &str,
    [plural, singular, kind]: [&str; 3],
    short_names: &[&str],
) -> Resource {
    Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        short_names: short_names.iter().map(|name| (*name).to_owned()).collect(),
        categories: Vec::new(),
        namespaced: true,
        selectable: Vec::new(),
        // The schemas are constants: a test below compiles them.
        nature: Nature::BuiltIn(
            built_in,
            Box::new(Schema::compile(&schema_of(built_in)).unwrap_or_default()),
        ),
    }
}

/// The state of an object before any write: the structs that such objects always have.
pub(crate) fn empty(resource: &Resource) -> Value {
    match resource.nature {
        Nature::BuiltIn(BuiltIn::Lease, _) => json!({"metadata": {}, "spec": {}}),
        Nature::BuiltIn(BuiltIn::Event(api), _) => api.empty(),
        Nature::Review(review, _) => review.empty(),
        // Nobody owns what the server fills in.
        Nature::Namespace => json!({
            "metadata": {}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }),
        _ => json!({"metadata": {}}),
    }
}

/// Decodes an object of a built-in kind as a typed server does: rejects wrong types and unreadable times, normalizes
/// times, and leaves empty fields out.
///
/// # Errors
/// 400 with a description of the unreadable field.
pub(crate) fn read(resource: &Resource, value: &mut Value) -> Result<(), Refused> {
    let Nature::BuiltIn(built_in, schema) = &resource.nature else { return Ok(()) };
    let unreadable = |why: String| {
        Refused::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}",
            kind = resource.kind,
            version = resource.version,
        ))
    };
    let mut errors = Vec::new();
    schema.validate(value, "", &mut errors);
    if let Some(error) = errors.first() {
        return Err(unreadable(format!("json: cannot unmarshal {error}")));
    }
    match built_in {
        BuiltIn::ConfigMap => {
            if let Some(members) = value.as_object_mut() {
                members.retain(|key, part| {
                    !matches!(key.as_str(), "data" | "binaryData")
                        || part.as_object().is_some_and(|entries| !entries.is_empty())
                });
            }
            Ok(())
        }
        BuiltIn::Lease => {
            if value.get("spec").is_none() {
                value["spec"] = Value::Object(Map::new());
            }
            for key in ["acquireTime", "renewTime"] {
                read_time(&mut value["spec"], key, Precision::Micros).map_err(unreadable)?;
            }
            Ok(())
        }
        BuiltIn::Event(api) => api.read(value).map_err(unreadable),
        BuiltIn::Pod => Ok(()),
    }
}

static CONFIG_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[-._a-zA-Z0-9]+$").ok());

/// Adds the validation errors of the object, or of changing the old object into it, to `errors`.
pub(crate) fn validate(built_in: BuiltIn, old: Option<&Value>, value: &Value, errors: &mut Vec<FieldError>) {
    match built_in {
        BuiltIn::ConfigMap => validate_config_map(old, value, errors),
        BuiltIn::Lease => validate_lease(value, errors),
        BuiltIn::Event(api) => api.validate(old, value, errors),
        // What is looked at only is not judged.
        BuiltIn::Pod => {}
    }
}

fn validate_config_map(old: Option<&Value>, value: &Value, errors: &mut Vec<FieldError>) {
    if let Some(old) = old.filter(|old| old["immutable"] == true) {
        for field in ["immutable", "data", "binaryData"] {
            if old.get(field) != value.get(field) {
                errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
    }
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, entry) in value.get(field).and_then(Value::as_object).into_iter().flatten() {
            size += entry.as_str().map_or(0, str::len);
            if CONFIG_KEY.as_ref().is_some_and(|pattern| !pattern.is_match(key)) {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                errors.push(FieldError::invalid(&format!("{field}[{key}]"), &json!(key), why));
            }
        }
    }
    if size > LARGEST_CONFIG_MAP {
        errors.push(FieldError::too_long("[]", LARGEST_CONFIG_MAP));
    }
}

fn validate_lease(value: &Value, errors: &mut Vec<FieldError>) {
    let number = |key: &str| value["spec"].get(key).and_then(Value::as_i64);
    if let Some(seconds) = number("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        let why = "must be greater than 0";
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", &json!(seconds), why));
    }
    if let Some(count) = number("leaseTransitions").filter(|count| *count < 0) {
        let why = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("spec.leaseTransitions", &json!(count), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(resource: &Resource, mut value: Value) -> Result<Value, String> {
        read(resource, &mut value).map(|()| value).map_err(|refused| refused.message)
    }

    fn messages(built_in: BuiltIn, old: Option<&Value>, value: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        validate(built_in, old, value, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn builtin_schemas_compile() {
        for resource in resources() {
            let refused = read_as(&resource, json!({"metadata": 1}));
            assert!(refused.is_err(), "{}: the schema accepts invalid metadata", resource.kind);
        }
    }

    #[test]
    fn lease_times_require_microseconds() {
        let lease = |time: &str| read_as(&leases(), json!({"spec": {"renewTime": time}}));
        assert_eq!(
            lease("2026-01-01T01:00:00.000001+01:00").unwrap()["spec"]["renewTime"],
            "2026-01-01T00:00:00.000001Z"
        );
        assert!(lease("2026-01-01T00:00:05Z").unwrap_err().ends_with("cannot parse \"Z\" as \".000000\""));
        let wrong = read_as(&leases(), json!({"spec": {"leaseDurationSeconds": "15"}})).unwrap_err();
        assert!(wrong.contains("cannot be handled as a Lease: json: cannot unmarshal spec.lease"), "{wrong}");
        assert_eq!(read_as(&leases(), json!({})).unwrap(), json!({"spec": {}}));
    }

    #[test]
    fn lease_rejects_zero_duration_and_negative_transitions() {
        let spec = json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "holderIdentity": ""}});
        assert_eq!(
            messages(BuiltIn::Lease, None, &spec),
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            ]
        );
    }

    #[test]
    fn config_map_validates_keys_size_and_immutability() {
        assert_eq!(
            read_as(&config_maps(), json!({"data": {}, "binaryData": {"a": "YQ=="}})).unwrap(),
            json!({"binaryData": {"a": "YQ=="}})
        );
        let found = |value: Value| messages(BuiltIn::ConfigMap, None, &value);
        assert!(
            found(json!({"data": {"a b": "x"}}))[0].starts_with("data[a b]: Invalid value: \"a b\": a valid")
        );
        let half = "x".repeat(LARGEST_CONFIG_MAP / 2);
        assert!(found(json!({"data": {"a": half, "b": half}})).is_empty());
        assert_eq!(
            found(json!({"data": {"a": half, "b": half, "c": "x"}})),
            ["[]: Too long: may not be more than 1048576 bytes"]
        );
        let old = json!({"immutable": true, "data": {"a": "1"}});
        let new = json!({"immutable": true, "data": {"a": "2"}});
        assert_eq!(messages(BuiltIn::ConfigMap, Some(&old), &new).len(), 1);
        assert!(messages(BuiltIn::ConfigMap, Some(&old), &old).is_empty());
    }
}
