//! Validation of whole objects: the name, and what the kind requires.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::builtin;
use super::field_error::FieldError;
use super::metadata_validation;
use super::refused::Refused;
use super::resource::{Nature, Resource};

static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok());

/// Validates an object, or the change of the old object into it.
///
/// # Errors
/// 422 with all that is wrong.
pub(crate) fn validate(
    resource: &Resource,
    name: &str,
    old: Option<&Value>,
    value: &Value,
) -> Result<(), Refused> {
    let mut errors = Vec::new();
    if name.len() > 253 {
        let why = "must be no more than 253 characters";
        errors.push(FieldError::invalid("metadata.name", &json!(name), why));
    } else if NAME.as_ref().is_some_and(|pattern| !pattern.is_match(name)) {
        let why = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        errors.push(FieldError::invalid("metadata.name", &json!(name), why));
    }
    metadata_validation::validate(&value["metadata"], &mut errors);
    match &resource.nature {
        Nature::Custom { schema: Some(schema), .. } => schema.validate(value, "", &mut errors),
        Nature::Definition => match Resource::declared(value) {
            Ok(declared) if declared.qualified() == name => {}
            Ok(_) => {
                let why = "must be spec.names.plural+\".\"+spec.group";
                errors.push(FieldError::invalid("metadata.name", &json!(name), why));
            }
            Err(why) => errors.push(FieldError::invalid("spec", &Value::Null, &why)),
        },
        Nature::BuiltIn(built_in, _) => builtin::validate(*built_in, old, value, &mut errors),
        Nature::Namespace | Nature::Review(..) | Nature::Custom { schema: None, .. } => {}
    }
    if errors.is_empty() { Ok(()) } else { Err(Refused::invalid(resource, name, &errors)) }
}
