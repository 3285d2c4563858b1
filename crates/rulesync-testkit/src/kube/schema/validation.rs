//! Validation of a value by a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::clock;
use super::super::field_error::FieldError;
use super::{Schema, is_integer, join};

/// The name of the value's type, as the server prints it in errors.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Schema {
    /// Adds the validation errors of the value to `errors`.
    pub(crate) fn validate(&self, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        if value.is_null() && self.nullable {
            return;
        }
        if let Some(kind) = self.kind
            && !kind.admits(value)
        {
            errors.push(FieldError::wrong_type(path, type_of(value), kind.name()));
            return;
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            errors.push(FieldError::unsupported(path, value, &self.choices));
        }
        match value {
            Value::String(text) => self.validate_text(value, text, path, errors),
            Value::Number(number) => self.validate_number(value, number.as_f64(), path, errors),
            Value::Array(items) => self.validate_items(items, path, errors),
            Value::Object(members) => self.validate_members(members, path, errors),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn validate_text(&self, value: &Value, text: &str, path: &str, errors: &mut Vec<FieldError>) {
        let length = text.chars().count() as u64;
        if let Some(least) = self.length.least.filter(|least| length < *least) {
            let why = format!("{path} in body should be at least {least} chars long");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(most) = self.length.most.filter(|most| length > *most) {
            errors.push(FieldError::too_long(path, most));
        }
        if self.date_time && clock::seconds(text).is_err() {
            let why = format!("{path} in body must be of type date-time: {value}");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let why = format!("{path} in body should match '{pattern}'");
            errors.push(FieldError::invalid(path, value, &why));
        }
    }

    fn validate_number(&self, value: &Value, number: Option<f64>, path: &str, errors: &mut Vec<FieldError>) {
        let Some(number) = number else { return };
        if let Some(least) = self.value.least.filter(|least| number < *least) {
            let why = format!("{path} in body should be greater than or equal to {least}");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(most) = self.value.most.filter(|most| number > *most) {
            let why = format!("{path} in body should be less than or equal to {most}");
            errors.push(FieldError::invalid(path, value, &why));
        }
    }

    /// Checks the number of items or members.
    fn validate_count(&self, count: usize, what: &str, path: &str, errors: &mut Vec<FieldError>) {
        let count = count as u64;
        if let Some(most) = self.count.most.filter(|most| count > *most) {
            errors.push(FieldError::too_many(path, count, most));
        }
        if let Some(least) = self.count.least.filter(|least| count < *least) {
            let why = format!("{path} in body should have at least {least} {what}");
            errors.push(FieldError::invalid(path, &json!(count), &why));
        }
    }

    fn validate_items(&self, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
        self.validate_count(items.len(), "items", path, errors);
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                schema.validate(item, &format!("{path}[{index}]"), errors);
            }
        }
        if self.map_keys.is_empty() && !self.set {
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let key = if self.set {
                item.clone()
            } else {
                let parts =
                    self.map_keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
                Value::Object(parts.collect())
            };
            if !seen.insert(key.to_string()) {
                errors.push(FieldError::duplicate(&format!("{path}[{index}]"), &key));
            }
        }
    }

    fn validate_members(&self, members: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) {
        self.validate_count(members.len(), "properties", path, errors);
        for name in self.required.iter().filter(|name| !members.contains_key(*name)) {
            errors.push(FieldError::required(&join(path, name)));
        }
        for (name, member) in members {
            if let Some(schema) = self.member(name) {
                schema.validate(member, &join(path, name), errors);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::schema;
    use super::*;

    fn messages(value: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        schema().validate(value, "", &mut errors);
        errors.iter().map(|e| format!("{e:?}")).collect()
    }

    #[test]
    fn schema_checks_every_constraint() {
        assert_eq!(messages(&json!({"name": "ok", "port": 1, "size": 2})), Vec::<String>::new());
        assert_eq!(messages(&json!({"name": "ok", "port": "http", "note": null})), Vec::<String>::new());
        for (value, part) in [
            (json!({}), "Required value"),
            (json!({"name": ""}), "at least 1 chars"),
            (json!({"name": "abcde"}), "Too long: may not be more than 4 bytes"),
            (json!({"name": 1}), "must be of type string"),
            (json!({"name": "a", "size": 1.5}), "must be of type integer"),
            (json!({"name": "a", "size": 4}), "less than or equal to 3"),
            (json!({"name": "a", "size": 0}), "greater than or equal to 1"),
            (json!({"name": "a", "port": true}), "must be of type integer,string"),
            (json!({"name": "a", "mode": "up"}), "Unsupported value"),
            (json!({"name": "a", "labels": {"x": 1}}), "labels.x"),
            (json!({"name": "a", "times": []}), "should have at least 1 items"),
            (
                json!({"name": "a", "times": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]}),
                "Duplicate value",
            ),
            (json!({"name": "a", "times": ["yesterday"]}), "must be of type date-time"),
            (json!({"name": "a", "few": {"x": 1, "y": 2}}), "Too many: 2: must have at most 1 items"),
            (json!({"name": "a", "parts": [{"k": "A"}]}), "parts[0].k in body should match"),
            (json!({"name": "a", "parts": [{"k": "a"}, {"k": "a"}]}), "Duplicate value"),
        ] {
            let found = messages(&value);
            assert_eq!(found.len(), 1, "{value}: {found:?}");
            assert!(found[0].contains(part), "{value}: {found:?}");
        }
    }
}
