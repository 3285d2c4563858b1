use proptest::prelude::*;

use super::*;

fn schema() -> Schema {
    Schema::compile(&json!({
        "type": "object",
        "properties": {
            "map": {"type": "array", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object"}},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "one": {"type": "object", "x-kubernetes-map-type": "atomic"},
        },
    }))
    .unwrap()
}

fn differ(old: &Value, new: &Value) -> (Value, Value) {
    let schema = schema();
    let (touched, removed) = difference(old, new, Some(&schema));
    (touched.render(), removed.render())
}

#[test]
fn fields_difference_has_added_and_removed_fields() {
    let old = json!({"a": {"x": 1, "y": 1}, "list": [1], "map": [{"k": 1, "v": 1}], "set": ["p", "q"]});
    let new = json!({"a": {"x": 2, "z": {"deep": 1}}, "list": [2], "map": [{"k": 1, "v": 1}, {"k": 2}], "set": ["q"], "one": {"in": 1}});
    assert_eq!(
        differ(&old, &new),
        (
            json!({
                "f:a": {"f:x": {}, "f:z": {".": {}, "f:deep": {}}}, "f:list": {},
                "f:map": {"k:{\"k\":2}": {".": {}, "f:k": {}}}, "f:one": {},
            }),
            json!({"f:a": {"f:y": {}}, "f:set": {"v:\"p\"": {}}}),
        )
    );
}

#[test]
fn fields_of_configuration_are_leaves_and_keyed_items() {
    let config =
        json!({"a": {"x": 1, "none": {}}, "map": [{"k": 1, "v": 1}], "set": ["p"], "one": {"in": 1}});
    let fields = applied(&config, Some(&schema()));
    assert_eq!(
        fields.render(),
        json!({
            "f:a": {"f:x": {}, "f:none": {}}, "f:one": {}, "f:set": {"v:\"p\"": {}},
            "f:map": {"k:{\"k\":1}": {".": {}, "f:k": {}, "f:v": {}}},
        })
    );
    assert_eq!(fields, Fields::parse(&fields.render()));
    let paths = [".a.none", ".a.x", ".map[k=1]", ".map[k=1].k", ".map[k=1].v", ".one", ".set[=\"p\"]"];
    assert_eq!(fields.paths(), paths);
}

#[test]
fn fields_prune_removes_fields_that_are_not_kept() {
    let schema = schema();
    let own = json!({"a": {"x": 1, "y": 1}, "map": [{"k": 1, "v": 1}, {"k": 2, "v": 1}], "set": ["p"]});
    let gone = applied(&own, Some(&schema));
    let kept = applied(&json!({"a": {"y": 1}, "map": [{"k": 2, "w": 1}]}), Some(&schema));
    let mut value =
        json!({"a": {"x": 1, "y": 1}, "map": [{"k": 1, "v": 1}, {"k": 2, "v": 1, "w": 1}], "set": ["p"]});
    prune(&mut value, &gone, &kept, Some(&schema));
    assert_eq!(value, json!({"a": {"y": 1}, "map": [{"k": 2, "w": 1}]}));
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![(0..3).prop_map(|n| json!(n)), Just(json!([1, 2])), Just(json!({}))];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 1..3).prop_map(|map| json!(map))
    })
    .prop_map(|value| json!({"a": value}))
}

proptest! {
    #[test]
    fn fields_merge_is_idempotent_and_limited_to_the_configuration(live in tree(), config in tree()) {
        let mut merged = live.clone();
        merge(&mut merged, &config, None);
        let again = { let mut twice = merged.clone(); merge(&mut twice, &config, None); twice };
        prop_assert_eq!(&merged, &again);
        let (touched, _) = difference(&live, &merged, None);
        let mut outside = touched.clone();
        outside.subtract(&whole(&config, None));
        prop_assert!(outside.is_empty(), "{:?} touched by {}", outside, config);
    }

    #[test]
    fn fields_add_subtract_and_common_are_consistent(a in tree(), b in tree()) {
        let (a, b) = (whole(&a, None), whole(&b, None));
        let mut both = a.clone();
        both.add(&b);
        let mut rest = both.clone();
        rest.subtract(&b);
        prop_assert!(rest.common(&b).is_empty());
        rest.add(&b);
        prop_assert_eq!(&rest, &both);
        prop_assert_eq!(Fields::parse(&both.render()), both);
    }
}
