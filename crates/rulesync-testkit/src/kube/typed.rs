//! What server-side apply requires of a configuration before anything else: values of the declared types, and lists whose
//! items can be told apart. Validation, which says what is forbidden besides, comes later and in other words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema::{Schema, Shape};

/// Returns the first mistake in a configuration, with its path.
pub(crate) fn mistake(schema: &Schema, config: &Value) -> Option<String> {
    // The metadata have a type of their own, which decoding has checked.
    let members = config.as_object()?.iter().filter(|(name, _)| *name != "metadata");
    members.filter_map(|(name, part)| find(schema.member(name)?, part, &format!(".{name}"))).next()
}

fn find(schema: &Schema, value: &Value, path: &str) -> Option<String> {
    let expected = |what: &str, found: &str| Some(format!("{path}: expected {what}, got {found}"));
    match (schema.shape()?, value) {
        (_, Value::Null) => None,
        (Shape::List, Value::Array(items)) => items_of(schema, items, path),
        (Shape::Map, Value::Object(members)) => members
            .iter()
            .find_map(|(name, part)| find(schema.member(name)?, part, &format!("{path}.{name}"))),
        (Shape::List, other) => expected("list", &in_go(other)),
        (Shape::Map, other) => expected("map", &in_go(other)),
        (Shape::Number, Value::Number(_))
        | (Shape::Text, Value::String(_))
        | (Shape::Flag, Value::Bool(_)) => None,
        (Shape::Number, other) => expected("numeric (int or float)", name_of(other)),
        (Shape::Text, other) => expected("string", name_of(other)),
        (Shape::Flag, other) => expected("boolean", name_of(other)),
    }
}

fn items_of(schema: &Schema, items: &[Value], path: &str) -> Option<String> {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let keys = schema.map_keys().iter().filter_map(|key| Some(format!("{key}={}", item.get(key)?)));
        let key = keys.collect::<Vec<_>>().join(",");
        if !key.is_empty() && !seen.insert(key.clone()) {
            return Some(format!("{path}: duplicate entries for key [{key}]"));
        }
        let step = if key.is_empty() { index.to_string() } else { key };
        if let Some(found) = schema.item().and_then(|of| find(of, item, &format!("{path}[{step}]"))) {
            return Some(found);
        }
    }
    None
}

/// A value as the real server prints what is no list or map.
fn in_go(value: &Value) -> String {
    match value {
        Value::String(text) => format!("&{{{text}}}"),
        other => format!("&{{{other}}}"),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_configuration_has_values_of_the_declared_types() {
        let schema = Schema::compile(&json!({"type": "object", "properties": {
            "list": {
                "type": "array", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {"k": {"type": "string"}, "n": {"type": "integer"}}},
            },
            "port": {"x-kubernetes-int-or-string": true},
            "on": {"type": "boolean", "nullable": true},
        }}))
        .unwrap();
        let found = |config: Value| mistake(&schema, &config).unwrap_or_default();
        assert_eq!(found(json!({"list": [{"k": "a", "n": 1}], "port": "http", "on": null, "x": 1})), "");
        assert_eq!(found(json!({"list": "a"})), ".list: expected list, got &{a}");
        assert_eq!(found(json!({"on": 1})), ".on: expected boolean, got int");
        assert_eq!(
            found(json!({"list": [{"k": "a", "n": "1"}]})),
            ".list[k=\"a\"].n: expected numeric (int or float), got string"
        );
        let twice = json!({"list": [{"k": "a"}, {"k": "a"}]});
        assert_eq!(found(twice), ".list: duplicate entries for key [k=\"a\"]");
    }
}
