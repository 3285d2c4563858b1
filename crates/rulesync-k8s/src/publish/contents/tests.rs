use serde_json::{Value, json};

use super::*;
use crate::publish::samples::{at, status};

fn summary_of(fields: Value) -> StatusSummary {
    of(&status(fields), None).0.summary.unwrap()
}

#[test]
fn summary_has_tenants_wherever_the_object_goes() {
    let tenants = |tenants: &[Option<&str>]| {
        let destinations: Vec<Value> = tenants.iter().map(|tenant| at(json!({"tenant": tenant}))).collect();
        summary_of(json!({"destinations": destinations})).tenants
    };
    assert_eq!(tenants(&[]), None, "it goes nowhere");
    assert_eq!(tenants(&[Some("a"), Some("b"), Some("a")]).unwrap(), "a,b");
    assert_eq!(tenants(&["a", "b", "c", "d", "e"].map(Some)).unwrap(), "a,b,c,+2");
    // A ruler without tenants is no empty column.
    assert_eq!(tenants(&[None, None]).unwrap(), "<none>");
    assert_eq!(tenants(&[Some("a"), None]).unwrap(), "a,<none>");
}

#[test]
fn summary_counts_refused_groups_and_has_no_number_that_is_not_known() {
    let numbers = |fields: Value| {
        let summary = summary_of(fields);
        (summary.groups, summary.rules, summary.refused_groups)
    };
    assert_eq!(numbers(json!({})), (Some(2), Some(7), Some(0)));
    let nothing = at(json!({"state": "refused", "groups": 0, "rules": 0, "refused_groups": 2}));
    assert_eq!(numbers(json!({"state": "refused", "destinations": [nothing]})), (Some(2), Some(0), Some(2)));
    assert_eq!(numbers(json!({"state": "refused", "destinations": []})), (Some(2), Some(0), Some(2)));
    // What it declares cannot be read; what the rulers have is that of its last readable version.
    assert_eq!(numbers(json!({"state": "malformed"})), (None, Some(7), None));
    assert_eq!(
        numbers(json!({"state": "malformed", "groups": 0, "destinations": []})),
        (None, Some(0), None)
    );
}
