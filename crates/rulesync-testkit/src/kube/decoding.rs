//! Bodies of requests, as objects of their kind.

use serde_json::{Map, Value, json};

use super::intent::{Intent, Unknown};
use super::refused::Refused;
use super::resource::Resource;

/// Checks that the body is an object of this kind, and ensures that it has metadata.
pub(crate) fn decoded(resource: &Resource, mut body: Value) -> Result<Value, Refused> {
    if !body.is_object() {
        let message = format!("the object provided is unrecognized (must be of type {})", resource.kind);
        return Err(Refused::bad_request(message));
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind.is_empty() && resource.is_custom() {
        return Err(Refused::bad_request("Object 'Kind' is missing in the request body"));
    }
    if !kind.is_empty() && kind != resource.kind {
        let message =
            format!("{kind} in version {:?} cannot be handled as a {}", resource.version, resource.kind);
        return Err(Refused::bad_request(message));
    }
    if !api_version.is_empty() && api_version != resource.api_version() {
        return Err(Refused::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            resource.api_version()
        )));
    }
    body["apiVersion"] = json!(resource.api_version());
    body["kind"] = json!(resource.kind);
    let metadata = body.get("metadata").cloned().unwrap_or(Value::Null);
    let strings = |key: &str| match metadata.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::Object(entries)) => entries.values().all(Value::is_string),
        Some(_) => false,
    };
    for key in ["labels", "annotations"] {
        if !strings(key) {
            let message = format!("metadata.{key}: json: cannot unmarshal into a map of strings");
            return Err(Refused::bad_request(message));
        }
    }
    if !metadata.is_object() {
        body["metadata"] = Value::Object(Map::new());
    }
    Ok(body)
}

/// Returns why metadata that a patch has left cannot be decoded: a label or an annotation is no text.
pub(crate) fn untyped(metadata: &Value) -> Option<String> {
    ["labels", "annotations"].iter().find_map(|key| {
        let wrong = metadata[key].as_object()?.values().find(|value| !value.is_string())?;
        let found = match wrong {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            _ => "object",
        };
        Some(format!("json: cannot unmarshal {found} into Go struct field ObjectMeta.{key} of type string"))
    })
}

/// Drops the fields that the kind's schema does not declare, and returns their paths.
pub(crate) fn undeclared(resource: &Resource, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    if let Some(schema) = resource.schema() {
        // Every object has these, whether or not the schema declares them; metadata is checked separately.
        const ALWAYS: [&str; 3] = ["apiVersion", "kind", "metadata"];
        let Some(members) = value.as_object_mut() else { return unknown };
        let kept: Vec<_> = ALWAYS.iter().filter_map(|name| members.remove_entry(*name)).collect();
        schema.prune(value, "", &mut unknown);
        if let Some(members) = value.as_object_mut() {
            members.extend(kept);
        }
    }
    unknown
}

pub(crate) fn listed(unknown: &[String]) -> String {
    unknown.iter().map(|field| format!("unknown field \"{field}\"")).collect::<Vec<_>>().join(", ")
}

/// Drops unknown fields, and returns those that are to be reported.
///
/// # Errors
/// 400 if there are any, and the client wants them to be refused.
pub(crate) fn prune(resource: &Resource, value: &mut Value, intent: &Intent) -> Result<Vec<String>, Refused> {
    let unknown = undeclared(resource, value);
    match intent.unknown {
        Unknown::Ignore => Ok(Vec::new()),
        Unknown::Warn => Ok(unknown),
        Unknown::Strict if unknown.is_empty() => Ok(unknown),
        Unknown::Strict => Err(Refused::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
            listed(&unknown),
            kind = resource.kind,
            version = resource.version,
        ))),
    }
}
