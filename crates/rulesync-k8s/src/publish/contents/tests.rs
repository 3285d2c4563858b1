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
