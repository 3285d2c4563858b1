//! Tests of the checker as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::engine::{NamedRuler, Policy};
use crate::finding::Location;
use crate::model::DeclaredGroup;
use crate::naming::NamespacePolicy;
use crate::route::{Permission, Route, Selector, Tenancy, TenantPattern, ValueSource};
use crate::ruler::{Capabilities, QueryLanguage};

fn setup(routes: Vec<Route>) -> Setup {
    let loki = Capabilities::default().with_language(QueryLanguage::LogQl);
    Setup {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: Vec::new(),
        rulers: vec![
            NamedRuler::new("mimir", Arc::new(DescribedRuler::default())),
            NamedRuler::new("loki", Arc::new(DescribedRuler::new(loki))),
        ],
        routes,
        policy: Policy::default(),
    }
}

fn object(kind: &str, groups: &str) -> RuleObject {
    let groups: Vec<DeclaredGroup> = serde_json::from_str(groups).unwrap();
    RuleObject::new(ObjectId::new(&"files".into(), &kind.into(), "shop", "api"), groups)
}

fn lines(checked: &CheckedObject) -> String {
    let line = |(destination, finding): (Option<&DestinationId>, &Finding)| {
        let at = destination.map(|destination| format!("{destination}: ")).unwrap_or_default();
        format!("{at}{}: {finding}", finding.code)
    };
    checked.findings().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn check_finds_everything_at_once() {
    let groups = r#"[
        {"name": "g", "interval": "soon", "rules": [
            {"alert": "A", "expr": "sum(up", "for": "a while", "annotations": {"text": "{{ .Broken"}},
            {"alert": "B"},
            {"record": "a-b", "expr": "up"}]},
        {"name": "h", "rules": [{"alert": "C", "expr": "up{"}]},
        {"name": "h", "rules": [{"alert": "D", "expr": "rate(up)", "for": "x"}]}]"#;
    let checker = Checker::new(&setup(vec![Route::all("all", "mimir", None)]));
    let checked = checker.check(object("PrometheusRule", groups), None);
    insta::assert_snapshot!(lines(&checked), @r#"
    duration: group "g", spec.groups[0].interval: `soon` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
    duration: group "g", rule 0 "A", spec.groups[0].rules[0].for: `a while` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
    no-expr: group "g", rule 1 "B", spec.groups[0].rules[1].expr: the expression is empty
    duplicate-group: group "h", spec.groups[2]: a group of this name stands earlier in the object (the first one counts: rename or remove this one)
    duration: group "h", rule 0 "D", spec.groups[2].rules[0].for: `x` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
    mimir: promql: group "h", rule 0 "C", spec.groups[1].rules[0].expr, 1:4: unexpected end of input inside braces
    mimir: record-name: group "g", rule 2 "a-b", spec.groups[0].rules[2].record: the name "a-b" has other characters than letters, digits, underscores and colons (Prometheus 3 takes it, and Mimir with the name validation scheme `utf8`)
    mimir: promql: group "g", rule 0 "A", spec.groups[0].rules[0].expr, 1:7: unclosed left parenthesis
    mimir: template: group "g", rule 0 "A", spec.groups[0].rules[0].annotations.text, 1:1: an action is not closed: `}}` is missing
    mimir: promql: group "h", rule 0 "D", spec.groups[2].rules[0].expr, 1:6: expected type range vector in call to function "rate", got instant vector
    "#);
    assert!(checked.destinations[0].groups().iter().map(|group| group.name.as_str()).eq(["h"]));
}

#[test]
fn check_does_not_judge_expressions_of_another_tool() {
    let groups = r#"[{"name": "g", "rules": [{"alert": "A", "expr": "x | stats by (y)", "for": "soon"}]}]"#;
    let mut object = object("PrometheusRule", groups);
    let location = Location { group_index: Some(0), group: Some("g".into()), ..Location::default() };
    object.findings.push(Finding::error(Code::ForeignKey, "`type` is a key of another tool").at(location));
    let checked = Checker::new(&setup(vec![Route::all("all", "mimir", None)])).check(object, None);
    let codes: Vec<Code> = checked.findings().map(|(_, finding)| finding.code).collect();
    assert_eq!(codes, [Code::ForeignKey, Code::Duration]);
}

#[test]
fn check_judges_each_destination_of_an_object() {
    let groups = r#"[{"name": "g", "rules": [{"alert": "A", "expr": "up > 0"}]}]"#;
    let routes = vec![Route::all("metrics", "mimir", None), Route::all("logs", "loki", None)];
    let checked = Checker::new(&setup(routes)).check(object("PrometheusRule", groups), None);
    insta::assert_snapshot!(lines(&checked), @r#"loki: promql-for-loki: group "g", rule 0 "A", spec.groups[0].rules[0].expr, 1:1: this is PromQL, and the route's ruler evaluates LogQL (send the object to a ruler for metrics, or select log streams: {job="..."})"#);
    let namespaces = checked.destinations.iter().map(|destination| &*destination.namespace);
    assert!(namespaces.eq(["us.shop.api", "us.shop.api"]));
}

#[test]
fn check_of_an_object_that_no_route_takes_looks_at_its_structure() {
    let route = Route { kinds: vec!["LoggingRule".into()], ..Route::all("all", "mimir", None) };
    let groups = r#"[{"name": "g", "rules": [{"alert": "A", "expr": "sum(up"}, {"expr": "up"}]}]"#;
    let checked = Checker::new(&setup(vec![route])).check(object("PrometheusRule", groups), None);
    assert!(checked.destinations.is_empty() && checked.undecided.is_empty());
    insta::assert_snapshot!(lines(&checked), @r#"rule-kind: group "g", rule 1, spec.groups[0].rules[1]: neither `record` nor `alert` is set (set one)"#);
}

/// Groups with faults of all sorts, and one without.
const POOL: [&str; 7] = [
    r#"{"name": "sound", "rules": [{"record": "r", "expr": "up"}]}"#,
    r#"{"name": "expr", "rules": [{"alert": "A", "expr": "sum(up"}, {"alert": "B", "expr": "up{"}]}"#,
    r#"{"name": "duration", "interval": "x", "rules": [{"alert": "A", "expr": "sum(up", "for": "y"}]}"#,
    r#"{"name": "", "rules": [{"record": "a-b", "expr": "up"}]}"#,
    r#"{"name": "kind", "rules": [{"expr": "up"}, {"alert": "A", "record": "b", "expr": "1 +"}]}"#,
    r#"{"name": "template", "rules": [{"alert": "A", "expr": "up", "labels": {"x": "{{ .a", "__name__": "b"}}]}"#,
    r#"{"name": "same", "rules": [{"alert": "A", "expr": ""}, {"alert": "A", "expr": "up", "for": "z"}]}"#,
];

proptest! {
    /// What is wrong with a group does not depend on the others of its object.
    #[test]
    fn check_of_several_groups_finds_what_is_wrong_with_each(
        chosen in proptest::sample::subsequence(POOL.to_vec(), 1..POOL.len()).prop_shuffle(),
    ) {
        let checker = Checker::new(&setup(vec![Route::all("all", "mimir", None), Route::all("logs", "loki", None)]));
        let found = |groups: &[&str]| -> Vec<String> {
            let checked = checker.check(object("PrometheusRule", &format!("[{}]", groups.join(","))), None);
            let line = |(destination, finding): (Option<&DestinationId>, &Finding)| {
                let Location { group, rule, field, .. } = &finding.location;
                format!("{destination:?} {} {group:?} {rule:?} {field:?} {}", finding.code, finding.message)
            };
            let mut lines: Vec<String> = checked.findings().map(line).collect();
            lines.sort();
            lines
        };
        let mut one_by_one: Vec<String> = chosen.iter().flat_map(|group| found(&[group])).collect();
        one_by_one.sort();
        prop_assert_eq!(found(&chosen), one_by_one);
    }
}

#[test]
fn check_refuses_tenants_without_a_permission() {
    let from = ValueSource::Label("tenant".into());
    let route = Route {
        tenant: Tenancy::Requested { from, pattern: TenantPattern::default() },
        allow: vec![Permission { values: vec!["shop-*".parse().unwrap()], ..Permission::default() }],
        ..Route::all("by-label", "mimir", None)
    };
    let checker = Checker::new(&setup(vec![route]));
    let with_tenant = |tenant: &str| {
        let mut object =
            object("PrometheusRule", r#"[{"name": "g", "rules": [{"record": "r", "expr": "up"}]}]"#);
        object.labels = [("tenant", tenant)].into_iter().collect();
        checker.check(object, None)
    };
    assert_eq!(with_tenant("shop-eu").destinations[0].destination.to_string(), "mimir/shop-eu");
    let refused = with_tenant("pay");
    assert!(refused.destinations.is_empty());
    assert_eq!(refused.findings[0].code, Code::Tenant);
}

#[test]
fn check_without_the_labels_of_a_namespace_leaves_routes_undecided() {
    let selector = |label: &str| Selector {
        match_labels: BTreeMap::from([(label.to_owned(), "x".to_owned())]),
        ..Selector::default()
    };
    let routes = vec![
        Route { namespace_selector: selector("team"), ..Route::all("team", "mimir", None) },
        Route {
            namespace_selector: selector("kubernetes.io/metadata.name"),
            ..Route::all("named", "mimir", None)
        },
    ];
    let checker = Checker::new(&setup(routes));
    let object = || object("PrometheusRule", r#"[{"name": "g", "rules": [{"record": "r", "expr": "up"}]}]"#);
    let undecided = checker.check(object(), None);
    assert!(undecided.destinations.is_empty() && undecided.findings.is_empty());
    assert!(undecided.undecided.iter().map(|route| &**route).eq(["team"]));
    let labels = [("team", "x")].into_iter().collect();
    let known = NamespaceMetadata { labels, ..NamespaceMetadata::default() };
    let decided = checker.check(object(), Some(&known));
    assert!(decided.undecided.is_empty());
    assert_eq!(&*decided.destinations[0].route, "team");
}
