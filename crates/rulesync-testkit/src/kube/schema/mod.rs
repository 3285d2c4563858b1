//! Structural schemas of custom resources: defaulting and pruning; validation is in `validation`.
//!
//! Covers what the definitions of prometheus-operator, OpenReports and rulesync use; `oneOf` and its kin and CEL rules
//! are not evaluated.

mod validation;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

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
    date_time: bool,
    length: Limits<u64>,
    value: Limits<f64>,
    /// Of items or members.
    count: Limits<u64>,
    choices: Vec<Value>,
}

/// The least and the most that is allowed.
#[derive(Debug, Default)]
struct Limits<T> {
    least: Option<T>,
    most: Option<T>,
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

/// What a value is, as far as server-side apply goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    List,
    Map,
    Text,
    Number,
    Flag,
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
}

impl Schema {
    /// What a value must be, if that is declared and not one of several things.
    pub(crate) fn shape(&self) -> Option<Shape> {
        match self.kind? {
            Kind::Array => Some(Shape::List),
            Kind::Object => Some(Shape::Map),
            Kind::String => Some(Shape::Text),
            Kind::Integer | Kind::Number => Some(Shape::Number),
            Kind::Boolean => Some(Shape::Flag),
            Kind::IntOrString => None,
        }
    }

    /// Compiles a schema from its JSON form.
    ///
    /// # Errors
    /// A message if a pattern does not compile or a type is unknown.
    pub(crate) fn compile(source: &Value) -> Result<Self, String> {
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        let flag = |key: &str| source.get(key).and_then(Value::as_bool).unwrap_or(false);
        let whole = |key: &str| source.get(key).and_then(Value::as_u64);
        let number = |key: &str| source.get(key).and_then(Value::as_f64);
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
            date_time: text("format") == Some("date-time"),
            length: Limits { least: whole("minLength"), most: whole("maxLength") },
            value: Limits { least: number("minimum"), most: number("maximum") },
            count: Limits {
                least: whole("minItems").or_else(|| whole("minProperties")),
                most: whole("maxItems").or_else(|| whole("maxProperties")),
            },
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
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::kube::schema) fn schema() -> Schema {
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
                "times": {"type": "array", "x-kubernetes-list-type": "set", "minItems": 1, "maxItems": 2,
                    "items": {"type": "string", "format": "date-time"}},
                "few": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer"}},
                "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
            }
        }))
        .unwrap()
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
}
