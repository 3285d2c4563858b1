//! Validation of Events, by the rules of either API.

use serde_json::{Map, Value, json};

use super::event::EventApi;
use super::field_error::FieldError;
use super::metadata_validation;

/// The limits in bytes of a reason, an action or a reporting instance, and of a message.
const SHORT: usize = 128;
const LONG: usize = 1024;

impl EventApi {
    /// Adds the validation errors of an event, or of changing the old event into it, to `errors`.
    pub(crate) fn validate(self, old: Option<&Value>, event: &Value, errors: &mut Vec<FieldError>) {
        self.validate_common(event, errors);
        if self == Self::Core {
            return;
        }
        match old {
            None => validate_new(event, errors),
            Some(old) => validate_unchanged(old, event, errors),
        }
        if let Some(series) =
            event.get("series").filter(|_| old.is_none_or(|old| old.get("series") != event.get("series")))
        {
            if series["count"].as_i64().unwrap_or(0) < 2 {
                errors.push(FieldError::invalid("series.count", &json!(""), "should be at least 2"));
            }
            if series.get("lastObservedTime").is_none() {
                errors.push(FieldError::required("series.lastObservedTime"));
            }
        }
    }

    /// Validates the rules of both APIs; error messages mostly use the names of core/v1.
    fn validate_common(self, event: &Value, errors: &mut Vec<FieldError>) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
        let about = event[self.name("involvedObject")]["namespace"].as_str().unwrap_or_default();
        let timed = event["eventTime"].is_string();
        let valid = match (about, namespace) {
            ("", "default") => true,
            ("", "kube-system") => timed,
            ("", _) => false,
            _ => timed || about == namespace,
        };
        if !valid {
            let why = "does not match event.namespace";
            errors.push(FieldError::invalid("involvedObject.namespace", &json!(about), why));
        }
        if !timed {
            return;
        }
        let controller = self.name("reportingComponent");
        if text(controller).is_empty() {
            errors.push(FieldError::required(controller));
        }
        metadata_validation::validate_name(controller, text(controller), errors);
        for name in ["reportingInstance", "action", "reason"] {
            if text(name).is_empty() {
                errors.push(FieldError::required(name));
            }
        }
        let message = text(self.name("message"));
        let lengths = ["reportingInstance", "action", "reason"].map(|name| (name, text(name), SHORT));
        for (name, text, most) in lengths.into_iter().chain([("message", message, LONG)]) {
            if text.len() > most {
                let why = format!("can have at most {most} characters");
                errors.push(FieldError::invalid(name, &json!(""), &why));
            }
        }
    }
}

/// Validates a new event by the rules of events.k8s.io/v1 only.
fn validate_new(event: &Value, errors: &mut Vec<FieldError>) {
    if !event["eventTime"].is_string() {
        errors.push(FieldError::required("eventTime"));
    }
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", &json!(""), &format!("has invalid value: {kind}")));
    }
    let empty = |part: &Value| part.is_null() || part == 0 || part.as_object().is_some_and(Map::is_empty);
    for name in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        if !empty(&event[EventApi::Events.name(name)]) {
            errors.push(FieldError::invalid(name, &json!(""), "needs to be unset"));
        }
    }
}

/// Under events.k8s.io/v1, only the series of an event may change.
fn validate_unchanged(old: &Value, event: &Value, errors: &mut Vec<FieldError>) {
    let fixed = [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ];
    for core in fixed {
        let name = EventApi::Events.name(core);
        if old.get(name) != event.get(name) {
            let shown = if core == "reportingComponent" { name } else { core };
            errors.push(FieldError::invalid(shown, &event[name], "field is immutable"));
        }
    }
}
