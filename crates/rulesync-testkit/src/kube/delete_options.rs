//! The options of a DELETE.

use serde_json::{Value, json};

use super::field_error::FieldError;
use super::json_error::describe_json_error;
use super::query::Params;
use super::refused::Refused;

/// What becomes of the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// The options of a delete.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(super) uid: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) propagation: Option<Propagation>,
    pub(super) dry_run: bool,
}

impl DeleteOptions {
    /// Reads the options in the body, or without one in the query.
    ///
    /// # Errors
    /// 400 if the body is none of options, 422 for values that there are not.
    pub(crate) fn read(params: &Params, body: &[u8]) -> Result<Self, Refused> {
        if body.is_empty() {
            let propagation = match params.text("propagationPolicy") {
                "" => None,
                policy => Some(propagation(&json!(policy))?),
            };
            return Ok(Self { propagation, ..Self::default() });
        }
        let options: Value = serde_json::from_slice(body).map_err(|why| {
            let why = describe_json_error(body, &why);
            Refused::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
        })?;
        let text = |pointer: &str| options.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let Some(kind) = text("/kind").filter(|kind| !matches!(kind.as_str(), "DeleteOptions" | "")) {
            let version = text("/apiVersion").unwrap_or_default();
            return Err(Refused::bad_request(format!(
                "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
            )));
        }
        let policy = options.get("propagationPolicy").filter(|policy| !policy.is_null());
        let orphan = options.get("orphanDependents").and_then(Value::as_bool);
        if let (Some(policy), Some(_)) = (policy, orphan) {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            return Err(Refused::invalid_delete_options(FieldError::invalid(
                "propagationPolicy",
                policy,
                why,
            )));
        }
        let orphan = match orphan {
            Some(true) => Some(Propagation::Orphan),
            Some(false) => Some(Propagation::Background),
            None => None,
        };
        Ok(Self {
            uid: text("/preconditions/uid"),
            revision: text("/preconditions/resourceVersion"),
            propagation: policy.map(propagation).transpose()?.or(orphan),
            dry_run: options["dryRun"].as_array().is_some_and(|dry_run| !dry_run.is_empty()),
        })
    }
}

fn propagation(policy: &Value) -> Result<Propagation, Refused> {
    match policy.as_str() {
        Some("Background") => Ok(Propagation::Background),
        Some("Foreground") => Ok(Propagation::Foreground),
        Some("Orphan") => Ok(Propagation::Orphan),
        _ => {
            let supported = ["Foreground", "Background", "Orphan", "nil"].map(|name| json!(name));
            let error = FieldError::unsupported("propagationPolicy", policy, &supported);
            Err(Refused::invalid_delete_options(error))
        }
    }
}
