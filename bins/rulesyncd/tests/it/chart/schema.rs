//! `values.schema.json`: written by hand but for its definitions, which are those of `deploy/config.schema.json`, and the
//! descriptions, which are those of `values.yaml`.

use serde_json::{Value, json};

use super::{directory, read, root};

/// Returns whether some word of an enumeration is one that YAML 1.1, which Helm reads, takes for a boolean.
fn has_boolean_words(definition: &Value) -> bool {
    let empty = Vec::new();
    let one_of = definition["oneOf"].as_array().unwrap_or(&empty);
    let words = std::iter::once(definition).chain(one_of).flat_map(|schema| {
        let listed = schema["enum"].as_array().into_iter().flatten();
        listed.chain(schema.get("const"))
    });
    words.into_iter().any(|word| word == "on" || word == "off")
}

/// Helm 4 checks formats, and has another idea of a duration.
fn remove_formats(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.get("format").is_some_and(Value::is_string) {
                keys.remove("format");
            }
            keys.values_mut().for_each(remove_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_formats),
        _ => {}
    }
}

/// Returns the definitions, with that of the configuration but for the owner, which is a value of its own.
fn definitions() -> Value {
    let text = std::fs::read_to_string(root().join("deploy/config.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    remove_formats(&mut schema);
    let mut definitions = schema["definitions"].take();
    for definition in definitions.as_object_mut().unwrap().values_mut() {
        if has_boolean_words(definition) {
            *definition = json!({"anyOf": [definition.take(), {"type": "boolean"}]});
        }
    }
    let mut properties = schema["properties"].take();
    assert!(properties.as_object_mut().unwrap().remove("owner").is_some());
    definitions["Configuration"] = json!({
        "additionalProperties": false,
        "description": schema["description"],
        "properties": properties,
        "type": "object",
    });
    definitions
}

#[test]
fn chart_schema_has_that_of_the_configuration() {
    let path = directory().join("values.schema.json");
    let mut schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let before = schema.clone();
    schema["definitions"] = definitions();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
    } else {
        assert!(schema == before, "UPDATE_DOCS=1 writes {} anew", path.display());
    }
    for word in
        ["Switch", "StatusObjects", "StatusEvents", "StatusAnnotate", "StatusReports", "InventoryType"]
    {
        assert!(
            schema["definitions"][word]["anyOf"].is_array(),
            "{word} has `off`, which Helm reads as false"
        );
    }
    jsonschema::validator_for(&schema).unwrap();
}

/// Returns the paths of what a schema describes as an object of known keys.
fn keys(schema: &Value, path: &str, into: &mut Vec<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        into.push(path.clone());
        keys(inner, &format!("{path}."), into);
    }
}

#[test]
fn chart_schema_knows_all_values_and_no_others() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let mut known = Vec::new();
    keys(&schema, "", &mut known);
    // Of Helm, and the one that has to be given.
    known.retain(|key| key != "global" && key != "owner");
    for key in &known {
        let value = key.split('.').fold(&values, |value, key| &value[key]);
        assert!(!value.is_null(), "{key} is not in values.yaml");
    }
    for key in values.as_object().unwrap().keys() {
        assert!(known.contains(key), "{key} is not in values.schema.json");
    }
    let mut wrong = values;
    wrong["owner"] = "prod".into();
    wrong["config"] = json!({"rulers": [{}], "routes": [{}]});
    wrong["unknown"] = json!({});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&wrong).map(|error| error.to_string()).collect();
    assert!(errors.iter().any(|error| error.contains("'unknown' was unexpected")), "{errors:?}");
}
