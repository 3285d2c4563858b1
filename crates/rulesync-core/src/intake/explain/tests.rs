//! An explanation agrees with routing, whatever the objects and routes.

use proptest::prelude::*;

use super::*;
use crate::explain::RequirementSubject;
use crate::finding::Finding;
use crate::intake::matching::match_routes;
use crate::model::labels::Labels;
use crate::model::name::RulerNamespace;
use crate::naming::Naming;
use crate::route::{
    ExternalLabel, Operator, Pattern, Requirement, Selector, Tenancy, Value, ValueFrom, ValueSource,
};

/// A ruler `loki` for LogQL, and others for PromQL; no name can be made of the object `nameless`.
struct Facts<'a>(&'a ObjectId);

impl RouteFacts for Facts<'_> {
    fn language(&self, ruler: &str) -> Option<&str> {
        match ruler {
            "gone" => None,
            "loki" => Some("logql"),
            _ => Some("promql"),
        }
    }

    fn namespace(&self, _: &Route) -> Result<RulerNamespace, Box<Finding>> {
        if self.0.name() == "nameless" {
            return Err(Finding::error(crate::finding::Code::Name, "no name").into());
        }
        Ok(Naming::Owner("us".parse().unwrap()).namespace_of(&self.0.into(), usize::MAX).unwrap())
    }
}

const KEYS: [&str; 3] = ["tenant", "team", "kubernetes.io/metadata.name"];
const VALUES: [&str; 4] = ["a", "b", "shop", "bad tenant"];

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned)
}

