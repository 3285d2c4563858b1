//! The invariants of `ARCHITECTURE.md` that transforms hold, in the form "build, apply, assert": one module for each,
//! named by it.

use rulesync_expr::Mode;
use rulesync_expr::promql::MatchOp;

use super::*;
use crate::model::group::Rule;
use crate::model::labels::Labels;
use crate::model::language::QueryLanguage::{LogQl, PromQl};
use crate::model::object::ObjectId;
use crate::route::Value;
use crate::route::input::NamespaceMetadata;
use crate::route::input::ValueSource;

/// An object with the label `team: x`, in a Kubernetes namespace with the annotation `env: prod`.
struct Object {
    id: ObjectId,
    labels: Labels,
    namespace: NamespaceMetadata,
}

fn object() -> Object {
    Object {
        id: ObjectId::new(&"k".into(), &"PrometheusRule".into(), "ns", "o"),
        labels: [("team", "x")].into_iter().collect(),
        namespace: NamespaceMetadata {
            annotations: [("env", "prod")].into_iter().collect(),
            ..NamespaceMetadata::default()
        },
    }
}

impl Object {
    /// Returns the transform of the object on a route.
    fn by(&self, route: &Route) -> Result<Transform, String> {
        let input = RoutingInput {
            id: &self.id,
            labels: &self.labels,
            annotations: &Labels::default(),
            tenant: None,
            language: None,
            namespace: Some(&self.namespace),
            namespace_comes: true,
        };
        Transform::of(route, &input).map_err(|finding| finding.to_string())
    }
}

fn route() -> Route {
    Route::all("r", "central", Some("t".parse().unwrap()))
}

fn with_matcher(value: Value, mode: Mode) -> Route {
    Route {
        query_matchers: vec![QueryMatcher { label: "env".into(), op: MatchOp::Equal, value, mode }],
        ..route()
    }
}

fn enforcing() -> Route {
    with_matcher(Value::Constant("prod".into()), Mode::Override)
}

fn with_label(value: Value, add_if_absent: bool) -> Route {
    Route { external_labels: vec![ExternalLabel { name: "cluster".into(), value, add_if_absent }], ..route() }
}

/// A group of recording rules with these expressions.
fn group(exprs: &[&str]) -> Group {
    let rule = |expr: &&str| Rule { record: "r".into(), expr: (*expr).to_owned(), ..Rule::default() };
    Group { name: "g".into(), rules: exprs.iter().map(rule).collect(), ..Group::default() }
}

/// Returns the group as it is sent to a tenant `t`, or the rules with errors.
fn sent(route: &Route, group: &Group, language: QueryLanguage) -> Result<Group, Vec<Option<usize>>> {
    let transform = object().by(route).unwrap();
    let (sent, findings) = transform.apply(group, "r", Some(&"t".parse().unwrap()), language);
    let wrong: Vec<Option<usize>> =
        findings.iter().filter(|f| f.withholds()).map(|f| f.location.rule).collect();
    if wrong.is_empty() { Ok(sent.into_owned()) } else { Err(wrong) }
}

fn exprs(group: &Group) -> Vec<&str> {
    group.rules.iter().map(|rule| rule.expr.as_str()).collect()
}

mod enforcement {
    use super::*;

