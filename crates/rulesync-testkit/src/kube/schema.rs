//! Structural schemas of custom resources: defaulting, pruning and validation.
//!
//! Covers what the definitions of prometheus-operator use; CEL rules are not evaluated.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Map, Value};

use super::field_error::FieldError;

/// A compiled `openAPIV3Schema`, or a part of one.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    kind: Option<Kind>,
    nullable: bool,
    keep_unknown: bool,
    default: Option<Value>,
    required: Vec<String>,
    properties: BTreeMap<String, Schema>,
    additional: Option<Box<Schema>>,
    items: Option<Box<Schema>>,
    map_keys: Vec<String>,
    set: bool,
    atomic: bool,
    pattern: Option<Regex>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    choices: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString => "integer,string",
        }
    }

    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::String => value.is_string(),
            Self::Integer => is_integer(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::IntOrString => value.is_string() || is_integer(value),
        }
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
}

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
    /// Compiles a schema from its JSON form.
    ///
    /// # Errors
    /// A message if a pattern does not compile or a type is unknown.
    pub(crate) fn compile(source: &Value) -> Result<Self, String> {
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        let flag = |key: &str| source.get(key).and_then(Value::as_bool).unwrap_or(false);
        let strings = |key: &str| -> Vec<String> {
            let listed = source.get(key).and_then(Value::as_array).into_iter().flatten();
            listed.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let nested = |key: &str| match source.get(key) {
            Some(part @ Value::Object(_)) => Self::compile(part).map(|schema| Some(Box::new(schema))),
            _ => Ok(None),
        };
        let kind = match text("type") {
            _ if flag("x-kubernetes-int-or-string") => Some(Kind::IntOrString),
            None => None,
            Some("object") => Some(Kind::Object),
            Some("array") => Some(Kind::Array),
            Some("string") => Some(Kind::String),
            Some("integer") => Some(Kind::Integer),
            Some("number") => Some(Kind::Number),
            Some("boolean") => Some(Kind::Boolean),
            Some(other) => return Err(format!("unknown type {other:?}")),
        };
        let mut properties = BTreeMap::new();
        for (name, part) in source.get("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.insert(name.clone(), Self::compile(part)?);
        }
        let pattern = match text("pattern") {
            Some(pattern) => Some(Regex::new(pattern).map_err(|e| e.to_string())?),
            None => None,
        };
        Ok(Self {
            kind,
            nullable: flag("nullable"),
            keep_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            default: source.get("default").cloned(),
            required: strings("required"),
            properties,
            additional: nested("additionalProperties")?,
            items: nested("items")?,
            map_keys: strings("x-kubernetes-list-map-keys"),
            set: text("x-kubernetes-list-type") == Some("set"),
            atomic: text("x-kubernetes-map-type") == Some("atomic"),
            pattern,
            min_length: source.get("minLength").and_then(Value::as_u64),
            max_length: source.get("maxLength").and_then(Value::as_u64),
            minimum: source.get("minimum").and_then(Value::as_f64),
            maximum: source.get("maximum").and_then(Value::as_f64),
            choices: source.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        })
    }

    /// The schema of an object's member.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    /// The schema of a list's items.
    pub(crate) fn item(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// The keys that identify the items of a list; empty if there are none.
    pub(crate) fn map_keys(&self) -> &[String] {
        &self.map_keys
    }

    /// Returns `true` for a list of type set.
    pub(crate) fn is_set(&self) -> bool {
        self.set
    }

    /// Returns `true` for an object that is owned as a whole.
    pub(crate) fn is_atomic(&self) -> bool {
        self.atomic
    }

    /// Removes unknown fields and nulls that the schema does not allow, and sets defaults. The paths of unknown fields
    /// are added to `unknown`.
    pub(crate) fn prune(&self, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
        match value {
            Value::Object(members) => self.prune_members(members, path, unknown),
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for (index, item) in items.iter_mut().enumerate() {
                        schema.prune(item, &format!("{path}[{index}]"), unknown);
                    }
                }
            }
            _ => {}
        }
    }

    fn prune_members(&self, members: &mut Map<String, Value>, path: &str, unknown: &mut Vec<String>) {
        let names: Vec<String> = members.keys().cloned().collect();
        for name in names {
            let at = join(path, &name);
            let Some(schema) = self.member(&name) else {
                if !self.keep_unknown && self.kind == Some(Kind::Object) {
                    members.remove(&name);
                    unknown.push(at);
                }
                continue;
            };
            match members.get_mut(&name) {
                Some(Value::Null) if !schema.nullable => drop(members.remove(&name)),
                Some(member) => schema.prune(member, &at, unknown),
                None => {}
            }
        }
        for (name, schema) in &self.properties {
            if let Some(default) = &schema.default {
                members.entry(name.clone()).or_insert_with(|| default.clone());
            }
        }
    }

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
        if let Some(least) = self.min_length.filter(|least| length < *least) {
            let why = format!("{path} in body should be at least {least} chars long");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(most) = self.max_length.filter(|most| length > *most) {
            let why = format!("{path} in body should be at most {most} chars long");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let why = format!("{path} in body should match '{pattern}'");
            errors.push(FieldError::invalid(path, value, &why));
        }
    }

    fn validate_number(&self, value: &Value, number: Option<f64>, path: &str, errors: &mut Vec<FieldError>) {
        let Some(number) = number else { return };
        if let Some(least) = self.minimum.filter(|least| number < *least) {
            let why = format!("{path} in body should be greater than or equal to {least}");
            errors.push(FieldError::invalid(path, value, &why));
        }
        if let Some(most) = self.maximum.filter(|most| number > *most) {
            let why = format!("{path} in body should be less than or equal to {most}");
            errors.push(FieldError::invalid(path, value, &why));
        }
    }

    fn validate_items(&self, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                schema.validate(item, &format!("{path}[{index}]"), errors);
            }
        }
        if self.map_keys.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let parts = self.map_keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
            let key = Value::Object(parts.collect());
            if !seen.insert(key.to_string()) {
                errors.push(FieldError::duplicate(&format!("{path}[{index}]"), &key));
            }
        }
    }

    fn validate_members(&self, members: &Map<String, Value>, path: &str, errors: &mut Vec<FieldError>) {
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

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::compile(&json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 4},
                "size": {"type": "integer", "minimum": 1, "maximum": 3},
                "port": {"x-kubernetes-int-or-string": true},
                "mode": {"type": "string", "enum": ["on", "off"], "default": "on"},
                "note": {"type": "string", "nullable": true},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-map-keys": ["k"],
                    "items": {"type": "object", "properties": {"k": {"type": "string", "pattern": "^[a-z]+$"}}}
                },
                "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
            }
        }))
        .unwrap()
    }

    fn messages(value: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        schema().validate(value, "", &mut errors);
        errors.iter().map(|e| format!("{e:?}")).collect()
    }

    #[test]
    fn schema_prunes_unknown_fields_and_sets_defaults() {
        let mut value = json!({
            "name": "x", "extra": 1, "note": null, "size": null,
            "labels": {"any": "thing"}, "raw": {"deep": {"er": 1}}, "parts": [{"k": "a", "z": 1}],
        });
        let mut unknown = Vec::new();
        schema().prune(&mut value, "", &mut unknown);
        assert_eq!(
            value,
            json!({"name": "x", "note": null, "labels": {"any": "thing"}, "raw": {"deep": {"er": 1}},
                "parts": [{"k": "a"}], "mode": "on"})
        );
        unknown.sort();
        assert_eq!(unknown, ["extra", "parts[0].z"]);
    }

    #[test]
    fn schema_checks_every_constraint() {
        assert_eq!(messages(&json!({"name": "ok", "port": 1, "size": 2})), Vec::<String>::new());
        assert_eq!(messages(&json!({"name": "ok", "port": "http", "note": null})), Vec::<String>::new());
        for (value, part) in [
            (json!({}), "Required value"),
            (json!({"name": ""}), "at least 1 chars"),
            (json!({"name": "abcde"}), "at most 4 chars"),
            (json!({"name": 1}), "must be of type string"),
            (json!({"name": "a", "size": 1.5}), "must be of type integer"),
            (json!({"name": "a", "size": 4}), "less than or equal to 3"),
            (json!({"name": "a", "size": 0}), "greater than or equal to 1"),
            (json!({"name": "a", "port": true}), "must be of type integer,string"),
            (json!({"name": "a", "mode": "up"}), "Unsupported value"),
            (json!({"name": "a", "labels": {"x": 1}}), "labels.x"),
            (json!({"name": "a", "parts": [{"k": "A"}]}), "parts[0].k in body should match"),
            (json!({"name": "a", "parts": [{"k": "a"}, {"k": "a"}]}), "Duplicate value"),
        ] {
            let found = messages(&value);
            assert_eq!(found.len(), 1, "{value}: {found:?}");
            assert!(found[0].contains(part), "{value}: {found:?}");
        }
    }
}
