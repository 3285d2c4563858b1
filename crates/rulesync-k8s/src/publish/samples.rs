//! The status of objects, for tests.

use rulesync_core::status::ObjectStatus;
use serde_json::{Value, json};

/// Returns a status with these fields instead of those of a synced PrometheusRule.
pub(super) fn status(fields: Value) -> ObjectStatus {
    let mut whole = json!({
        "source": "cluster", "kind": "PrometheusRule", "namespace": "team-a", "name": "node",
        "uid": "7d1b7a5e-0f4c-4d9a-9a53-0c3f5f1c2b11", "generation": 4, "state": "synced", "groups": 2,
        "findings": [], "destinations": [at(json!({}))],
    });
    merge(&mut whole, fields);
    serde_json::from_value(whole).unwrap()
}

/// Returns what is said of an object at a destination, with these fields instead of those of a synced one.
pub(super) fn at(fields: Value) -> Value {
    let mut whole = json!({
        "ruler": "mimir", "tenant": "team-a", "namespace": "prod.team-a.node", "state": "synced",
        "evaluation": "healthy", "delay": null, "groups": 2, "rules": 7, "refused_groups": 0, "failing_rules": 0,
        "held_groups": 0, "findings": [],
    });
    merge(&mut whole, fields);
    whole
}

/// Returns a finding in the rule `HighLoad` of the group `load`.
pub(super) fn finding(code: &str, severity: &str, message: &str) -> Value {
    json!({
        "severity": severity, "code": code, "message": message,
        "location": {
            "group": "load", "rule": 1, "rule_name": "HighLoad", "path": "spec.groups[0].rules[1].expr",
            "position": {"line": 1, "column": 5},
        },
    })
}

/// Returns the status of an object with a group that its ruler refuses.
pub(super) fn refused() -> ObjectStatus {
    let mut finding = finding("refused", "error", "refused by the ruler: unexpected end of input");
    finding["hint"] = json!("the version the ruler had stays");
    let at =
        at(json!({"state": "refused", "refused_groups": 1, "groups": 1, "rules": 3, "findings": [finding]}));
    status(json!({"state": "refused", "destinations": [at]}))
}

fn merge(whole: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { return };
    for (name, value) in fields {
        whole[name] = value;
    }
}
