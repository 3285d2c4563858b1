//! Validation errors of single fields, with the messages of the real server.

use std::fmt;

use serde_json::Value;

/// One validation error of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(super) field: String,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl FieldError {
    /// The value is of the right type but not acceptable.
    pub(crate) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self::new(field, "FieldValueInvalid", format!("Invalid value: {value}: {why}"))
    }

    /// The value has the wrong JSON type; the server shows the type instead of the value.
    pub(crate) fn wrong_type(field: &str, found: &str, wanted: &str) -> Self {
        let message =
            format!("Invalid value: \"{found}\": {field} in body must be of type {wanted}: \"{found}\"");
        Self::new(field, "FieldValueTypeInvalid", message)
    }

    /// A required field is absent.
    pub(crate) fn required(field: &str) -> Self {
        Self::new(field, "FieldValueRequired", "Required value".to_owned())
    }

    /// A required field is absent; with an explanation by the server.
    pub(crate) fn required_because(field: &str, why: &str) -> Self {
        Self::new(field, "FieldValueRequired", format!("Required value: {why}"))
    }

    /// An item of a list of type map has the key of an earlier one.
    pub(crate) fn duplicate(field: &str, key: &Value) -> Self {
        Self::new(field, "FieldValueDuplicate", format!("Duplicate value: {key}"))
    }

    /// The value is not in an enumeration.
    pub(crate) fn unsupported(field: &str, value: &Value, supported: &[Value]) -> Self {
        let supported = supported.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        let message = format!("Unsupported value: {value}: supported values: {supported}");
        Self::new(field, "FieldValueNotSupported", message)
    }

    /// The value exceeds the limit in bytes; the server does not repeat it.
    pub(crate) fn too_long(field: &str, most: impl fmt::Display) -> Self {
        Self::new(field, "FieldValueTooLong", format!("Too long: may not be more than {most} bytes"))
    }

    /// There are more items or members than allowed; the server calls both items.
    pub(crate) fn too_many(field: &str, count: u64, most: u64) -> Self {
        Self::new(field, "FieldValueTooMany", format!("Too many: {count}: must have at most {most} items"))
    }

    /// The field, or this value of it, may not be set.
    pub(crate) fn forbidden(field: &str, why: &str) -> Self {
        Self::new(field, "FieldValueForbidden", format!("Forbidden: {why}"))
    }

    fn new(field: &str, reason: &'static str, message: String) -> Self {
        Self { field: field.to_owned(), reason, message }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