    #[test]
    fn matchers_are_added_to_every_selector_of_every_rule() {
        for (expr, enforced) in [
            ("up", r#"up{env="prod"}"#),
            (r#"up{env="dev"} / on () up"#, r#"up{env="prod"} / on () up{env="prod"}"#),
            ("sum(rate(a[5m])) or vector(1)", r#"sum(rate(a{env="prod"}[5m])) or vector(1)"#),
        ] {
            let sent = sent(&enforcing(), &group(&["1", expr, expr]), PromQl).unwrap();
            assert_eq!(exprs(&sent), ["1", enforced, enforced]);
        }
        let logs = sent(&enforcing(), &group(&[r#"rate({app="a"}[5m])"#]), LogQl).unwrap();
        assert_eq!(exprs(&logs), [r#"rate({app="a",env="prod"}[5m])"#]);
    }

    #[test]
    fn matchers_that_cannot_be_added_keep_the_group_from_being_sent() {
        for expr in ["up{", "", "sum by (", r#"{__name__=~".*""#] {
            assert_eq!(sent(&enforcing(), &group(&["up", expr]), PromQl), Err(vec![Some(1)]), "{expr:?}");
        }
        let requiring = with_matcher(Value::Constant("prod".into()), Mode::Require);
        let exactly = group(&[r#"up{env="prod"}"#, r#"up{env="dev"}"#, "up"]);
        assert_eq!(sent(&requiring, &exactly, PromQl), Err(vec![Some(1), Some(2)]));
        let deferring = with_matcher(Value::Constant("prod".into()), Mode::AddIfAbsent);
        let own = sent(&deferring, &group(&["up", r#"up{env="dev"}"#]), PromQl).unwrap();
        assert_eq!(exprs(&own), [r#"up{env="prod"}"#, r#"up{env="dev"}"#], "with this mode of the route");
    }

    #[test]
    fn matcher_without_a_value_keeps_the_object_from_being_sent() {
        let from = |origin: ValueSource| with_matcher(Value::from(origin), Mode::Override);
        for (origin, value) in [
            (ValueSource::Label("team".into()), "x"),
            (ValueSource::NamespaceAnnotation("env".into()), "prod"),
            (ValueSource::NamespaceName, "ns"),
        ] {
            let enforced = sent(&from(origin), &group(&["up"]), PromQl).unwrap();
            assert_eq!(exprs(&enforced), [format!("up{{env=\"{value}\"}}")]);
        }
        for origin in [
            ValueSource::Label("none".into()),
            ValueSource::Annotation("team".into()),
            ValueSource::NamespaceLabel("env".into()),
        ] {
            let error = object().by(&from(origin.clone())).unwrap_err();
            assert!(error.contains("puts no matcher on `env`") && error.contains("is missing"), "{error}");
        }
        let empty = Object { labels: [("team", "")].into_iter().collect(), ..object() };
        assert!(
            empty.by(&from(ValueSource::Label("team".into()))).is_err(),
            "an empty one keeps nothing apart"
        );
    }

    #[test]
    fn templates_that_query_pass_only_where_nothing_is_enforced() {
        let mut asking = group(&["up", "up"]);
        let text = r#"{{ query "up" }}"#.to_owned();
        asking.rules[1].annotations.insert("summary".into(), text);
        assert_eq!(sent(&enforcing(), &asking, PromQl), Err(vec![Some(1)]));
        assert_eq!(sent(&route(), &asking, PromQl).as_ref(), Ok(&asking));
        asking.rules[1].annotations.insert("summary".into(), "{{ $value }}".into());
        assert!(sent(&enforcing(), &asking, PromQl).is_ok());
    }
}

mod source_tenants {
    use super::*;

    #[test]
    fn source_tenants_may_be_the_own_one_and_those_that_the_route_allows() {
        let allowing = Route { source_tenants: vec!["shared-*".into()], ..route() };
        for (tenants, ok) in [
            (&[][..], true),
            (&["t"], true),
            (&["t", "shared-a"], true),
            (&["t", "shared"], false),
            (&["T"], false),
            (&["shared-a", "u"], false),
            (&[""], false),
        ] {
            let mut reading = group(&["up"]);
            reading.source_tenants = tenants.iter().map(ToString::to_string).collect();
            assert_eq!(sent(&allowing, &reading, PromQl).is_ok(), ok, "{tenants:?}");
            let without = tenants.iter().all(|tenant| *tenant == "t");
            assert_eq!(sent(&route(), &reading, PromQl).is_ok(), without, "{tenants:?}");
        }
    }

    #[test]
    fn source_tenants_without_an_own_tenant_are_those_that_the_route_allows() {
        let mut reading = group(&["up"]);
        reading.source_tenants = vec!["t".into()];
        let transform = object().by(&route()).unwrap();
        let (_, findings) = transform.apply(&reading, "r", None, PromQl);
        assert_eq!(
            findings.iter().map(|finding| finding.code.to_string()).collect::<Vec<_>>(),
            ["source-tenants"]
        );
        assert_eq!(findings[0].location.field.as_deref(), Some("source_tenants"));
    }
}

mod external_labels {
    use super::*;

    fn labelled(route: &Route, own: Option<&str>) -> Option<String> {
        let mut group = group(&["up"]);
        if let Some(own) = own {
            group.rules[0].labels.insert("cluster".into(), own.into());
        }
        sent(route, &group, PromQl).unwrap().rules[0].labels.get("cluster").cloned()
    }

    #[test]
    fn external_label_wins_over_the_authors_unless_it_is_added_if_absent() {
        let constant = || Value::Constant("a".into());
        for (add_if_absent, own, label) in
            [(false, None, "a"), (false, Some("b"), "a"), (true, None, "a"), (true, Some("b"), "b")]
        {
            let route = with_label(constant(), add_if_absent);
            assert_eq!(labelled(&route, own).as_deref(), Some(label), "{add_if_absent} {own:?}");
        }
        let by_team = with_label(Value::from(ValueSource::Label("team".into())), false);
        assert_eq!(labelled(&by_team, None).as_deref(), Some("x"));
        let by_none = with_label(Value::from(ValueSource::Label("none".into())), false);
        assert_eq!(labelled(&by_none, None), None, "there is no value");
    }

    #[test]
    fn transforms_are_equal_if_they_write_the_same_rules() {
        let of = |route: Route| object().by(&route).unwrap();
        let a = || with_label(Value::Constant("a".into()), false);
        assert!(of(a()).writes_as(&of(a())));
        assert!(
            of(a()).writes_as(&of(Route { source_tenants: vec!["u".into()], ..a() })),
            "it writes nothing"
        );
        assert!(!of(a()).writes_as(&of(with_label(Value::Constant("b".into()), false))));
        assert!(!of(a()).writes_as(&of(with_label(Value::Constant("a".into()), true))));
        assert!(!of(a()).writes_as(&of(enforcing())));
    }

    #[test]
    fn empty_transform_leaves_groups_as_they_are() {
        let transform = object().by(&route()).unwrap();
        let group = group(&["this is not even an expression"]);
        let (sent, findings) = transform.apply(&group, "r", None, PromQl);
        assert!(matches!(sent, Cow::Borrowed(same) if *same == group) && findings.is_empty());
    }
}
