//! What the routes of a configuration become, and what they must not say.

use rulesync_core::{Mode, Value};

use super::*;

fn route(yaml: &str) -> Result<Route, String> {
    let text = format!("name: r\nruler: central\n{yaml}");
    let config: RouteConfig = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
    config.route().map_err(|error| error.to_string())
}

#[test]
fn everything_a_route_can_say() {
    let route = route(
        "tenant: {from: namespace_label, key: tenant}
tenant_pattern: 'team-{value}'
allow: [{namespaces: [monitoring], tenants: ['*']}, {namespace_selector: {match_labels: {a: b}}, tenants: [x]}]
source_tenants: {allow: [shared]}
kinds: [PrometheusRule, LoggingRule]
external_labels: [{label: cluster, value: eu-1}, {label: team, from: label, key: team, mode: add_if_absent,
    default: nobody, allow: [{namespaces: [payments], values: [payments, 'payments-*']}]}]
query_matchers: [{label: namespace, from: namespace_name, mode: require},
  {label: team, from: annotation, key: team, default: nobody, allow: [{namespace_selector: {match_labels: {a: b}}, values: ['*']}]}]
",
    )
    .unwrap();
    assert!(
        matches!(&route.tenant, Tenancy::Requested { from: ValueSource::NamespaceLabel(key), .. } if **key == *"tenant")
    );
    assert_eq!((route.allow.len(), route.source_tenants.len()), (2, 1));
    assert_eq!(route.kinds.len(), 3, "plain rule files hold what PrometheusRules do");
    assert!(!route.external_labels[0].add_if_absent && route.external_labels[1].add_if_absent);
    assert_eq!(route.query_matchers[0].mode, Mode::Require);
    let source = |value: &Value| match value {
        Value::From(source) => source.clone(),
        Value::Constant(text) => panic!("{text} is read"),
    };
    for value in [&route.external_labels[1].value, &route.query_matchers[1].value] {
        let source = source(value);
        assert_eq!((source.default.as_deref(), source.allow.len()), (Some("nobody"), 1));
    }
    assert!(source(&route.query_matchers[0].value).allow.is_empty());
    assert!(route.needs_namespaces());
}

#[test]
fn a_tenant_is_a_name_or_a_place() {
    let tenant = |yaml: &str| route(yaml).map(|route| route.tenant);
    assert_eq!(tenant(""), Ok(Tenancy::None));
    assert_eq!(tenant("tenant: '012'"), Ok(Tenancy::Fixed("012".parse().unwrap())));
    assert!(matches!(tenant("tenant: {from: namespace_name}"), Ok(Tenancy::Requested { .. })));
    for (yaml, says) in [
        ("tenant: 012", "must stand in quotes"),
        ("tenant: true", "must stand in quotes"),
        ("tenant: {from: label}", "which label or annotation"),
        ("tenant: {from: namespace_name, key: x}", "has one name"),
        ("tenant: {from: lable, key: x}", "lable"),
        ("tenant: {form: label, key: x}", "form"),
        ("tenant: a|b", "character '|'"),
        ("tenant: a\ntenant_pattern: 'x-{value}'", "no meaning where the tenant is fixed"),
        ("tenant: {from: label, key: x}\ntenant_pattern: x", "exactly once"),
        ("external_labels: [{label: a}]", "either `value` or `from`"),
        ("query_matchers: [{label: a, value: b, from: label, key: c}]", "either `value` or `from`"),
        ("query_matchers: [{label: a, value: b, key: c}]", "either `value` or `from`"),
        ("external_labels: [{label: a, value: b, default: c}]", "`default` has no meaning for a `value`"),
        ("query_matchers: [{label: a, value: b, allow: []}]", "`allow` has no meaning for a `value`"),
        ("external_labels: [{label: a, from: label, key: a, allow: []}]", "`allow` is empty"),
        ("query_matchers: [{label: a, from: label, key: a, default: ''}]", "`default` is empty"),
        ("external_labels: [{label: a, from: label, key: a, allow: [{tenants: [b]}]}]", "tenants"),
        ("external_labels: [{label: a, from: label, key: a, allow: [{namespaces: [b]}]}]", "values"),
        ("kinds: [Rule]", "Rule"),
    ] {
        let error = tenant(yaml).unwrap_err();
        assert!(error.contains(says), "{yaml}: {error}");
    }
}

#[test]
fn an_empty_list_in_a_permission_is_not_taken_for_everybody() {
    for (allow, key) in [
        ("namespaces: [], LIST: ['*']", "namespaces"),
        ("namespaces: , LIST: ['*']", "namespaces"),
        ("namespaces: [], namespace_selector: {match_labels: {a: b}}, LIST: [x]", "namespaces"),
        ("namespaces: [payments], LIST: []", "LIST"),
    ] {
        for (setting, at, list) in [
            ("tenant: {from: label, key: a}\nallow: [{ALLOW}]", "allow", "tenants"),
            (
                "external_labels: [{label: a, from: label, key: a, allow: [{ALLOW}]}]",
                "external_labels.a.allow",
                "values",
            ),
            (
                "query_matchers: [{label: a, from: label, key: a, allow: [{ALLOW}]}]",
                "query_matchers.a.allow",
                "values",
            ),
        ] {
            let (yaml, key) =
                (setting.replace("ALLOW", allow).replace("LIST", list), key.replace("LIST", list));
            let error = route(&yaml).unwrap_err();
            assert!(error.starts_with(&format!("`{at}`: `{key}` is empty")), "{yaml}: {error}");
            assert!(error.ends_with("or remove the entry"), "{error}");
        }
    }
    let everybody = route("tenant: {from: label, key: a}\nallow: [{tenants: ['*']}]").unwrap();
    assert!(everybody.allow[0].namespaces.is_empty(), "an absent list are all");
}

#[test]
fn the_examples_are_good() {
    for (name, text) in [
        ("company", include_str!("../../../../examples/company.yaml")),
        ("quickstart", include_str!("../../../../examples/quickstart/rulesync.yaml")),
    ] {
        let config = crate::Config::parse(text, name, std::collections::HashMap::new()).unwrap();
        let routes: Vec<Route> = config.routes.iter().map(|route| route.route().unwrap()).collect();
        for (index, route) in routes.iter().enumerate() {
            assert!(!routes[index + 1..].iter().any(|other| route.contradicts(other)), "{name}: {route:?}");
        }
    }
}
