//! The destinations of objects, and who may choose them.

use super::*;
use crate::model::labels::Labels;
use crate::model::language::QueryLanguage;
use crate::model::object::ObjectId;
use crate::naming::Naming;
use crate::route::ExternalLabel;
use crate::route::input::NamespaceMetadata;
use crate::route::{MatchOp, QueryMatcher};
use crate::route::{Pattern, Permission, Selector, Tenancy, TenantPattern, ValueSource};

/// An object in the Kubernetes namespace `ns`, which has the label `team: x`.
struct Object {
    id: ObjectId,
    labels: Labels,
    annotations: Labels,
    tenant: Option<&'static str>,
    language: Option<&'static str>,
    namespace: Option<NamespaceMetadata>,
    /// True if its source sends Kubernetes namespaces.
    namespace_comes: bool,
}

/// A ruler `loki`, and others for PromQL; names by the owner `us`, or else those of the route.
struct Facts<'a>(&'a ObjectId);

impl RouteFacts for Facts<'_> {
    fn language(&self, ruler: &str) -> Option<&str> {
        Some(if ruler == "loki" { "logql" } else { "promql" })
    }

    fn namespace(&self, route: &Route) -> Result<RulerNamespace, Box<Finding>> {
        let usual = Naming::Owner("us".parse().unwrap());
        Ok(route.naming.as_ref().unwrap_or(&usual).namespace_of(&self.0.into(), usize::MAX).unwrap())
    }
}

impl Object {
    fn new(kind: &str, labels: &[(&str, &str)]) -> Self {
        Self {
            id: ObjectId::new(&"k".into(), &kind.into(), "ns", "o"),
            labels: labels.iter().copied().collect(),
            annotations: Labels::default(),
            tenant: None,
            language: kind::language_of(kind).map(QueryLanguage::name),
            namespace: Some(NamespaceMetadata {
                labels: [("team", "x")].into_iter().collect(),
                annotations: [("billing", "b-7")].into_iter().collect(),
            }),
            namespace_comes: true,
        }
    }

    fn routed(&self, routes: &[Route]) -> Routed {
        let input = RoutingInput {
            id: &self.id,
            labels: &self.labels,
            annotations: &self.annotations,
            tenant: self.tenant,
            language: self.language,
            namespace: self.namespace.as_ref(),
            namespace_comes: self.namespace_comes,
        };
        match_routes(routes, &input, &Facts(&self.id))
    }

    /// Returns its destinations, or why it has none.
    fn to(&self, routes: &[Route]) -> Vec<String> {
        let Routed { matches, refused, findings } = self.routed(routes);
        let destinations = matches.iter().map(|route_match| route_match.destination.to_string());
        let why = refused.iter().map(|refused| &refused.finding).chain(&findings);
        destinations.chain(why.map(|finding| format!("! {}", finding.message))).collect()
    }
}

fn selector(json: &str) -> Selector {
    serde_json::from_str(json).unwrap()
}

fn fixed(name: &str, tenant: &str, rules: &str, namespaces: &str) -> Route {
    Route {
        rule_selector: selector(rules),
        namespace_selector: selector(namespaces),
        ..Route::all(name, "central", Some(tenant.parse().unwrap()))
    }
}

fn requested(from: ValueSource, pattern: &str, tenants: &[&str]) -> Route {
    let values = tenants.iter().map(|tenant| Pattern::from(*tenant)).collect();
    Route {
        tenant: Tenancy::Requested { from, pattern: pattern.parse().unwrap() },
        allow: vec![Permission { namespaces: vec!["ns".into()], values, ..Permission::default() }],
        ..Route::all("claims", "central", None)
    }
}

