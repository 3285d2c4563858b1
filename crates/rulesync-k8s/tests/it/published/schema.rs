//! Whatever is known of an object, what is rendered fits its definition, and is small.

use proptest::prelude::*;
use rulesync_core::finding::{Code, is_hidden};
use rulesync_core::status::ObjectStatus;
use rulesync_k8s::publish::{Written, logging_rule, report, rule_status};
use rulesync_k8s::{logging_rule_crd, rule_status_crd};
use serde_json::{Value, json};

use super::objects::{NOW, owner};

/// The longest object, in bytes.
const MAX_SIZE: usize = 64 * 1024;

/// Any text, short or long, with characters that take room when they are escaped.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,40}",
        2 => "[\"\\\\\u{202e}\n\u{1b}a]{0,3000}",
        1 => "\\PC{200,900}",
        1 => any::<String>(),
    ]
}

fn finding() -> impl Strategy<Value = Value> {
    let codes: Vec<&'static str> = Code::ALL.iter().map(|code| code.name()).collect();
    let location = (
        prop::option::of(text()),
        prop::option::of(0_usize..9),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(any::<(u32, u32)>()),
    );
    let severity = prop::sample::select(vec!["error", "warning"]);
    (prop::sample::select(codes), severity, any::<bool>(), text(), location, prop::option::of(text())).prop_map(
        |(code, severity, offered, message, (group, rule, rule_name, path, position), hint)| {
            let position = position.map(|(line, column)| json!({"line": line, "column": column}));
            json!({
                "code": code, "severity": severity, "offered": offered, "message": message, "hint": hint,
                "location": {"group": group, "rule": rule, "rule_name": rule_name, "path": path, "position": position},
            })
        },
    )
}

fn state() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["not_selected", "synced", "pending", "contested", "refused", "malformed"])
}

fn destination() -> impl Strategy<Value = Value> {
    let reasons = vec!["standby", "ruler_unavailable", "failing", "limit_exceeded", "owner_conflict"];
    let delay = prop::option::of((prop::sample::select(reasons), prop::option::of(text())))
        .prop_map(|delay| delay.map(|(reason, message)| json!({"reason": reason, "message": message})));
    let evaluation = prop::option::of(prop::sample::select(vec!["healthy", "failing", "not_loaded"]));
    let names = (text(), prop::option::of(text()), text());
    let counts = prop::collection::vec(prop_oneof![Just(0_usize), 0_usize..99, Just(usize::MAX >> 8)], 5);
    (names, state(), evaluation, delay, counts, prop::collection::vec(finding(), 0..5)).prop_map(
        |((ruler, tenant, namespace), state, evaluation, delay, counts, findings)| {
            json!({
                "ruler": ruler, "tenant": tenant, "namespace": namespace, "state": state,
                "evaluation": evaluation, "delay": delay, "groups": counts[0], "rules": counts[1],
                "refused_groups": counts[2], "failing_rules": counts[3], "held_groups": counts[4],
                "findings": findings,
            })
        },
    )
}

/// What may be known of an object of a kind.
fn status(kind: &'static str) -> impl Strategy<Value = ObjectStatus> {
    (
        "[a-z0-9]([a-z0-9.]{0,250}[a-z0-9])?",
        prop::option::of("[0-9a-f-]{36}"),
        prop::option::of(any::<i64>()),
        state(),
        prop::collection::vec(finding(), 0..30),
        prop::collection::vec(destination(), 0..24),
    )
        .prop_map(move |(name, uid, generation, state, findings, destinations)| {
            serde_json::from_value(json!({
                "source": "cluster", "kind": kind, "namespace": "team-a", "name": name, "uid": uid,
                "generation": generation, "state": state, "groups": 3, "findings": findings,
                "destinations": destinations,
            }))
            .unwrap()
        })
}

/// Returns a validator that refuses unknown fields as well, which the API server would drop.
fn validator(crd: impl serde::Serialize, part: &str) -> jsonschema::Validator {
    let crd = serde_json::to_value(crd).unwrap();
    let mut schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].pointer(part).unwrap().clone();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn close(schema: &mut Value) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(close);
        schema["additionalProperties"] = json!(false);
    }
    if let Some(items) = schema.get_mut("items") {
        close(items);
    }
}

/// Returns a part of an object that is hidden where it is shown, if there is one.
fn hidden(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(&**text).filter(|text| text.contains(is_hidden)),
        Value::Array(items) => items.iter().find_map(hidden),
        Value::Object(members) => members.values().find_map(hidden),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn rule_status_fits_its_definition_whatever_is_known(status in status("PrometheusRule")) {
        let (object, written) = rule_status::render(&status, &owner()).unwrap().at(None, NOW);
        let json = serde_json::to_value(&object).unwrap();
        let body = json!({"source": json["source"], "status": json["status"]});
        let mut schema = serde_json::to_value(rule_status_crd()).unwrap();
        // The API server knows the other fields itself.
        schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["required"] = json!([]);
        let errors: Vec<String> = validator(schema, "").iter_errors(&body).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
        prop_assert!(json.to_string().len() < MAX_SIZE, "{}", json.to_string().len());
        prop_assert_eq!(hidden(&body), None);

        // The same again is no change, whenever it is rendered.
        let again = rule_status::render(&status, &owner()).unwrap();
        prop_assert_eq!(again.digest(), written.digest);
        prop_assert_eq!(again.at(Some(&written), NOW + 60), (object.clone(), written));
        prop_assert_eq!(Written::of_metadata(&object.metadata), Some(written));
    }

    #[test]
    fn logging_rule_status_fits_its_definition_whatever_is_known(status in status("LoggingRule")) {
        let (rendered, written) = logging_rule::render(&status).unwrap().at(None, NOW);
        let json = serde_json::to_value(&rendered).unwrap();
        let validator = validator(logging_rule_crd(), "/properties/status");
        let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
        prop_assert!(json.to_string().len() < MAX_SIZE);
        prop_assert_eq!(logging_rule::written(&rendered), Some(written));
    }

    #[test]
    fn report_is_small_and_printable_whatever_is_known(status in status("PrometheusRule")) {
        let Some(draft) = report::render(&status, &owner()) else { return Ok(()) };
        let (report, _) = draft.at(None, NOW);
        let json = serde_json::to_value(&report).unwrap();
        prop_assert!(json.to_string().len() < MAX_SIZE, "{}", json.to_string().len());
        prop_assert_eq!(hidden(&json["results"]), None);
    }
}
