//! The metadata that the server itself maintains: identity, timestamps, generation, managed fields. Decides what a
//! client may set and what is carried over from one state to the next.

use serde_json::{Map, Value, json};

use super::{
    field_error::FieldError,
    intent::Intent,
    refused::Refused,
    resource::{Nature, Resource},
    stamps::Stamps,
};

/// Gives a new object its identity; values set by the client are dropped.
pub(crate) fn init_metadata(
    resource: &Resource,
    namespace: &str,
    value: &mut Value,
    uid: Option<&str>,
    stamps: &mut Stamps,
) -> Result<String, Refused> {
    let Some(metadata) = value["metadata"].as_object_mut() else {
        return Err(Refused::bad_request("metadata: must be an object"));
    };
    let text = |metadata: &Map<String, Value>, key: &str| {
        metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if !text(metadata, "resourceVersion").is_empty() {
        return Err(Refused::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let claimed = text(metadata, "namespace");
    if resource.namespaced && !claimed.is_empty() && claimed != namespace {
        return Err(Refused::namespace_differs());
    }
    let mut name = text(metadata, "name");
    let stem = text(metadata, "generateName");
    if name.is_empty() && !stem.is_empty() {
        name = format!("{stem}{}", stamps.suffix());
    }
    if name.is_empty() {
        let error = FieldError::required("metadata.name");
        return Err(Refused::invalid(resource, "", &[error]));
    }
    for key in ["managedFields", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"]
    {
        metadata.remove(key);
    }
    metadata.insert("name".to_owned(), json!(name));
    if resource.namespaced {
        metadata.insert("namespace".to_owned(), json!(namespace));
    } else {
        metadata.remove("namespace");
    }
    metadata.insert("uid".to_owned(), json!(uid.map_or_else(|| stamps.uid(), str::to_owned)));
    metadata.insert("creationTimestamp".to_owned(), json!(stamps.now()));
    if resource.counts_generations() {
        metadata.insert("generation".to_owned(), json!(1));
    }
    Ok(name)
}

/// Adds the fields that the server sets on built-in kinds.
pub(crate) fn complete(resource: &Resource, name: &str, value: &mut Value, now: &str) {
    match resource.nature {
        Nature::Namespace => {
            value["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
            value["spec"] = json!({"finalizers": ["kubernetes"]});
            value["status"] = json!({"phase": "Active"});
        }
        Nature::Definition => {
            let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
            value["metadata"]["finalizers"] = json!(["customresourcecleanup.apiextensions.k8s.io"]);
            if let Some(kind) = value["spec"]["names"]["kind"].as_str().map(str::to_owned) {
                let names = &mut value["spec"]["names"];
                for (name, default) in
                    [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))]
                {
                    if names[name].is_null() {
                        names[name] = json!(default);
                    }
                }
                if value["spec"]["conversion"].is_null() {
                    value["spec"]["conversion"] = json!({"strategy": "None"});
                }
            }
            let versions = value["spec"]["versions"].as_array().into_iter().flatten();
            let stored = versions.filter(|version| version["storage"] == true);
            let stored: Vec<Value> = stored.map(|version| version["name"].clone()).collect();
            value["status"] = json!({
                "conditions": [
                    condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                    condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
                ],
                "acceptedNames": value["spec"]["names"],
                "storedVersions": stored,
            });
        }
        Nature::Custom { .. } | Nature::BuiltIn(..) | Nature::Review(..) => {}
    }
}

/// Checks that the object's name, if present, is the name in the URL.
pub(crate) fn check_name(name: &str, value: &Value) -> Result<(), Refused> {
    let claimed = value["metadata"].get("name").and_then(Value::as_str).unwrap_or_default();
    if claimed.is_empty() || claimed == name {
        return Ok(());
    }
    Err(Refused::bad_request(format!(
        "the name of the object ({claimed}) does not match the name on the URL ({name})"
    )))
}

pub(crate) fn check_identity(
    resource: &Resource,
    name: &str,
    revision: u64,
    old: &Value,
    new: &Value,
    intent: &Intent,
) -> Result<(), Refused> {
    let text = |key: &str| new["metadata"].get(key).and_then(Value::as_str).unwrap_or_default();
    check_name(name, new)?;
    match text("resourceVersion") {
        "" if intent.unconditional || !resource.asks_for_revision() => {}
        "" => return Err(Refused::revision_required(resource, name)),
        claimed if claimed != revision.to_string() => return Err(Refused::modified(resource, name)),
        _ => {}
    }
    let (claimed, found) = (text("uid"), old["metadata"]["uid"].as_str().unwrap_or_default());
    // A change of the status leaves the metadata as they are, whatever it says.
    if claimed.is_empty() || claimed == found || intent.status {
        return Ok(());
    }
    match intent.patches {
        true => {
            let error = FieldError::invalid("metadata.uid", &json!(claimed), "field is immutable");
            Err(Refused::invalid(resource, name, &[error]))
        }
        false => Err(Refused::precondition(resource, name, "UID", claimed, found)),
    }
}

/// Copies from the old state what a client cannot change.
pub(crate) fn carry_over(resource: &Resource, old: &Value, new: &mut Value, intent: &Intent) {
    if intent.status {
        let written = std::mem::replace(new, old.clone());
        set_status(new, written.get("status"));
        return;
    }
    const SERVER_MANAGED: [&str; 8] = [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "managedFields",
    ];
    for key in SERVER_MANAGED {
        match old["metadata"].get(key) {
            Some(kept) => new["metadata"][key] = kept.clone(),
            None => {
                if let Some(metadata) = new["metadata"].as_object_mut() {
                    metadata.remove(key);
                }
            }
        }
    }
    let separate_status = match resource.nature {
        Nature::Custom { status, .. } => status && !intent.with_status,
        Nature::BuiltIn(..) | Nature::Review(..) => false,
        Nature::Namespace | Nature::Definition => true,
    };
    if separate_status {
        set_status(new, old.get("status"));
    }
    if matches!(resource.nature, Nature::Namespace) {
        new["metadata"]["labels"]["kubernetes.io/metadata.name"] = old["metadata"]["name"].clone();
        new["spec"] = old["spec"].clone();
    }
}

fn set_status(value: &mut Value, status: Option<&Value>) {
    match (status, value.as_object_mut()) {
        (Some(status), Some(members)) => drop(members.insert("status".to_owned(), status.clone())),
        (None, Some(members)) => drop(members.remove("status")),
        _ => {}
    }
}

pub(crate) fn finalizers(value: &Value) -> usize {
    value["metadata"].get("finalizers").and_then(Value::as_array).map_or(0, Vec::len)
}

/// Returns `true` if a write would change nothing; the revision then stays the same.
pub(crate) fn same_content(old: &Value, new: &Value) -> bool {
    let plain = |value: &Value| {
        let mut value = value.clone();
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            metadata.retain(|_, part| part.as_object().is_none_or(|entries| !entries.is_empty()));
        }
        value
    };
    plain(old) == plain(new)
}

/// The part whose changes increment `generation`: everything but the metadata, and but the status if that is a
/// subresource. Without one, the status is a field like any other.
pub(crate) fn counted_by_generation(resource: &Resource, value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.remove("metadata");
        if resource.has_status() {
            members.remove("status");
        }
    }
    value
}
