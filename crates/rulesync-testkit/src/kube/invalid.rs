//! The errors of code 422: what fields of an object, or parameters of a request, are invalid.

use serde_json::{Value, json};

use super::field_error::FieldError;
use super::refused::{Refused, details};
use super::resource::Resource;

impl Refused {
    /// 422 for an object.
    pub(crate) fn invalid(resource: &Resource, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid_of(&resource.qualified_kind(), name, resource.stored_group(), &resource.kind, errors)
    }

    /// 422: a PUT without a resourceVersion. The error comes from the storage layer, which uses the plural name.
    pub(crate) fn revision_required(resource: &Resource, name: &str) -> Self {
        let why = "must be specified for an update";
        let error = FieldError::invalid("metadata.resourceVersion", &json!(0), why);
        Self::invalid_of(&resource.qualified(), name, &resource.group, &resource.plural, &[error])
    }

    /// 422 for the result of a patch that cannot be decoded.
    pub(crate) fn invalid_patch(result: &str, why: &str) -> Self {
        let error = FieldError::invalid("patch", &json!(result), why);
        let mut refused = Self::invalid_of("", "", "", "", &[error]);
        if let Some(details) = refused.details.as_mut().and_then(|details| details.as_object_mut()) {
            details.remove("kind");
        }
        refused
    }

    /// 422 for the parameters of a patch.
    pub(crate) fn invalid_patch_options(error: FieldError) -> Self {
        Self::invalid_of("PatchOptions.meta.k8s.io", "", "meta.k8s.io", "PatchOptions", &[error])
    }

    /// 422 for the options of a delete.
    pub(crate) fn invalid_delete_options(error: FieldError) -> Self {
        Self::invalid_of("DeleteOptions.meta.k8s.io", "", "meta.k8s.io", "DeleteOptions", &[error])
    }

    /// 422 for the parameters of a list or watch.
    pub(crate) fn invalid_options(error: FieldError) -> Self {
        Self::invalid_of("ListOptions.meta.k8s.io", "", "meta.k8s.io", "ListOptions", &[error])
    }

    fn invalid_of(qualified: &str, name: &str, group: &str, kind: &str, errors: &[FieldError]) -> Self {
        let mut lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let summary = match lines.len() {
            1 => lines.remove(0),
            _ => format!("[{}]", lines.join(", ")),
        };
        let causes: Vec<Value> = errors
            .iter()
            .map(|e| json!({"reason": e.reason, "message": e.message, "field": e.field}))
            .collect();
        let name_of = (!name.is_empty()).then_some(name);
        let mut details = details(name_of, group, kind);
        details["causes"] = Value::Array(causes);
        Self::plain(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {summary}"))
            .with_details(details)
    }
}
