//! JSON merge patch (RFC 7386) and JSON patch (RFC 6902) on plain values.

use serde::Deserialize;
use serde_json::Value;

/// Merges `patch` into `target`: null removes, objects merge, anything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, change) in patch {
        if change.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// One step of a JSON patch.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Step {
    /// Sets a member or inserts an element.
    Add { path: String, value: Value },
    /// Removes an existing value.
    Remove { path: String },
    /// Replaces an existing value.
    Replace { path: String, value: Value },
    /// Removes the value at `from` and adds it at `path`.
    Move { from: String, path: String },
    /// Adds the value at `from` at `path`.
    Copy { from: String, path: String },
    /// Fails unless the value at `path` is this one.
    Test { path: String, value: Value },
}

/// Applies the steps in order and stops at the first that fails.
///
/// # Errors
/// The reason of the failure; the target is then to be discarded.
pub(crate) fn apply(target: &mut Value, steps: &[Step]) -> Result<(), String> {
    for step in steps {
        match step {
            Step::Add { path, value } => add(target, path, value.clone())?,
            Step::Remove { path } => drop(remove(target, path)?),
            Step::Replace { path, value } => {
                let found = target.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
                *found = value.clone();
            }
            Step::Move { from, path } => {
                let moved = remove(target, from)?;
                add(target, path, moved)?;
            }
            Step::Copy { from, path } => {
                let copied = target.pointer(from).ok_or_else(|| missing("copy", from))?.clone();
                add(target, path, copied)?;
            }
            Step::Test { path, value } => {
                if target.pointer(path) != Some(value) {
                    return Err(format!("testing path {path}: test failed"));
                }
            }
        }
    }
    Ok(())
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path}: missing value")
}

/// Splits a pointer into the parent and the last, unescaped segment.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, last) = split(path).ok_or_else(|| missing("add", path))?;
    match target.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(last, value);
            Ok(())
        }
        Some(Value::Array(items)) => {
            let index = if last == "-" { Some(items.len()) } else { last.parse().ok() };
            let index = index.filter(|i| *i <= items.len()).ok_or_else(|| missing("add", path))?;
            items.insert(index, value);
            Ok(())
        }
        _ => Err(missing("add", path)),
    }
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = split(path).ok_or_else(|| missing("remove", path))?;
    let removed = match target.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(&last),
        Some(Value::Array(items)) => {
            last.parse().ok().filter(|i: &usize| *i < items.len()).map(|i| items.remove(i))
        }
        _ => None,
    };
    removed.ok_or_else(|| missing("remove", path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(mut target: Value, steps: Value) -> Result<Value, String> {
        let steps: Vec<Step> = serde_json::from_value(steps).unwrap();
        apply(&mut target, &steps).map(|()| target)
    }

    #[test]
    fn merge_patch_removes_nulls_and_replaces_lists() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        merge(&mut target, &json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "l": [3]}));
        assert_eq!(target, json!({"a": {"c": 2, "d": {"f": 1}}, "l": [3]}));
    }

    #[test]
    fn json_patch_applies_every_operation() {
        let steps = json!([
            {"op": "add", "path": "/a~1b", "value": 1},
            {"op": "add", "path": "/l/1", "value": "x"},
            {"op": "add", "path": "/l/-", "value": "z"},
            {"op": "replace", "path": "/l/0", "value": 0},
            {"op": "copy", "from": "/l/0", "path": "/first"},
            {"op": "move", "from": "/first", "path": "/moved"},
            {"op": "test", "path": "/moved", "value": 0},
            {"op": "remove", "path": "/gone"},
        ]);
        let result = patched(json!({"l": [1, 2], "gone": true}), steps).unwrap();
        assert_eq!(result, json!({"a/b": 1, "l": [0, "x", 2, "z"], "moved": 0}));
    }

    #[test]
    fn json_patch_fails_at_inapplicable_steps() {
        for step in [
            json!({"op": "remove", "path": "/nope"}),
            json!({"op": "replace", "path": "/nope", "value": 1}),
            json!({"op": "add", "path": "/nope/x", "value": 1}),
            json!({"op": "add", "path": "/l/9", "value": 1}),
            json!({"op": "test", "path": "/l", "value": []}),
            json!({"op": "copy", "from": "/nope", "path": "/x"}),
        ] {
            assert!(patched(json!({"l": [1]}), json!([step])).is_err(), "{step}");
        }
    }
}
