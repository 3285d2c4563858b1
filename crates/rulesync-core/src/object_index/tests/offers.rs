//! The part of an object that is offered if some of it must not be: its other groups, or a group without its invalid
//! rules.

use super::*;
use crate::policy::OnInvalid;
use crate::route::Route;
use crate::route::{MatchOp, QueryMatcher};
use rulesync_expr::Mode;

/// An object with one group of these expressions, which reads from these tenants besides its own.
fn of(exprs: &[&str], source_tenants: &[&str]) -> RuleObject {
    let rules: Vec<_> = exprs.iter().map(|expr| serde_json::json!({"record": "r", "expr": expr})).collect();
    let group = serde_json::json!({"name": "g", "rules": rules, "source_tenants": source_tenants});
    RuleObject::new(id("k", "o"), vec![serde_json::from_value(group).unwrap()])
}

/// Returns an object as the ruler should have it, by a route that enforces a matcher.
fn desired(on_invalid: OnInvalid, object: RuleObject) -> crate::desired::DesiredObject {
    let matcher = QueryMatcher {
        label: "env".into(),
        op: MatchOp::Equal,
        value: Value::Constant("p".into()),
        mode: Mode::Override,
    };
    let mut bench = index(&[Route { query_matchers: vec![matcher], ..to("t") }]);
    bench.index.table.on_invalid = on_invalid;
    let (_, command) = bench.upsert(object).commands.pop().unwrap();
    let Command::Upsert { object, .. } = command else { panic!("one command") };
    object
}

/// Returns the expressions that are offered, or none if the group is refused.
fn offered(on_invalid: OnInvalid, object: RuleObject) -> Option<Vec<String>> {
    let object = desired(on_invalid, object);
    match (&*object.groups, &*object.refused) {
        ([group], []) => Some(group.body.decode().unwrap().rules.into_iter().map(|rule| rule.expr).collect()),
        ([], [refused]) => {
            assert_eq!(&**refused, "g");
            assert!(object.findings.iter().any(Finding::is_error), "a finding is reported");
            None
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_that_cannot_carry_the_matchers_are_never_offered() {
    let up = r#"up{env="p"}"#;
    for (exprs, whole, rest) in [
        (&["up", "up"][..], Some(vec![up, up]), Some(vec![up, up])),
        (&["up", "up{"], None, Some(vec![up])),
        (&["up{", "up"], None, Some(vec![up])),
        (&["up{", "up", "up{"], None, Some(vec![up])),
        (&["up{"], None, None),
        (&["up{", "up{"], None, None),
    ] {
        let group = offered(OnInvalid::Group, of(exprs, &[]));
        assert_eq!(group, whole.map(|exprs| exprs.into_iter().map(str::to_owned).collect()), "{exprs:?}");
        let rule = offered(OnInvalid::Rule, of(exprs, &[]));
        assert_eq!(rule, rest.map(|exprs| exprs.into_iter().map(str::to_owned).collect()), "{exprs:?}");
    }
}

#[test]
fn group_errors_are_not_fixed_by_leaving_rules_out() {
    for on_invalid in [OnInvalid::Group, OnInvalid::Rule] {
        assert_eq!(offered(on_invalid, of(&["up", "up"], &["victim"])), None);
        assert_eq!(offered(on_invalid, of(&["up", "up{"], &["victim"])), None);
        assert!(offered(on_invalid, of(&["up", "up"], &["t"])).is_some());
    }
}

#[test]
fn offered_rules_are_numbered_as_their_author_does() {
    let object = desired(OnInvalid::Rule, of(&["", "up", "up{", "up"], &[]));
    let numbers: Vec<_> = object.findings.iter().map(|finding| finding.location.rule).collect();
    assert!(numbers.iter().all(|number| *number == Some(2)) && !numbers.is_empty(), "{numbers:?}");
    assert_eq!([0, 1].map(|index| object.groups[0].left_out.declared(index)), [1, 3]);
}