fn labels() -> impl Strategy<Value = Labels> {
    let pairs = prop::collection::btree_map(key(), value(), 0..3);
    pairs.prop_map(|pairs| pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
}

fn selector() -> impl Strategy<Value = Selector> {
    let operator =
        prop::sample::select(vec![Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist]);
    let requirement = (key(), operator, prop::collection::vec(value(), 1..3))
        .prop_map(|(key, operator, values)| Requirement { key, operator, values });
    let labels = prop::collection::btree_map(key(), value(), 0..2);
    (labels, prop::collection::vec(requirement, 0..2))
        .prop_map(|(match_labels, match_expressions)| Selector { match_labels, match_expressions })
}

fn source() -> impl Strategy<Value = ValueSource> {
    prop_oneof![
        key().prop_map(|key| ValueSource::Label(key.into())),
        key().prop_map(|key| ValueSource::NamespaceLabel(key.into())),
        Just(ValueSource::NamespaceName),
    ]
}

fn permission() -> impl Strategy<Value = Permission> {
    let pattern = || prop::sample::select(vec!["*", "a", "shop"]).prop_map(Pattern::from);
    let patterns = move || prop::collection::vec(pattern(), 0..3);
    (patterns(), selector(), patterns()).prop_map(|(namespaces, namespace_selector, values)| Permission {
        namespaces,
        namespace_selector,
        values,
    })
}

fn route() -> impl Strategy<Value = Route> {
    let tenancy = prop_oneof![
        Just(Tenancy::None),
        Just(Tenancy::Fixed("a".parse().unwrap())),
        source().prop_map(|from| Tenancy::Requested { from, pattern: "{value}".parse().unwrap() }),
    ];
    let label =
        (source(), prop::collection::vec(permission(), 0..2)).prop_map(|(origin, allow)| ExternalLabel {
            name: "cluster".into(),
            value: Value::From(ValueFrom { origin, default: None, allow }),
            add_if_absent: false,
        });
    let kinds = prop::sample::subsequence(vec!["PrometheusRule", "LoggingRule"], 0..=2);
    let sources = prop::sample::subsequence(vec!["s", "t"], 0..=2);
    (
        prop::sample::select(vec!["mimir", "mimir", "loki", "gone"]),
        tenancy,
        prop::collection::vec(permission(), 0..3),
        (sources, kinds),
        selector(),
        selector(),
        prop::option::of(label),
    )
        .prop_map(
            |(ruler, tenant, allow, (sources, kinds), rule_selector, namespace_selector, label)| Route {
                tenant,
                allow,
                sources: sources.into_iter().map(Into::into).collect(),
                kinds: kinds.into_iter().map(Into::into).collect(),
                rule_selector,
                namespace_selector,
                external_labels: label.into_iter().collect(),
                ..Route::all("", ruler, None)
            },
        )
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    prop::collection::vec(route(), 0..5).prop_map(|mut routes| {
        routes.iter_mut().enumerate().for_each(|(index, route)| route.name = format!("r{index}").into());
        routes
    })
}

proptest! {
    #[test]
    fn explain_agrees_with_match_routes(
        routes in routes(),
        kind in prop::sample::select(vec!["PrometheusRule", "LoggingRule", "RuleFile"]),
        name in prop::sample::select(vec!["o", "o", "o", "nameless"]),
        labels in labels(),
        tenant in prop::option::weighted(0.2, value()),
        language in prop::option::weighted(0.3, prop::sample::select(vec!["promql", "logql"])),
        namespace in prop::option::of(labels()),
        namespace_comes in any::<bool>(),
    ) {
        let id = ObjectId::new(&"s".into(), &kind.into(), "shop", name);
        let namespace = namespace.map(|labels| NamespaceMetadata { labels, ..NamespaceMetadata::default() });
        let nothing = Labels::default();
        let input = RoutingInput {
            id: &id,
            labels: &labels,
            annotations: &nothing,
            tenant: tenant.as_deref(),
            language,
            namespace: namespace.as_ref(),
            namespace_comes,
        };
        let routed = match_routes(&routes, &input, &Facts(&id));
        let (again, explained) = explain_routes(&routes, &input, &Facts(&id));
        prop_assert_eq!(&routed, &again);
        prop_assert_eq!(explained.len(), routes.iter().filter(|route| &*route.ruler != "gone").count());

        let with = |verdict: RouteVerdict| explained.iter().filter(move |route| route.verdict == verdict);
        prop_assert!(with(RouteVerdict::Taken).map(|route| &*route.route)
            .eq(routed.matches.iter().map(|found| &*found.route)));
        prop_assert!(with(RouteVerdict::TenantRefused).map(|route| (&*route.route, route.finding.as_ref().unwrap()))
            .eq(routed.refused.iter().map(|refused| (&*refused.route, &refused.finding))));
        for route in with(RouteVerdict::Refused).chain(with(RouteVerdict::Conflict)) {
            prop_assert!(routed.findings.contains(route.finding.as_ref().unwrap()), "{route:?}");
        }
        for finding in &routed.findings {
            prop_assert!(explained.iter().any(|route| route.finding.as_ref() == Some(finding)), "{finding}");
        }
        for found in &explained {
            let met = |wanted| found.requirements.iter().any(|requirement| requirement.met == wanted);
            match found.verdict {
                RouteVerdict::NotSelected => prop_assert!(met(Some(false)), "{:?}", found),
                RouteVerdict::Undecided => prop_assert!(met(None) && !met(Some(false)), "{:?}", found),
                _ => prop_assert!(!met(None) && !met(Some(false)), "{:?}", found),
            }
            let requested = found.tenant.as_ref().filter(|tenant| tenant.requested.is_some());
            if let Some(tenant) = requested {
                let first = tenant.permissions.iter().position(ExplainedPermission::permits);
                let has_values = |permission: &ExplainedPermission| {
                    permission.requirements.iter().any(|r| r.subject == RequirementSubject::Tenants)
                };
                prop_assert!(tenant.permissions.iter().all(has_values));
                prop_assert!(tenant.permitted_by.is_none_or(|number| Some(number) == first), "{:?}", found);
                if found.verdict == RouteVerdict::TenantRefused {
                    prop_assert_eq!(&tenant.tenant, &None);
                } else {
                    prop_assert!(tenant.permitted_by.is_some() && tenant.tenant.is_some(), "{:?}", found);
                }
            }
        }
        for found in &routed.matches {
            let route = explained.iter().find(|route| *route.route == *found.route).unwrap();
            let tenant = route.tenant.as_ref().and_then(|tenant| tenant.tenant.as_deref());
            prop_assert_eq!(tenant, found.destination.tenant.as_ref().map(|tenant| tenant.as_str()));
        }
    }
}
