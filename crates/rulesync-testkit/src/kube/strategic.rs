//! Strategic merge patch, which kubectl sends for built-in kinds: a merge patch that also merges some lists.

use serde_json::{Map, Value};

/// The lists that are merged, and the member that identifies an item; none where items are plain values.
const MERGED: [(&str, Option<&str>); 3] =
    [("conditions", Some("type")), ("ownerReferences", Some("uid")), ("finalizers", None)];

/// The member of a patch that says what becomes of an object or an item.
const DIRECTIVE: &str = "$patch";

/// Merges `patch` into `target`.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() || patch.get(DIRECTIVE).is_some_and(|directive| directive == "replace") {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    if patch.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
        members.clear();
        return;
    }
    for (name, change) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(items)), Value::Array(gone)) = (members.get_mut(list), change) {
                items.retain(|item| !gone.contains(item));
            }
        } else if name.starts_with('$') {
            // `$setElementOrder` and `$retainKeys`: the lists of these kinds have no order, and no kind a union.
        } else if change.is_null() {
            members.remove(name);
        } else if let (Value::Array(changes), Some((_, key))) =
            (change, MERGED.iter().find(|(list, _)| list == name))
        {
            let items = members.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            merge_items(items, changes, *key);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn merge_items(items: &mut Value, changes: &[Value], key: Option<&str>) {
    let Value::Array(items) = items else { return };
    if changes.iter().any(|change| change[DIRECTIVE] == "replace") {
        items.clear();
    }
    for change in changes.iter().filter(|change| change[DIRECTIVE] != "replace") {
        let same = |item: &Value| match key {
            Some(key) => item[key] == change[key],
            None => item == change,
        };
        let found = items.iter().position(same);
        match found {
            Some(index) if change[DIRECTIVE] == "delete" => drop(items.remove(index)),
            Some(index) => merge(&mut items[index], change),
            None if change[DIRECTIVE] == "delete" => {}
            None => {
                let mut item = Value::Null;
                merge(&mut item, change);
                items.push(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strategic_merge_merges_lists_with_keys_and_replaces_others() {
        let mut target = json!({
            "metadata": {"finalizers": ["a", "b"], "ownerReferences": [{"uid": "1", "name": "x"}, {"uid": "2"}]},
            "data": {"k": "v", "gone": "x"}, "list": [1, 2],
        });
        merge(
            &mut target,
            &json!({
                "metadata": {
                    "finalizers": ["c", "a"], "$deleteFromPrimitiveList/finalizers": ["b"],
                    "$setElementOrder/ownerReferences": [{"uid": "1"}, {"uid": "3"}],
                    "ownerReferences": [{"uid": "1", "name": "y"}, {"uid": "2", "$patch": "delete"}, {"uid": "3"}],
                },
                "data": {"gone": null, "new": "1"}, "list": [3],
            }),
        );
        assert_eq!(
            target,
            json!({
                "metadata": {
                    "finalizers": ["a", "c"], "ownerReferences": [{"uid": "1", "name": "y"}, {"uid": "3"}],
                },
                "data": {"k": "v", "new": "1"}, "list": [3],
            })
        );
        merge(
            &mut target,
            &json!({"data": {"$patch": "replace", "only": "1"}, "metadata": {"$patch": "delete"}}),
        );
        assert_eq!(target, json!({"metadata": {}, "data": {"only": "1"}, "list": [3]}));
    }
}
