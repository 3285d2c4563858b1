//! No object may cause a panic, affect other objects, or be misread, even if the API server does not validate it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rulesync_core::model::DeclaredRule;
use rulesync_testkit::mutate::{bombs, damaged};
use serde_json::{Value, json};

use super::*;

const RULE: &str = r#"{"apiVersion":"monitoring.coreos.com/v1","kind":"PrometheusRule","metadata":{"name":"o","namespace":
"ns","uid":"u","resourceVersion":"7","creationTimestamp":"2026-11-23T03:32:50Z","generation":2,"labels":{"a":"b"},
"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","monitoring.grafana.com/source_tenants":"a,b"},
"managedFields":[{"manager":"kubectl"}]},
"spec":{"groups":[{"name":"g","interval":"1m","limit":5,"labels":{"x":null},"rules":[
{"record":"a:b","expr":1},
{"alert":"A","expr":"up == 0\n  or vector(1)","for":"5m","labels":{"severity":"page"},"annotations":{"s":"\u65e5 \"x\""}}]}]},
"status":{"bindings":[]}}"#;

/// An arbitrary JSON value: the API server always sends valid JSON.
fn arbitrary() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "groups",
        "name",
        "rules",
        "expr",
        "labels",
        "limit",
        "for",
        "record",
        "alert",
        "annotations",
        "x",
        "",
    ]);
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn groups() -> impl Strategy<Value = Vec<DeclaredGroup>> {
    let texts = || prop::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    let rule = (prop::option::of(any::<String>()), any::<String>(), texts(), texts()).prop_map(
        |(alert, expr, labels, annotations)| DeclaredRule {
            alert,
            expr,
            labels,
            annotations,
            ..DeclaredRule::default()
        },
    );
    let rules = prop::option::of(prop::collection::vec(rule, 0..3));
    let group = (any::<String>(), prop::option::of(any::<String>()), prop::option::of(any::<i64>()), rules);
    let group = group.prop_map(|(name, interval, limit, rules)| DeclaredGroup {
        name,
        interval,
        limit,
        rules,
        ..DeclaredGroup::default()
    });
    prop::collection::vec(group, 0..3)
}

fn read(rule: Rules) -> Read {
    rule.read(&"k".into(), &PROMETHEUS_RULE.into())
}

/// Reads a page of three objects, of which the second has this spec.
fn page(spec: &str) -> Vec<Read> {
    let object = |name: &str, spec: &str| {
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"ns"}},"spec":{spec}}}"#)
    };
    let page = format!("[{},{},{}]", object("a", r#"{"groups":[]}"#), object("b", spec), object("c", "{}"));
    let rules: Vec<Rules> = serde_json::from_str(&page).unwrap();
    rules.into_iter().map(read).collect()
}

#[test]
fn read_reports_deep_and_long_specs() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    for (name, value) in [
        ("lists", deep("[", "]")),
        ("maps", deep(r#"{"groups":"#, "}")),
        ("a number", "9".repeat(100_000)),
        ("a large number", "1e999".to_owned()),
    ] {
        for spec in [
            value.clone(),
            format!(r#"{{"groups":{value}}}"#),
            format!(r#"{{"groups":[{{"limit":{value}}}]}}"#),
        ] {
            let page = page(&spec);
            let Read::Malformed(id, _, finding) = &page[1] else { panic!("{name}: {:?}", page[1]) };
            assert_eq!(id.name(), "b");
            assert!(finding.to_string().len() < 2_000, "{name}: {} bytes", finding.to_string().len());
            assert!(matches!(page[0], Read::Object(_)) && matches!(page[2], Read::Object(_)), "{name}");
        }
        // Unknown fields are ignored.
        assert!(matches!(page(&format!(r#"{{"other":{value}}}"#))[1], Read::Object(_)), "{name}");
    }
}

#[test]
fn rules_are_not_parsed_from_yaml() {
    for (name, bomb) in bombs() {
        assert!(serde_json::from_str::<Rules>(&bomb).is_err(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn read_does_not_panic(damage in prop::collection::vec(any::<u8>(), 0..24)) {
        let bytes = damaged(RULE.as_bytes(), &damage);
        if let Ok(rule) = serde_json::from_slice::<Rules>(&bytes) {
            match read(rule) {
                Read::Object(object) => {
                    let groups = serde_json::to_string(&object.groups).unwrap().len();
                    prop_assert!(groups <= 6 * bytes.len() + 200, "{} bytes of {}", groups, bytes.len());
                }
                Read::Malformed(.., finding) => prop_assert!(finding.is_error()),
            }
        }
    }

    /// An arbitrary spec may invalidate its own object, but no other object of the page.
    #[test]
    fn read_isolates_objects(spec in arbitrary()) {
        let page = page(&spec.to_string());
        let names: Vec<&str> = page
            .iter()
            .map(|read| match read {
                Read::Object(object) => object.id.name(),
                Read::Malformed(id, ..) => id.name(),
            })
            .collect();
        prop_assert_eq!(names, ["a", "b", "c"]);
        prop_assert!(matches!(page[0], Read::Object(_)) && matches!(page[2], Read::Object(_)));
    }

    #[test]
    fn read_round_trips(
        groups in groups(),
        labels in prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        annotation: String,
    ) {
        let labels: BTreeMap<String, String> = labels.into_iter().filter(|(k, v)| !format!("{k}{v}").contains('\0')).collect();
        let annotations = BTreeMap::from([("rulesync.dev/x", &annotation), ("kubectl.kubernetes.io/last-applied-configuration", &annotation)]);
        let object = json!({"metadata": {"name": "o", "labels": labels, "annotations": annotations}, "spec": {"groups": groups}});
        let rule: Rules = serde_json::from_value(object.clone()).unwrap();
        let from_text: Rules = serde_json::from_str(&object.to_string()).unwrap();
        for rule in [rule, from_text] {
            let Read::Object(object) = read(rule) else { panic!("malformed") };
            prop_assert_eq!(&object.groups, &groups);
            prop_assert_eq!(object.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>(), labels.clone());
            prop_assert_eq!(&object.annotations, &BTreeMap::from([("rulesync.dev/x".to_owned(), annotation.clone())]));
        }
    }
}
