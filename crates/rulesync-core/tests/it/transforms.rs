//! Transforms: the labels and matchers that a route adds, values that are refused, and the order of transforms and
//! splitting.

use std::sync::Arc;

use rulesync_core::engine::NamedRuler;
use rulesync_core::model::DeclaredGroup;
use rulesync_core::route::{
    ExternalLabel, MatchOp, Mode, Permission, QueryMatcher, Value, ValueFrom, ValueSource,
};
use rulesync_core::status::{ObjectState, ObjectStatus, Status};
use rulesync_core::{Route, RuleObject};

use crate::world::{MemoryRuler, World, object, route};

fn label(name: &str, value: Value) -> ExternalLabel {
    ExternalLabel { name: name.into(), value, add_if_absent: false }
}

/// An object with this annotation `team`.
fn of(team: Option<&str>, groups: Vec<DeclaredGroup>) -> RuleObject {
    let annotations = team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect();
    RuleObject { annotations, groups, ..object("o", &[]) }
}

fn group(json: &str) -> DeclaredGroup {
    serde_json::from_str(json).unwrap()
}

fn findings(object: &ObjectStatus) -> Vec<String> {
    object.destinations[0].findings.iter().map(ToString::to_string).collect()
}

fn is_refused(status: &Status) -> bool {
    status.objects[0].state == ObjectState::Refused
}

/// An engine whose route makes the label `team` of an annotation, and enforces a matcher.
fn labelling(ruler: &MemoryRuler) -> World {
    let team = label("team", ValueSource::Annotation("team".into()).into());
    let matcher = QueryMatcher {
        label: "namespace".into(),
        op: MatchOp::Equal,
        value: ValueSource::NamespaceName.into(),
        mode: Mode::Override,
    };
    let routes = vec![Route { external_labels: vec![team], query_matchers: vec![matcher], ..route("prod") }];
    World::with_routes(ruler, routes)
}

/// An object with this annotation and two groups, of which one has a label with a template of its own.
fn annotated(team: &str) -> RuleObject {
    let own = r#"{"name":"a","rules":[{"alert":"A","expr":"up == 0","labels":{"x":"{{ $labels.x }}"}}]}"#;
    let plain = r#"{"name":"b","rules":[{"alert":"B","expr":"up == 0"}]}"#;
    of(Some(team), vec![group(own), group(plain)])
}