#[test]
fn matches_have_each_destination_once_in_the_order_of_routes() {
    let routes = [
        fixed("a", "prod", r#"{"match_labels":{"tenant":"prod"}}"#, "{}"),
        fixed("b", "stage", r#"{"match_labels":{"tenant":"stage"}}"#, "{}"),
        fixed("c", "prod", "{}", "{}"),
        fixed("d", "team", "{}", r#"{"match_labels":{"team":"x"}}"#),
    ];
    let mut object = Object::new("PrometheusRule", &[("tenant", "prod")]);
    assert_eq!(object.to(&routes), ["central/prod", "central/team"]);
    object.namespace = None;
    assert_eq!(object.to(&routes), ["central/prod"]);
}

#[test]
fn requested_tenant_is_read_from_every_source_and_needs_permission() {
    let mut object = Object::new("PrometheusRule", &[("tenant", "payments")]);
    object.annotations = [("tenant", "ops")].into_iter().collect();
    let label = |tenants: &[&str]| requested(ValueSource::Label("tenant".into()), "team-{value}", tenants);
    assert_eq!(object.to(&[label(&["payments"])]), ["central/team-payments"]);
    assert_eq!(object.to(&[label(&["pay*"])]), ["central/team-payments"]);
    for denied in [&["team-payments"][..], &["Payments"], &["payments-*"], &[]] {
        let matches = object.to(&[label(denied)]);
        assert_eq!(
            matches,
            [
                "! route `claims` does not allow the Kubernetes namespace `ns` to request the tenant \"payments\""
            ]
        );
    }
    for (origin, tenant) in [
        (ValueSource::Annotation("tenant".into()), "central/ops"),
        (ValueSource::NamespaceLabel("team".into()), "central/x"),
        (ValueSource::NamespaceAnnotation("billing".into()), "central/b-7"),
        (ValueSource::NamespaceName, "central/ns"),
    ] {
        assert_eq!(object.to(&[requested(origin, "{value}", &["*"])]), [tenant]);
    }
    assert_eq!(
        object.to(&[requested(ValueSource::Label("none".into()), "{value}", &["*"])]),
        [""; 0],
        "no claim"
    );
    object.namespace = None;
    assert_eq!(
        object.to(&[requested(ValueSource::NamespaceLabel("team".into()), "{value}", &["*"])]),
        [""; 0],
        "not yet"
    );
}

#[test]
fn requested_tenant_must_be_a_valid_tenant() {
    for odd in ["a|b", "..", ".", "a b", "a/b", "tenant:sub", "ä", "", "а", &"a".repeat(151)] {
        let object = Object::new("PrometheusRule", &[("tenant", odd)]);
        let matches = object.to(&[requested(ValueSource::Label("tenant".into()), "{value}", &["*"])]);
        assert!(matches.len() == 1 && matches[0].contains("makes no tenant"), "{odd:?}: {matches:?}");
    }
    // The pattern may make a tenant valid or invalid.
    let dots = Object::new("PrometheusRule", &[("tenant", "..")]);
    assert_eq!(
        dots.to(&[requested(ValueSource::Label("tenant".into()), "t{value}", &["*"])]),
        ["central/t.."]
    );
}

#[test]
fn requested_tenant_may_be_a_field_of_the_object() {
    let mut object = Object::new("LoggingRule", &[("tenant", "ops")]);
    let logs = Route { ruler: "loki".into(), ..fixed("logs", "ops", "{}", "{}") };
    object.tenant = Some("ops");
    assert_eq!(
        object.to(std::slice::from_ref(&logs)),
        ["loki/ops"],
        "the tenant of the route needs no permission"
    );
    object.tenant = Some("application");
    assert!(object.to(std::slice::from_ref(&logs))[0].contains("to request the tenant \"application\""));
    let allow = requested(ValueSource::NamespaceName, "{value}", &["application"]).allow;
    assert_eq!(object.to(&[Route { allow, ..logs }]), ["loki/application"]);
    let by_label = requested(ValueSource::Label("tenant".into()), "{value}", &["*"]);
    let by_label = Route { ruler: "loki".into(), ..by_label };
    assert!(object.to(std::slice::from_ref(&by_label))[0].contains("requests two tenants"));
    object.tenant = Some("ops");
    assert_eq!(object.to(&[by_label]), ["loki/ops"]);
}

#[test]
fn requested_tenant_in_a_field_never_overrides_the_kubernetes_namespace() {
    let mut object = Object::new("LoggingRule", &[]);
    let route = |from: ValueSource| Route {
        ruler: "loki".into(),
        ..requested(from, "team-{value}", &["ns", "x", "b-7", "victim"])
    };
    for (from, request) in [
        (ValueSource::NamespaceName, "ns"),
        (ValueSource::NamespaceLabel("team".into()), "x"),
        (ValueSource::NamespaceAnnotation("billing".into()), "b-7"),
    ] {
        let route = [route(from)];
        // The field is a request like the other: compared as it is written, before the pattern is applied.
        object.tenant = Some(request);
        assert_eq!(object.to(&route), [format!("loki/team-{request}")]);
        for own in ["victim", "", "Victim", &format!("team-{request}")] {
            object.tenant = Some(own.to_owned().leak());
            let matches = object.to(&route);
            assert_eq!(matches.len(), 1, "{matches:?}");
            assert!(matches[0].contains("alone, which is"), "{matches:?}");
            assert!(matches[0].contains(&format!("requests the tenant {own:?}")), "{matches:?}");
        }
    }
    // Without a value of the Kubernetes namespace, the author's is refused too.
    object.tenant = Some("victim");
    let matches = object.to(&[route(ValueSource::NamespaceLabel("none".into()))]);
    assert!(matches.len() == 1 && matches[0].contains("alone, which is missing"), "{matches:?}");
}

#[test]
fn refused_tenant_is_distinguished_from_other_refusals() {
    let routes = [
        requested(ValueSource::Label("tenant".into()), "{value}", &["payments"]),
        Route {
            query_matchers: vec![matcher(ValueSource::Label("none".into()))],
            ..fixed("m", "prod", "{}", "{}")
        },
    ];
    let routed = Object::new("PrometheusRule", &[("tenant", "victim")]).routed(&routes);
    assert_eq!(routed.matches, []);
    let [refused] = routed.refused.as_slice() else { panic!("{routed:?}") };
    assert_eq!((&*refused.route, refused.finding.code.name()), ("claims", "tenant"));
    assert_eq!(routed.findings.iter().map(|finding| finding.code.name()).collect::<Vec<_>>(), ["matcher"]);
    for (tenant, count) in [("a|b", 1), ("payments", 0)] {
        let routed = Object::new("PrometheusRule", &[("tenant", tenant)]).routed(&routes[..1]);
        assert_eq!(routed.refused.len(), count, "{tenant}");
    }
}

fn matcher(origin: ValueSource) -> QueryMatcher {
    QueryMatcher {
        label: "team".into(),
        op: MatchOp::Equal,
        value: origin.into(),
        mode: rulesync_expr::Mode::Override,
    }
}

#[test]
fn kinds_and_languages_match_their_rulers() {
    let all = [Route::all("metrics", "central", None), Route::all("logs", "loki", None)];
    assert_eq!(Object::new("PrometheusRule", &[]).to(&all), ["central", "loki"]);
    assert_eq!(Object::new("RuleFile", &[]).to(&all), ["central", "loki"]);
    assert_eq!(Object::new("AlertingRule", &[]).to(&all), ["loki"]);
    let only = Route { kinds: vec!["LoggingRule".into()], ..Route::all("x", "central", None) };
    assert_eq!(Object::new("PrometheusRule", &[]).to(std::slice::from_ref(&only)), [""; 0]);
    let matches = Object::new("LoggingRule", &[]).to(&[only]);
    assert!(
        matches[0].contains("written in logql") && matches[0].contains("evaluates promql"),
        "{matches:?}"
    );
    let mut object = Object::new("PrometheusRule", &[]);
    object.language = Some("logql");
    let matches = object.to(&all);
    assert_eq!(matches[0], "loki");
    assert!(matches[1].contains("evaluates promql"), "{matches:?}");
}

#[test]
fn route_takes_the_objects_of_its_sources_alone() {
    let of = |sources: &[&str]| Route {
        sources: sources.iter().map(|source| (*source).into()).collect(),
        ..Route::all("x", "central", None)
    };
    let object = Object::new("PrometheusRule", &[]);
    assert_eq!(object.to(&[of(&["j", "k"])]), ["central"]);
    assert_eq!(object.to(&[of(&["j"])]), [""; 0]);
    assert_eq!(object.to(&[of(&[])]), ["central"]);
}

#[test]
fn routes_that_would_write_different_rules_to_one_place_conflict() {
    let label = |value: &str| ExternalLabel {
        name: "cluster".into(),
        value: crate::route::Value::Constant(value.into()),
        add_if_absent: false,
    };
    let plain = fixed("plain", "prod", "{}", "{}");
    let labelled = Route { name: "labelled".into(), external_labels: vec![label("a")], ..plain.clone() };
    assert!(plain.contradicts(&labelled) && !plain.contradicts(&plain));
    let stage = Route { tenant: Some("stage".parse().unwrap()).into(), ..labelled.clone() };
    assert!(!plain.contradicts(&stage));
    let by = |team: &str, route: &Route| Route {
        rule_selector: selector(&format!(r#"{{"match_labels":{{"team":"{team}"}}}}"#)),
        ..route.clone()
    };
    assert!(!by("a", &plain).contradicts(&by("b", &labelled)), "no object goes by both");
    assert!(by("a", &plain).contradicts(&by("a", &labelled)));
    // Only the object makes these the same place: the first route wins, and a finding tells the author.
    let by_request = requested(ValueSource::Label("tenant".into()), "{value}", &["*"]);
    assert!(!labelled.contradicts(&by_request));
    let matches = Object::new("PrometheusRule", &[("tenant", "prod")]).to(&[labelled, by_request]);
    assert_eq!(
        matches,
        ["central/prod", "! routes `labelled` and `claims` would put different rules into central/prod"]
    );
}

#[test]
fn tenant_pattern_has_exactly_one_value() {
    assert_eq!("team-{value}-x".parse::<TenantPattern>().unwrap().apply("a"), "team-a-x");
    for wrong in ["", "team", "{value}{value}", "{Value}"] {
        assert!(wrong.parse::<TenantPattern>().is_err(), "{wrong}");
    }
}

mod kubernetes_namespaces {
    use super::*;
    use crate::route::{MatchOp, QueryMatcher, Value};

    /// Routes to `t`, one for each way to depend on the Kubernetes namespace, and one that does not depend on it.
    fn asking() -> [(&'static str, Route); 6] {
        let all = || fixed("all", "t", "{}", "{}");
        let by_selector = r#"{"match_expressions":[{"key":"team","operator":"NotIn","values":["y"]}]}"#;
        let permission = Permission {
            namespace_selector: selector(by_selector),
            values: vec!["*".into()],
            ..Permission::default()
        };
        let label = ExternalLabel {
            name: "team".into(),
            value: Value::from(ValueSource::NamespaceLabel("none".into())),
            add_if_absent: false,
        };
        let matcher = QueryMatcher {
            label: "team".into(),
            op: MatchOp::Equal,
            value: Value::from(ValueSource::NamespaceAnnotation("billing".into())),
            mode: rulesync_expr::Mode::Override,
        };
        [
            ("a selector", Route { namespace_selector: selector(by_selector), ..all() }),
            (
                "a permission",
                Route { allow: vec![permission], ..requested(ValueSource::NamespaceName, "{value}", &[]) },
            ),
            ("a tenant", requested(ValueSource::NamespaceLabel("team".into()), "{value}", &["*"])),
            ("a label", Route { external_labels: vec![label], ..all() }),
            ("a matcher", Route { query_matchers: vec![matcher], ..all() }),
            ("its name", requested(ValueSource::NamespaceName, "{value}", &["*"])),
        ]
    }

    #[test]
    fn object_waits_for_its_kubernetes_namespace() {
        for (what, route) in asking() {
            let by_name = what == "its name";
            let mut object = Object::new("PrometheusRule", &[]);
            assert_eq!(object.to(std::slice::from_ref(&route)).len(), 1, "{what}, known");
            assert_eq!(route.needs_namespaces(), !by_name, "{what}");
            object.namespace = None;
            let meanwhile = object.routed(std::slice::from_ref(&route));
            assert_eq!(meanwhile.matches.len(), usize::from(by_name), "{what}");
            assert_eq!(meanwhile.findings, [], "{what}: no finding before it is known");
        }
    }

    #[test]
    fn object_does_not_wait_if_its_source_sends_no_kubernetes_namespaces() {
        for (what, route) in asking().into_iter().filter(|(what, _)| ["a label", "its name"].contains(what)) {
            let mut object = Object::new("PrometheusRule", &[]);
            (object.namespace, object.namespace_comes) = (None, false);
            assert_eq!(object.to(&[route]).len(), 1, "{what}");
        }
    }
}

mod permissions {
    use super::*;

    #[test]
    fn permission_needs_the_kubernetes_namespace_and_the_tenant_of_one_entry() {
        let permission = |namespaces: &[&str], labels: &str, tenants: &[&str]| Permission {
            namespaces: namespaces.iter().map(|name| Pattern::from(*name)).collect(),
            namespace_selector: selector(labels),
            values: tenants.iter().map(|tenant| Pattern::from(*tenant)).collect(),
        };
        let team = |team: &str| format!(r#"{{"match_labels":{{"team":"{team}"}}}}"#);
        for (allow, ok, what) in [
            (vec![permission(&["ns"], "{}", &["a"])], true, "by name"),
            (vec![permission(&["n*"], "{}", &["a"])], true, "by pattern"),
            (vec![permission(&["n"], "{}", &["a"])], false, "another Kubernetes namespace"),
            (vec![permission(&[], &team("x"), &["a"])], true, "by label"),
            (vec![permission(&[], &team("y"), &["a"])], false, "another label"),
            (vec![permission(&["ns"], &team("y"), &["a"])], false, "both must fit"),
            (vec![permission(&["other"], &team("x"), &["a"])], false, "both must fit"),
            (vec![permission(&["ns"], "{}", &[])], false, "no tenant"),
            (
                vec![permission(&["ns"], "{}", &["b"]), permission(&["other"], "{}", &["a"])],
                false,
                "half each",
            ),
            (
                vec![permission(&["other"], "{}", &["a"]), permission(&["ns"], "{}", &["a"])],
                true,
                "the second",
            ),
            (vec![], false, "none"),
        ] {
            let route = Route { allow, ..requested(ValueSource::Label("tenant".into()), "{value}", &[]) };
            let object = Object::new("PrometheusRule", &[("tenant", "a")]);
            let routed = object.routed(&[route]);
            assert_eq!(routed.matches.len(), usize::from(ok), "{what}");
            assert_eq!(routed.refused.len(), usize::from(!ok), "{what}: a finding is reported");
        }
    }
}

#[test]
fn tenant_pattern_returns_the_request_that_makes_a_tenant() {
    for (pattern, tenant, request) in [
        ("{value}", "a", Some("a")),
        ("team-{value}", "team-a", Some("a")),
        ("team-{value}", "team-", Some("")),
        ("team-{value}", "a", None),
        ("{value}-x", "a-x", Some("a")),
        ("{value}-x", "a", None),
        ("team-{value}-x", "team-x", None),
    ] {
        let pattern: TenantPattern = pattern.parse().unwrap();
        assert_eq!(pattern.requested_for(tenant), request, "{pattern:?} {tenant}");
        assert!(request.is_none_or(|request| pattern.apply(request) == tenant));
    }
}

#[test]
fn route_leads_to_its_tenant_and_to_those_that_may_be_requested() {
    let allow = |tenants: &[&str]| {
        let values = tenants.iter().map(|tenant| Pattern::from(*tenant)).collect();
        vec![Permission { namespaces: vec!["ns".into()], values, ..Permission::default() }]
    };
    let to = |tenant: Option<&str>| Route::all("r", "central", tenant.map(|tenant| tenant.parse().unwrap()));
    let by_label = |pattern, tenants| requested(ValueSource::Label("tenant".into()), pattern, tenants);
    let destination = |text: &str| match text.split_once('/') {
        Some((ruler, tenant)) => DestinationId { ruler: ruler.into(), tenant: Some(tenant.parse().unwrap()) },
        None => DestinationId { ruler: text.into(), tenant: None },
    };
    // Any object, an object of the Kubernetes namespace in the permission, and one of another.
    for (route, to, may_lead, permits) in [
        (to(Some("t")), "central/t", true, [true, true]),
        (to(Some("t")), "central/u", false, [false, false]),
        (to(Some("t")), "another/t", false, [false, false]),
        (to(Some("t")), "central", false, [false, false]),
        (Route { allow: allow(&["u*"]), ..to(Some("t")) }, "central/t", true, [true, true]),
        (Route { allow: allow(&["u*"]), ..to(Some("t")) }, "central/u1", true, [true, false]),
        (Route { allow: allow(&["u*"]), ..to(Some("t")) }, "central/v", false, [false, false]),
        (to(None), "central", true, [true, true]),
        (to(None), "central/t", false, [false, false]),
        (Route { allow: allow(&["t"]), ..to(None) }, "central/t", true, [true, false]),
        (by_label("team-{value}", &["a*"]), "central/team-a1", true, [true, false]),
        (by_label("team-{value}", &["a*"]), "central/a1", false, [false, false]),
        (by_label("team-{value}", &["a*"]), "central/team-b", false, [false, false]),
        (by_label("team-{value}", &["a*"]), "another/team-a1", false, [false, false]),
        (by_label("team-{value}", &["a*"]), "central", false, [false, false]),
    ] {
        let destination = destination(to);
        assert_eq!(route.may_lead_to(&destination), may_lead, "{to} {route:?}");
        let permitted = ["ns", "other"].map(|namespace| {
            let kind: Arc<str> = kind::PROMETHEUS_RULE.into();
            let (id, nothing) = (ObjectId::new(&"k".into(), &kind, namespace, "o"), Labels::default());
            route.permits(&RoutingInput::bare(&id, &nothing), &destination)
        });
        assert_eq!(permitted, permits, "{to} {route:?}");
    }
    assert_eq!(to(Some("t")).destination(), Some(destination("central/t")));
    assert_eq!(to(None).destination(), Some(destination("central")));
    assert_eq!(by_label("{value}", &["*"]).destination(), None);
}
