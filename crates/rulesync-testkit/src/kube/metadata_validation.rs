//! Validation of metadata that clients write: labels, annotations and owners.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::field_error::FieldError;

/// The size of all annotations of an object, in bytes.
const LARGEST_ANNOTATIONS: usize = 256 * 1024;

/// The longest value of a label, and the longest name in a key, in bytes.
const LONGEST: usize = 63;

static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$").ok());

fn is_name(text: &str) -> bool {
    NAME.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Adds the validation errors of the metadata of an object to `errors`.
pub(crate) fn validate(metadata: &Value, errors: &mut Vec<FieldError>) {
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        validate_name("metadata.labels", key, errors);
        validate_label(value.as_str().unwrap_or_default(), errors);
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        validate_name("metadata.annotations", &key.to_lowercase(), errors);
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > LARGEST_ANNOTATIONS {
        errors.push(FieldError::too_long("metadata.annotations", LARGEST_ANNOTATIONS));
    }
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for part in ["apiVersion", "kind", "name", "uid"] {
            if owner[part].as_str().is_none_or(str::is_empty) {
                let field = format!("metadata.ownerReferences.{part}");
                errors.push(FieldError::invalid(&field, &json!(""), "must not be empty"));
            }
        }
    }
}

/// Adds the validation errors of a qualified name, such as a key of a label, to `errors`.
pub(crate) fn validate_name(field: &str, qualified: &str, errors: &mut Vec<FieldError>) {
    let name = qualified.rsplit_once('/').map_or(qualified, |(_, name)| name);
    let mut invalid = |why| errors.push(FieldError::invalid(field, &json!(qualified), why));
    if name.is_empty() {
        invalid("name part must be non-empty");
    }
    if name.len() > LONGEST {
        invalid("name part must be no more than 63 bytes");
    }
    if !is_name(name) {
        invalid(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        );
    }
}

fn validate_label(value: &str, errors: &mut Vec<FieldError>) {
    let why = match value {
        value if value.len() > LONGEST => "must be no more than 63 bytes",
        value if !value.is_empty() && !is_name(value) => {
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        }
        _ => return,
    };
    errors.push(FieldError::invalid("metadata.labels", &json!(value), why));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_objects_are_validated() {
        let found = |metadata: Value| {
            let mut errors = Vec::new();
            validate(&metadata, &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let fine = json!({"labels": {"a.b/c": "", "d": "E_f.g"}, "annotations": {"A.b/C": "any thing"}});
        assert!(found(fine).is_empty());
        for (metadata, part) in [
            (json!({"labels": {"a": "b c"}}), "a valid label must be"),
            (json!({"labels": {"a": "b".repeat(64)}}), "no more than 63 bytes"),
            (json!({"annotations": {"a b": "c"}}), "name part must consist"),
            (json!({"annotations": {"a": "c".repeat(LARGEST_ANNOTATIONS)}}), "Too long"),
            (
                json!({"ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "n"}]}),
                "ownerReferences.uid",
            ),
        ] {
            let found = found(metadata);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(part), "{found:?}");
        }
    }
}
