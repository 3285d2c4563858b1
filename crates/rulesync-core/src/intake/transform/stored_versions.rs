//! Stored versions of refused groups: they stay only if they could be sent today.

use super::tests::{from, label, matcher, transform};
use super::*;
use crate::model::group::Rule;
use crate::model::language::QueryLanguage::PromQl;
use crate::route::Value;
use crate::route::input::ValueSource;

fn constant(text: &str) -> Value {
    Value::Constant(text.to_owned())
}

/// A group with one rule for each label `team`, all with this expression.
fn of(expr: &str, teams: &[Option<&str>]) -> Group {
    let rule = |team: &Option<&str>| Rule {
        alert: "A".into(),
        expr: expr.into(),
        labels: team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect(),
        ..Rule::default()
    };
    Group { name: "g".into(), rules: teams.iter().map(rule).collect(), ..Group::default() }
}

fn in_group(team: &str, mut group: Group) -> Group {
    group.labels.insert("team".into(), team.into());
    group
}

/// Returns whether a group stays at the tenant `t`, for an object whose annotation, labels and Kubernetes namespace
/// have this `team`.
fn stays(route: &Route, team: Option<&str>, group: &Group) -> bool {
    transform(route, team).unwrap().is_satisfied_by(group, Some(&"t".parse().unwrap()), PromQl)
}

#[test]
fn stored_rules_must_have_the_label_that_the_route_sets() {
    let route = label(constant("a"), false);
    for (teams, is) in [
        (&[Some("a"), Some("a")][..], true),
        (&[Some("a"), Some("b")], false),
        (&[Some("a"), None], false),
        (&[None], false),
    ] {
        assert_eq!(stays(&route, None, &of("up", teams)), is, "{teams:?}");
    }
    assert!(stays(&route, None, &in_group("a", of("up", &[None]))), "its group has it");
    assert!(!stays(&route, None, &in_group("a", of("up", &[Some("b")]))), "a rule's label wins");
    let if_absent = label(constant("a"), true);
    assert!(stays(&if_absent, None, &of("up", &[Some("b")])), "the author's own may stand");
    assert!(!stays(&if_absent, None, &of("up", &[Some("b"), None])));
}

#[test]
fn stored_rules_must_lack_a_label_of_the_route_without_a_value() {
    let route = label(Value::from(ValueSource::Annotation("team".into())), false);
    assert!(stays(&route, None, &of("up", &[None])));
    assert!(!stays(&route, None, &of("up", &[None, Some("victim")])));
    assert!(!stays(&route, None, &in_group("victim", of("up", &[None]))));
}

#[test]
fn stored_label_must_be_permitted_where_the_value_is_refused() {
    let template = Some("{{ query \"up\" }}");
    // The author may choose any value, so an earlier choice may stay, unless it could not be taken.
    let free = label(from(ValueSource::Annotation("team".into()), None, &[]), false);
    assert!(stays(&free, template, &of("up", &[Some("any"), None])));
    assert!(!stays(&free, template, &of("up", &[Some("any"), Some("{{ query \"up\" }}")])));
    // Within limits.
    let limited = label(from(ValueSource::Annotation("team".into()), None, &["pay*"]), false);
    for team in [template, Some("victim")] {
        assert!(stays(&limited, team, &of("up", &[Some("payments")])));
        assert!(!stays(&limited, team, &of("up", &[Some("payments"), Some("victim")])));
        assert!(!stays(&limited, team, &in_group("victim", of("up", &[Some("payments")]))));
    }
    // Not for the author to choose.
    let of_namespace = label(from(ValueSource::NamespaceAnnotation("team".into()), None, &[]), false);
    assert!(!stays(&of_namespace, template, &of("up", &[Some("any")])));
    assert!(stays(&of_namespace, template, &of("up", &[None])));
    // The author's own value may stay.
    let if_absent = label(from(ValueSource::Annotation("team".into()), None, &["pay*"]), true);
    assert!(stays(&if_absent, template, &of("up", &[Some("victim")])));
}

#[test]
fn stored_rules_must_carry_the_matchers_in_every_selector() {
    let route = matcher(constant("a"));
    assert!(stays(&route, None, &of("up{team=\"a\"}", &[None])));
    assert!(!stays(&route, None, &of("up", &[None])));
    assert!(!stays(&route, None, &of("up{team=\"b\"}", &[None])));
    assert!(!stays(&route, None, &of("up{", &[None])), "it cannot be parsed");
    let mut template = of("up{team=\"a\"}", &[None]);
    template.rules[0].annotations.insert("x".into(), "{{ query \"up\" }}".into());
    assert!(!stays(&route, None, &template), "no matcher can be added there");
    let label = label(constant("a"), false);
    template.rules[0].labels.insert("team".into(), "a".into());
    assert!(stays(&label, None, &template), "nothing is enforced");
}

#[test]
fn stored_groups_must_not_read_from_a_tenant_that_is_not_allowed() {
    let route = Route { source_tenants: vec!["dev-*".into()], ..Route::all("r", "central", None) };
    for (tenants, is) in [(&[][..], true), (&["t"], true), (&["dev-1", "t"], true), (&["dev-1", "u"], false)]
    {
        let mut group = of("up", &[None]);
        group.source_tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        assert_eq!(stays(&route, None, &group), is, "{tenants:?}");
    }
}

#[test]
fn stored_groups_are_read_at_once_if_anything_is_enforced() {
    let sets = |route: &Route, team| transform(route, team).unwrap().sets_anything();
    let annotation = || from(ValueSource::Annotation("team".into()), None, &["pay*"]);
    assert!(!sets(&Route::all("r", "central", None), None));
    let tenants = Route { source_tenants: vec!["u".into()], ..Route::all("r", "central", None) };
    assert!(!sets(&tenants, None));
    assert!(sets(&label(constant("a"), true), None), "a label");
    assert!(sets(&label(annotation(), false), None), "a label without a value");
    assert!(sets(&label(annotation(), false), Some("victim")), "a label whose value is refused");
    assert!(sets(&matcher(constant("a")), None), "a matcher");
}