#[tokio::test(start_paused = true)]
async fn external_label_with_a_template_is_refused_and_reported_once() {
    let ruler = MemoryRuler::default();
    let world = labelling(&ruler);
    let reads_another = "{{ query \"secret_metric{namespace='victim'}\" | first | value }}";
    let status = world.declare([annotated(reads_another)]).await;
    assert!(ruler.groups("prod").is_empty(), "nothing is sent");
    assert!(is_refused(&status));
    let found = findings(&status.objects[0]);
    assert_eq!(found.len(), 1, "one finding for all groups: {found:?}");
    assert!(
        found[0].contains("route `prod` cannot set the label `team`: annotation `team` is \"{{ query"),
        "{found:?}"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn external_label_with_a_plain_value_is_set_beside_templates_of_the_author() {
    let ruler = MemoryRuler::default();
    let world = labelling(&ruler);
    let status = world.declare([annotated("payments")]).await;
    assert_eq!(status.objects[0].state, ObjectState::Synced);
    let written = ruler.groups("prod");
    assert_eq!(written["us.ns.o"]["a"].rules[0].labels["team"], "payments");
    assert_eq!(written["us.ns.o"]["a"].rules[0].labels["x"], "{{ $labels.x }}");
    assert_eq!(written["us.ns.o"]["b"].rules[0].expr, "up{namespace=\"ns\"} == 0");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn external_label_with_a_value_that_is_refused_leaves_the_stored_version() {
    let ruler = MemoryRuler::default();
    let world = labelling(&ruler);
    world.declare([annotated("payments")]).await;
    let written = ruler.groups("prod");
    world.source.upsert(annotated("a\u{2028}b"));
    world.until(is_refused).await;
    assert_eq!(ruler.groups("prod"), written, "as with every group that is refused");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn external_label_without_a_value_refuses_only_groups_that_carry_it() {
    let ruler = MemoryRuler::default();
    let team = label("team", ValueSource::Annotation("team".into()).into());
    let world = World::with_routes(&ruler, vec![Route { external_labels: vec![team], ..route("prod") }]);
    world.source.upsert(of(
        None,
        vec![
            group(r#"{"name":"plain","rules":[{"alert":"A","expr":"up"}]}"#),
            group(r#"{"name":"rule","rules":[{"alert":"A","expr":"up","labels":{"team":"victim"}}]}"#),
            group(r#"{"name":"group","labels":{"team":"victim"},"rules":[{"alert":"A","expr":"up"}]}"#),
        ],
    ));
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"].keys().collect::<Vec<_>>(), ["plain"]);
    let mut found = findings(&status.objects[0]);
    found.sort();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].starts_with(
            "group \"group\", spec.groups[2].labels.team: the label `team` is set by route `prod` alone"
        ),
        "{found:?}"
    );
    assert!(
        found[1].starts_with(
            "group \"rule\", rule 0 \"A\", spec.groups[1].rules[0].labels.team: the label `team`"
        ),
        "{found:?}"
    );
    assert!(found[2].starts_with("route `prod` leaves the label `team` out"), "one warning: {found:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn group_is_checked_and_transformed_before_it_is_split() {
    let ruler = MemoryRuler::default();
    let team = label("team", Value::Constant("payments".into()));
    let matcher = QueryMatcher {
        label: "namespace".into(),
        op: MatchOp::Equal,
        value: ValueSource::NamespaceName.into(),
        mode: Mode::Override,
    };
    let route = Route { external_labels: vec![team], query_matchers: vec![matcher], ..route("prod") };
    let world = World::with(
        &ruler,
        |setup| {
            setup.rulers = vec![NamedRuler {
                split_groups: Some(2),
                ..NamedRuler::new("central", Arc::new(ruler.clone()))
            }];
            setup.routes = vec![route];
        },
        |engine| engine,
    );
    let five = |last: &str| {
        let alert = |(n, expr): (usize, &str)| format!(r#"{{"alert":"A{n}","expr":"{expr}"}}"#);
        let rules: Vec<String> = ["a", "b", "c", "d", last].into_iter().enumerate().map(alert).collect();
        of(None, vec![group(&format!(r#"{{"name":"g","rules":[{}]}}"#, rules.join(",")))])
    };
    world.source.upsert(five("e"));
    world.source.complete();
    world.settle().await;
    let written = ruler.groups("prod");
    let parts = &written["us.ns.o"];
    assert_eq!(
        parts.iter().map(|(name, part)| (name.as_str(), part.rules.len())).collect::<Vec<_>>(),
        [("g", 2), ("g-2", 2), ("g-3", 1)]
    );
    let every = parts.values().flat_map(|part| &part.rules);
    assert!(
        every
            .into_iter()
            .all(|rule| rule.labels["team"] == "payments" && rule.expr.ends_with("{namespace=\"ns\"}"))
    );

    // The finding has the author's numbers, and the declared group is refused as a whole.
    world.source.upsert(five("sum(e"));
    let status = world.until(is_refused).await;
    let found = findings(&status.objects[0]);
    assert!(
        found
            .iter()
            .any(|found| found.starts_with("group \"g\", rule 4 \"A4\", spec.groups[0].rules[4].expr, 1:")),
        "{found:?}"
    );
    assert!(found.iter().all(|found| found.starts_with("group \"g\", rule 4")), "{found:?}");
    assert_eq!(ruler.groups("prod"), written, "every part stays");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn values_without_limits_are_warned_of_and_values_that_freeze_are_refused() {
    let world = World::start(&MemoryRuler::default());
    let warnings = |value: Value| {
        let mut setup = world.setup.clone();
        let matcher = QueryMatcher {
            label: "m".into(),
            op: MatchOp::Equal,
            value: value.clone(),
            mode: Mode::Override,
        };
        setup.routes[0].external_labels = vec![label("team", value)];
        setup.routes[0].query_matchers = vec![matcher];
        setup.validate().map(|()| setup.warnings()).map_err(|error| error.to_string())
    };
    for origin in [ValueSource::Label("team".into()), ValueSource::Annotation("team".into())] {
        let found = warnings(origin.clone().into()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        let begins = format!("Route `prod` takes the value of `team` from {origin} of the object");
        assert!(found[0].starts_with(&begins), "{found:?}");
        let allow = vec![Permission { values: vec!["*".into()], ..Permission::default() }];
        let limited = ValueFrom { origin, default: None, allow };
        assert_eq!(warnings(Value::From(limited)), Ok(Vec::new()));
    }
    for origin in [ValueSource::NamespaceName, ValueSource::NamespaceLabel("team".into())] {
        assert_eq!(warnings(origin.into()), Ok(Vec::new()));
    }
    assert_eq!(
        warnings(Value::Constant("{{ $labels.x }}".into())),
        Ok(Vec::new()),
        "the administrator's own"
    );
    let lax = |op, value: &str| {
        let mut setup = world.setup.clone();
        let value = Value::Constant(value.into());
        setup.routes[0].query_matchers =
            vec![QueryMatcher { label: "m".into(), op, value, mode: Mode::Override }];
        setup.warnings()
    };
    for value in [".*", "a|", "(b)?"] {
        assert_eq!(
            lax(MatchOp::Regex, value),
            [format!(
                "Route `prod` puts the matcher m=~{value:?} on selectors, which also matches all series that do not have \
                 the label"
            )]
        );
    }
    assert!(lax(MatchOp::Regex, ".+").is_empty() && lax(MatchOp::NotRegex, "a").is_empty());
    for poison in ["a\u{2028}", "\ta\nb", "a\0"] {
        let default =
            ValueFrom { origin: ValueSource::NamespaceName, default: Some(poison.into()), allow: Vec::new() };
        for value in [Value::Constant(poison.into()), Value::From(default)] {
            let found = warnings(value).unwrap_err();
            assert!(found.starts_with("route `prod`: the value of `team` h"), "{found}");
        }
    }
    world.stop().await;
}
